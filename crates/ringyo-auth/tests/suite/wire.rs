//! What goes over the wire, byte for byte: `wire.txt` holds for each request the whole response.
//!
//! Clients are written against these bytes. After a change that is meant, run the test with
//! `WIRE=write` in the environment and read the difference before it is committed.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue};
use ringyo_auth::preset::ringyo::{AGENTS_READ, AGENTS_UPDATE, CALLS_CREATE};
use ringyo_auth::{
    AuthError, BodyStyle, Builder, Caller, Credential, CredentialSources, Overlap, Preset,
    RateHeaders, Ringyo,
};
use ringyo_auth::{IssuedKey, NewKey};
use ringyo_key::{KeyFormat, Mode};
use ringyo_limit::{
    Charge, Clock as _, Decision, LimitError, LimitErrorKind, ManualClock, Now, RateLimiter, Tally,
};
use ringyo_scope::Requirement;
use ringyo_store::{AccountId, EventKind, IpNet, KeyRecord, KeyStore as _, NewEvent, OperationId};

use crate::support::{PEPPER, START, Watched, peppers, strange_peppers};

const FROZEN: &str = include_str!("wire.txt");

#[tokio::test]
async fn every_response_is_as_it_was() {
    let now = transcript().await;
    let requests = now.matches("\n## ").count();
    assert!(requests >= 60, "{requests} requests");
    println!("{requests} requests answered");
    if std::env::var_os("WIRE").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/wire.txt");
        std::fs::write(file, &now).unwrap();
        panic!("written, not compared: read the difference and run again without WIRE");
    }
    for (frozen, now) in FROZEN.split("\n## ").zip(now.split("\n## ")) {
        assert_eq!(frozen, now);
    }
    assert_eq!(FROZEN, now);
}

/// One service, and the handler behind it.
struct Wire {
    ringyo: Ringyo,
    clock: ManualClock,
    store: Watched,
    said: String,
}

/// What the handler does after the caller is known.
#[derive(Clone, Copy)]
enum Handler {
    Needs(&'static Requirement),
    NeedsOn(&'static Requirement, &'static str),
    Charges(u64),
}

const READS: Handler = Handler::Needs(&AGENTS_READ);

impl Wire {
    async fn new(adjust: impl FnOnce(&mut Preset), build: impl FnOnce(Builder) -> Builder) -> Self {
        let (store, clock) = (Watched::default(), ManualClock::new(START));
        let mut preset = Preset::ringyo();
        adjust(&mut preset);
        let builder = Ringyo::builder(preset, peppers())
            .store(store.clone())
            .clock(clock.clone());
        let ringyo = build(builder).build().await.unwrap();
        for (id, plan) in [("pro", "pro"), ("agency", "agency"), ("starter", "pro")] {
            ringyo.accounts().create(id, plan).await.unwrap();
        }
        Self {
            ringyo,
            clock,
            store,
            said: String::new(),
        }
    }

    async fn issue(&self, new: NewKey) -> IssuedKey {
        self.ringyo.keys().issue(new).await.unwrap()
    }

    async fn key(&self) -> IssuedKey {
        self.issue(NewKey::live("agency", "k").scopes(["agents:read"]))
            .await
    }

    /// Sends a request and writes down what comes back.
    async fn send(&mut self, about: &str, lines: &[(&str, &str)], handler: Handler) {
        self.send_from(about, lines, None, None, handler).await;
    }

    async fn send_key(&mut self, about: &str, key: &IssuedKey, handler: Handler) {
        let bearer = format!("Bearer {}", key.key.expose());
        self.send(about, &[("authorization", &bearer)], handler)
            .await;
    }

    async fn send_from(
        &mut self,
        about: &str,
        lines: &[(&str, &str)],
        query: Option<&str>,
        client: Option<&str>,
        handler: Handler,
    ) {
        let lines = lines.iter().map(|(name, value)| (*name, value.as_bytes()));
        let lines: Vec<_> = lines.collect();
        self.send_bytes(about, &lines, query, client, handler).await;
    }

    async fn send_bytes(
        &mut self,
        about: &str,
        lines: &[(&str, &[u8])],
        query: Option<&str>,
        client: Option<&str>,
        handler: Handler,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let http = self.ringyo.http();
        let mut credential = http.credential(&headers, query);
        if let Some(client) = client {
            credential = credential.client(client.parse().unwrap());
        }
        let response = self.respond(credential, handler).await;
        let (parts, body) = response.into_parts();
        write!(self.said, "\n## {about}\n\n{}\n", parts.status.as_u16()).unwrap();
        for (name, value) in &parts.headers {
            writeln!(self.said, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
        writeln!(self.said, "\n{body}").unwrap();
    }

    async fn respond(
        &self,
        credential: Credential<'_>,
        handler: Handler,
    ) -> http::Response<String> {
        let (http, now) = (self.ringyo.http(), self.clock.now());
        let caller = match self.ringyo.authenticate(credential).await {
            Ok(caller) => caller,
            Err(refusal) => return http.reject(&refusal, now).into_response("req_1"),
        };
        let mut response = self.handle(&caller, handler).await;
        if let Some(rate) = caller.rate() {
            response.headers_mut().extend(http.rate_headers(&rate, now));
        }
        response
    }

    async fn handle(&self, caller: &Caller, handler: Handler) -> http::Response<String> {
        let (http, now) = (self.ringyo.http(), self.clock.now());
        let refuse = |error: AuthError| http.reject(&error, now).into_response("req_1");
        let allowed = match handler {
            Handler::Needs(requirement) => caller.require(requirement),
            Handler::NeedsOn(requirement, instance) => caller.require_on(requirement, instance),
            Handler::Charges(_) => caller.require(&CALLS_CREATE),
        };
        if let Err(error) = allowed {
            return refuse(error);
        }
        if let Handler::Charges(credits) = handler {
            let live = match caller.require_live() {
                Ok(live) => live,
                Err(error) => return refuse(error),
            };
            let operation = OperationId::new("call_1").unwrap();
            let charged = self
                .ringyo
                .wallet()
                .charge(&live, credits, &operation)
                .await;
            if let Err(error) = charged {
                return http.reject(&error, now).into_response("req_1");
            }
        }
        http::Response::new("done".to_owned())
    }
}

/// A limiter that does not answer.
#[derive(Debug)]
struct OutOfReach;

#[async_trait]
impl RateLimiter for OutOfReach {
    fn check_now(&self, _: &Charge<'_>, _: Now) -> Option<Decision> {
        None
    }

    async fn check(&self, _: &Charge<'_>, _: Now) -> Result<Decision, LimitError> {
        Err(LimitError::new(LimitErrorKind::Unavailable))
    }

    fn quota_changed(&self, _: &str) {}

    fn tally(&self, _: &str) -> Option<Tally> {
        None
    }

    async fn ready(&self) -> Result<(), LimitError> {
        Err(LimitError::new(LimitErrorKind::Unavailable))
    }
}

async fn transcript() -> String {
    let mut said = String::from("What each request is answered, byte for byte. See `wire.rs`.\n");
    said += &credentials().await;
    said += &keys().await;
    said += &states().await;
    said += &rates().await;
    said += &handlers().await;
    said += &management().await;
    said += &styles().await;
    said
}

/// Question 1: is there one credential? And 2: does it look like a key?
async fn credentials() -> String {
    let mut wire = Wire::new(|_| {}, |builder| builder).await;
    let key = wire.key().await;
    let key = key.key.expose();
    let rows: Vec<(&str, Vec<String>)> = vec![
        ("no header", vec![]),
        ("bearer", vec![format!("Bearer {key}")]),
        ("lower-case scheme", vec![format!("bearer {key}")]),
        ("upper-case scheme", vec![format!("BEARER {key}")]),
        ("several spaces", vec![format!("Bearer    {key}")]),
        (
            "two equal headers",
            vec![format!("Bearer {key}"), format!("Bearer {key}")],
        ),
        (
            "two schemes",
            vec![format!("Bearer {key}"), "Basic dTpw".to_owned()],
        ),
        (
            "two in one header",
            vec![format!("Bearer {key}, Bearer {key}")],
        ),
        ("another scheme", vec!["Basic dTpw".to_owned()]),
        ("the key alone", vec![key.to_owned()]),
        ("no space behind the scheme", vec![format!("Bearer{key}")]),
        ("a tab behind the scheme", vec![format!("Bearer\t{key}")]),
        ("a tab behind the space", vec![format!("Bearer \t{key}")]),
        ("the scheme alone", vec!["Bearer".to_owned()]),
        ("the scheme and a space", vec!["Bearer ".to_owned()]),
        ("an empty header", vec![String::new()]),
        ("a space behind the key", vec![format!("Bearer {key} ")]),
        ("a key in quotes", vec![format!("Bearer \"{key}\"")]),
        (
            "a key in upper case",
            vec![format!("Bearer {}", key.to_uppercase())],
        ),
        ("a key twice", vec![format!("Bearer {key}{key}")]),
        ("two keys", vec![format!("Bearer {key} {key}")]),
        ("a space before the scheme", vec![format!(" Bearer {key}")]),
        ("a colon behind the scheme", vec![format!("Bearer:{key}")]),
        ("a comma behind the key", vec![format!("Bearer {key},")]),
        ("a comma before the key", vec![format!("Bearer ,{key}")]),
        (
            "a no-break space behind the key",
            vec![format!("Bearer {key}\u{a0}")],
        ),
        ("not ASCII", vec!["Bearer rg_live_ключ".to_owned()]),
        (
            "ten kilobytes",
            vec![format!("Bearer rg_live_{}", "A".repeat(10_240))],
        ),
        ("another brand", vec![format!("Bearer sk{}", &key[2..])]),
        ("a shorter key", vec![format!("Bearer {}", &key[..63])]),
        (
            "another mode word",
            vec![format!("Bearer {}", key.replace("live", "prod"))],
        ),
        (
            "a wrong checksum",
            vec![format!(
                "Bearer {}{}",
                &key[..63],
                if key.ends_with('0') { 1 } else { 0 }
            )],
        ),
    ];
    for (about, values) in &rows {
        let lines: Vec<_> = values
            .iter()
            .map(|value| ("authorization", value.as_str()))
            .collect();
        wire.send(about, &lines, READS).await;
    }
    let no_text: &[u8] = b"Bearer \xff\xfe";
    wire.send_bytes(
        "not even UTF-8",
        &[("authorization", no_text)],
        None,
        None,
        READS,
    )
    .await;
    wire.send(
        "a header that is not looked at",
        &[("x-api-key", key)],
        READS,
    )
    .await;
    wire.send_from(
        "a query that is not looked at",
        &[],
        Some(&format!("api_key={key}")),
        None,
        READS,
    )
    .await;
    wire.said
}

/// Questions 3 to 5: was it minted here, is it known, is it the same secret?
async fn keys() -> String {
    let mut wire = Wire::new(|_| {}, |builder| builder).await;
    let format = KeyFormat::new(ringyo_auth::preset::ringyo::BRAND);
    for (about, peppers) in [
        ("a forged key", strange_peppers()),
        (
            "a key that nobody stored",
            ringyo_key::PepperRing::parse(PEPPER).unwrap(),
        ),
    ] {
        let bearer = format!("Bearer {}", format.mint(Mode::Live, &peppers).key.expose());
        wire.send(about, &[("authorization", &bearer)], READS).await;
    }
    // Another service with the same pepper has given the id to another secret.
    let (here, elsewhere) = (wire.key().await, wire.key().await);
    let stranger = Wire::new(|_| {}, |builder| builder).await;
    let record = KeyRecord {
        id: elsewhere.record.id,
        ..stranger.key().await.record
    };
    let event = NewEvent::new(
        EventKind::KeyIssued,
        record.account.clone(),
        "test",
        record.created_at,
    );
    stranger
        .store
        .inner
        .insert_key(&record, None, &event)
        .await
        .unwrap();
    let mut stranger = stranger;
    stranger
        .send_key("another secret for a known id", &elsewhere, READS)
        .await;
    wire.said += &stranger.said;
    wire.send_key("the same where it was made", &elsewhere, READS)
        .await;
    wire.send_key("and another one of there", &here, READS)
        .await;
    wire.said
}

/// Questions 6 and 7: may the key be used, and does the plan open the API?
async fn states() -> String {
    let mut wire = Wire::new(|_| {}, |builder| builder).await;
    let manager = wire.ringyo.keys();
    let key = wire.key().await;
    manager.revoke(key.record.id).await.unwrap();
    wire.send_key("a revoked key", &key, READS).await;
    let key = wire.key().await;
    manager.disable(key.record.id).await.unwrap();
    wire.send_key("a disabled key", &key, READS).await;
    manager.enable(key.record.id).await.unwrap();
    wire.send_key("the same, enabled again", &key, READS).await;
    let made = manager
        .regenerate(key.record.id, Overlap::NONE)
        .await
        .unwrap();
    wire.send_key("a replaced key", &key, READS).await;
    wire.send_key("its successor", &made.new, READS).await;
    let new = NewKey::live("agency", "k").scopes(["agents"]);
    let key = wire
        .issue(new.clone().expires_in(Duration::from_secs(60)))
        .await;
    wire.clock.advance(Duration::from_secs(60));
    wire.send_key("an expired key", &key, READS).await;
    let office: IpNet = "192.0.2.0/24".parse().unwrap();
    let key = wire.issue(new.allowed_networks([office])).await;
    let bearer = format!("Bearer {}", key.key.expose());
    let lines = [("authorization", bearer.as_str())];
    wire.send_from(
        "from an allowed network",
        &lines,
        None,
        Some("192.0.2.9"),
        READS,
    )
    .await;
    wire.send_from(
        "from another network",
        &lines,
        None,
        Some("198.51.100.9"),
        READS,
    )
    .await;
    wire.send_from("from nobody knows where", &lines, None, None, READS)
        .await;
    let key = wire
        .issue(NewKey::live("starter", "k").scopes(["agents"]))
        .await;
    let starter = AccountId::new("starter").unwrap();
    wire.ringyo
        .accounts()
        .set_plan(&starter, "starter")
        .await
        .unwrap();
    wire.send_key("a plan without API access", &key, READS)
        .await;
    let (known, unknown) = (wire.key().await, wire.key().await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    wire.ringyo
        .authenticate(Credential::key(known.key.expose()))
        .await
        .unwrap();
    wire.store.set_down(true);
    wire.send_key("a known key while the store is down", &known, READS)
        .await;
    wire.send_key("an unknown key while the store is down", &unknown, READS)
        .await;
    wire.said
}

/// Question 8: is the account, and the key, within its rate?
async fn rates() -> String {
    let mut wire = Wire::new(|_| {}, |builder| builder).await;
    let key = wire
        .issue(NewKey::live("pro", "k").scopes(["agents"]))
        .await;
    wire.send_key("the first of sixty", &key, READS).await;
    for _ in 0..58 {
        wire.ringyo
            .authenticate(Credential::key(key.key.expose()))
            .await
            .unwrap();
    }
    wire.send_key("the last of sixty", &key, READS).await;
    wire.send_key("one too many", &key, READS).await;
    wire.clock.advance(Duration::from_millis(999));
    wire.send_key("a millisecond too early", &key, READS).await;
    wire.clock.advance(Duration::from_millis(1));
    wire.send_key("when told to come back", &key, READS).await;
    let test = wire
        .issue(NewKey::test("pro", "k").scopes(["agents"]))
        .await;
    wire.send_key("the test keys' own bucket", &test, READS)
        .await;
    let two = NonZeroU32::new(2).unwrap();
    let slow = NewKey::live("agency", "k")
        .scopes(["agents"])
        .quota_per_minute(two);
    let slow = wire.issue(slow).await;
    wire.send_key("a key with a limit of its own", &slow, READS)
        .await;
    wire.ringyo
        .authenticate(Credential::key(slow.key.expose()))
        .await
        .unwrap();
    wire.send_key("the key's own limit", &slow, READS).await;
    let other = wire.key().await;
    wire.send_key(
        "what that refusal has cost the account: nothing",
        &other,
        READS,
    )
    .await;

    let mut cut_off = Wire::new(|_| {}, |builder| builder.limiter(OutOfReach)).await;
    let key = cut_off.key().await;
    cut_off
        .send_key("a limiter that does not answer", &key, READS)
        .await;
    wire.said += &cut_off.said;
    wire.said
}

/// What comes after: permissions, modes, credits.
async fn handlers() -> String {
    let mut wire = Wire::new(|_| {}, |builder| builder).await;
    let key = wire.key().await;
    wire.send_key("a missing permission", &key, Handler::Needs(&AGENTS_UPDATE))
        .await;
    wire.send_key("another missing permission", &key, Handler::Charges(1))
        .await;
    let one = wire
        .issue(NewKey::live("agency", "k").scopes(["agents:update@agent_1"]))
        .await;
    wire.send_key(
        "one's own instance",
        &one,
        Handler::NeedsOn(&AGENTS_UPDATE, "agent_1"),
    )
    .await;
    wire.send_key(
        "another instance",
        &one,
        Handler::NeedsOn(&AGENTS_UPDATE, "agent_2"),
    )
    .await;
    let none = wire
        .issue(NewKey::live("agency", "k").scopes(["read_only", "agents:update"]))
        .await;
    wire.send_key(
        "read only, whatever stands beside it",
        &none,
        Handler::Needs(&AGENTS_UPDATE),
    )
    .await;
    let test = wire
        .issue(NewKey::test("agency", "k").scopes(["calls"]))
        .await;
    wire.send_key(
        "a test key where a live one is needed",
        &test,
        Handler::Charges(1),
    )
    .await;
    let live = wire
        .issue(NewKey::live("agency", "k").scopes(["calls"]))
        .await;
    wire.send_key("no credits", &live, Handler::Charges(1))
        .await;
    let (agency, grant) = (
        AccountId::new("agency").unwrap(),
        OperationId::new("grant").unwrap(),
    );
    wire.ringyo
        .wallet()
        .grant(&agency, 5, &grant)
        .await
        .unwrap();
    wire.send_key("credits", &live, Handler::Charges(2)).await;
    wire.send_key(
        "the same operation for another price",
        &live,
        Handler::Charges(3),
    )
    .await;
    wire.said
}

/// Refusals of key management.
async fn management() -> String {
    let wire = Wire::new(|_| {}, |builder| builder).await;
    let keys = wire.ringyo.keys();
    let new = || NewKey::live("pro", "k").scopes(["agents"]);
    let revoked = wire.issue(new()).await.record.id;
    keys.revoke(revoked).await.unwrap();
    let disabled = wire.issue(new()).await.record.id;
    keys.disable(disabled).await.unwrap();
    let accounts = wire.ringyo.accounts();
    accounts
        .set_plan(&AccountId::new("starter").unwrap(), "starter")
        .await
        .unwrap();
    let nobody = "000000000000".parse().unwrap();
    let refusals = [
        ("no such key", keys.revoke(nobody).await.map(drop)),
        (
            "no such account",
            keys.issue(NewKey::live("x", "k").scopes(["agents"]))
                .await
                .map(drop),
        ),
        (
            "a name and a permission that are none",
            keys.issue(NewKey::live("pro", " ").scopes(["fly"]))
                .await
                .map(drop),
        ),
        (
            "an account without API access",
            keys.issue(NewKey::live("starter", "k").scopes(["agents"]))
                .await
                .map(drop),
        ),
        (
            "enabling a revoked key",
            keys.enable(revoked).await.map(drop),
        ),
        (
            "regenerating a disabled key",
            keys.regenerate(disabled, Overlap::NONE).await.map(drop),
        ),
        (
            "an account twice",
            accounts.create("pro", "pro").await.map(drop),
        ),
        (
            "an overlap that is too long",
            Overlap::new(Duration::from_secs(1 << 40)).map(drop),
        ),
    ];
    let mut said = String::new();
    for (about, refusal) in refusals {
        let refusal = refusal.unwrap_err();
        let rejection = wire.ringyo.http().reject(&refusal, wire.clock.now());
        write!(said, "\n## {about}\n\n{}\n", rejection.status().as_u16()).unwrap();
        for (name, value) in rejection.headers() {
            writeln!(said, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
        writeln!(said, "\n{}", rejection.body("req_1")).unwrap();
    }
    said
}

/// The choices of a service.
async fn styles() -> String {
    let mut said = String::new();
    for (rate_headers, body) in [
        (RateHeaders::Legacy, BodyStyle::Envelope),
        (RateHeaders::Draft, BodyStyle::Problem),
    ] {
        let choose = |preset: &mut Preset| {
            preset.http.realm = "voice \"agents\"".to_owned();
            preset.http.rate_headers = rate_headers;
            preset.http.body = body;
            preset.http.credentials = CredentialSources::bearer()
                .or_header(HeaderName::from_static("x-api-key"))
                .or_query_parameter_that_ends_up_in_logs("api_key");
        };
        let mut wire = Wire::new(choose, |builder| builder).await;
        let key = wire.key().await;
        let (text, name) = (key.key.expose(), format!("{rate_headers:?}, {body:?}"));
        wire.send(&format!("{name}: nothing"), &[], READS).await;
        wire.send(
            &format!("{name}: the other header"),
            &[("x-api-key", text)],
            READS,
        )
        .await;
        let query = format!("page=2&api_key={text}");
        wire.send_from(
            &format!("{name}: the query"),
            &[],
            Some(&query),
            None,
            READS,
        )
        .await;
        let bearer = format!("Bearer {text}");
        let both = [("x-api-key", text), ("authorization", bearer.as_str())];
        wire.send(&format!("{name}: both headers"), &both, READS)
            .await;
        wire.send_key(
            &format!("{name}: a missing permission"),
            &key,
            Handler::Needs(&AGENTS_UPDATE),
        )
        .await;
        said += &wire.said;
    }
    said
}
