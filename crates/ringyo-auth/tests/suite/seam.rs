//! The scheduler of the unit tests sees only what goes through `sync`, so all that decisions go by
//! must.

use std::fs;
use std::path::{Path, PathBuf};

/// What a scheduler has to know of.
const KINDS: [&str; 6] = ["atomic", "Barrier", "Condvar", "mpsc", "Mutex", "RwLock"];

/// The lines of a source that go past the seam.
fn past_the_seam(source: &str) -> Vec<&str> {
    let is_past = |line: &&str| {
        let of_std = line.split("std::sync::").skip(1);
        of_std.into_iter().any(|rest| {
            let words = rest.split(|letter: char| !letter.is_alphanumeric());
            words
                .into_iter()
                .any(|word| KINDS.iter().any(|kind| word.starts_with(kind)))
        })
    };
    source.lines().filter(is_past).collect()
}

/// Every source of the crate.
pub(crate) fn sources() -> Vec<PathBuf> {
    inside(&root())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => inside(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn every_lock_and_atomic_goes_through_it() {
    let root = root();
    let mut looked_at = 0;
    for path in sources() {
        let inside = path.strip_prefix(&root).unwrap();
        // The seam itself, and the tests behind it.
        let is_exempt = [
            "sync.rs",
            "cache/interleavings/stage.rs",
            "last_used/tests.rs",
        ];
        if is_exempt.iter().any(|exempt| inside == Path::new(exempt)) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let past = past_the_seam(&source);
        assert!(past.is_empty(), "{}: {past:?}", inside.display());
        looked_at += usize::from(source.contains("crate::sync::"));
    }
    assert!(looked_at >= 5, "{looked_at}");

    // The control.
    let seam = fs::read_to_string(root.join("sync.rs")).unwrap();
    assert_eq!(past_the_seam(&seam).len(), 2, "std's, and not shuttle's");
    assert!(past_the_seam("use std::sync::{Arc, Weak};").is_empty());
    assert_eq!(past_the_seam("    last: std::sync::Mutex<u8>,").len(), 1);
}
