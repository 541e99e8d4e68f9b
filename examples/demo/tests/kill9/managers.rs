//! People who manage keys, each their own, one change after the other; and what they know.

use std::collections::{HashMap, HashSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Answer, Demo, Visitor};

/// Requests with test keys after a restart: the account may make 300 a minute.
const MAX_PROBES: usize = 200;

pub(crate) struct Manager {
    number: usize,
    keys: Vec<Key>,
    named: usize,
    answered: usize,
    interrupted: usize,
    came_true: usize,
    /// What was asked for when the service was killed.
    unanswered: Option<Change>,
    /// Positions of the keys that changed in this round.
    touched: HashSet<usize>,
}

#[derive(Debug, Clone)]
struct Key {
    id: String,
    /// Not known of a key whose making was not answered.
    secret: Option<String>,
    name: String,
    state: State,
    /// How many entries the audit trail has of it.
    events: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Disabled,
    Revoked,
    Superseded,
}

#[derive(Debug, Clone)]
enum Change {
    Issue { name: String },
    Rename { key: usize, name: String },
    Set { key: usize, state: State },
    Regenerate { key: usize },
}

impl Manager {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            number,
            keys: Vec::new(),
            named: 0,
            answered: 0,
            interrupted: 0,
            came_true: 0,
            unanswered: None,
            touched: HashSet::new(),
        }
    }

    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn answered(&self) -> usize {
        self.answered
    }

    pub(crate) fn has_revoked(&self) -> bool {
        self.keys.iter().any(|key| key.state == State::Revoked)
    }

    /// Changes that were not answered.
    pub(crate) fn interrupted(&self) -> usize {
        self.interrupted
    }

    /// Those of them that were made nevertheless.
    pub(crate) fn came_true(&self) -> usize {
        self.came_true
    }

    /// Makes changes until there is nobody left to ask.
    pub(crate) async fn work(&mut self, visitor: &Visitor<'_>, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        loop {
            let change = self.choose(&mut rng);
            match Answer::try_of(self.request(visitor, &change)).await {
                Ok(answer) => self.apply(change, &answer),
                Err(_) => {
                    self.unanswered = Some(change);
                    self.interrupted += 1;
                    return;
                }
            }
        }
    }

    fn choose(&mut self, rng: &mut StdRng) -> Change {
        // Those that can still be changed, the newest of them: old keys are to rest.
        let alive: Vec<usize> = (0..self.keys.len())
            .rev()
            .filter(|&key| matches!(self.keys[key].state, State::Active | State::Disabled))
            .take(5)
            .collect();
        let Some(&key) = alive.choose(rng).filter(|_| alive.len() > 2) else {
            let name = self.new_name();
            return Change::Issue { name };
        };
        let set = |state| Change::Set { key, state };
        match (rng.random_range(0..10), self.keys[key].state) {
            (0..2, _) => Change::Issue {
                name: self.new_name(),
            },
            (2..4, _) => Change::Rename {
                key,
                name: self.new_name(),
            },
            (4..6, _) => set(State::Revoked),
            (6..10, State::Disabled) => set(State::Active),
            (6, _) => set(State::Disabled),
            _ => Change::Regenerate { key },
        }
    }

    fn new_name(&mut self) -> String {
        self.named += 1;
        format!("Manager {} key {}", self.number, self.named)
    }

    fn request(&self, visitor: &Visitor<'_>, change: &Change) -> reqwest::RequestBuilder {
        let id = |key: usize| &self.keys[key].id;
        let (method, path, body) = match change {
            Change::Issue { name } => {
                let body = json!({ "name": name, "mode": "test", "permissions": ["agents:read"] });
                (Method::POST, "/api/keys".to_owned(), Some(body))
            }
            Change::Rename { key, name } => {
                let body = json!({ "name": name });
                (Method::PATCH, format!("/api/keys/{}", id(*key)), Some(body))
            }
            Change::Set { key, state } => {
                let action = match state {
                    State::Active => "enable",
                    State::Disabled => "disable",
                    State::Revoked => "revoke",
                    State::Superseded => panic!("nobody sets that"),
                };
                (
                    Method::POST,
                    format!("/api/keys/{}/{action}", id(*key)),
                    None,
                )
            }
            Change::Regenerate { key } => (
                Method::POST,
                format!("/api/keys/{}/regenerate", id(*key)),
                None,
            ),
        };
        let request = visitor
            .request(method, &path)
            .header("Sec-Fetch-Site", "same-origin");
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    fn apply(&mut self, change: Change, answer: &Answer) {
        assert!(
            matches!(answer.status, 200 | 201),
            "{change:?}: {}",
            answer.text
        );
        self.answered += 1;
        let data = answer.data();
        let secret = data["key"].as_str().map(str::to_owned);
        self.make_known(change, &data, secret);
    }

    /// Takes over what a change has come to; `data` is the key that it made or changed.
    fn make_known(&mut self, change: Change, data: &Value, secret: Option<String>) {
        let made = |name: String| Key {
            id: data["id"].as_str().unwrap().to_owned(),
            secret,
            name,
            state: State::Active,
            events: 1,
        };
        let changed = match change {
            Change::Issue { name } => {
                self.keys.push(made(name));
                self.keys.len() - 1
            }
            Change::Rename { key, name } => {
                self.keys[key].name = name;
                self.keys[key].events += 1;
                key
            }
            Change::Set { key, state } => {
                self.keys[key].state = state;
                self.keys[key].events += 1;
                key
            }
            Change::Regenerate { key } => {
                let new = made(self.keys[key].name.clone());
                self.keys[key].state = State::Superseded;
                self.keys[key].events += 1;
                self.keys.push(new);
                self.touched.insert(self.keys.len() - 1);
                key
            }
        };
        self.touched.insert(changed);
    }

    /// Finds out what became of the change that was not answered: all of it or nothing.
    fn resolve(&mut self, listed: &HashMap<String, Value>) {
        let Some(change) = self.unanswered.take() else {
            return;
        };
        let view = |key: usize| &listed[&self.keys[key].id];
        let done = match &change {
            Change::Issue { name } => {
                let mut made = listed.values().filter(|view| view["name"] == **name);
                let (made, second) = (made.next(), made.next());
                assert!(second.is_none(), "two keys for one request: {name}");
                made.cloned()
            }
            Change::Rename { key, name } => {
                Some(view(*key)).filter(|v| v["name"] == **name).cloned()
            }
            Change::Set { key, state } => Some(view(*key))
                .filter(|v| v["state"] == state.text())
                .cloned(),
            Change::Regenerate { key } => view(*key)["replaced_by"]
                .as_str()
                .map(|new| listed[new].clone()),
        };
        if let Some(data) = done {
            self.came_true += 1;
            self.make_known(change, &data, None);
        }
    }
}

/// Compares what the service says with what the managers know.
pub(crate) async fn check(
    managers: &mut [Manager],
    visitor: &Visitor<'_>,
    demo: &Demo,
    rng: &mut StdRng,
) {
    let listed = list_all(visitor).await;
    for manager in &mut *managers {
        manager.resolve(&listed);
    }
    // One key more: the one that the callers call with.
    let known: usize = managers.iter().map(Manager::keys).sum();
    assert_eq!(listed.len(), known + 1, "a key that nobody asked for");

    let mut probes = 0;
    for manager in managers {
        for (position, key) in manager.keys.iter().enumerate() {
            let view = &listed[&key.id];
            assert_eq!(
                (&view["name"], &view["state"]),
                (&json!(key.name), &json!(key.state.text()))
            );
            assert_eq!(
                view["replaced_by"].is_null(),
                key.state != State::Superseded,
                "{view}"
            );
            // All that changed is tried, and some of what is older.
            let is_touched = manager.touched.contains(&position);
            let is_chosen = is_touched || rng.random_ratio(1, 20);
            if is_chosen && probes < MAX_PROBES {
                probes += 1;
                probe(key, visitor, demo).await;
            }
        }
        manager.touched.clear();
    }
}

async fn probe(key: &Key, visitor: &Visitor<'_>, demo: &Demo) {
    let events = visitor
        .get(&format!("/api/keys/{}/events?limit=100", key.id))
        .await
        .data();
    assert_eq!(
        events.as_array().unwrap().len(),
        key.events,
        "{key:?}: {events}"
    );
    let Some(secret) = &key.secret else {
        return;
    };
    let answer = demo.get(secret, "/v1/agents").await;
    let expected = match key.state {
        State::Active => (200, ""),
        State::Disabled => (401, "api_key_disabled"),
        State::Revoked | State::Superseded => (401, "api_key_revoked"),
    };
    assert_eq!((answer.status, answer.code().as_str()), expected, "{key:?}");
}

async fn list_all(visitor: &Visitor<'_>) -> HashMap<String, Value> {
    let mut listed = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = visitor
            .get(&format!("/api/keys?state=all&limit=100&cursor={cursor}"))
            .await
            .json();
        for view in page["data"].as_array().unwrap() {
            let twice = listed.insert(view["id"].as_str().unwrap().to_owned(), view.clone());
            assert!(twice.is_none());
        }
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return listed,
        }
    }
}

impl State {
    fn text(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
        }
    }
}
