//! The stored format is frozen: these vectors were computed by another implementation, in another
//! language, and keys made by them are in the hands of customers.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use ringyo_key::{Brand, Digest, KeyFormat, PepperRing};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

#[test]
fn every_vector_parses_and_proves() {
    let vectors = vectors();
    assert!(vectors.len() >= 8);
    println!("{} frozen keys", vectors.len());
    for vector in vectors {
        let text = |field: &str| vector[field].as_str().unwrap().to_owned();
        let key = text("key");
        assert_eq!(
            key,
            format!(
                "{}_{}_{}{}{}{}",
                text("brand"),
                text("mode"),
                text("id"),
                text("secret"),
                text("tag"),
                text("checksum")
            )
        );

        let format = KeyFormat::new(Brand::new(&text("brand")).unwrap());
        let parsed = format.parse(key.as_bytes()).unwrap();
        assert_eq!(parsed.brand().as_str(), text("brand"));
        assert_eq!(parsed.mode().as_str(), text("mode"));
        assert_eq!(parsed.id().as_str(), text("id"));

        let ring = format!("{}:{}", vector["pepper_id"], text("pepper_base64"));
        let proof = PepperRing::parse(&ring).unwrap().prove(&parsed).unwrap();
        assert_eq!(u64::from(proof.pepper.as_u16()), vector["pepper_id"]);
        assert_eq!(proof.digest.to_hex(), text("digest_hex"));
        let stored = Digest::from_hex(&text("digest_hex")).unwrap();
        assert!(proof.digest.matches(&stored));
    }
}

#[test]
fn a_vector_with_one_changed_character_does_not() {
    for vector in vectors() {
        let key = vector["key"].as_str().unwrap();
        let format = KeyFormat::new(Brand::new(vector["brand"].as_str().unwrap()).unwrap());
        for position in 0..key.len() {
            let mut changed = key.as_bytes().to_vec();
            changed[position] = if changed[position] == b'0' {
                b'1'
            } else {
                b'0'
            };
            assert!(format.parse(&changed).is_err(), "position {position}");
        }
    }
}
