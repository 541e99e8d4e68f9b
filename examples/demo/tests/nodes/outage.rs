//! The database is away. Keys that a node has just confirmed go on, for as long as the bound says;
//! of all others it says that it cannot say.

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinHandle;
use xtask::servers::PostgresOptions;

use crate::probe::{self, Seen, Verdict};
use crate::service::{Answer, Demo, Place};
use crate::site::{self, Key, PEPPER, Site};
use crate::{TRIES, show};

const BOUND: Duration = Duration::from_secs(3);

/// How long before an outage a node has confirmed what it holds, at the latest: it asks once a
/// second, give or take a tenth, and that takes a moment.
const CONFIRMED: Duration = Duration::from_millis(1_500);

/// How long a node waits for its store on behalf of a request.
const DEADLINE: Duration = Duration::from_secs(2);

/// What nearly all answers, and each of them, may take beside that.
const ROOM: Duration = Duration::from_millis(20);
const MOST_ROOM: Duration = Duration::from_millis(100);

/// What nine of ten take where the database is gone, and not only silent.
const AT_ONCE: Duration = Duration::from_millis(250);

/// Within which all that is asked is answered again.
const RECOVERED: Duration = Duration::from_secs(1);

/// Within which that is so in any case.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    Killed,
    Frozen,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_killed() {
    keep_time(Outage::Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_does_not_answer() {
    keep_time(Outage::Frozen).await;
}

async fn keep_time(outage: Outage) {
    for left in (0..TRIES).rev() {
        let Some(suffered) = suffer(outage).await else {
            return;
        };
        let Suffered {
            waited,
            early,
            recovered,
        } = suffered;
        let [usual, most, longest] = [90, 99, 100].map(|percent| crate::share(&waited, percent));
        show(&format!("{outage:?}: decisions"), waited);
        println!("{outage:?}: recovered in {recovered:.0?}");
        let is_at_once = outage == Outage::Frozen || usual <= AT_ONCE;
        let is_in_time = most <= DEADLINE + ROOM && longest <= DEADLINE + MOST_ROOM;
        if is_at_once && is_in_time && early.is_empty() && recovered <= RECOVERED {
            return;
        }
        assert!(
            left > 0,
            "90 of 100 in {usual:?}, 99 in {most:?}, all in {longest:?}, \
             recovered in {recovered:?}, given up too early: {early:?}"
        );
    }
}

/// What came of an outage that has let nobody in who must not be.
struct Suffered {
    /// How long each decision took, in order.
    waited: Vec<Duration>,
    /// Decisions about the known key that had been confirmed just before.
    early: Vec<Seen>,
    recovered: Duration,
}

async fn suffer(outage: Outage) -> Option<Suffered> {
    let mut site = Site::new(PostgresOptions::new())?;
    let node = site.start(&["--max-staleness", "3s"]);
    let issuer = site.start(&[]);
    let [known, cold] = <[Key; 2]>::try_from(site::issue(&issuer, "acct_agency", 2).await)
        .unwrap_or_else(|_| unreachable!("two were asked for"));
    let unknown = stranger(&[("RINGYO_PEPPER", PEPPER)]);
    // Under a pepper that the service made up: to this one it proves nothing.
    let forged = stranger(&[]);
    // The control: with the store there these are two good keys and two bad ones.
    assert_eq!(probe::ask(&node, &known).await, Verdict::Believed);
    assert_eq!(probe::ask(&issuer, &cold).await, Verdict::Believed);
    for bad in [&unknown, &forged] {
        assert_eq!(
            status(&issuer, &bad.text).await,
            (401, "invalid_api_key".into())
        );
    }

    // While it goes down, a node may still confirm what it holds, and may not be able to.
    let going = Instant::now();
    match outage {
        Outage::Killed => site.postgres.kill().unwrap(),
        Outage::Frozen => site.postgres.freeze().unwrap(),
    }
    let down = Instant::now();
    let mut asked: [Vec<JoinHandle<Seen>>; 3] = Default::default();
    while down.elapsed() < BOUND + Duration::from_secs(1) {
        for (asked, key) in asked.iter_mut().zip([&known, &cold, &unknown]) {
            asked.push(probe::begin(&node, key, down));
        }
        // What proves nothing is refused without asking anybody.
        assert_eq!(
            status(&node, &forged.text).await,
            (401, "invalid_api_key".into())
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let health = Answer::of(node.request(Method::GET, "/healthz")).await;
    assert_eq!(health.status, 503, "{}", health.text);
    assert!(health.text.contains("store"), "{}", health.text);

    let (mut waited, mut early) = (Vec::new(), Vec::new());
    let [known_seen, cold_seen, unknown_seen] = asked;
    for seen in probe::answers(known_seen).await {
        match seen.verdict {
            Verdict::Believed => assert!(seen.began <= BOUND, "{seen:?}"),
            Verdict::Unknown if (down - going) + seen.ended > BOUND - CONFIRMED => {}
            Verdict::Unknown => early.push(seen),
            Verdict::Revoked => panic!("{seen:?}"),
        }
        waited.push(seen.ended - seen.began);
    }
    for asked in [cold_seen, unknown_seen] {
        for seen in probe::answers(asked).await {
            assert_eq!(seen.verdict, Verdict::Unknown, "{seen:?}");
            waited.push(seen.ended - seen.began);
        }
    }
    waited.sort();

    match outage {
        Outage::Killed => site.postgres.start().unwrap(),
        Outage::Frozen => site.postgres.thaw().unwrap(),
    }
    let back = Instant::now();
    let well = |key| probe::until(&node, key, Verdict::Believed, PATIENCE);
    tokio::join!(well(&known), well(&cold));
    assert_eq!(
        status(&node, &unknown.text).await,
        (401, "invalid_api_key".into())
    );
    let recovered = back.elapsed();
    println!("{outage:?}: no 401, nobody let in beyond the bound");
    Some(Suffered {
        waited,
        early,
        recovered,
    })
}

async fn status(demo: &Demo, key: &str) -> (u16, String) {
    let answer = demo.get(key, "/v1/agents").await;
    (answer.status, answer.code())
}

/// A key that is in no database of this site, minted by a service with these peppers.
fn stranger(peppers: &[(&str, &str)]) -> Key {
    let elsewhere = Demo::start_in(Place::Memory, &[], peppers);
    let text = elsewhere.first_key().unwrap().to_owned();
    let id = text[8..20].to_owned();
    Key { id, text }
}
