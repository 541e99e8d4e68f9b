//! Reading what was presented: never a panic, always the precise reason.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use proptest::prelude::*;
use ringyo_key::{Brand, KeyFormat, KeyId, Mode, ParseError, Pepper, PepperId, PepperRing};

fn format() -> KeyFormat {
    KeyFormat::new(Brand::new("rg").unwrap())
}

fn ring(id: u16) -> PepperRing {
    PepperRing::new(Pepper::generate(PepperId::new(id)))
}

fn minted() -> String {
    format().mint(Mode::Live, &ring(1)).key.expose().to_owned()
}

fn error(text: impl AsRef<[u8]>) -> ParseError {
    format().parse(text.as_ref()).unwrap_err()
}

/// Replaces the last six characters by the right checksum of the rest, as anybody can.
fn with_checksum(mut text: String) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    text.truncate(text.len() - 6);
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    text.push_str(std::str::from_utf8(&digits).unwrap());
    text
}

#[test]
fn a_minted_key_has_64_characters_and_reads_back() {
    let key = minted();
    assert_eq!(key.len(), 64);
    let format = format();
    let parsed = format.parse(key.as_bytes()).unwrap();
    assert_eq!(parsed.mode(), Mode::Live);
    assert_eq!(parsed.id().as_str(), &key[8..20]);
    assert_eq!(
        format.hint(parsed.mode(), parsed.id()),
        format!("{}…", &key[..20])
    );
    assert_eq!(
        with_checksum(key.clone()),
        key,
        "the checksum is CRC-32 in base62"
    );
}

#[test]
fn each_fault_is_named() {
    let key = minted();
    assert_eq!(error(""), ParseError::Brand);
    assert_eq!(error(format!("sk{}", &key[2..])), ParseError::Brand);
    assert_eq!(error(key.to_uppercase()), ParseError::Brand);
    assert_eq!(error(format!("rga{}", &key[2..])), ParseError::Brand);
    for found in [63, 65] {
        let text: String = key.chars().chain("0".chars()).take(found).collect();
        assert_eq!(
            error(text),
            ParseError::Length {
                expected: 64,
                found
            }
        );
    }
    assert_eq!(error(key.replace("_live_", "_lime_")), ParseError::Mode);
    assert_eq!(error(key.replace("_live_", "_liveX")), ParseError::Mode);
    for stranger in ["-", "_", " ", "\0", "\u{7f}"] {
        let text = format!("{}{stranger}{}", &key[..30], &key[31..]);
        assert_eq!(error(text), ParseError::Character { position: 30 });
    }
    let other = if key.ends_with('0') { "1" } else { "0" };
    assert_eq!(
        error(format!("{}{other}", &key[..63])),
        ParseError::Checksum
    );
}

#[test]
fn a_test_key_never_reads_as_a_live_one() {
    let ring = ring(1);
    let key = format().mint(Mode::Test, &ring).key.expose().to_owned();
    let turned = with_checksum(key.replace("_test_", "_live_"));
    let format = format();
    let parsed = format.parse(turned.as_bytes()).unwrap();
    assert_eq!(parsed.mode(), Mode::Live);
    assert!(ring.prove(&parsed).is_none(), "the tag covers the mode");
    assert!(ring.prove(&format.parse(key.as_bytes()).unwrap()).is_some());
}

#[test]
fn a_retired_brand_is_accepted_and_not_minted() {
    let (old, new) = (Brand::new("voice").unwrap(), Brand::new("rg").unwrap());
    let ring = ring(1);
    let key = KeyFormat::new(old).mint(Mode::Live, &ring);
    let renamed = KeyFormat::new(new).accept_retired(old);
    let parsed = renamed.parse(key.key.expose().as_bytes()).unwrap();
    assert_eq!(parsed.brand(), old);
    assert!(ring.prove(&parsed).unwrap().digest.matches(&key.digest));
    assert!(
        renamed
            .mint(Mode::Live, &ring)
            .key
            .expose()
            .starts_with("rg_live_")
    );
    assert_eq!(renamed.max_len(), 67);
    let regex = r"\b(?:rg|voice)_(?:live|test)_[0-9A-Za-z]{56}\b";
    assert_eq!(renamed.scanner_regex(), regex);
    // Whatever is accepted already is not listed again.
    let again = renamed.clone().accept_retired(old).accept_retired(new);
    assert_eq!((again.retired(), &again), (&[old][..], &renamed));
    assert_eq!(
        KeyFormat::new(new)
            .parse(key.key.expose().as_bytes())
            .unwrap_err(),
        ParseError::Brand
    );
}

#[test]
fn a_brand_is_compared_whole_whatever_its_length() {
    for len in 2..=16 {
        let brand = Brand::new(&"abcdefghijklmnop"[..len]).unwrap();
        let format = KeyFormat::new(brand);
        let minted = format.mint(Mode::Live, &ring(1));
        let key = minted.key.expose().as_bytes();
        assert_eq!(format.parse(key).unwrap().brand(), brand);
        for place in 0..=len {
            let mut other = key.to_vec();
            other[place] = b'z';
            let read = format.parse(&other).unwrap_err();
            assert_eq!(read, ParseError::Brand, "{place} of {len}");
        }
    }
}

#[test]
fn nothing_prints_the_secret() {
    let ring = ring(1);
    let format = format();
    let minted = format.mint(Mode::Live, &ring);
    let key = minted.key.expose().to_owned();
    let parsed = format.parse(key.as_bytes()).unwrap();
    let proof = ring.prove(&parsed).unwrap();
    let pepper = Pepper::generate(PepperId::new(9));
    let shown = format!(
        "{minted:?} {parsed:?} {proof:?} {ring:?} {pepper:?} {:?}",
        minted.key
    );
    let secrets = [
        &key[20..52],
        &key[52..58],
        &minted.digest.to_hex(),
        &pepper.expose()[2..],
    ];
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
        // The same search finds a secret that is there.
        assert!(format!("{shown} {secret}").contains(secret));
    }
    assert!(shown.contains(&key[8..20]), "the id is public: {shown}");
}

#[test]
fn brands_modes_and_ids_are_checked() {
    for good in ["rg", "a0", "abcdefghijklmnop"] {
        let brand: Brand = good.parse().unwrap();
        assert_eq!((brand.as_str(), brand.to_string()), (good, good.to_owned()));
    }
    for bad in ["", "r", "0a", "Rg", "r_g", "rg ", "rü", "abcdefghijklmnopq"] {
        assert!(Brand::new(bad).is_err(), "{bad:?}");
    }
    for mode in Mode::ALL {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    for bad in ["", "Live", "live ", "prod"] {
        assert!(bad.parse::<Mode>().is_err());
    }
    for bad in [
        "",
        "0123456789a",
        "0123456789abc",
        "0123456789a_",
        "0123456789é",
    ] {
        assert!(bad.parse::<KeyId>().is_err(), "{bad:?}");
    }
    let id: KeyId = serde_json::from_str("\"0123456789Az\"").unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"0123456789Az\"");
    assert_eq!(id.to_string(), "0123456789Az");
    assert_eq!(id.as_bytes(), b"0123456789Az");
    assert_eq!(serde_json::to_string(&Mode::Test).unwrap(), "\"test\"");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(format().parse(&bytes).is_err());
    }

    #[test]
    fn anything_behind_the_prefix_is_read_without_panic(text in "rg_(live|test|....)_.{0,70}") {
        let _ = format().parse(text.as_bytes());
    }

    #[test]
    fn forged_keys_parse_but_prove_nothing(body in "[0-9A-Za-z]{50}") {
        let forged = with_checksum(format!("rg_live_{body}000000"));
        let format = format();
        let parsed = format.parse(forged.as_bytes()).unwrap();
        prop_assert!(ring(1).prove(&parsed).is_none());
    }
}
