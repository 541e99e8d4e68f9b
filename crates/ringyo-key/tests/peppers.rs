//! Peppers and the ring of them.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use ringyo_key::{Brand, KeyFormat, Mode, Pepper, PepperError, PepperId, PepperRing};

const FIRST: &str = "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const SECOND: &str = "2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn format() -> KeyFormat {
    KeyFormat::new(Brand::new("rg").unwrap())
}

#[test]
fn both_separators_comments_and_alphabets_are_read() {
    let file = format!("# newest first\n{SECOND}\n\n{FIRST}\n");
    for text in [
        format!("{SECOND},{FIRST}"),
        format!(" {SECOND} , {FIRST}\n"),
        file,
    ] {
        let ring = PepperRing::parse(&text).unwrap();
        let ids: Vec<u16> = ring.ids().map(PepperId::as_u16).collect();
        assert_eq!(ids, [2, 1]);
        assert_eq!(ring.active().as_u16(), 2);
    }
    let standard = "3:+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=";
    let url_safe = standard
        .replace('+', "-")
        .replace('/', "_")
        .replace('=', "");
    let key = format().mint(Mode::Live, &PepperRing::parse(standard).unwrap());
    let same = PepperRing::parse(&url_safe).unwrap();
    let text = key.key.expose();
    assert!(
        same.prove(&format().parse(text.as_bytes()).unwrap())
            .is_some()
    );
}

#[test]
fn bad_peppers_are_refused_by_name_and_without_their_bytes() {
    let cases = [
        ("", "no pepper"),
        ("# nothing\n", "no pepper"),
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "`id:base64`",
        ),
        (
            "0:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "1 to 65535",
        ),
        (
            "65536:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "1 to 65535",
        ),
        (
            "5:AAAA*AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "pepper 5 is not base64",
        ),
        (
            "5:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
            "pepper 5 has 31 bytes",
        ),
    ];
    for (text, expected) in cases {
        let message = PepperRing::parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text:?}: {message}");
        assert!(!message.contains("AAAA"), "{message}");
    }
    let twice = PepperRing::parse(&format!("{FIRST},{FIRST}")).unwrap_err();
    assert!(matches!(twice, PepperError::Duplicate { id } if id.as_u16() == 1));
    let message = PepperRing::from_env("RINGYO_TEST_NO_SUCH_VARIABLE")
        .unwrap_err()
        .to_string();
    assert!(message.contains("RINGYO_TEST_NO_SUCH_VARIABLE"));
}

#[test]
fn a_key_stays_bound_to_its_pepper_through_a_rotation() {
    let before = PepperRing::parse(FIRST).unwrap();
    let old = format().mint(Mode::Live, &before);
    let rotated = PepperRing::parse(&format!("{SECOND},{FIRST}")).unwrap();
    let new = format().mint(Mode::Live, &rotated);
    assert_eq!((old.pepper.as_u16(), new.pepper.as_u16()), (1, 2));

    let format = format();
    for minted in [&old, &new] {
        let parsed = format.parse(minted.key.expose().as_bytes()).unwrap();
        let proof = rotated.prove(&parsed).unwrap();
        assert_eq!(proof.pepper, minted.pepper);
        assert!(proof.digest.matches(&minted.digest));
        assert!(rotated.prove_under(minted.pepper, &parsed).is_some());
        let wrong = PepperId::new(3 - minted.pepper.as_u16());
        assert!(rotated.prove_under(wrong, &parsed).is_none());
    }
    let retired = PepperRing::parse(SECOND).unwrap();
    let parsed = format.parse(old.key.expose().as_bytes()).unwrap();
    assert!(retired.prove(&parsed).is_none(), "its pepper is gone");
}

#[test]
fn the_text_form_round_trips() {
    let pepper = Pepper::generate(PepperId::new(7));
    let text = pepper.expose();
    let key = format().mint(Mode::Live, &PepperRing::new(pepper));
    let ring = PepperRing::parse(&text).unwrap();
    let format = format();
    assert!(
        ring.prove(&format.parse(key.key.expose().as_bytes()).unwrap())
            .is_some()
    );
}

#[test]
fn a_missing_file_is_created_once_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringyo.peppers");
    let created: Vec<_> = std::thread::scope(|scope| {
        let path = &path;
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(move || PepperRing::from_file_or_create(path)))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    assert!(created.iter().all(Result::is_ok), "{created:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("1:") && text.len() > 44);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no draft is left"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    PepperRing::from_file_or_create(&path).unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "never replaced"
    );
    std::fs::write(&path, "nonsense").unwrap();
    assert!(PepperRing::from_file_or_create(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "nonsense");
}

/// What kept a ring from being had from that path.
fn failed_to(path: impl AsRef<std::path::Path>) -> &'static str {
    match PepperRing::from_file_or_create(path) {
        Err(PepperError::File { action, .. }) => action,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_created_is_told_from_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        failed_to(folder.path().join("none/ringyo.peppers")),
        "created"
    );
    assert_eq!(failed_to(""), "created");
    assert_eq!(failed_to(folder.path()), "read");
    #[cfg(unix)]
    {
        // Somebody else has put it there, but nothing that can be read.
        let dangling = folder.path().join("ringyo.peppers");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        assert_eq!(failed_to(&dangling), "read");
    }
}
