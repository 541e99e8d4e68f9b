//! What each choice does while the server is killed, frozen, emptied, slow or cut off.

mod bounds;
mod kills;
mod load;

use std::thread::sleep;
use std::time::Duration;

use ringyo_limit::{Charge, LimitErrorKind};
use ringyo_redis::RedisConfig;
use tokio::runtime::Runtime;
use xtask::servers::{Behaviour, Proxy, Redis, RedisOptions, for_tests};

use crate::support::{FIFTY, ask, patient};
use load::{Guard, Load, Outage};

/// Our deadline, and what a busy machine may add to it.
const SLOWEST: Duration = Duration::from_millis(25 + 20);
/// What the page of `ringyo_limit::outage` promises.
const RECOVERY: Duration = Duration::from_secs(1);

/// No more, and none beside: a promise that is broken must not be hidden by another run.
const TRIES: usize = 5;

/// What is broken, and whoever uses it.
pub(crate) trait Place {
    fn config(&self) -> RedisConfig;
}

/// A server, and a network to it.
struct Stage {
    server: Redis,
    proxy: Proxy,
}

impl Stage {
    fn set() -> Option<Self> {
        let server = for_tests::redis(RedisOptions::default())?;
        let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).unwrap();
        Some(Self { server, proxy })
    }

    fn address(&self) -> String {
        format!(
            "redis://:{}@127.0.0.1:{}",
            self.server.password(),
            self.proxy.port()
        )
    }
}

impl Place for Stage {
    fn config(&self) -> RedisConfig {
        RedisConfig::new(&self.address()).unwrap()
    }
}

/// Plays one outage with all three guards at once. The promises about what is decided must hold in
/// every try, those about time in one of [`TRIES`]: others may be busy on the machine.
pub(crate) fn play<P: Place>(
    stage: Option<P>,
    mut fault: impl FnMut(&mut P),
    mut heal: impl FnMut(&mut P),
    answers: Answers,
) {
    let Some(mut stage) = stage else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let mut late = Vec::new();
    for _ in 0..TRIES {
        let loads = Guard::ALL.map(|guard| Load::start(&runtime, guard, stage.config()));
        for load in &loads {
            load.wait_for_remote();
        }
        sleep(Duration::from_millis(100));
        let begin = load::now();
        fault(&mut stage);
        let broken = load::now();
        sleep(Duration::from_millis(1_600));
        late.clear();
        if answers == Answers::Lost {
            for load in loads.iter().filter(|load| !load.is_out()) {
                late.push(format!("{:?} has not noticed", load.guard));
            }
        }
        let end = load::now();
        heal(&mut stage);
        let healed = load::now();
        for load in &loads {
            load.wait_for_remote();
        }
        sleep(Duration::from_millis(300));
        for load in loads {
            let guard = load.guard;
            if load.is_out() {
                late.push(format!("{guard:?} has not recovered"));
            }
            let outage = load.stop().during(begin..end, broken, healed);
            check(guard, &outage, answers);
            println!("{guard:?}: {outage}");
            // Five to open, and one probe in 400 ms; no other waits for the deadline.
            let is_waiting = answers == Answers::Lost && outage.waited > 12;
            if outage.p99 > SLOWEST || outage.recovery > RECOVERY || is_waiting {
                late.push(format!("{guard:?}: {outage}"));
            }
        }
        if late.is_empty() {
            return;
        }
    }
    panic!("too late in each of {TRIES} tries: {late:?}");
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// None comes until the server is healed.
    Lost,
    /// Some do.
    SomeLost,
}

fn check(guard: Guard, outage: &Outage, answers: Answers) {
    assert!(outage.total > 50, "{guard:?}: too few to tell: {outage}");
    assert!(outage.lost > 0, "{guard:?} noticed nothing: {outage}");
    if answers == Answers::Lost {
        assert_eq!(outage.remote, 0, "{guard:?}: {outage}");
    }
    let kept = match guard {
        Guard::Closed => outage.failed,
        Guard::Back => outage.fallen_back,
        Guard::Open => outage.bypassed,
    };
    // Every request without an answer is accounted for as the choice says, and as no other.
    assert_eq!(kept, outage.lost, "{guard:?}: {outage}");
    assert_eq!(
        outage.failed + outage.fallen_back + outage.bypassed,
        outage.lost,
        "{guard:?}: {outage}"
    );
    assert!(guard != Guard::Open || outage.refused == 0, "{outage}");
}

#[test]
fn killed() {
    play(
        Stage::set(),
        |stage| stage.server.kill().unwrap(),
        |stage| stage.server.start().unwrap(),
        Answers::Lost,
    );
}

#[test]
fn frozen() {
    play(
        Stage::set(),
        |stage| stage.server.freeze().unwrap(),
        |stage| stage.server.thaw().unwrap(),
        Answers::Lost,
    );
}

#[test]
fn restarted_empty() {
    play(
        Stage::set(),
        |stage| {
            stage.server.kill().unwrap();
            sleep(Duration::from_millis(200));
            stage.server.start().unwrap();
        },
        |_| {},
        Answers::SomeLost,
    );
}

#[test]
fn slow() {
    play(
        Stage::set(),
        |stage| {
            stage
                .proxy
                .behave(Behaviour::Delay(Duration::from_millis(50)));
            // What was on the way before is let out.
            sleep(Duration::from_millis(60));
        },
        |stage| stage.proxy.behave(Behaviour::Pass),
        Answers::Lost,
    );
}

#[test]
fn cut_in_the_middle_of_answers() {
    play(
        Stage::set(),
        |stage| {
            for _ in 0..20 {
                stage.proxy.cut_after(7);
                sleep(Duration::from_millis(40));
            }
        },
        |_| {},
        Answers::SomeLost,
    );
}

#[tokio::test]
async fn an_answer_that_was_cut_off_has_charged() {
    let Some(stage) = Stage::set() else {
        return;
    };
    let limiter = patient(&stage.address());
    let charge = Charge::to_account("acct_1", FIFTY);
    assert!(ask(&limiter, &charge).await.unwrap().is_allowed());
    stage.proxy.cut_after(3);
    let error = ask(&limiter, &charge).await.unwrap_err();
    // Not `Unavailable`, which would say that nothing was charged.
    assert_eq!(error.kind(), LimitErrorKind::Timeout, "{error:?}");
    let third = loop {
        // Until the broken connection has been replaced; nothing can be sent on it.
        match ask(&limiter, &charge).await {
            Ok(third) => break third,
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    assert_eq!(third.account().remaining(), 47);
}

/// The connection is gone for good, and nobody has told the client.
#[test]
fn half_open() {
    play(
        Stage::set(),
        |stage| stage.proxy.behave(Behaviour::Swallow),
        |stage| {
            stage.proxy.cut();
            stage.proxy.behave(Behaviour::Pass);
        },
        Answers::Lost,
    );
}

/// The same for those that were made meanwhile, and nobody tells the client afterwards either.
#[test]
fn lost() {
    play(
        Stage::set(),
        |stage| stage.proxy.behave(Behaviour::Lose),
        |stage| stage.proxy.behave(Behaviour::Pass),
        Answers::Lost,
    );
}

/// Ends at every stage of being noticed: before the guard has given up, while the connection is
/// doubted, while new ones are tried.
#[test]
fn lost_for_a_while() {
    let Some(stage) = Stage::set() else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    for millis in [30, 80, 150, 250, 400, 550, 700, 850] {
        let mut recoveries = (0..TRIES).map(|_| {
            let load = Load::start(&runtime, Guard::Back, stage.config());
            load.wait_for_remote();
            stage.proxy.behave(Behaviour::Lose);
            sleep(Duration::from_millis(millis));
            stage.proxy.behave(Behaviour::Pass);
            let healed = load::now();
            load.wait_for_remote();
            sleep(Duration::from_millis(50));
            let recovery = load.stop().recovery(healed);
            println!("lost for {millis} ms: {recovery:?}");
            recovery
        });
        let is_in_time = recoveries.any(|recovery| recovery <= RECOVERY);
        assert!(
            is_in_time,
            "lost for {millis} ms: late in each of three tries"
        );
    }
}
