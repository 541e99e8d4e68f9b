//! Commands about keys.

use std::num::NonZeroUsize;

use ringyo::{
    Event, KeyFilter, KeyId, KeyRecord, ListKeys, ManageError, NewKey, Overlap, PageSize,
};

use crate::ask::confirm;
use crate::cli::{IssueOptions, KeyArgument, KeyCommand, ListOptions};
use crate::failure::Failure;
use crate::moments::length;
use crate::output::{Output, say};
use crate::place::{Peppers, Place, Session};
use crate::view::{EventView, IssuedView, KeyView, Secret};

pub(crate) async fn run(command: KeyCommand, place: &Place, output: Output) -> Result<(), Failure> {
    let peppers = match command {
        KeyCommand::Issue(_) | KeyCommand::Regenerate { .. } => Peppers::Needed,
        _ => Peppers::NotNeeded,
    };
    let session = place.open(peppers).await?;
    let done = perform(command, &session, output).await;
    let closed = session.close().await;
    done.and(closed)
}

async fn perform(command: KeyCommand, session: &Session, output: Output) -> Result<(), Failure> {
    let keys = session.keys();
    let show = |record: Result<KeyRecord, ManageError>, id: KeyId, done: &str| {
        let record = record.map_err(|error| Failure::about_key(id, error))?;
        let view = KeyView::of(record, session.now());
        output.answer(&view, || format!("{} {done}", view.title()))
    };
    match command {
        KeyCommand::Issue(options) => issue(options, session, output).await,
        KeyCommand::List(options) => list(options, session, output).await,
        KeyCommand::Show { key } => {
            let view = find(session, key.id()?).await?;
            output.answer(&view, || view.fields().to_string())
        }
        KeyCommand::Rename { key, name } => {
            let id = key.id()?;
            let record = keys.rename(id, name).await;
            let record = record.map_err(|error| Failure::about_key(id, error))?;
            let view = KeyView::of(record, session.now());
            output.answer(&view, || {
                format!("{} is called {}", view.title(), view.name())
            })
        }
        KeyCommand::Disable { key } => {
            let id = key.id()?;
            show(keys.disable(id).await, id, "is disabled")
        }
        KeyCommand::Enable { key } => {
            let id = key.id()?;
            show(keys.enable(id).await, id, "is active")
        }
        KeyCommand::Revoke { key, sure } => {
            let id = key.id()?;
            let view = find(session, id).await?;
            let what = format!("revoking {} ({})", view.title(), view.name());
            confirm(sure, &what)?;
            show(keys.revoke(id).await, id, "is revoked")
        }
        KeyCommand::Regenerate { key, overlap, sure } => {
            let id = key.id()?;
            let overlap = overlap.unwrap_or_default();
            if overlap.is_zero() {
                let view = find(session, id).await?;
                let what = format!("ending {} ({}) at once", view.title(), view.name());
                confirm(sure, &what)?;
            }
            let made = keys.regenerate(id, Overlap::new(overlap)?).await;
            let made = made.map_err(|error| Failure::about_key(id, error))?;
            let end = match overlap.as_secs() {
                0 => "which has ended".to_owned(),
                _ => format!("which ends in {}", length(overlap)),
            };
            let about = format!("was made in place of {id}, {end}");
            hand_over(made.new.key, made.new.record, &about, session, output)
        }
        KeyCommand::Events { key, limit } => events(key.id()?, limit, session, output).await,
    }
}

async fn issue(options: IssueOptions, session: &Session, output: Output) -> Result<(), Failure> {
    let account = options.account;
    let mut new = NewKey::new(options.mode, account.as_str(), options.name)
        .description(options.description)
        .scopes(options.scope)
        .allowed_networks(options.network);
    if let Some(lifetime) = options.expires_in {
        new = new.expires_in(lifetime);
    }
    if let Some(per_minute) = options.per_minute {
        new = new.quota_per_minute(per_minute);
    }
    let issued = session.keys().issue(new).await;
    let issued = issued.map_err(|error| Failure::about_account(&account, error))?;
    hand_over(issued.key, issued.record, "was made", session, output)
}

/// Shows a new key, this once: alone on standard output.
fn hand_over(
    key: ringyo::ApiKey,
    record: KeyRecord,
    about: &str,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    let id = record.id;
    let view = KeyView::of(record, session.now());
    say(format!("{} {about}; it is shown this once", view.title()));
    let key = Secret(key);
    let printed = if output.is_json() {
        output.answer(&IssuedView { view, key }, String::new)
    } else {
        output.print(key.0.expose())
    };
    printed.map_err(|_| {
        Failure::no_answer(format!(
            "key {id} was made, and could not be shown to anybody"
        ))
        .advice(format!("revoke it: `ringyoctl revoke {id} --yes`"))
    })
}

async fn list(options: ListOptions, session: &Session, output: Output) -> Result<(), Failure> {
    let mut list = ListKeys {
        account: options.account,
        filter: if options.all {
            KeyFilter::All
        } else {
            KeyFilter::Active
        },
        mode: options.mode,
        name_contains: options.name,
        after: None,
        size: PageSize::MAX,
    };
    if let Some(account) = &list.account {
        let found = session.accounts().find(account).await;
        found.map_err(|error| Failure::about_account(account, error))?;
    }
    let limit = options.limit.map_or(usize::MAX, NonZeroUsize::get);
    let mut views = Vec::new();
    loop {
        let page = session.keys().list(list.clone()).await?;
        let now = session.now();
        views.extend(page.items.into_iter().map(|key| KeyView::of(key, now)));
        list.after = page.next;
        if list.after.is_none() || views.len() >= limit {
            break;
        }
    }
    views.truncate(limit);
    let none = if options.all {
        "there is no such key"
    } else {
        "there is no such key in use; --all shows the others, too"
    };
    output.list(&views, none, KeyView::table)
}

async fn events(
    id: KeyId,
    limit: Option<NonZeroUsize>,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    let limit = limit.map_or(usize::MAX, NonZeroUsize::get);
    let mut events: Vec<Event> = Vec::new();
    let mut before = None;
    loop {
        let page = session.keys().events(id, before, PageSize::MAX).await;
        let page = page.map_err(|error| Failure::about_key(id, error))?;
        events.extend(page.items);
        before = page.next;
        if before.is_none() || events.len() >= limit {
            break;
        }
    }
    events.truncate(limit);
    let views: Vec<EventView> = events.into_iter().map(EventView::of).collect();
    output.list(&views, "nothing happened to it", |views| {
        EventView::table(views, session.now())
    })
}

async fn find(session: &Session, id: KeyId) -> Result<KeyView, Failure> {
    let found = session.keys().find(id).await;
    let record = found.map_err(|error| Failure::about_key(id, error))?;
    Ok(KeyView::of(record, session.now()))
}

impl KeyArgument {
    /// What was written is not shown: it may be a secret.
    fn id(&self) -> Result<KeyId, Failure> {
        self.key.parse().map_err(|_| {
            Failure::usage("a key id is 12 characters of 0-9, A-Z and a-z")
                .advice("they are behind the prefix: 0a1B2c3D4e5F of rg_live_0a1B2c3D4e5F…")
        })
    }
}
