//! The quickstart does what it tells, also the second time.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::process::Command;

#[test]
fn the_tour_can_be_taken_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let run = Command::new(env!("CARGO_BIN_EXE_ringyo-quickstart"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8(run.stdout).unwrap();
        let complained = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{told}{complained}");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 5, "{told}");
        let key = lines[0].strip_prefix("your key, shown once: ").unwrap();
        assert!(key.starts_with("rg_live_") && key.len() == 64);
        assert_eq!(lines[1], "acct_1 is calling with \"Production Server\"");
        assert_eq!(lines[2], "delete an agent: 403 insufficient_permissions");
        assert!(lines[3].ends_with("was replaced by another key"), "{told}");
        assert!(lines[4].ends_with("… is revoked"), "{told}");
        keys.push(key.to_owned());
    }
    assert_ne!(keys[0], keys[1]);
}
