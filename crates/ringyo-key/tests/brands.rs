//! Brands as text, and the expression by which scanners find what bears them.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use ringyo_key::{Brand, BrandError, ForeignFormat, KeyFormat};

#[test]
fn a_brand_is_read_and_shown() {
    let brand: Brand = "voice2".parse().unwrap();
    assert_eq!(brand.as_str(), "voice2");
    assert_eq!(format!("{brand:?}"), "Brand(voice2)");
    let refused: Result<Brand, BrandError> = "Voice".parse();
    assert!(refused.is_err());
    let foreign = ForeignFormat::new("acme_", ForeignFormat::HEX, 32).unwrap();
    assert_eq!(format!("{foreign:?}"), "ForeignFormat(acme_… 32 more)");
}

#[test]
fn scanners_look_for_retired_brands_as_well() {
    let [old, older, new] = ["voice", "v0", "rg"].map(|brand| Brand::new(brand).unwrap());
    let format = KeyFormat::new(new)
        .accept_retired(old)
        .accept_retired(older);
    assert_eq!(format.retired(), [old, older]);
    assert_eq!(
        format.scanner_regex(),
        r"\b(?:rg|voice|v0)_(?:live|test)_[0-9A-Za-z]{56}\b"
    );
}
