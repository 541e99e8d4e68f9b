//! A proof costs exactly one HMAC for each pepper that is tried, and parsing none.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use ringyo_key::testing::hmacs_on_this_thread;
use ringyo_key::{Brand, KeyFormat, Mode, Pepper, PepperId, PepperRing};

fn counted<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = hmacs_on_this_thread();
    let result = work();
    (hmacs_on_this_thread() - before, result)
}

#[test]
fn hmacs_are_counted_and_few() {
    let format = KeyFormat::new(Brand::new("rg").unwrap());
    let (old, new) = (PepperId::new(1), PepperId::new(2));
    let old_pepper = Pepper::parse("1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let only_old = PepperRing::parse(&old_pepper.expose()).unwrap();
    let ring = PepperRing::new(Pepper::generate(new))
        .with_previous(old_pepper)
        .unwrap();

    let (cost, key) = counted(|| format.mint(Mode::Live, &ring));
    assert_eq!(cost, 1, "digest and tag come from one HMAC");
    let (cost, parsed) = counted(|| format.parse(key.key.expose().as_bytes()).unwrap());
    assert_eq!(cost, 0);
    assert_eq!(counted(|| ring.prove(&parsed).is_some()), (1, true));

    let aged = format.mint(Mode::Live, &only_old);
    let parsed = format.parse(aged.key.expose().as_bytes()).unwrap();
    assert_eq!(counted(|| ring.prove(&parsed).is_some()), (2, true));
    assert_eq!(
        counted(|| ring.prove_under(old, &parsed).is_some()),
        (1, true)
    );
}
