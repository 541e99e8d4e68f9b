//! Nothing that the whole suite prints holds a key or a pepper: what it logs when everything is
//! logged, its panics, and what else tests say. `cargo xtask suite-log` runs it and then this.
//!
//! Keys are found by what they are, so that nobody has to remember those that the tests have made:
//! their checksum tells them from all else.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::env;
use std::fs;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use base64::{Engine as _, alphabet};
use ringyo::{Brand, KeyFormat, Mode, Pepper, PepperId, PepperRing};

/// What follows brand and mode.
const BODY: usize = 56;

/// 32 bytes in base64, without the padding.
const PEPPER: usize = 43;

/// What is there on purpose, by its start, and why.
const KNOWN: [(&str, &str); 0] = [];

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// The longest part of `text` at its end of which each byte is one of these.
fn end_of(text: &[u8], is_one: impl Fn(u8) -> bool) -> &[u8] {
    let len = text.iter().rev().take_while(|&&byte| is_one(byte)).count();
    &text[text.len() - len..]
}

/// The same at its start.
fn start_of(text: &[u8], is_one: impl Fn(u8) -> bool) -> &[u8] {
    &text[..text.iter().take_while(|&&byte| is_one(byte)).count()]
}

/// Where these bytes are.
fn places<'a>(text: &'a [u8], part: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    text.windows(part.len())
        .enumerate()
        .filter(move |(_, window)| *window == part)
        .map(|(place, _)| place)
}

/// The public parts of the key that this is, of whatever brand, if it is one.
fn key(brand: &[u8], mode: Mode, body: &[u8]) -> Option<String> {
    let brand = Brand::new(std::str::from_utf8(brand).ok()?).ok()?;
    let format = KeyFormat::new(brand);
    let text = [
        brand.as_str().as_bytes(),
        b"_",
        mode.as_str().as_bytes(),
        b"_",
        body,
    ]
    .concat();
    let parsed = format.parse(&text).ok()?;
    Some(format.hint(mode, parsed.id()))
}

/// Keys as they are presented.
fn whole_keys(line: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for mode in Mode::ALL {
        let middle = format!("_{mode}_");
        for place in places(line, middle.as_bytes()) {
            let before = end_of(&line[..place], |b| {
                b.is_ascii_lowercase() || b.is_ascii_digit()
            });
            let behind = start_of(&line[place + middle.len()..], is_digit);
            let Some(body) = behind.get(..BODY) else {
                continue;
            };
            // What stands before the brand may look like a part of it.
            let brands = (0..before.len()).map(|start| &before[start..]);
            found.extend(brands.filter_map(|brand| key(brand, mode, body)));
        }
    }
    found
}

/// What follows brand and mode in keys of the brand that nearly all tests have.
fn bare_bodies(line: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for run in line.split(|&byte| !is_digit(byte)) {
        for body in run.windows(BODY) {
            found.extend(Mode::ALL.iter().filter_map(|&mode| key(b"rg", mode, body)));
        }
    }
    found
}

/// Peppers in the form in which they are configured.
fn peppers(line: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for place in places(line, b":") {
        let id = end_of(&line[..place], |byte| byte.is_ascii_digit());
        let is_one = |byte: u8| is_digit(byte) || b"+/=-_".contains(&byte);
        let encoded = start_of(&line[place + 1..], is_one);
        if id.is_empty() || encoded.len() < PEPPER {
            continue;
        }
        let text = [id, b":", encoded].concat();
        if let Ok(pepper) = Pepper::parse(&String::from_utf8_lossy(&text)) {
            found.push(format!("pepper {}", pepper.id()));
        }
    }
    found
}

/// Texts that are printed as the numbers of their bytes, in one line.
fn lists(line: &[u8]) -> Vec<Vec<u8>> {
    let line = String::from_utf8_lossy(line);
    let is_of_list = |c: char| c.is_ascii_digit() || c == ',' || c == ' ';
    let mut lists = Vec::new();
    for list in line.split(|c| !is_of_list(c)) {
        // What is no byte stands before or behind a text, or between two.
        let bytes: Vec<Option<u8>> = list.split(',').map(|n| n.trim().parse().ok()).collect();
        let pieces = bytes.split(Option::is_none);
        lists.extend(pieces.map(|piece| piece.iter().flatten().copied().collect::<Vec<u8>>()));
    }
    lists.retain(|bytes| bytes.len() >= PEPPER);
    lists
}

/// What is in base64, as keys are in basic authentication, from each character at which it may begin.
fn decoded(line: &[u8]) -> Vec<Vec<u8>> {
    // In what is printed as text, this long a run is rare.
    let runs = line.split(|&byte| !is_digit(byte) && !b"+/-_".contains(&byte));
    let engine = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );
    let mut decoded = Vec::new();
    for run in runs.filter(|run| run.len() >= BODY * 4 / 3) {
        let of_url = |byte: &u8| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        };
        let standard: Vec<u8> = run.iter().map(of_url).collect();
        for start in 0..4 {
            let text = &standard[start..];
            // A single character that is left over is no byte.
            let end = text.len() - usize::from(text.len() % 4 == 1);
            decoded.push(engine.decode(&text[..end]).unwrap());
        }
    }
    decoded
}

/// What must not be there, without repeating it, each with the number of its line.
fn secrets(text: &[u8]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let (lists, decoded) = (lists(line), decoded(line));
        let hidden = lists.iter().chain(&decoded).map(Vec::as_slice);
        for text in std::iter::once(line).chain(hidden) {
            let kinds = [whole_keys(text), bare_bodies(text), peppers(text)];
            found.extend(kinds.into_iter().flatten().map(|what| (number + 1, what)));
        }
    }
    found.retain(|(_, what)| !KNOWN.iter().any(|(known, _)| what.starts_with(known)));
    found.dedup();
    found
}

fn minted(brand: &str) -> String {
    let peppers = PepperRing::from(Pepper::generate(PepperId::new(1)));
    let format = KeyFormat::new(Brand::new(brand).unwrap());
    format.mint(Mode::Test, &peppers).key.expose().to_owned()
}

#[test]
fn what_is_planted_is_found_and_nothing_else_is() {
    let (ours, theirs) = (minted("rg"), minted("acme"));
    let pepper = Pepper::generate(PepperId::new(7)).expose().to_string();
    for planted in [
        format!("Bearer {ours}"),
        format!("{{\"key\":\"{ours}\"}}"),
        format!("key={theirs}, more"),
        format!("https://a.example/x{ours}"),
        format!("secret {}", &ours[8..]),
        format!("RINGYO_PEPPER={pepper}"),
        format!("peppers: [\"2:x,{pepper}\"]"),
        format!("bytes: {:?}", ours.as_bytes()),
        format!("Some({:?})", &ours.as_bytes()[8..]),
        format!("4096, {:?}", ours.as_bytes()).replace('[', ""),
        format!("{:?}", pepper.as_bytes()),
        format!("Basic {}", BASE64_STANDARD.encode(format!("{ours}:"))),
        // `bWU_YWJ-…`: no key has such characters, but what stands before it may.
        format!(
            "basic {}",
            BASE64_URL_SAFE.encode(format!("me?ab~:{theirs}"))
        ),
        format!("x{}", BASE64_STANDARD.encode(&ours)),
        format!("abc{}", BASE64_STANDARD.encode(&ours)),
        format!("Basic%20{}", BASE64_STANDARD.encode(format!(":{ours}"))),
    ] {
        let text = format!("first\nTRACE {planted}\nlast");
        assert_eq!(secrets(text.as_bytes()).len(), 1, "{planted}");
        assert_eq!(secrets(text.as_bytes())[0].0, 2);
    }
    let other = if &ours[30..31] == "x" { "y" } else { "x" };
    let misspelt = format!("{}{other}{}", &ours[..30], &ours[31..]);
    for harmless in [
        BASE64_STANDARD.encode(&misspelt),
        misspelt,
        ours[..63].to_owned(),
        "rg_live_…".to_owned(),
        format!("at 12:{}", "a".repeat(42)),
        pepper[..40].to_owned(),
        "0".repeat(64),
    ] {
        assert_eq!(secrets(harmless.as_bytes()), Vec::new(), "{harmless}");
    }
}

#[test]
#[ignore = "needs the log of the suite: cargo xtask suite-log"]
fn no_key_and_no_pepper_is_in_what_the_suite_prints() {
    let path = env::var_os("RINGYO_TEST_SUITE_LOG").expect("run `cargo xtask suite-log`");
    let log = fs::read(path).unwrap();
    assert_eq!(secrets(&log), Vec::new());

    // The controls: it is the log of everything, of many tests, and a key in it is found.
    let text = String::from_utf8_lossy(&log);
    let logged = text.matches(" TRACE ").count() + text.matches(" DEBUG ").count();
    let passed = text.matches(" ... ok\n").count();
    println!(
        "{} bytes of {passed} tests, {logged} lines of logs, nothing found",
        log.len()
    );
    assert!(
        logged > 1_000 && passed > 500,
        "{logged} lines of {passed} tests"
    );
    let middle = log.len() / 2;
    let around = [&log[middle - 500..middle], &log[middle..middle + 500]];
    let planted = [around[0], minted("rg").as_bytes(), around[1]].concat();
    assert!(!secrets(&planted).is_empty());
}
