//! An account's keys do not exist for anybody of another account: the whole matrix.

use ringyo_auth::{Actor, ListKeys, ManageError, NewKey, Overlap};
use ringyo_key::KeyId;
use ringyo_store::{AccountId, KeyFilter, PageSize};

use crate::support::setting;

#[tokio::test]
async fn every_call_on_own_foreign_and_missing_keys() {
    let setting = setting().await;
    let own = AccountId::new("acct_pro").unwrap();
    let keys = setting
        .ringyo
        .keys()
        .acting_as(Actor::user("7", own.clone()));
    let new = |account: &str| NewKey::live(account, "x").scopes(["agents"]);
    let foreign = setting.issue(new("acct_agency")).await.record.id;
    let missing: KeyId = "000000000000".parse().unwrap();

    for id in [foreign, missing] {
        let answers = [
            keys.find(id).await.map(drop),
            keys.rename(id, "mine").await.map(drop),
            keys.set_scopes(id, ["*"]).await.map(drop),
            keys.disable(id).await.map(drop),
            keys.enable(id).await.map(drop),
            keys.revoke(id).await.map(drop),
            keys.regenerate(id, Overlap::NONE).await.map(drop),
            keys.events(id, None, PageSize::DEFAULT).await.map(drop),
        ];
        for (call, answer) in answers.into_iter().enumerate() {
            assert!(
                matches!(answer, Err(ManageError::NotFound)),
                "call {call}: {answer:?}"
            );
        }
    }
    assert!(matches!(
        keys.issue(new("acct_agency")).await,
        Err(ManageError::NotFound)
    ));
    assert!(matches!(
        keys.pepper_usage().await,
        Err(ManageError::NotFound)
    ));
    let theirs = ListKeys {
        account: Some(AccountId::new("acct_agency").unwrap()),
        ..ListKeys::default()
    };
    assert!(matches!(
        keys.list(theirs).await,
        Err(ManageError::NotFound)
    ));
    let all = ListKeys {
        filter: KeyFilter::All,
        ..ListKeys::default()
    };
    assert!(keys.list(all.clone()).await.unwrap().items.is_empty());

    // Nothing happened to the foreign key; and the same calls work on one's own.
    let untouched = setting.ringyo.keys().find(foreign).await.unwrap();
    assert_eq!(untouched.name, "x");
    let events = setting
        .ringyo
        .keys()
        .events(foreign, None, PageSize::DEFAULT)
        .await
        .unwrap();
    assert_eq!(events.items.len(), 1);
    let mine = keys.issue(new("acct_pro")).await.unwrap().record.id;
    keys.find(mine).await.unwrap();
    keys.rename(mine, "mine").await.unwrap();
    keys.set_scopes(mine, ["*"]).await.unwrap();
    keys.disable(mine).await.unwrap();
    keys.enable(mine).await.unwrap();
    let mine = keys
        .regenerate(mine, Overlap::NONE)
        .await
        .unwrap()
        .new
        .record
        .id;
    keys.events(mine, None, PageSize::DEFAULT).await.unwrap();
    keys.revoke(mine).await.unwrap();
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
