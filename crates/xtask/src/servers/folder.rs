//! A folder that goes, with every process that works in it, when whoever made it goes.

use std::fs;
use std::io;
use std::os::unix::fs as unix;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::user::User;

/// The warden: waits until nobody holds the other end of its standard input, then kills what
/// works in the folder `$1/data` and removes `$1`. It is a process of its own, because a test
/// that is killed, aborts, or keeps a server in a `static` runs no destructor.
///
/// `-ef` compares by inode, so no text of a path is taken apart. A new look follows each round
/// of kills: a server may have been about to start a child.
const WARDEN: &str = r#"
while read -r _; do :; done
while :; do
    found=
    for process in /proc/[0-9]*; do
        if [ "$process/cwd" -ef "$1/data" ]; then
            kill -s KILL "${process#/proc/}" && found=1
        fi
    done
    [ "$found" ] || break
    sleep 0.02
done 2>/dev/null
rm -rf "$1"
"#;

/// A temporary folder with a subfolder `data` for a server to work in.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    warden: Child,
}

impl Folder {
    /// Makes one that `user`, if given, can write to.
    pub(super) fn create(name: &str, user: Option<User>) -> io::Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix(&format!("ringyo-{name}-"))
            .tempdir()?;
        // What the kernel says about a process's working directory is without symbolic links.
        let path = temporary.path().canonicalize()?;
        let warden = Command::new("sh")
            .args(["-c", WARDEN, "ringyo-warden"])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of the Ctrl-C that ends the tests.
            .process_group(0)
            .spawn()?;
        let _ = temporary.keep();
        let folder = Self { path, warden };
        folder.clear(user)?;
        if let Some(User { uid, gid }) = user {
            unix::chown(&folder.path, Some(uid), Some(gid))?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Makes `data` anew, and empty.
    pub(super) fn clear(&self, user: Option<User>) -> io::Result<()> {
        let data = self.data();
        match fs::remove_dir_all(&data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&data)?,
        }
        match user {
            Some(User { uid, gid }) => unix::chown(&data, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }

    /// The processes that work in `data`.
    pub(super) fn processes(&self) -> io::Result<Vec<i32>> {
        let data = self.data();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(process) = entry?.file_name().to_string_lossy().parse() else {
                continue;
            };
            // One that has ended meanwhile, or belongs to somebody else, is none of ours.
            if fs::read_link(format!("/proc/{process}/cwd")).is_ok_and(|folder| folder == data) {
                found.push(process);
            }
        }
        Ok(found)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.warden.stdin.take());
        // Without a warden there is nobody to wait for, and nothing better to be done.
        let _ = self.warden.wait();
    }
}
