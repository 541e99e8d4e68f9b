//! Of `ringyo_key`.

use ringyo::key::{Digest, ForeignFormat, ForeignKey};
use ringyo::preset::ringyo::BRAND;
use ringyo::{Brand, KeyFormat, KeyId, Mode, Pepper, PepperId, PepperRing};

use super::Stage;
use crate::shown::show;

pub(super) fn show(stage: &mut Stage) {
    let key = stage.text();
    let pepper = stage.pepper.clone();
    let format = KeyFormat::new(BRAND);
    let peppers = PepperRing::parse(&pepper).unwrap();
    let parsed = format.parse(key.as_bytes()).unwrap();
    let proof = peppers.prove(&parsed).unwrap();
    let minted = format.mint(Mode::Test, &peppers);
    stage.hidden.add_key(minted.key.expose());
    stage.hidden.add_bytes(&minted.digest.to_bytes());
    let shown = &mut stage.shown;
    show!(
        shown,
        format,
        parsed,
        proof,
        minted,
        minted.key,
        minted.digest
    );
    show!(shown, parsed.brand(), parsed.mode(), parsed.id());
    show!(shown, Pepper::parse(&pepper).unwrap(), PepperId::new(1));

    let secret = ["acme_", &key[20..52]].concat();
    let foreign = ForeignFormat::new("acme_", ForeignFormat::BASE62, 32).unwrap();
    assert!(foreign.matches(secret.as_bytes()));
    let known = ForeignKey::of_text(secret.as_bytes());
    stage.hidden.add_bytes(&known.digest.to_bytes());
    show!(stage.shown, foreign, known);
    refusals(stage, &format, &key, &pepper);
}

/// Of texts that are secrets, or nearly.
fn refusals(stage: &mut Stage, format: &KeyFormat, key: &str, pepper: &str) {
    let shown = &mut stage.shown;
    let start = &key[..key.len() - 1];
    let other_digit = format!("{start}{}", if key.ends_with('0') { '1' } else { '0' });
    let other_byte = format!("{}-{}", &key[..30], &key[31..]);
    for text in [
        start,
        &other_digit,
        &other_byte,
        &key.replace("live", "prod"),
        &key.replace("rg_", "sk_"),
        &key[20..],
        "",
    ] {
        show!(shown, format.parse(text.as_bytes()).unwrap_err());
    }
    show!(shown, key.parse::<KeyId>().unwrap_err());
    show!(shown, key.parse::<Mode>().unwrap_err());
    for name in [key, &key[20..], "x"] {
        show!(shown, Brand::new(name).unwrap_err());
    }
    show!(shown, Digest::from_hex(key).unwrap_err());
    show!(shown, Digest::from_base64(pepper).unwrap_err());
    for (prefix, digits, count) in [("acme", &key[20..], 8), ("\n", "0", 99), ("", key, 600)] {
        show!(
            shown,
            ForeignFormat::new(prefix, digits, count).unwrap_err()
        );
    }

    let (_, encoded) = pepper.split_once(':').unwrap();
    for text in [
        encoded,
        &format!("0:{encoded}"),
        &format!("{encoded}:1"),
        &format!("1:{}", &encoded[..20]),
        &format!("1:{encoded}{encoded}"),
        &format!("1:!{encoded}"),
    ] {
        show!(shown, Pepper::parse(text).unwrap_err());
    }
    for text in [&format!("{pepper},{pepper}"), encoded, ""] {
        show!(shown, PepperRing::parse(text).unwrap_err());
    }
    // Somebody gives the pepper itself in the place of the variable's or the file's name.
    show!(shown, PepperRing::from_env("RINGYO_NO_PEPPER").unwrap_err());
    show!(shown, PepperRing::from_file("/nowhere/pepper").unwrap_err());
}
