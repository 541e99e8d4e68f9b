//! Files and directories that may not be written. The superuser may write them all, so the test
//! runs itself once more as somebody else where it has to.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fixture;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use fixture::{Place, insert_account};
use ringyo_sqlite::SqliteStore;
use ringyo_store::StoreErrorKind;

const NOBODY: u32 = 65_534;
const DIRECTORY: &str = "RINGYO_SQLITE_READ_ONLY_DIRECTORY";

/// Opens one file after the other as somebody without the right to write some of them.
#[tokio::test]
async fn files_without_right_to_write_are_refused() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return run_with_less_rights().await;
    };
    let directory = Path::new(&directory);
    for name in ["file", "directory", "missing"] {
        let path = directory.join(name).join("keys.db");
        let error = SqliteStore::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{name}: {error:?}");
        assert!(error.to_string().contains("not writable"), "{name}");
    }
    // The control: the same with rights is opened.
    let store = SqliteStore::open(directory.join("writable").join("keys.db")).await;
    insert_account(&store.unwrap()).await;
    fs::write(directory.join("writable").join("done"), "").unwrap();
}

async fn run_with_less_rights() {
    let place = Place::new();
    let directory = place.directory.path();
    let superuser = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let rights = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, file, inside) in [
        ("file", 0o444, 0o777),
        ("directory", 0o666, 0o555),
        ("missing", 0o666, 0o555),
        ("writable", 0o666, 0o777),
    ] {
        let inside_of = directory.join(name);
        fs::create_dir(&inside_of).unwrap();
        if name != "missing" {
            let path = inside_of.join("keys.db");
            SqliteStore::open(&path)
                .await
                .unwrap()
                .close()
                .await
                .unwrap();
            rights(&path, file);
        }
        rights(&inside_of, inside);
    }
    // Where it was built nobody else may go.
    let program = directory.join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    rights(&program, 0o755);
    rights(directory, 0o755);

    let mut command = Command::new(&program);
    command.arg("files_without_right_to_write_are_refused");
    command.env(DIRECTORY, directory).current_dir(directory);
    if superuser {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let done = directory.join("writable").join("done").exists();
    for name in ["directory", "missing"] {
        rights(&directory.join(name), 0o755);
    }
    assert!(
        output.status.success() && done,
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
