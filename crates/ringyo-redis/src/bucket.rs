//! A bucket in the server's terms: a name, and times in microseconds.

use std::time::Duration;

use ringyo_limit::{Bucket, Charge, Quota};

/// The step of the script's time.
pub(crate) const TICK: Duration = Duration::from_micros(1);

/// The integers up to here are exact in Lua, where every number is a double.
const LARGEST_EXACT: u64 = 1 << 53;

/// What `weight` cells cost, in nanoseconds.
pub(crate) fn cost_nanos(quota: Quota, weight: u32) -> u64 {
    interval_nanos(quota).saturating_mul(weight.into())
}

/// What the whole bucket holds, in nanoseconds.
pub(crate) fn fill_nanos(quota: Quota) -> u64 {
    cost_nanos(quota, quota.burst())
}

/// The arguments of the script for one bucket: what the charge costs, and what the bucket holds.
/// A charge that cannot be paid costs more than the bucket holds, whatever it is cut to.
pub(crate) fn arguments(charge: &Charge<'_>, bucket: Bucket<'_>) -> [u64; 2] {
    [
        cost_nanos(bucket.quota, charge.weight().get()),
        fill_nanos(bucket.quota),
    ]
    .map(|nanos| (nanos / 1_000).min(LARGEST_EXACT))
}

/// The names of the charge's buckets: the account's, then the key's. All names of one account have
/// the same part in braces, by which a cluster chooses the slot.
pub(crate) fn names(prefix: &str, charge: &Charge<'_>) -> (String, Option<String>) {
    let account = format!("{prefix}:{{{}}}", in_braces(charge.account().subject));
    let key = charge.key().map(|key| format!("{account}:{}", key.subject));
    (account, key)
}

/// What [`for_readiness`] is charged and holds: so much that it always has enough, and so little
/// that it is gone two milliseconds later.
pub(crate) const READINESS: [u64; 2] = [1, 3_600_000_000];

/// The name of a bucket that is charged to see whether that is possible. Without braces, no
/// account's and no key's is the same.
pub(crate) fn for_readiness(prefix: &str) -> String {
    format!("{prefix}:ready")
}

/// The subject without braces and never empty, as a cluster needs it; different subjects stay
/// different.
fn in_braces(subject: &str) -> String {
    if subject.is_empty() {
        return "%".to_owned();
    }
    let mut safe = String::with_capacity(subject.len());
    for character in subject.chars() {
        match character {
            '%' => safe.push_str("%25"),
            '{' => safe.push_str("%7B"),
            '}' => safe.push_str("%7D"),
            other => safe.push(other),
        }
    }
    safe
}

fn interval_nanos(quota: Quota) -> u64 {
    // A quota's interval is at most 366 days.
    u64::try_from(quota.refill_interval_in(TICK).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota::per_minute(60);

    fn both(account: &str, key: &str) -> [String; 2] {
        let charge = Charge::to_account(account, QUOTA).with_key(key, QUOTA);
        let (account, key) = names("ringyo", &charge);
        [account, key.unwrap()]
    }

    #[test]
    fn names_are_readable_and_in_one_slot() {
        let names = both("acct_1/live", "2f9Kx0aLmQz7");
        assert_eq!(
            names,
            ["ringyo:{acct_1/live}", "ringyo:{acct_1/live}:2f9Kx0aLmQz7"]
        );
    }

    #[test]
    fn hostile_subjects_get_names_of_their_own() {
        let subjects = [
            "", "%", "{", "}", "a}", "a}:b", "a}:", "%7D", ":", "a", "b}:a", "{a}",
        ];
        let mut seen = std::collections::HashMap::new();
        for account in subjects {
            for key in subjects {
                let [account_name, key_name] = both(account, key);
                let tag = |name: &str| {
                    let start = name.find('{').unwrap() + 1;
                    let length = name[start..].find('}').unwrap();
                    name[start..start + length].to_owned()
                };
                assert!(!tag(&account_name).is_empty());
                assert_eq!(tag(&account_name), tag(&key_name));
                for (name, subject) in [
                    (account_name, (account, None)),
                    (key_name, (account, Some(key))),
                ] {
                    assert_eq!(*seen.entry(name).or_insert(subject), subject);
                }
            }
        }
        assert_eq!(seen.len(), subjects.len() * (subjects.len() + 1));
    }

    #[test]
    fn what_cannot_be_paid_costs_more_than_the_bucket_holds() {
        let slowest = Quota::try_per(1, Quota::MAX_PERIOD).unwrap().with_burst(2);
        let fastest = Quota::per_second(u32::MAX);
        for quota in [slowest, fastest, QUOTA] {
            for weight in [quota.burst().saturating_add(1), u32::MAX] {
                let weight = std::num::NonZeroU32::new(weight).unwrap();
                let charge = Charge::to_account("a", quota).with_weight(weight);
                let [cost, fill] = arguments(&charge, charge.account());
                assert_eq!(
                    cost > fill,
                    weight.get() > quota.burst(),
                    "{quota}, {weight}"
                );
                assert!(cost <= LARGEST_EXACT && fill < LARGEST_EXACT / 2);
            }
        }
    }
}
