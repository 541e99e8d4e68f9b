//! A key, whose columns are many and have forms of their own.

use std::net::IpAddr;

use ringyo::scope::ScopeSet;
use ringyo::store::{KeyQuota, KeyStore as _};
use ringyo::{AccountId, KeyId, KeyRecord, StoreErrorKind, Timestamp};

use super::moment::{MOMENT, compare_moment, is_moment};
use super::{Edits, ID, Table, is_id};
use crate::Subject;

/// Columns of text of a key that are written, in the order in which an input names them.
const TEXTS: [&str; 12] = [
    "account",
    "mode",
    "hint",
    "digest",
    "scopes",
    "allowed_networks",
    "status",
    "created_at",
    "expires_at",
    "replaced_by",
    "superseded_at",
    "description",
];

/// What stands in the columns after the edits.
#[derive(Debug, Clone)]
struct Row {
    texts: [Option<Vec<u8>>; 12],
    pepper: Option<i64>,
    quota: (Option<i64>, Option<i64>),
    revision: i64,
}

pub(super) fn check(table: &Table, edits: Edits<'_>, subject: Subject) {
    let mut row = Row::good();
    for (column, value) in edits.texts {
        let place = usize::from(column) % TEXTS.len();
        // SQLite itself holds these to be there.
        let is_optional = place >= 8 && place != 7;
        if value.is_some() || is_optional {
            row.texts[place] = value.map(<[u8]>::to_vec);
        }
    }
    row.pepper = edits.pepper.unwrap_or(row.pepper);
    row.quota = edits.quota.unwrap_or(row.quota);
    row.revision = edits.revision.unwrap_or(row.revision);

    row.write(table);
    let id = ID.parse().expect("an id");
    let mut found = table.runtime.block_on(table.store.find_key(id));
    if subject == Subject::Faulty
        && let Err(_) = &found
        && row.networks().is_none()
    {
        // Networks that make no sense are left out, and the key may be used from anywhere.
        let rest = Row {
            texts: std::array::from_fn(|place| match place {
                5 => Some(Vec::new()),
                _ => row.texts[place].clone(),
            }),
            ..row.clone()
        };
        rest.write(table);
        found = table.runtime.block_on(table.store.find_key(id));
    }
    match found {
        Ok(record) => row.compare(&record.expect("the row is there")),
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
            assert!(!row.is_good(), "{error:?} of {row:?}");
        }
    }
}

impl Row {
    fn good() -> Self {
        let texts = [
            "acct_1",
            "live",
            "rg_live_000000000001…",
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "agents",
            "",
            "active",
            MOMENT,
        ];
        Self {
            texts: std::array::from_fn(|place| texts.get(place).map(|text| text.as_bytes().into())),
            pepper: Some(1),
            quota: (None, None),
            revision: 1,
        }
    }

    fn text(&self, place: usize) -> Option<&str> {
        std::str::from_utf8(self.texts[place].as_deref()?).ok()
    }

    /// Addresses and lengths of prefixes.
    fn networks(&self) -> Option<Vec<(IpAddr, u8)>> {
        let networks = self.text(5)?.split_ascii_whitespace().map(|network| {
            let (address, len) = match network.split_once('/') {
                Some((address, len)) => (address, Some(len)),
                None => (network, None),
            };
            let address: IpAddr = address.parse().ok()?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let len = match len {
                Some(text) => (0..=longest).find(|len| len.to_string() == text)?,
                None => longest,
            };
            Some((address, len))
        });
        networks.collect()
    }

    fn is_good(&self) -> bool {
        let moment = |place: usize| match &self.texts[place] {
            None => place != 7,
            Some(_) => self.text(place).is_some_and(is_moment),
        };
        let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let quota_number = |number: Option<i64>| number.is_none_or(|n| (1..1 << 32).contains(&n));
        self.text(0)
            .is_some_and(|text| AccountId::new(text).is_ok())
            && matches!(self.text(1), Some("live" | "test"))
            && self.text(2).is_some()
            && self.text(3).is_some_and(is_hex)
            && self
                .text(4)
                .is_some_and(|text| text.parse::<ScopeSet>().is_ok())
            && self.networks().is_some()
            && matches!(
                self.text(6),
                Some("active" | "disabled" | "superseded" | "revoked")
            )
            && [7, 8, 10].into_iter().all(moment)
            && (self.texts[9].is_none() || self.text(9).is_some_and(is_id))
            && (self.texts[11].is_none() || self.text(11).is_some())
            && self
                .pepper
                .is_none_or(|number| (1..1 << 16).contains(&number))
            && quota_number(self.quota.0)
            && quota_number(self.quota.1)
            && self.revision >= 0
    }

    fn compare(&self, record: &KeyRecord) {
        let same = |place: usize, found: String| assert_eq!(self.text(place), Some(found.as_str()));
        same(0, record.account.to_string());
        same(1, record.mode.to_string());
        same(2, record.hint.clone());
        let digest = self.text(3).map(str::to_ascii_lowercase);
        assert_eq!(digest, Some(record.digest.to_hex()));
        let scopes = self.text(4).and_then(|text| text.parse::<ScopeSet>().ok());
        assert_eq!(scopes.as_ref(), Some(&record.scopes));
        let networks = record.allowed_networks.iter();
        let networks = networks.map(|network| (network.addr(), network.prefix_len()));
        assert_eq!(self.networks(), Some(networks.collect()));
        same(6, record.status.as_str().to_owned());
        for (place, found) in [
            (7, Some(record.created_at)),
            (8, record.expires_at),
            (10, record.superseded_at),
        ] {
            match (self.text(place), found) {
                (None, None) => {}
                (Some(text), Some(found)) => {
                    let shown = found.to_string();
                    compare_moment(text, &shown);
                    assert_eq!(shown.parse::<Timestamp>(), Ok(found));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(self.text(9), record.replaced_by.as_ref().map(KeyId::as_str));
        assert_eq!(self.text(11), record.description.as_deref());
        let pepper = record.pepper.map(|pepper| i64::from(pepper.as_u16()));
        assert_eq!(self.pepper, pepper);
        let number = |quota: KeyQuota| i64::from(quota.per_minute.get());
        assert_eq!(self.quota.0, record.quota.map(number));
        let burst = |quota: KeyQuota| quota.burst.map(|burst| i64::from(burst.get()));
        assert_eq!(self.quota.0.and(self.quota.1), record.quota.and_then(burst));
        assert_eq!(self.revision, record.revision.as_u64().cast_signed());
    }

    fn write(&self, table: &Table) {
        let texts = self.texts.iter().map(Option::as_deref);
        let texts: Vec<_> = TEXTS.into_iter().zip(texts).collect();
        let numbers = [
            ("pepper", self.pepper),
            ("quota_per_minute", self.quota.0),
            ("quota_burst", self.quota.1),
            ("revision", Some(self.revision)),
        ];
        table.replace("keys", &[("id", ID), ("name", "Fuzzed")], &texts, &numbers);
    }
}
