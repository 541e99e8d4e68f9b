//! Commands about keys.

use std::num::NonZeroUsize;
use std::time::Duration;

use ringyo::{
    Edit, IssuedKey, KeyFilter, KeyId, KeyRecord, ListKeys, ManageError, NewKey, Overlap, PageSize,
};

use crate::ask::confirm;
use crate::cli::{IssueOptions, KeyArgument, KeyCommand, ListOptions, Sure};
use crate::failure::Failure;
use crate::moments::length;
use crate::output::{List, Output, refuse_void, say};
use crate::place::{Peppers, Place, Session};
use crate::prefixes;
use crate::view::{EventView, IssuedView, KeyView, Secret};

/// An overlap that is over before anybody has put the new key where the old one was.
const TOO_SHORT: Duration = Duration::from_secs(60);

pub(crate) async fn run(command: KeyCommand, place: &Place, output: Output) -> Result<(), Failure> {
    let peppers = match command {
        KeyCommand::Issue(_) | KeyCommand::Regenerate { .. } => {
            refuse_void()?;
            Peppers::Needed
        }
        _ => Peppers::NotNeeded,
    };
    let session = place.open(peppers).await?;
    let done = perform(command, &session, output).await;
    let closed = session.close().await;
    done.and(closed)
}

async fn perform(command: KeyCommand, session: &Session, output: Output) -> Result<(), Failure> {
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
        KeyCommand::Rename {
            key,
            name,
            description,
        } => {
            let edit = Edit {
                name,
                description,
                scopes: None,
            };
            edit_key(key.id()?, edit, session, output).await
        }
        KeyCommand::Disable { key } => {
            let (id, keys) = (key.id()?, session.keys_to_change()?);
            show(keys.disable(id).await, id, "is disabled")
        }
        KeyCommand::Enable { key } => {
            let (id, keys) = (key.id()?, session.keys_to_change()?);
            show(keys.enable(id).await, id, "is active")
        }
        KeyCommand::Revoke { key, sure } => {
            let (id, keys) = (key.id()?, session.keys_to_change()?);
            let view = find(session, id).await?;
            let what = format!("revoking {} ({})", view.title(), view.name());
            confirm(sure, &what)?;
            show(keys.revoke(id).await, id, "is revoked")
        }
        KeyCommand::Regenerate { key, overlap, sure } => {
            let overlap = overlap.unwrap_or_default();
            regenerate(key.id()?, overlap, sure, session, output).await
        }
        KeyCommand::Events { key, limit } => events(key.id()?, limit, session, output).await,
    }
}

async fn edit_key(id: KeyId, edit: Edit, session: &Session, output: Output) -> Result<(), Failure> {
    let is_described = edit.description.is_some();
    let record = session.keys_to_change()?.edit(id, edit).await;
    let record = record.map_err(|error| Failure::about_key(id, error))?;
    let view = KeyView::of(record, session.now());
    output.answer(&view, || {
        let description = match view.description() {
            _ if !is_described => String::new(),
            Some(text) => format!(", described as {text}"),
            None => ", without a description".to_owned(),
        };
        format!("{} is called {}{description}", view.title(), view.name())
    })
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
    let issued = session.keys_to_change()?.issue(new).await;
    let issued = issued.map_err(|error| Failure::about_account(&account, error))?;
    let id = issued.record.id;
    hand_over(issued, "was made", session, output)
        .map_err(|lost| lost.advice(format!("revoke it: `ringyoctl revoke {id} --yes`")))
}

async fn regenerate(
    id: KeyId,
    overlap: Duration,
    sure: Sure,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    let keys = session.keys_to_change()?;
    let end = if overlap.is_zero() {
        "at once".to_owned()
    } else {
        format!("in {}", length(overlap))
    };
    if overlap < TOO_SHORT {
        let view = find(session, id).await?;
        confirm(
            sure,
            &format!("ending {} ({}) {end}", view.title(), view.name()),
        )?;
    }
    let made = keys.regenerate(id, Overlap::new(overlap)?).await;
    let made = made.map_err(|error| Failure::about_key(id, error))?;
    let end = if overlap.is_zero() {
        "has ended".to_owned()
    } else {
        format!("ends {end}")
    };
    let about = format!("was made in place of {id}, which {end}");
    let new = made.new.record.id;
    hand_over(made.new, &about, session, output).map_err(|lost| {
        // Revoked, it would leave nothing behind once the old one has ended.
        lost.advice(format!(
            "make another in its place: `ringyoctl regenerate {new} --yes`"
        ))
    })
}

/// Shows a new key, this once: alone on standard output.
fn hand_over(
    issued: IssuedKey,
    about: &str,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    let id = issued.record.id;
    let view = KeyView::of(issued.record, session.now());
    say(format!("{} {about}; it is shown this once", view.title()));
    let key = Secret(issued.key);
    let shown = output.show(&IssuedView { view, key });
    shown.map_err(|error| {
        let lost = format!("key {id} was made, and could not be shown to anybody");
        Failure::because(lost, &error)
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
    let mut left = options.limit.map_or(usize::MAX, NonZeroUsize::get);
    let mut printed = List::new(output, &KeyView::HEAD);
    loop {
        let page = session.keys().list(list.clone()).await?;
        let now = session.now();
        let items = page.items.into_iter().take(left);
        let views: Vec<KeyView> = items.map(|key| KeyView::of(key, now)).collect();
        printed.add(&views, KeyView::cells)?;
        left -= views.len();
        list.after = page.next;
        if list.after.is_none() || left == 0 {
            break;
        }
    }
    let none = if options.all {
        "there is no such key"
    } else {
        "there is no such key in use; --all shows the others, too"
    };
    printed.end(none)
}

async fn events(
    id: KeyId,
    limit: Option<NonZeroUsize>,
    session: &Session,
    output: Output,
) -> Result<(), Failure> {
    let mut left = limit.map_or(usize::MAX, NonZeroUsize::get);
    let mut printed = List::new(output, &EventView::HEAD);
    let mut before = None;
    loop {
        let page = session.keys().events(id, before, PageSize::MAX).await;
        let page = page.map_err(|error| Failure::about_key(id, error))?;
        let items = page.items.into_iter().take(left);
        let views: Vec<EventView> = items.map(EventView::of).collect();
        printed.add(&views, |view| view.cells(session.now()))?;
        left -= views.len();
        before = page.next;
        if before.is_none() || left == 0 {
            return printed.end("nothing happened to it");
        }
    }
}

async fn find(session: &Session, id: KeyId) -> Result<KeyView, Failure> {
    let found = session.keys().find(id).await;
    let record = found.map_err(|error| Failure::about_key(id, error))?;
    Ok(KeyView::of(record, session.now()))
}

impl KeyArgument {
    /// What was written is not shown: it may be a secret.
    fn id(&self) -> Result<KeyId, Failure> {
        let hint = self.key.strip_suffix('…').unwrap_or(&self.key);
        let prefixes = prefixes();
        let mut of_prefixes = prefixes.iter().map(|prefix| hint.strip_prefix(prefix));
        let id = of_prefixes.find_map(|id| id).unwrap_or(hint);
        id.parse().map_err(|_| {
            Failure::usage("a key id is 12 characters of 0-9, A-Z and a-z")
                .advice("they are behind the prefix: 0a1B2c3D4e5F of rg_live_0a1B2c3D4e5F…")
        })
    }
}
