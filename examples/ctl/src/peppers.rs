//! Commands about peppers.

use std::path::Path;

use ringyo::{Pepper, PepperError, PepperId, PepperRing};
use serde::Serialize;

use crate::cli::PepperCommand;
use crate::failure::Failure;
use crate::output::{List, Output, say};
use crate::pepper_file::Draft;
use crate::place::{PEPPER_VARIABLE, Peppers, Place};

pub(crate) async fn run(
    command: PepperCommand,
    place: &Place,
    output: Output,
) -> Result<(), Failure> {
    match command {
        PepperCommand::New { write: false } => print(place, output).await,
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

async fn print(place: &Place, output: Output) -> Result<(), Failure> {
    let is_first = place.pepper_path()?.is_some_and(|path| !path.exists());
    let ring = if is_first {
        refuse_beside_keys(place).await?;
        None
    } else {
        Some(place.peppers()?)
    };
    let pepper = Pepper::generate(next_id(ring.as_ref(), place).await?);
    let (id, text) = (pepper.id(), pepper.expose());
    say(format!(
        "pepper {id}, to be put first in {PEPPER_VARIABLE} or the pepper file; where several nodes \
         run, last on all of them before"
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
        put_first(&path, place).await?
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

async fn put_first(path: &Path, place: &Place) -> Result<PepperId, Failure> {
    // In this order: what is read before others are kept out may be old when it is written.
    let draft = Draft::beside(path)?;
    let pepper = Pepper::generate(next_id(Some(&place.peppers()?), place).await?);
    let written = draft.put_first(&pepper.expose());
    let name = path.display();
    written.map_err(|error| Failure::because(format!("{name} could not be written"), &error))?;
    Ok(pepper.id())
}

/// Where there are keys there has been a pepper, and a new one would turn each into a forged one.
async fn refuse_beside_keys(place: &Place) -> Result<(), Failure> {
    let orphans: u64 = counted(place).await?.iter().map(|(_, keys)| keys).sum();
    if orphans == 0 {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "the store has keys in use ({orphans}), which a new pepper would turn into forged ones"
    ))
    .advice(format!(
        "find their peppers, and name the file with --pepper-file or set {PEPPER_VARIABLE}"
    )))
}

/// One more than the highest in the ring, and than the highest that keys are left under: of a
/// number that stood for two peppers nobody could say whether it can go.
async fn next_id(ring: Option<&PepperRing>, place: &Place) -> Result<PepperId, Failure> {
    let of_keys = counted(place).await?.into_iter().map(|(pepper, _)| pepper);
    let in_ring = ring.into_iter().flat_map(PepperRing::ids);
    let highest = of_keys.chain(in_ring).max().map_or(0, PepperId::as_u16);
    let next: Result<PepperId, PepperError> = highest.wrapping_add(1).try_into();
    next.map_err(|error| Failure::because("no number is left above the highest", &error))
}

/// How many keys in use each pepper has; none without a store.
async fn counted(place: &Place) -> Result<Vec<(PepperId, u64)>, Failure> {
    if !place.has_store()? {
        return Ok(Vec::new());
    }
    let session = place.open(Peppers::NotNeeded).await?;
    let counted = session.keys().pepper_usage().await;
    session.close().await?;
    let of_peppers = |(pepper, keys): (Option<PepperId>, u64)| Some((pepper?, keys));
    Ok(counted?.into_iter().filter_map(of_peppers).collect())
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
    let session = place.open(Peppers::NotNeeded).await?;
    let counted = session.keys().pepper_usage().await;
    let closed = session.close().await;
    let ring: Option<Vec<PepperId>> = match place.peppers() {
        Ok(ring) => Some(ring.ids().collect()),
        Err(failure) => {
            // The counts are worth knowing all the same.
            failure.say();
            None
        }
    };
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
    let mut list = List::new(output, &["PEPPER", "KEYS", "RING"]);
    list.add(&usages, Usage::cells)?;
    list.end("there are no keys")?;
    closed
}

impl Usage {
    fn cells(&self) -> Vec<String> {
        let ring = match self.ring {
            Some(Standing::Active) => "active",
            Some(Standing::Previous) => "previous",
            Some(Standing::Missing) => "missing: its keys are refused",
            None => "",
        };
        let pepper = self
            .pepper
            .map_or("foreign".to_owned(), |id| id.to_string());
        vec![pepper, self.keys.to_string(), ring.to_owned()]
    }
}
