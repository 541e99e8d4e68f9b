//! Apart from all others, because there is one working directory for all threads of a process.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use ringyo_key::PepperRing;

#[test]
fn a_file_of_that_name_is_created_where_the_service_was_started() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let created = PepperRing::from_file_or_create("ringyo.peppers").unwrap();
    assert!(folder.path().join("ringyo.peppers").is_file());
    let read = PepperRing::from_file("ringyo.peppers").unwrap();
    assert_eq!(created.active(), read.active());
}
