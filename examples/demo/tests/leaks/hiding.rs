//! The search for what must be nowhere.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A secret is found by any of its parts of that length.
const PART: usize = 8;

/// What is searched for.
pub(crate) struct Hidden {
    parts: HashSet<[u8; PART]>,
    /// Whether one begins with these two bytes: of whole databases few places are looked at twice.
    starts: Vec<bool>,
}

impl Default for Hidden {
    fn default() -> Self {
        Self {
            parts: HashSet::new(),
            starts: vec![false; 1 << 16],
        }
    }
}

impl Hidden {
    /// All of a key behind its id: secret, tag and checksum.
    pub(crate) fn add_key(&mut self, key: &str) {
        let (_, secret) = key.split_at("rg_live_".len() + 12);
        self.add(secret.as_bytes());
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

    /// Bytes as they are, in hexadecimal, and as a list of numbers.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) {
        self.add(bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.add(hex.as_bytes());
        self.add(hex.to_uppercase().as_bytes());
        // A part of a list would be found by chance: three numbers and more are not.
        let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
        self.add_whole(numbers[..4].join(", ").as_bytes());
    }

    /// The first secret part in these bytes.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        let mut parts = bytes.array_windows::<PART>();
        let found = parts.find(|part| self.starts[start(part)] && self.parts.contains(*part))?;
        Some(String::from_utf8_lossy(found).into_owned())
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

    fn add(&mut self, secret: &[u8]) {
        for part in secret.array_windows::<PART>() {
            self.add_part(part);
        }
    }

    fn add_whole(&mut self, text: &[u8]) {
        if let Some(part) = text.first_chunk() {
            self.add_part(part);
        }
    }

    fn add_part(&mut self, part: &[u8; PART]) {
        self.starts[start(part)] = true;
        self.parts.insert(*part);
    }
}

fn start(part: &[u8; PART]) -> usize {
    usize::from(u16::from_be_bytes([part[0], part[1]]))
}
