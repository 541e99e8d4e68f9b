//! The text of scopes and what they grant, against a regular expression and a comparison of texts.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use ringyo::preset::ringyo::CATALOG;
use ringyo::scope::{Access, Requirement, Scope, ScopeSet};

use crate::Subject;

/// Reads words as scopes, each alone and all together.
pub fn check(input: &[u8], subject: Subject) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    for word in &words {
        check_one(word, subject);
    }
    let Ok(set) = text.parse::<ScopeSet>() else {
        let good: Option<BTreeSet<String>> = words.iter().map(|word| canonical(word)).collect();
        assert!(good.is_none_or(|different| different.len() > ScopeSet::MAX_LEN));
        return;
    };
    let again: ScopeSet = set.to_string().parse().expect("what was written");
    assert_eq!(again, set);
    check_grants(&words, &set);
}

fn check_one(word: &str, subject: Subject) {
    let parsed = word.parse::<Scope>();
    let mut shown = parsed.as_ref().ok().map(ToString::to_string);
    if subject == Subject::Faulty && word.contains(":*@") && shown.is_some() {
        // Not brought to the one form that it has.
        shown = Some(word.to_owned());
    }
    assert_eq!(shown, canonical(word), "{parsed:?}");
    if let Ok(scope) = parsed {
        assert_eq!(scope.as_str().parse::<Scope>().as_ref(), Ok(&scope));
        let json = serde_json::to_string(&scope).expect("a text");
        let read: Scope = serde_json::from_str(&json).expect("what was written");
        assert_eq!(read, scope);
    }
}

/// The one form of a scope, if it is one.
fn canonical(word: &str) -> Option<String> {
    static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
        let name = "[a-z][a-z0-9_]{0,63}";
        let pattern = format!(
            r"^(?:(\*)(?::(\*|{name}))?|({name})(?::(\*|{name}))?(?:@([A-Za-z0-9._~-]{{1,128}}))?)$"
        );
        Regex::new(&pattern).expect("a pattern")
    });
    let parts = SHAPE.captures(word)?;
    let part = |number: usize| parts.get(number).map(|part| part.as_str());
    let resource = part(1).or(part(3))?;
    if resource == "read_only" && word != resource {
        return None;
    }
    let action = part(2).or(part(4)).filter(|action| *action != "*");
    let action = action.map_or(String::new(), |action| format!(":{action}"));
    let instance = part(5).map_or(String::new(), |instance| format!("@{instance}"));
    Some(format!("{resource}{action}{instance}"))
}

/// Each permission, on all of its resource and on instances: is it granted when a text says so?
fn check_grants(words: &[&str], set: &ScopeSet) {
    let grants = set.compile(&CATALOG);
    let cut = words.contains(&"read_only");
    let alone = cut && words.iter().all(|word| *word == "read_only");
    let named = words.iter().filter_map(|word| word.split_once('@'));
    let instances: Vec<&str> = named
        .map(|(_, instance)| instance)
        .chain(["other"])
        .collect();
    for name in CATALOG.permissions() {
        let needs = Requirement::permission(name.permission());
        let (resource, action) = (name.resource(), name.action());
        let may = |instance: Option<&str>| {
            let wanted = |word: &str| {
                let (target, on) = match word.split_once('@') {
                    Some((target, on)) => (target, Some(on)),
                    None => (word, None),
                };
                let (of, what) = target.split_once(':').unwrap_or((target, "*"));
                let is_here = on.is_none() || on == instance;
                is_here && ["*", resource].contains(&of) && ["*", action].contains(&what)
            };
            let is_read = name.access() == Access::Read;
            (is_read || !cut) && (alone || words.iter().any(|word| wanted(word)))
        };
        assert_eq!(grants.check(&needs).is_ok(), may(None), "{name}");
        for instance in &instances {
            let granted = grants.check_on(&needs, instance).is_ok();
            assert_eq!(granted, may(Some(instance)), "{name}@{instance}");
        }
    }
}
