//! Lists of keys and their pages.

use std::collections::HashMap;

use ringyo_key::{KeyId, Mode};

use super::fixture::*;
use super::record_fixture::{key, key_of};
use crate::{AccountId, KeyCursor, KeyFilter, KeyQuery, KeyRecord, KeyStatus, PageSize, Timestamp};

fn pages_of(size: usize) -> KeyQuery {
    KeyQuery {
        size: PageSize::new(size).expect("a size between 1 and 100"),
        ..every_key()
    }
}

fn ids(keys: &[KeyRecord]) -> Vec<KeyId> {
    keys.iter().map(|key| key.id).collect()
}

/// Ten keys at three moments, digits and letters of both cases in their ids.
async fn insert_ties(store: &Shared, account: &AccountId) -> Vec<KeyId> {
    let texts = [
        "000000000000",
        "000000000009",
        "ZZZZZZZZZZZZ",
        "aaaaaaaaaaaa",
        "zzzzzzzzzzzz",
        "AAAAAAAAAAAA",
        "Zzzzzzzzzzzz",
        "aZZZZZZZZZZZ",
        "900000000000",
        "0a0000000000",
    ];
    let mut expected = Vec::new();
    for (place, text) in texts.into_iter().enumerate() {
        let key = KeyRecord {
            created_at: at(place as i64 % 3),
            ..key_of(account, text.parse().expect("an id"), place)
        };
        insert(store, &key).await;
        expected.push((key.created_at, key.id));
    }
    expected.sort_unstable_by(|a, b| b.cmp(a));
    expected.into_iter().map(|(_, id)| id).collect()
}

pub(super) async fn list_is_newest_first(store: Shared) {
    let account = acct(&store).await;
    let expected = insert_ties(&store, &account).await;
    for size in [100, 1, 2, 3, 7] {
        let listed = list(&store, pages_of(size)).await;
        assert_eq!(ids(&listed), expected, "in pages of {size}");
    }
    for (place, id) in expected.iter().enumerate() {
        let after = find(&store, *id).await;
        let query = KeyQuery {
            after: Some(KeyCursor::behind(&after)),
            ..every_key()
        };
        let listed = list(&store, query).await;
        assert_eq!(ids(&listed), expected[place + 1..], "behind {id}");
    }
    // A cursor stands between keys: it need not be the place of one.
    let between = KeyCursor {
        created_at: at(1),
        id: "HHHHHHHHHHHH".parse().expect("an id"),
    };
    let query = KeyQuery {
        after: Some(between),
        ..every_key()
    };
    let mut behind = Vec::new();
    for id in &expected {
        let created_at = find(&store, *id).await.created_at;
        if (created_at, *id) < (between.created_at, between.id) {
            behind.push(*id);
        }
    }
    let listed = list(&store, query).await;
    assert_eq!(ids(&listed), behind, "behind a place without key");
}

pub(super) async fn list_pages_are_stable_under_inserts(store: Shared) {
    let account = acct(&store).await;
    let initial = insert_ties(&store, &account).await;
    let mut seen: HashMap<KeyId, usize> = HashMap::new();
    let mut query = pages_of(2);
    let mut number = 100;
    loop {
        let page = store.list_keys(&query).await.expect("keys are listed");
        for key in &page.items {
            *seen.entry(key.id).or_default() += 1;
        }
        // Newer, older and just as old as what the page ended with.
        let end = page.items.last().map_or(at(0), |key| key.created_at);
        for created_at in [Timestamp::MAX, at(-9), end, at(0), at(2)] {
            number += 1;
            let key = KeyRecord {
                created_at,
                ..key(&account, number)
            };
            if number < 140 {
                insert(&store, &key).await;
            }
        }
        match page.next {
            None => break,
            next => query.after = next,
        }
    }
    for id in initial {
        let times = seen.get(&id).copied().unwrap_or(0);
        assert_eq!(times, 1, "times that {id} was shown");
    }
    let twice = seen.iter().find(|&(_, &times)| times > 1);
    assert_eq!(twice, None, "a later key was shown more than once");
}

pub(super) async fn list_ends_at_the_last_page(store: Shared) {
    let first = store.list_keys(&pages_of(5)).await;
    let first = first.expect("an empty store is listed");
    assert!(first.items.is_empty() && first.next.is_none(), "{first:?}");
    let account = acct(&store).await;
    for number in 0..10 {
        insert(&store, &key(&account, number)).await;
    }
    for (size, expected) in [
        (5, [5, 5].as_slice()),
        (10, &[10]),
        (9, &[9, 1]),
        (11, &[10]),
    ] {
        let (mut query, mut sizes) = (pages_of(size), Vec::new());
        loop {
            let page = store.list_keys(&query).await.expect("keys are listed");
            sizes.push(page.items.len());
            match page.next {
                None => break,
                next => query.after = next,
            }
            assert!(sizes.len() < 9, "pages of {size} never end");
        }
        assert_eq!(sizes, expected, "pages of {size}");
    }
}

pub(super) async fn list_filters_by_state(store: Shared) {
    let account = acct(&store).await;
    let variants: [(KeyStatus, Option<i64>, Option<i64>); 10] = [
        (KeyStatus::Active, None, None),
        (KeyStatus::Active, Some(11), Some(11)),
        (KeyStatus::Active, Some(10), None),
        (KeyStatus::Active, Some(9), None),
        (KeyStatus::Active, None, Some(10)),
        (KeyStatus::Active, None, Some(11)),
        (KeyStatus::Disabled, None, None),
        (KeyStatus::Revoked, None, None),
        (KeyStatus::Revoked, Some(11), None),
        (KeyStatus::Superseded, None, None),
    ];
    for (number, (status, expires, superseded)) in variants.into_iter().enumerate() {
        let key = KeyRecord {
            status,
            expires_at: expires.map(at),
            superseded_at: superseded.map(at),
            ..key(&account, number)
        };
        insert(&store, &key).await;
    }
    let listed = async |filter, moment| {
        let query = KeyQuery {
            filter,
            at: moment,
            ..pages_of(2)
        };
        let mut ids = ids(&list(&store, query).await);
        ids.reverse();
        ids
    };
    let numbers = |numbers: &[usize]| numbers.iter().copied().map(key_id).collect::<Vec<_>>();
    let all = numbers(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(listed(KeyFilter::All, at(10)).await, all);
    let active = listed(KeyFilter::Active, at(10)).await;
    assert_eq!(active, numbers(&[0, 1, 5]), "active at the tenth second");
    let just_before = Timestamp::from_unix_millis(at(10).as_unix_millis() - 1);
    let active = listed(KeyFilter::Active, just_before).await;
    assert_eq!(
        active,
        numbers(&[0, 1, 2, 4, 5]),
        "active a millisecond before"
    );
    let active = listed(KeyFilter::Active, Timestamp::MAX).await;
    assert_eq!(active, numbers(&[0]), "active at the end of time");
}

pub(super) async fn list_filters_by_mode_and_account(store: Shared) {
    let accounts = ["acct_1", "ACCT_1", "acct_2"];
    for (place, id) in accounts.into_iter().enumerate() {
        let account = account(&store, id).await.id;
        for (step, mode) in [Mode::Live, Mode::Test, Mode::Live].into_iter().enumerate() {
            let key = KeyRecord {
                mode,
                ..key(&account, 10 * place + step)
            };
            insert(&store, &key).await;
        }
    }
    let everybody: [Option<&str>; 4] = [None, Some("acct_1"), Some("ACCT_1"), Some("acct_9")];
    for account in everybody.map(|id| id.map(account_id)) {
        for mode in [None, Some(Mode::Live), Some(Mode::Test)] {
            let query = KeyQuery {
                account: account.clone(),
                mode,
                ..pages_of(1)
            };
            let mut expected = list(&store, every_key()).await;
            expected.retain(|key| {
                account.as_ref().is_none_or(|id| *id == key.account)
                    && mode.is_none_or(|mode| mode == key.mode)
            });
            let listed = list(&store, query).await;
            assert_eq!(ids(&listed), ids(&expected), "{account:?}, {mode:?}");
        }
    }
}

pub(super) async fn list_name_filter_is_literal(store: Shared) {
    let account = acct(&store).await;
    let names = [
        "Production Server",
        "100% sure",
        "100 percent",
        "a_b",
        "axb",
        r"back\slash",
        "back/slash",
        "[ab]*?^$.",
        "it's \"quoted\"",
        "ÄRGER straße",
        "ärger STRASSE",
        "🔑🔑",
        "K elvin",
        "\u{212a} elvin",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let key = KeyRecord {
            name: name.to_owned(),
            ..key(&account, number)
        };
        insert(&store, &key).await;
    }
    let searches = [
        "production",
        "SERVER",
        "n s",
        "%",
        "0%",
        "_",
        "a_b",
        "A_B",
        r"\",
        r"\s",
        "*",
        "?",
        "[ab]",
        "^$.",
        "'",
        "\"",
        "''",
        "ä",
        "Ä",
        "strasse",
        "ß",
        "🔑",
        "k",
        "",
        " ",
        "nothing like it",
        "Production Server and more",
    ];
    for search in searches {
        let query = KeyQuery {
            name_contains: Some(search.to_owned()),
            ..pages_of(3)
        };
        let listed = list(&store, query).await;
        let mut listed: Vec<&str> = listed.iter().map(|key| key.name.as_str()).collect();
        listed.reverse();
        let wanted = search.to_ascii_lowercase();
        let fits = |name: &&str| name.to_ascii_lowercase().contains(&wanted);
        let expected: Vec<&str> = names.into_iter().filter(fits).collect();
        assert_eq!(listed, expected, "names containing {search:?}");
    }
}
