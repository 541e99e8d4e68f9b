//! An account's keys do not exist for anybody of another account: the whole matrix.

use std::collections::BTreeSet;
use std::fs;
use std::pin::Pin;

use ringyo_auth::{
    Accounts, Actor, Edit, KeyManager, LeakPolicy, LeakVerdict, ListKeys, ManageError, NewKey,
    Overlap, Preset,
};
use ringyo_key::{Digest, KeyId, Mode};
use ringyo_store::{AccountId, KeyFilter, PageSize};

use crate::matrix::sources::methods;
use crate::seam::sources;
use crate::support::{Setting, peppers, setting};

/// Somebody, and what they ask about.
struct Visit {
    keys: KeyManager,
    accounts: Accounts,
    key: KeyId,
    /// The key itself.
    text: String,
    account: AccountId,
}

impl Visit {
    /// To an account, with a key that it has just been given.
    async fn of(setting: &Setting, actor: &Actor, account: &str) -> Self {
        let new = NewKey::live(account, "x").scopes(["agents"]);
        let (key, text) = match setting.ringyo.keys().issue(new).await {
            Ok(issued) => (issued.record.id, issued.key.expose().to_owned()),
            // Nobody has an account of that name: a good key that was not issued.
            Err(ManageError::NotFound) => {
                let minted = Preset::ringyo().format.mint(Mode::Live, &peppers());
                (minted.id, minted.key.expose().to_owned())
            }
            Err(error) => panic!("{error:?}"),
        };
        Self {
            keys: setting.ringyo.keys().acting_as(actor.clone()),
            accounts: setting.ringyo.accounts().acting_as(actor.clone()),
            key,
            text,
            account: AccountId::new(account).unwrap(),
        }
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), ManageError>> + 'a>>;

/// What somebody of an account may do with what is their own.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Own {
    Allowed,
    /// Whose it is makes no difference: it is for who runs the service.
    Refused,
}

type Row = (&'static str, Own, fn(&Visit) -> Answer<'_>);

/// A row of the matrix: a method by its name, and a call of it.
macro_rules! row {
    ($own:ident $of:ident $method:ident, |$visit:ident| $call:expr) => {
        (
            concat!(stringify!($of), "::", stringify!($method)),
            Own::$own,
            |$visit: &Visit| Box::pin(async move { $call.await.map(drop) }),
        )
    };
}

/// Every way to look at keys and accounts or to change them.
const ROWS: [Row; 17] = [
    row!(Allowed KeyManager list, |it| it.keys.list(ListKeys {
        account: Some(it.account.clone()),
        ..ListKeys::default()
    })),
    row!(Allowed KeyManager find, |it| it.keys.find(it.key)),
    row!(Allowed KeyManager edit, |it| it.keys.edit(
        it.key,
        Edit { name: Some("mine".into()), ..Edit::default() }
    )),
    row!(Allowed KeyManager rename, |it| it.keys.rename(it.key, "mine")),
    row!(Allowed KeyManager set_scopes, |it| it.keys.set_scopes(it.key, ["*"])),
    row!(Allowed KeyManager disable, |it| it.keys.disable(it.key)),
    row!(Allowed KeyManager enable, |it| it.keys.enable(it.key)),
    row!(Allowed KeyManager revoke, |it| it.keys.revoke(it.key)),
    row!(Allowed KeyManager regenerate, |it| it.keys.regenerate(it.key, Overlap::NONE)),
    row!(Allowed KeyManager events, |it| it.keys.events(it.key, None, PageSize::DEFAULT)),
    row!(Allowed KeyManager issue, |it| it.keys.issue(
        NewKey::live(it.account.as_str(), "x").scopes(["agents"])
    )),
    row!(Allowed KeyManager import, |it| it.keys.import(
        NewKey::live(it.account.as_str(), "x").scopes(["agents"]),
        Digest::from_bytes([7; Digest::LEN]),
        "acme_…"
    )),
    row!(Allowed KeyManager report_leaked, |it| async {
        let keys = &it.keys;
        let verdict = keys.report_leaked(&it.text, "a paste", LeakPolicy::Revoke);
        match verdict.await? {
            LeakVerdict::Ours(_) => Ok(()),
            LeakVerdict::NotOurs => Err(ManageError::NotFound),
        }
    }),
    row!(Refused KeyManager pepper_usage, |it| it.keys.pepper_usage()),
    row!(Allowed Accounts find, |it| it.accounts.find(&it.account)),
    row!(Refused Accounts set_plan, |it| it.accounts.set_plan(&it.account, "agency")),
    row!(Refused Accounts list, |it| it.accounts.list(None, 10)),
];

/// Whether nothing has happened to a key since it was issued, if it was.
async fn is_as_issued(setting: &Setting, key: KeyId) -> bool {
    let system = setting.ringyo.keys();
    match system.find(key).await {
        Ok(record) => {
            let events = system.events(key, None, PageSize::DEFAULT).await;
            record.name == "x" && events.unwrap().items.len() == 1
        }
        Err(error) => matches!(error, ManageError::NotFound),
    }
}

#[tokio::test]
async fn every_call_on_what_is_own_foreign_and_missing() {
    let mut changed = 0;
    for (name, own, call) in ROWS {
        let service = setting().await;
        let user = Actor::user("7", AccountId::new("acct_pro").unwrap());
        let mut kept = Vec::new();
        for account in ["acct_pro", "acct_agency", "acct_nobody"] {
            let visit = Visit::of(&service, &user, account).await;
            let answer = call(&visit).await;
            if account == "acct_pro" && own == Own::Allowed {
                assert!(answer.is_ok(), "{name} on one's own: {answer:?}");
            } else {
                let is_hidden = matches!(answer, Err(ManageError::NotFound));
                assert!(is_hidden, "{name} on {account}: {answer:?}");
                kept.push(visit.key);
            }
        }
        // What was refused has not happened.
        for key in kept {
            assert!(is_as_issued(&service, key).await, "{name}");
        }

        // The control: it was refused for whose it is. Who is bound to no account may do all.
        for account in ["acct_pro", "acct_agency"] {
            let control = setting().await;
            let visit = Visit::of(&control, &Actor::system(), account).await;
            let answer = call(&visit).await;
            assert!(
                answer.is_ok(),
                "{name} on {account} by the system: {answer:?}"
            );
            changed += usize::from(!is_as_issued(&control, visit.key).await);
        }
    }
    // Seven of the calls change the key that is there, and that is seen.
    assert_eq!(changed, 2 * 7);
    println!("{} calls on what is own, foreign and missing", ROWS.len());
}

/// Methods that stand on one side only.
fn without_row(sources: &str) -> BTreeSet<String> {
    let is_here = |name: &String| {
        (name.starts_with("KeyManager::") || name.starts_with("Accounts::"))
            // Makes an account that was not there: the test below.
            && name != "Accounts::create"
    };
    let found: BTreeSet<String> = methods(sources).into_iter().filter(is_here).collect();
    let rows = ROWS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    found.symmetric_difference(&rows).cloned().collect()
}

#[test]
fn every_method_has_a_row() {
    let sources: String = sources()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(without_row(&sources), BTreeSet::new());
    let planted = "impl KeyManager {\n    pub async fn peek(&self) {}\n}\n";
    let planted = format!("{sources}{planted}");
    assert_eq!(
        without_row(&planted),
        ["KeyManager::peek".to_owned()].into()
    );
}

#[tokio::test]
async fn a_list_without_an_account_is_of_ones_own() {
    let setting = setting().await;
    let own = AccountId::new("acct_pro").unwrap();
    for account in ["acct_agency", "acct_pro"] {
        let new = NewKey::live(account, "x").scopes(["agents"]);
        setting.issue(new).await;
    }
    let all = ListKeys {
        filter: KeyFilter::All,
        ..ListKeys::default()
    };
    let keys = setting.ringyo.keys();
    let mine = keys.acting_as(Actor::user("7", own.clone()));
    let mine = mine.list(all.clone()).await.unwrap().items;
    assert!(mine.len() == 1 && mine[0].account == own);
    assert_eq!(keys.list(all).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn accounts_are_not_for_users_to_change() {
    let setting = setting().await;
    let own = AccountId::new("acct_pro").unwrap();
    let accounts = setting
        .ringyo
        .accounts()
        .acting_as(Actor::user("7", own.clone()));
    assert!(accounts.find(&own).await.is_ok());
    let other = AccountId::new("acct_agency").unwrap();
    assert!(matches!(
        accounts.find(&other).await,
        Err(ManageError::NotFound)
    ));
    assert!(matches!(
        accounts.set_plan(&own, "agency").await,
        Err(ManageError::NotFound)
    ));
    assert!(matches!(
        accounts.create("new", "agency").await,
        Err(ManageError::NotFound)
    ));
    assert!(matches!(
        accounts.list(None, 10).await,
        Err(ManageError::NotFound)
    ));
    let system = setting.ringyo.accounts();
    assert!(matches!(
        system.create("acct_pro", "pro").await,
        Err(ManageError::AlreadyExists)
    ));
    assert!(matches!(
        system.create("x", "gold").await,
        Err(ManageError::Invalid(_))
    ));
    assert!(matches!(
        system.create("x y", "pro").await,
        Err(ManageError::Invalid(_))
    ));
    assert_eq!(system.list(None, 10).await.unwrap().len(), 3);
}
