//! What do making and reading a key cost? `cargo bench -p ringyo-bench --bench key`

use std::hint::black_box;

use ringyo::preset::ringyo::BRAND;
use ringyo::{KeyFormat, Mode, Pepper, PepperId, PepperRing};
use ringyo_bench::Question;

fn main() {
    let mut question = Question::new("key");
    let format = KeyFormat::new(BRAND);
    let ring = |id| PepperRing::new(Pepper::generate(PepperId::new(id)));
    let (ours, strangers) = (ring(1), ring(2));

    question.case("mint", || format.mint(Mode::Live, &ours));
    let minted = format.mint(Mode::Live, &ours);
    let good = minted.key.expose();
    let parse = |text: &str| format.parse(black_box(text.as_bytes())).is_ok();
    question.case("parse: good", || assert!(parse(good)));
    let short = &good[1..];
    question.case("parse: another brand", || assert!(!parse(short)));
    let foreign = format!("{}!", &good[..good.len() - 1]);
    question.case("parse: a foreign character", || assert!(!parse(&foreign)));
    let last = if good.ends_with('0') { "1" } else { "0" };
    let mistyped = format!("{}{last}", &good[..good.len() - 1]);
    question.case("parse: a bad checksum", || assert!(!parse(&mistyped)));

    let parsed = format.parse(good.as_bytes()).expect("a good key");
    question.case("tag: ours", || {
        assert!(ours.prove(black_box(&parsed)).is_some());
    });
    question.case("tag: a stranger's", || {
        assert!(strangers.prove(black_box(&parsed)).is_none());
    });
    question.case("digest: compare", || {
        assert!(minted.digest.matches(black_box(&minted.digest)));
    });
    question.answer();
}
