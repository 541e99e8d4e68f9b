//! Keys of another origin: their shape, and what is known of them.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use ringyo_key::{
    Brand, Digest, ForeignFormat, ForeignFormatError, ForeignKey, KeyFormat, Mode, Pepper,
    PepperId, PepperRing,
};

/// Frozen: records in the field have these ids. Computed by another implementation:
/// `hashlib.sha256(b"ringyo foreign key id" + hashlib.sha256(text).digest())`.
const VECTORS: [(&str, &str, &str); 3] = [
    (
        "acme_00112233445566778899aabbccddeeff",
        "ae6efc6c7e45b45379ecb153212e3b3e46dd47a707ce310653543aafa264b8cc",
        "02xQWZqTRf9h",
    ),
    (
        "6fa459ea-ee8a-3ca4-894e-db77e160355e",
        "ae15cc9715cd3ee8652861722698c88141d9585c005fd1240ab9686f71d2a75d",
        "pO5LoYHEF6Ah",
    ),
    (
        "",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "D7iQ9vqsV5ir",
    ),
];

#[test]
fn ids_and_digests_are_frozen() {
    for (text, digest, id) in VECTORS {
        let key = ForeignKey::of_text(text.as_bytes());
        assert_eq!(
            (key.digest.to_hex().as_str(), key.id.as_str()),
            (digest, id)
        );
        let by_digest = ForeignKey::of_digest(Digest::from_hex(digest).unwrap());
        assert_eq!(by_digest.id, key.id);
        // The control: another text is another key.
        assert_ne!(
            ForeignKey::of_text(format!("{text} ").as_bytes()).id,
            key.id
        );
    }
}

#[test]
fn a_digest_is_read_from_base64_of_any_kind() {
    let key = ForeignKey::of_text(b"abc");
    for text in [
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=",
        "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
    ] {
        assert!(
            Digest::from_base64(text).unwrap().matches(&key.digest),
            "{text}"
        );
    }
    for text in [
        "",
        "ungWv48B",
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=AAAA",
        "*",
    ] {
        assert!(Digest::from_base64(text).is_err(), "{text}");
    }
}

#[test]
fn a_shape_that_can_be_guessed_or_sent_nowhere_is_refused() {
    let new = ForeignFormat::new;
    for (characters, count) in [
        (ForeignFormat::HEX, 24),
        (ForeignFormat::BASE62, 17),
        (ForeignFormat::BASE64_URL, 16),
        (ForeignFormat::UUID, 36),
        ("01", 96),
        // The longest that there is.
        (ForeignFormat::HEX, 511),
    ] {
        assert!(new("p", characters, count).is_ok(), "{characters}");
    }
    for (characters, count) in [
        (ForeignFormat::HEX, 23),
        (ForeignFormat::BASE62, 16),
        ("0", 400),
        ("", 50),
        ("00", 96),
    ] {
        assert_eq!(
            new("p", characters, count),
            Err(ForeignFormatError::Guessable),
            "{characters}"
        );
    }
    for (prefix, characters) in [
        ("a b", "0123456789abcdef"),
        ("a,", "0123456789abcdef"),
        ("", "0123456789abcdeä"),
        ("ä", "0123456789abcdef"),
        ("", "\u{7f}0123456789abcdef"),
    ] {
        assert_eq!(
            new(prefix, characters, 32),
            Err(ForeignFormatError::Character),
            "{prefix:?} {characters:?}"
        );
    }
    assert_eq!(
        new("p", ForeignFormat::HEX, 512),
        Err(ForeignFormatError::TooLong)
    );
    assert_eq!(
        new("p", ForeignFormat::HEX, usize::MAX),
        Err(ForeignFormatError::TooLong)
    );
}

#[test]
fn a_format_reads_the_shapes_it_accepts_and_its_own_keys_are_none_of_them() {
    let native = KeyFormat::new(Brand::new("rg").unwrap());
    let uuid = ForeignFormat::new("", ForeignFormat::UUID, 36).unwrap();
    let alike = ForeignFormat::new("rg_live_", ForeignFormat::BASE62, 32).unwrap();
    let format = native
        .clone()
        .accept_foreign(uuid.clone())
        .accept_foreign(uuid)
        .accept_foreign(alike);
    assert!(format.accepts_foreign() && !native.accepts_foreign());
    let text = b"6fa459ea-ee8a-3ca4-894e-db77e160355e";
    let read = format.read_foreign(text).unwrap();
    assert!(read.digest.matches(&ForeignKey::of_text(text).digest));
    assert!(native.read_foreign(text).is_none());
    for bad in [
        &text[1..],
        b"6fa459ea-ee8a-3ca4-894e-db77e160355E",
        b"6fa459ea-ee8a-3ca4-894e-db77e16035\xffe",
        b"6fa459ea-ee8a-3ca4-894e-db77e16035\x80e",
    ] {
        assert!(format.read_foreign(bad).is_none());
    }
    // A character that is named twice is one of them all the same.
    let twice = ForeignFormat::new("", "00123456789abcdef", 32).unwrap();
    assert!(twice.matches(b"00000000000000000000000000000000"));
    assert!(
        format
            .read_foreign(format!("rg_live_{}", "x".repeat(32)).as_bytes())
            .is_some()
    );
    let peppers = PepperRing::from(Pepper::generate(PepperId::new(1)));
    let minted = format.mint(Mode::Live, &peppers);
    assert!(
        format
            .read_foreign(minted.key.expose().as_bytes())
            .is_none()
    );
    assert!(format.parse(minted.key.expose().as_bytes()).is_ok());
}
