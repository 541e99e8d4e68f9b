//! The pepper file, while a pepper is put in front of those in it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::failure::Failure;

/// What is to take the place of the file. While it is there nobody else gets to make one, so what
/// is read meanwhile stays true.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    path: PathBuf,
    of: PathBuf,
    is_in_place: bool,
}

impl Draft {
    /// Keeps out whoever does the same at the same time.
    pub(crate) fn beside(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let failed =
            |error: &io::Error| Failure::because(format!("{name} could not be written"), error);
        // A link stays one.
        let of = path.canonicalize().map_err(|error| failed(&error))?;
        let mut path = of.clone().into_os_string();
        path.push(".new");
        let path = PathBuf::from(path);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self {
                file,
                path,
                of,
                is_in_place: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(failed(&error)
                .advice(format!(
                    "somebody else is about to change it: try again; if nobody is, one was \
                     interrupted, and {} can be removed",
                    path.display()
                ))),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Replaces the file by one with this pepper in front of the others, as a whole. It keeps its
    /// owner.
    pub(crate) fn put_first(mut self, pepper: &str) -> io::Result<()> {
        let mut old = File::open(&self.of)?;
        let mut text = Zeroizing::new(String::new());
        old.read_to_string(&mut text)?;
        writeln!(self.file, "{pepper}")?;
        self.file.write_all(text.as_bytes())?;
        keep_owner(&self.file, &old)?;
        self.file.sync_all()?;
        fs::rename(&self.path, &self.of)?;
        // The name is free again, and what has it from now on is another's.
        self.is_in_place = true;
        sync_directory(&self.of)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_in_place {
            // What is left keeps others out, and they are told what to do about it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the new name survive a loss of power: services may mint under the new pepper soon.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A service that runs as somebody else must still be able to read it.
#[cfg(unix)]
fn keep_owner(new: &File, old: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (old, own) = (old.metadata()?, new.metadata()?);
    if (old.uid(), old.gid()) != (own.uid(), own.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    new.set_permissions(old.permissions())
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}
