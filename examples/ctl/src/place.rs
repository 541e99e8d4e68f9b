//! Where keys and peppers are, and who manages them.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use ringyo::{
    Accounts, Actor, KeyManager, Pepper, PepperId, PepperRing, PostgresStore, Ringyo, SqliteStore,
    Timestamp,
};

use crate::failure::Failure;
use crate::output::say;
use crate::preset;

/// The variable that holds the peppers, if any.
pub(crate) const PEPPER_VARIABLE: &str = "RINGYO_PEPPER";

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Where keys are kept: sqlite:PATH or postgres://…; put an address with a password in the
    /// variable
    // A text until it is used: an address may hold a password, and clap would show what is wrong.
    #[arg(
        long,
        global = true,
        env = "RINGYO_STORE",
        hide_env_values = true,
        default_value = "sqlite:ringyo-demo.db"
    )]
    store: String,

    /// File of `id:base64` lines, the first one active. Unless named it is beside the SQLite file;
    /// with PostgreSQL it has to be named
    #[arg(long, global = true, env = "RINGYO_PEPPER_FILE", value_name = "FILE")]
    pepper_file: Option<PathBuf>,

    /// Who changes something, for the audit trail: `operator:` and this name. Unless named it is
    /// the user who is logged in
    #[arg(long, global = true, env = "RINGYO_ACTOR", value_name = "NAME")]
    actor: Option<String>,
}

/// Where keys are kept.
enum StoreLocation {
    /// In one SQLite file.
    Sqlite(PathBuf),
    /// In the PostgreSQL database of this address, which may hold a password.
    Postgres(String),
}

/// Whether a command proves or makes keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peppers {
    Needed,
    NotNeeded,
}

/// What to do where there is no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Refuse,
    Create,
}

/// An open store, in the hands of an operator.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) ringyo: Ringyo,
    /// `None`: somebody without a name, who may look.
    actor: Option<Actor>,
    store: OpenStore,
}

/// To be closed at the end.
#[derive(Debug)]
enum OpenStore {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Place {
    /// Opens a store that is there.
    pub(crate) async fn open(&self, peppers: Peppers) -> Result<Session, Failure> {
        self.open_or(peppers, IfMissing::Refuse).await
    }

    pub(crate) async fn open_or(
        &self,
        peppers: Peppers,
        if_missing: IfMissing,
    ) -> Result<Session, Failure> {
        let location = self.location()?;
        let actor = self.actor()?;
        if if_missing == IfMissing::Create && actor.is_none() {
            // Before a store is made for nothing.
            return Err(nobody());
        }
        let peppers = match peppers {
            Peppers::Needed => self.peppers()?,
            // Nothing is made or proven under it.
            Peppers::NotNeeded => Pepper::generate(PepperId::new(1)).into(),
        };
        let builder = Ringyo::builder(preset(), peppers);
        let (builder, store) = match location {
            StoreLocation::Sqlite(path) => {
                let is_new = !path.exists();
                if is_new && if_missing == IfMissing::Refuse {
                    return Err(no_file(&path));
                }
                let opened = SqliteStore::open(&path).await;
                let name = path.display().to_string();
                let store = opened.map_err(|error| Failure::opening(&name, &error))?;
                if is_new {
                    say(format!("{name} is a new store"));
                }
                (builder.store(store.clone()), OpenStore::Sqlite(store))
            }
            StoreLocation::Postgres(address) => {
                // What it is called must not be said: it may hold a password.
                let opened = PostgresStore::connect(&address).await;
                let store = opened.map_err(|error| Failure::opening("the database", &error))?;
                (builder.store(store.clone()), OpenStore::Postgres(store))
            }
        };
        let ringyo = builder.build().await;
        Ok(Session {
            ringyo: ringyo.map_err(|error| Failure::because("no answer", &error))?,
            actor,
            store,
        })
    }

    /// Whether there is a store.
    pub(crate) fn has_store(&self) -> Result<bool, Failure> {
        match self.location()? {
            StoreLocation::Sqlite(path) => Ok(path.exists()),
            // It is made when it is opened.
            StoreLocation::Postgres(_) => Ok(true),
        }
    }

    /// The peppers: from the variable, else from the file.
    pub(crate) fn peppers(&self) -> Result<PepperRing, Failure> {
        let ring = match self.pepper_path()? {
            None => PepperRing::from_env(PEPPER_VARIABLE),
            Some(path) if !path.exists() => {
                return Err(Failure::no_answer(format!(
                    "there is no pepper file {}",
                    path.display()
                ))
                .advice(
                    "name the service's with --pepper-file or RINGYO_PEPPER_FILE; for a new \
                     service, `ringyoctl pepper new --write` makes one",
                ));
            }
            Some(path) => PepperRing::from_file(path),
        };
        ring.map_err(|error| Failure::because("the peppers cannot be read", &error))
    }

    /// The pepper file; `None` if the variable holds the peppers.
    pub(crate) fn pepper_path(&self) -> Result<Option<PathBuf>, Failure> {
        if env::var_os(PEPPER_VARIABLE).is_some() {
            return Ok(None);
        }
        if let Some(path) = &self.pepper_file {
            return Ok(Some(path.clone()));
        }
        match self.location()? {
            StoreLocation::Sqlite(path) => {
                let mut path = path.into_os_string();
                path.push(".peppers");
                Ok(Some(path.into()))
            }
            StoreLocation::Postgres(_) => Err(Failure::usage(
                "which peppers belong to the database has to be said",
            )
            .advice(
                "set RINGYO_PEPPER, or name a file with --pepper-file; `ringyoctl pepper new \
                 --write` makes one that is named and missing",
            )),
        }
    }

    fn location(&self) -> Result<StoreLocation, Failure> {
        match self.store.split_once(':') {
            None if self.store == "memory" => Err(Failure::usage(
                "what a service keeps in memory nobody else can manage",
            )),
            Some(("sqlite", path)) if !path.is_empty() && path != ":memory:" => {
                Ok(StoreLocation::Sqlite(path.into()))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(StoreLocation::Postgres(self.store.clone()))
            }
            _ => Err(Failure::usage("a store is `sqlite:PATH` or `postgres://…`")),
        }
        .map_err(|failure| failure.advice("name it with --store or RINGYO_STORE"))
    }

    fn actor(&self) -> Result<Option<Actor>, Failure> {
        let user = || {
            ["USER", "LOGNAME"]
                .iter()
                .find_map(|name| env::var(name).ok())
        };
        let name = self.actor.clone().or_else(user).unwrap_or_default();
        if name.trim().is_empty() {
            return Ok(None);
        }
        if name.contains(char::is_control) || name.chars().count() > 100 {
            return Err(Failure::usage(
                "the name of an actor has at most 100 characters, and no control characters",
            ));
        }
        Ok(Some(Actor::operator(&name)))
    }
}

impl Session {
    /// Keys, to look at.
    pub(crate) fn keys(&self) -> KeyManager {
        self.ringyo.keys()
    }

    /// Keys, to be changed by somebody with a name.
    pub(crate) fn keys_to_change(&self) -> Result<KeyManager, Failure> {
        Ok(self.ringyo.keys().acting_as(self.actor()?))
    }

    /// Accounts, to look at.
    pub(crate) fn accounts(&self) -> Accounts {
        self.ringyo.accounts()
    }

    /// Accounts, to be changed by somebody with a name.
    pub(crate) fn accounts_to_change(&self) -> Result<Accounts, Failure> {
        Ok(self.ringyo.accounts().acting_as(self.actor()?))
    }

    fn actor(&self) -> Result<Actor, Failure> {
        self.actor.clone().ok_or_else(nobody)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.ringyo.now().unix_millis)
    }

    /// Lets go of the store.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        let ended = self.ringyo.shutdown().await;
        let closed = match self.store {
            OpenStore::Sqlite(store) => store.close().await,
            OpenStore::Postgres(store) => {
                store.close();
                Ok(())
            }
        };
        ended
            .and(closed)
            .map_err(|error| Failure::because("the store could not be closed", &error))
    }
}

fn nobody() -> Failure {
    Failure::usage("it is not known who you are")
        .advice("name yourself with --actor or RINGYO_ACTOR, for the audit trail")
}

fn no_file(path: &Path) -> Failure {
    Failure::no_answer(format!("there is no store {}", path.display())).advice(
        "name the service's with --store or RINGYO_STORE; `ringyoctl account create` makes a new one",
    )
}
