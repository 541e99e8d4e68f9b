//! A warm decision allocates nothing, whether it lets in or refuses.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::time::Duration;

use allocation_counter::measure;
use ringyo_auth::preset::ringyo::{AGENTS_CREATE, AGENTS_READ};
use ringyo_auth::{AuthError, Credential, NewKey, Overlap, Preset, Ringyo};
use ringyo_key::{ForeignFormat, ForeignKey, KeyFormat, Mode, Pepper, PepperId, PepperRing};
use ringyo_limit::ManualClock;
use ringyo_store::{EventKind, KeyStore as _, MemoryStore, NewEvent};

fn peppers() -> PepperRing {
    PepperRing::parse("1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

#[test]
fn warm_decisions_allocate_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = ManualClock::new(1_767_225_600_000);
        let store = MemoryStore::new();
        let ringyo = Ringyo::builder(Preset::ringyo(), peppers())
            .store(store.clone())
            .clock(clock.clone())
            .build()
            .await
            .unwrap();
        ringyo.accounts().create("acct_1", "pro").await.unwrap();
        let keys = ringyo.keys();
        let one_minute = std::num::NonZeroU32::new(50).unwrap();
        let new = NewKey::live("acct_1", "bound")
            .scopes(["agents:read", "agents:update@agent_1"])
            .allowed_networks(["192.0.2.0/24".parse().unwrap()])
            .quota_per_minute(one_minute);
        let good = keys.issue(new).await.unwrap();
        let revoked = keys
            .issue(NewKey::live("acct_1", "r").scopes(["*"]))
            .await
            .unwrap();
        keys.revoke(revoked.record.id).await.unwrap();

        let client = "192.0.2.1".parse().unwrap();
        let header = format!("Bearer {}", good.key.expose());
        let disabled = keys
            .issue(NewKey::live("acct_1", "d").scopes(["*"]))
            .await
            .unwrap();
        keys.disable(disabled.record.id).await.unwrap();
        let new = NewKey::live("acct_1", "s")
            .scopes(["*"])
            .expires_in(Duration::from_secs(1));
        let short = keys.issue(new).await.unwrap();
        let new = NewKey::live("acct_1", "n").scopes(["*"]);
        let elsewhere = new.allowed_networks(["198.51.100.0/24".parse().unwrap()]);
        let elsewhere = keys.issue(elsewhere).await.unwrap();
        ringyo.accounts().create("acct_2", "pro").await.unwrap();
        let poor = keys
            .issue(NewKey::live("acct_2", "p").scopes(["*"]))
            .await
            .unwrap();
        let acct_2 = &poor.record.account;
        ringyo.accounts().set_plan(acct_2, "trial").await.unwrap();
        let replaced = keys
            .issue(NewKey::live("acct_1", "r").scopes(["*"]))
            .await
            .unwrap();
        keys.regenerate(replaced.record.id, Overlap::NONE)
            .await
            .unwrap();
        let format = KeyFormat::new(ringyo_auth::preset::ringyo::BRAND);
        // A key that could have been minted here, under the id of which the store has another digest.
        let wrong = format.mint(Mode::Live, &peppers());
        let mut record = disabled.record.clone();
        record.id = wrong.id;
        let event = NewEvent {
            key: Some(record.id),
            ..NewEvent::new(
                EventKind::KeyIssued,
                record.account.clone(),
                "test",
                record.created_at,
            )
        };
        store.insert_key(&record, None, &event).await.unwrap();
        let refused = [&disabled, &short, &elsewhere, &poor, &replaced];
        let refused = refused.map(|issued| &issued.key);
        let refused: Vec<String> = refused
            .into_iter()
            .chain([&wrong.key])
            .map(|key| format!("Bearer {}", key.expose()))
            .collect();
        let strange = PepperRing::new(Pepper::generate(PepperId::new(1)));
        let forged = format!("Bearer {}", format.mint(Mode::Live, &strange).key.expose());
        let revoked_header = format!("Bearer {}", revoked.key.expose());
        let (start, last) = header.split_at(header.len() - 1);
        let broken = ["!", if last == "0" { "1" } else { "0" }].map(|end| format!("{start}{end}"));
        let authenticator = ringyo.authenticator();
        // The change feed brings this node its own changes too; then the first decision reads the
        // store.
        tokio::time::sleep(Duration::from_millis(100)).await;
        clock.advance(Duration::from_secs(2));
        for header in [&header, &revoked_header].into_iter().chain(&refused) {
            let credential = Credential::bearer(header).client(client);
            let _ = authenticator.authenticate(credential).await;
        }

        let decide = |header: &str| {
            let mut result = None;
            let count = measure(|| {
                let credential = Credential::bearer(header).client(client);
                let mut decision = std::pin::pin!(authenticator.authenticate(credential));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                // A warm decision is ready at once: nothing is waited for.
                match decision.as_mut().poll(&mut context) {
                    std::task::Poll::Ready(decided) => {
                        if let Ok(caller) = &decided {
                            assert!(caller.require(&AGENTS_READ).is_ok());
                            assert!(caller.require(&AGENTS_CREATE).is_err());
                        }
                        result = Some(decided);
                    }
                    std::task::Poll::Pending => panic!("a warm decision waited"),
                }
            });
            (count.count_total, result.unwrap())
        };

        for _ in 0..49 {
            clock.advance(Duration::from_millis(7));
            let (allocations, decided) = decide(&header);
            assert!(decided.is_ok());
            assert_eq!(allocations, 0, "a request that is let in");
        }
        for _ in 0..10 {
            let _ = decide(&header);
        }
        let (allocations, decided) = decide(&header);
        assert!(matches!(decided, Err(AuthError::RateLimited(_))));
        assert_eq!(allocations, 0, "over the limit");
        let (allocations, decided) = decide(&revoked_header);
        assert!(matches!(decided, Err(AuthError::Revoked(_))));
        assert_eq!(allocations, 0, "revoked");
        for header in &broken {
            let (allocations, decided) = decide(header);
            assert!(matches!(decided, Err(AuthError::InvalidKey(_))));
            assert_eq!(allocations, 0, "malformed");
        }

        for header in refused.iter().chain([&forged]) {
            let (allocations, decided) = decide(header);
            let error = decided.unwrap_err();
            assert_eq!(allocations, 0, "{error}");
        }

        // The control: the same measure sees one allocation.
        let control = measure(|| drop(std::hint::black_box(Box::new(1_u64))));
        assert_eq!(control.count_total, 1);
    });
}

#[test]
fn a_warm_decision_on_an_imported_key_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut preset = Preset::ringyo();
        let acme = ForeignFormat::new("acme_", ForeignFormat::HEX, 32).unwrap();
        preset.format = preset.format.accept_foreign(acme);
        let builder = Ringyo::builder(preset, Pepper::generate(PepperId::new(1)));
        let ringyo = builder.store(MemoryStore::new()).build().await.unwrap();
        ringyo.accounts().create("acct_1", "pro").await.unwrap();
        let text = "acme_00112233445566778899aabbccddeeff";
        let digest = ForeignKey::of_text(text.as_bytes()).digest;
        let new = NewKey::live("acct_1", "Moved").scopes(["agents:read"]);
        ringyo.keys().import(new, digest, "acme_…").await.unwrap();
        // The change feed brings this node its own changes too.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let cold = measure(|| {
            assert!(
                ringyo
                    .authenticator()
                    .decide_now(Credential::key(text))
                    .is_none()
            );
        });
        assert_eq!(cold.count_total, 0);
        ringyo.authenticate(Credential::key(text)).await.unwrap();

        let authenticator = ringyo.authenticator();
        let mut decided = None;
        let count = measure(|| decided = authenticator.decide_now(Credential::key(text)));
        decided.unwrap().unwrap().require(&AGENTS_READ).unwrap();
        assert_eq!(count.count_total, 0);
        // The control: one that is not known here has to be read.
        let unknown = "acme_00112233445566778899aabbccddee00";
        assert!(authenticator.decide_now(Credential::key(unknown)).is_none());
    });
}
