//! What a secret cannot do: be printed, copied, compared in a time that tells, or written down.

use std::marker::PhantomData;

use ringyo::key::{MintedKey, ParsedKey};
use ringyo::{ApiKey, Credential, IssuedKey, Pepper, PepperRing, RegeneratedKey};

/// Whether a type has a trait, asked when this is compiled: an item of the type itself comes before
/// one of a trait, and is there only if the bound holds.
macro_rules! has {
    ($type:ty: $bound:path) => {{
        struct Asked<T: ?Sized>(PhantomData<T>);
        #[allow(dead_code, reason = "it is for those types that lack the trait")]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for Asked<T> {}
        #[allow(dead_code, reason = "it is for those types that have the trait")]
        impl<T: ?Sized + $bound> Asked<T> {
            const HAS: bool = true;
        }
        <Asked<$type>>::HAS
    }};
}

/// Whether a type has each of the four.
macro_rules! row {
    ($type:ty) => {
        (
            stringify!($type),
            [
                has!($type: std::fmt::Display),
                has!($type: Clone),
                has!($type: PartialEq),
                has!($type: serde::Serialize),
            ],
        )
    };
}

#[test]
fn secrets_are_not_displayed_cloned_compared_or_serialized() {
    for (name, has) in [
        row!(ApiKey),
        row!(Pepper),
        row!(PepperRing),
        row!(MintedKey),
        row!(IssuedKey),
        row!(RegeneratedKey),
    ] {
        assert_eq!(has, [false; 4], "{name}");
    }
    // Views of a text that somebody else has presented: copied as a reference is, and no more.
    for (name, has) in [row!(ParsedKey<'static>), row!(Credential<'static>)] {
        assert_eq!(has, [false, true, false, false], "{name}");
    }
    // A digest opens nothing without the pepper. Records hold it, and are copied; it is compared
    // in constant time only.
    assert_eq!(row!(ringyo::key::Digest).1, [false, true, false, false]);
    // The control: the same question about what has all of them.
    assert_eq!(row!(String).1, [true; 4]);
    assert_eq!(row!(ringyo::KeyId).1, [true; 4]);
}
