//! What these tests talk to.

use xtask::servers::{Flavour, RedisOptions, for_tests};

use crate::support::Admin;

#[test]
fn the_server_is_of_the_flavour_that_was_asked_for() {
    let options = RedisOptions::default();
    let flavour = options.flavour();
    let Some(server) = for_tests::redis(options) else {
        return;
    };
    let said: String = Admin::of(&server.url()).ask("INFO server");
    let is_valkey = said.lines().any(|line| line.starts_with("valkey_version:"));
    assert_eq!(is_valkey, flavour == Flavour::Valkey, "{said}");
}
