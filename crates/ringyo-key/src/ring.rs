use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use ctutils::CtEq as _;
use zeroize::Zeroizing;

use crate::digest::KeySchedule;
use crate::{Digest, ParsedKey, Pepper, PepperError, PepperId};

/// The peppers of a service: one active, any number of previous ones.
///
/// New keys are minted under the active pepper; a key stays bound to the pepper it was minted
/// under. To rotate, put a new pepper in front and keep the old ones until no active key is left
/// under them. The order is the order in which a presented key is tried.
///
/// The text form, in a variable or a file, is `id:base64` separated by commas or line ends, the
/// active one first; empty lines and lines that start with `#` are passed over.
pub struct PepperRing {
    active: Entry,
    previous: Vec<Entry>,
}

struct Entry {
    id: PepperId,
    schedule: KeySchedule,
}

/// That a key was minted by this service, and the digest to compare with the stored one.
// In this order the digest is handed on in the steps in which it was made: processors are slow to
// read what has only just been written in others.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Proof {
    /// The key's digest under that pepper.
    pub digest: Digest,
    /// The pepper whose tag the key carries.
    pub pepper: PepperId,
}

impl PepperRing {
    /// A ring of one pepper.
    #[must_use]
    pub fn new(active: Pepper) -> Self {
        Self {
            active: Entry::new(&active),
            previous: Vec::new(),
        }
    }

    /// Adds a pepper that keys are still accepted under.
    ///
    /// # Errors
    ///
    /// [`PepperError::Duplicate`] when its number is taken.
    pub fn with_previous(mut self, pepper: Pepper) -> Result<Self, PepperError> {
        if self.entries().any(|entry| entry.id == pepper.id()) {
            return Err(PepperError::Duplicate { id: pepper.id() });
        }
        self.previous.push(Entry::new(&pepper));
        Ok(self)
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// [`PepperError`], naming what was wrong but nothing of a pepper's bytes.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let mut peppers = text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|entry| !entry.is_empty() && !entry.starts_with('#'))
            .map(Pepper::parse);
        let active = peppers.next().ok_or(PepperError::Empty)??;
        peppers.try_fold(Self::new(active), |ring, pepper| {
            ring.with_previous(pepper?)
        })
    }

    /// Reads the text form from an environment variable.
    ///
    /// # Errors
    ///
    /// [`PepperError::Variable`] when it is not set, else as [`parse`](Self::parse).
    pub fn from_env(variable: &str) -> Result<Self, PepperError> {
        let text = std::env::var(variable).map_err(|_| PepperError::Variable {
            variable: variable.to_owned(),
        })?;
        Self::parse(&Zeroizing::new(text))
    }

    /// Reads the text form from a file.
    ///
    /// # Errors
    ///
    /// [`PepperError::File`] when it cannot be read, else as [`parse`](Self::parse).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, PepperError> {
        let text = fs::read_to_string(path).map_err(|source| PepperError::File {
            action: "read",
            source,
        })?;
        Self::parse(&Zeroizing::new(text))
    }

    /// Reads the text form from a file, or creates the file with one new pepper, readable by its
    /// owner alone. It appears whole or not at all, and of several processes that start at once
    /// one creates it and the others read it.
    ///
    /// Do this only where there are no keys yet: to a service that lost its file a new pepper makes
    /// every key a forged one. Keep a copy of the file where you keep none of the store.
    ///
    /// # Errors
    ///
    /// [`PepperError::File`] when it can neither be read nor created, else as
    /// [`parse`](Self::parse): a file that is there is never replaced.
    pub fn from_file_or_create(path: impl AsRef<Path>) -> Result<Self, PepperError> {
        let path = path.as_ref();
        if !path.exists() {
            create_file(path).map_err(|source| PepperError::File {
                action: "created",
                source,
            })?;
        }
        Self::from_file(path)
    }

    /// The pepper that new keys are minted under.
    #[must_use]
    pub const fn active(&self) -> PepperId {
        self.active.id
    }

    /// All peppers of the ring, the active one first.
    pub fn ids(&self) -> impl Iterator<Item = PepperId> {
        self.entries().map(|entry| entry.id)
    }

    /// Finds the pepper that a presented key was minted under by its tag: one HMAC for each
    /// pepper that is tried, no I/O. `None` for a key that this service did not mint.
    ///
    /// A forger who guesses the tag gets past with probability 62⁻⁶ (one in 57 thousand million)
    /// and then meets a store that does not know the id, or the digest of another secret.
    #[must_use]
    #[inline(always)]
    pub fn prove(&self, key: &ParsedKey<'_>) -> Option<Proof> {
        // Nearly every key is of the active pepper; the others are tried apart from it, so that
        // its digest is made where it is wanted and not copied there.
        match self.active.prove(key) {
            Some(proof) => Some(proof),
            None => self.previous.iter().find_map(|entry| entry.prove(key)),
        }
    }

    /// The digest of a key under one pepper of the ring, when its tag was made there. For the rare
    /// key whose tag fits two peppers: [`prove`](Self::prove) names the first, the record knows
    /// the right one.
    #[must_use]
    pub fn prove_under(&self, pepper: PepperId, key: &ParsedKey<'_>) -> Option<Proof> {
        self.entries()
            .find(|entry| entry.id == pepper)
            .and_then(|entry| entry.prove(key))
    }

    /// The digest of a new key: of the first `signed` bytes of its text.
    pub(crate) fn digest_new(&self, text: &[u8], signed: usize) -> (PepperId, Digest) {
        let schedule = &self.active.schedule;
        (self.active.id, schedule.digest_of_start(text, signed))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.active).chain(&self.previous)
    }
}

impl Entry {
    fn new(pepper: &Pepper) -> Self {
        Self {
            id: pepper.id(),
            schedule: KeySchedule::new(pepper.bytes()),
        }
    }

    #[inline(always)]
    fn prove(&self, key: &ParsedKey<'_>) -> Option<Proof> {
        let (text, len) = key.signed();
        let digest = self.schedule.digest_of_start(text, len);
        let is_ours = digest.tag().ct_eq(&key.tag()).to_bool();
        is_ours.then_some(Proof {
            pepper: self.id,
            digest,
        })
    }
}

impl fmt::Debug for PepperRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl From<Pepper> for PepperRing {
    fn from(active: Pepper) -> Self {
        Self::new(active)
    }
}

/// Writes a new pepper beside `path` and links it into place, so that nobody reads half of it.
fn create_file(path: &Path) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:016x}.new", rand::random::<u64>()));
    let draft = Path::new(&draft);

    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    let pepper = Pepper::generate(PepperId::new(1)).expose();
    let written = writeln!(file, "{}", *pepper)
        .and_then(|()| file.sync_all())
        .and_then(|()| match fs::hard_link(draft, path) {
            // Another process was first: its pepper counts.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    fs::remove_file(draft)?;
    written?;
    sync_directory(path)
}

/// Makes the name of a new file survive a loss of power: a pepper that is made anew after it would
/// turn every key into a forged one.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    fs::File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
