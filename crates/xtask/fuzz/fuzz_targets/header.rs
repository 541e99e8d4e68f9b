#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringyo_fuzz::header::check(
    input,
    ringyo_fuzz::subject()
));
