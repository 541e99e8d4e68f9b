//! Commands about peppers.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use ringyo::{Pepper, PepperError, PepperId, PepperRing};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::PepperCommand;
use crate::failure::Failure;
use crate::output::{Output, say};
use crate::place::{PEPPER_VARIABLE, Peppers, Place};
use crate::table::Table;

pub(crate) async fn run(
    command: PepperCommand,
    place: &Place,
    output: Output,
) -> Result<(), Failure> {
    match command {
        PepperCommand::New { write: false } => print(place, output),
        PepperCommand::New { write: true } => write(place, output).await,
        PepperCommand::Usage => usage(place, output).await,
    }
}

/// A new pepper, as programs are told of it.
#[derive(Debug, Serialize)]
struct NewPepper<'a> {
    id: u16,
    /// `None`: it is in the file.
    pepper: Option<&'a str>,
}

const ROTATION: &str = "services mint under it once they are started again; keep the previous \
                        ones until `ringyoctl pepper usage` shows no keys under them";

fn print(place: &Place, output: Output) -> Result<(), Failure> {
    let is_first = place.pepper_path()?.is_some_and(|path| !path.exists());
    let ring = if is_first {
        None
    } else {
        Some(place.peppers()?)
    };
    let pepper = Pepper::generate(next_id(ring.as_ref())?);
    let (id, text) = (pepper.id(), pepper.expose());
    say(format!(
        "pepper {id}, to be put first in {PEPPER_VARIABLE} or the pepper file"
    ));
    say(ROTATION);
    let new = NewPepper {
        id: id.as_u16(),
        pepper: Some(&text),
    };
    output.answer(&new, || text.to_string())
}

async fn write(place: &Place, output: Output) -> Result<(), Failure> {
    let Some(path) = place.pepper_path()? else {
        return Err(Failure::refused(format!(
            "{PEPPER_VARIABLE} holds the peppers, and a file would not be read"
        ))
        .advice("leave --write out, and put what is printed first in the variable"));
    };
    let name = path.display();
    let id = if path.exists() {
        let pepper = Pepper::generate(next_id(Some(&place.peppers()?))?);
        let written = put_first(&path, &pepper.expose());
        written
            .map_err(|error| Failure::because(format!("{name} could not be written"), &error))?;
        pepper.id()
    } else {
        refuse_beside_keys(place).await?;
        let made = PepperRing::from_file_or_create(&path);
        let made = made.map_err(|error| Failure::because("there is no pepper file", &error))?;
        made.active()
    };
    let new = NewPepper {
        id: id.as_u16(),
        pepper: None,
    };
    output.answer(&new, || format!("pepper {id} is first in {name}"))?;
    say(ROTATION);
    say(format!(
        "keep a copy of {name} where you keep none of the store: without it every key is lost"
    ));
    Ok(())
}

/// Where there are keys there has been a pepper, and a new one would turn each into a forged one.
async fn refuse_beside_keys(place: &Place) -> Result<(), Failure> {
    if !place.has_store()? {
        return Ok(());
    }
    let session = place.open(Peppers::NotNeeded).await?;
    let counted = session.keys().pepper_usage().await;
    session.close().await?;
    let orphans: u64 = counted?
        .into_iter()
        .filter_map(|(pepper, keys)| pepper.map(|_| keys))
        .sum();
    if orphans == 0 {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "the store has keys in use ({orphans}), which a new pepper would turn into forged ones"
    ))
    .advice("find their pepper file, and name it with --pepper-file"))
}

/// One more than the highest.
fn next_id(ring: Option<&PepperRing>) -> Result<PepperId, Failure> {
    let highest = ring.and_then(|ring| ring.ids().max());
    let highest = highest.map_or(0, PepperId::as_u16);
    let next: Result<PepperId, PepperError> = highest.wrapping_add(1).try_into();
    next.map_err(|error| Failure::because("no number is left above the highest", &error))
}

/// Puts a pepper in front of those in a file. The file is replaced as a whole, and keeps its owner;
/// the draft's name keeps out whoever does the same at the same time.
fn put_first(path: &Path, pepper: &str) -> io::Result<()> {
    // A link stays one.
    let path = path.canonicalize()?;
    let mut draft = path.clone().into_os_string();
    draft.push(".new");
    let draft = Path::new(&draft);
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    let written = write_first(&mut file, &path, pepper).and_then(|()| fs::rename(draft, &path));
    if written.is_err() {
        fs::remove_file(draft)?;
    }
    written?;
    sync_directory(&path)
}

fn write_first(file: &mut File, path: &Path, pepper: &str) -> io::Result<()> {
    let mut old = File::open(path)?;
    let mut text = Zeroizing::new(String::new());
    io::Read::read_to_string(&mut old, &mut text)?;
    writeln!(file, "{pepper}")?;
    file.write_all(text.as_bytes())?;
    keep_owner(file, &old)?;
    file.sync_all()
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

/// The place of a pepper in the ring of the service.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Active,
    Previous,
    /// Keys under it cannot be proven any more.
    Missing,
}

#[derive(Debug, Serialize)]
struct Usage {
    /// `None`: keys of foreign origin.
    pepper: Option<u16>,
    keys: u64,
    /// `None` for keys of foreign origin, or when the ring is not known here.
    ring: Option<Standing>,
}

async fn usage(place: &Place, output: Output) -> Result<(), Failure> {
    // It is worth knowing without the peppers as well.
    let ring: Option<Vec<PepperId>> = place.peppers().ok().map(|ring| ring.ids().collect());
    let session = place.open(Peppers::NotNeeded).await?;
    let counted = session.keys().pepper_usage().await;
    let closed = session.close().await;
    let standing = |pepper: PepperId| {
        let position = ring.as_ref()?.iter().position(|id| *id == pepper);
        Some(match position {
            Some(0) => Standing::Active,
            Some(_) => Standing::Previous,
            None => Standing::Missing,
        })
    };
    let mut usages: Vec<Usage> = counted?
        .into_iter()
        .map(|(pepper, keys)| Usage {
            pepper: pepper.map(PepperId::as_u16),
            keys,
            ring: pepper.and_then(standing),
        })
        .collect();
    // Those that can go.
    for id in ring.iter().flatten() {
        if usages.iter().all(|usage| usage.pepper != Some(id.as_u16())) {
            usages.push(Usage {
                pepper: Some(id.as_u16()),
                keys: 0,
                ring: standing(*id),
            });
        }
    }
    usages.sort_by_key(|usage| usage.pepper);
    output.list(&usages, "there are no keys", table)?;
    closed
}

fn table(usages: &[Usage]) -> Table {
    let mut table = Table::with_head(&["PEPPER", "KEYS", "RING"]);
    for usage in usages {
        let ring = match usage.ring {
            Some(Standing::Active) => "active",
            Some(Standing::Previous) => "previous",
            Some(Standing::Missing) => "missing: its keys are refused",
            None => "",
        };
        let pepper = usage
            .pepper
            .map_or("foreign".to_owned(), |id| id.to_string());
        table.row([pepper, usage.keys.to_string(), ring.to_owned()]);
    }
    table
}
