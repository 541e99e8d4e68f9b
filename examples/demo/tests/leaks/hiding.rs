//! The search for what must be nowhere.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

/// A secret is found by any of its parts of that length, where it is written as it is.
const PART: usize = 8;
/// Characters of a tag, which is found by itself. In random digits it would be met by chance once in
/// 62⁶ places, and most of a database is nothing like them. No part is shorter.
const TAG: usize = 6;
/// Hexadecimal digits that are met by chance nowhere.
const LONG_HEX: usize = 16;

/// Characters of base64, nine bytes: fewer would be found by chance.
const BASE64_PART: usize = 12;

/// What is searched for.
#[derive(Default)]
pub(crate) struct Hidden {
    all: Parts,
    /// Without those that are met by chance where there are very many bytes.
    long: Parts,
}

struct Parts {
    /// By how they begin.
    parts: HashMap<[u8; TAG], HashSet<Vec<u8>>>,
    /// Whether one begins with these two bytes: of whole databases few places are looked at twice.
    starts: Vec<bool>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            parts: HashMap::new(),
            starts: vec![false; 1 << 16],
        }
    }
}

impl Hidden {
    /// All of a key behind its id: secret, tag and checksum, in any form in which bytes are printed,
    /// and the tag by itself.
    pub(crate) fn add_key(&mut self, key: &str) {
        let (_, body) = key.split_at("rg_live_".len() + 12);
        self.add(body.as_bytes());
        // Few bytes are digits of a key, and many of those are two decimal digits in hexadecimal:
        // shorter parts would be found in numbers by chance.
        self.add_printed(body.as_bytes(), LONG_HEX);
        let (_, tag) = body.split_at(32);
        self.all.add(&tag.as_bytes()[..TAG]);
    }

    /// A pepper as text and as bytes, in any form in which bytes are printed.
    pub(crate) fn add_pepper(&mut self, text: &str) {
        let (_, encoded) = text.split_once(':').unwrap();
        self.add(encoded.as_bytes());
        self.add_bytes(&BASE64_STANDARD.decode(encoded).unwrap());
    }

    /// A text such as a password.
    pub(crate) fn add_text(&mut self, text: &str) {
        assert!(text.len() >= PART);
        self.add(text.as_bytes());
    }

    /// Bytes as they are, in hexadecimal, in base64, and as a list of numbers.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.add_printed(bytes, PART);
    }

    /// The first secret part in these bytes.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        self.all.find(bytes)
    }

    /// Shows the first line in which there is one.
    pub(crate) fn check_lines(&self, text: &[u8]) {
        for line in text.split(|&byte| byte == b'\n') {
            let found = self.find(line);
            assert_eq!(found, None, "{}", String::from_utf8_lossy(line));
        }
    }

    /// The same in all files below a directory, with the name of the file.
    pub(crate) fn find_below(&self, directory: &Path) -> Option<String> {
        self.all.find_below(directory)
    }

    /// The same where that is all that a server of databases has.
    pub(crate) fn find_long_below(&self, directory: &Path) -> Option<String> {
        self.long.find_below(directory)
    }

    fn add(&mut self, secret: &[u8]) {
        for part in secret.windows(PART) {
            self.add_part(part);
        }
    }

    /// As so many hexadecimal digits, as part of a text in base64, and as a list of numbers, printed
    /// by `Debug` and as JSON.
    fn add_printed(&mut self, bytes: &[u8], digits: usize) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        for hex in [hex.to_uppercase(), hex] {
            for part in hex.as_bytes().windows(digits) {
                self.all.add(part);
            }
            for part in hex.as_bytes().windows(LONG_HEX) {
                self.long.add(part);
            }
        }
        // Three bytes are four characters, and any of three may be the first of such.
        for start in 0..3 {
            let (whole, _) = bytes[start..].as_chunks::<3>();
            for engine in [BASE64_STANDARD, BASE64_URL_SAFE] {
                let text = engine.encode(whole.as_flattened());
                for part in text.as_bytes().windows(BASE64_PART) {
                    self.add_part(part);
                }
            }
        }
        // Fewer numbers would be found by chance.
        let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
        for numbers in numbers.windows(4) {
            self.add_part(numbers.join(", ").as_bytes());
            self.add_part(numbers.join(",").as_bytes());
        }
    }

    fn add_part(&mut self, part: &[u8]) {
        self.all.add(part);
        self.long.add(part);
    }
}

impl Parts {
    fn find(&self, bytes: &[u8]) -> Option<String> {
        let mut places = bytes.array_windows::<TAG>().enumerate();
        let found = places.find_map(|(place, first)| {
            if !self.starts[start(first)] {
                return None;
            }
            let mut parts = self.parts.get(first)?.iter();
            parts.find(|part| bytes[place..].starts_with(part))
        })?;
        Some(String::from_utf8_lossy(found).into_owned())
    }

    fn find_below(&self, directory: &Path) -> Option<String> {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let found = if path.is_dir() {
                self.find_below(&path)
            } else {
                // What a running server removes meanwhile is not there to be found.
                let found = fs::read(&path).ok().and_then(|bytes| self.find(&bytes));
                found.map(|part| format!("{part} in {}", path.display()))
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn add(&mut self, part: &[u8]) {
        let first = part.first_chunk().unwrap();
        self.starts[start(first)] = true;
        self.parts.entry(*first).or_default().insert(part.to_vec());
    }
}

fn start(first: &[u8; TAG]) -> usize {
    usize::from(u16::from_be_bytes([first[0], first[1]]))
}
