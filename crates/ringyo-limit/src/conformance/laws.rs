//! What holds of every limiter, whatever is asked of it: schedules that are drawn, judged by
//! arithmetic that shares nothing with a limiter.

use std::time::Duration;

use super::stage::{START, Stage, weight};
use crate::charge::Charge;
use crate::quota::Quota;

/// Bursts from one to more than are ever asked for at once, and intervals that are no whole number
/// of anything.
const QUOTAS: [Quota; 8] = [
    Quota::per_minute(60),
    Quota::per_minute(60).strict(10),
    Quota::per_minute(60).with_burst(3),
    Quota::per_minute(300),
    Quota::per_second(5).with_burst(1),
    Quota::per_minute(7).with_burst(4),
    Quota::per_second(700).with_burst(9),
    Quota::per_hour(11).strict(2),
];

/// Requests for each quota.
const STEPS: usize = 250;

/// What was let in: when, and how many cells.
type Admissions = Vec<(Duration, u32)>;

pub(super) async fn every_window(stage: &Stage) {
    for (number, quota) in QUOTAS.into_iter().enumerate() {
        let key_quota = QUOTAS[(number + 1) % QUOTAS.len()];
        let [account, key] = ["account", "key"].map(|kind| format!("{kind} {number}"));
        let mut draw = Draw(number as u64);
        let (mut of_account, mut of_key) = (Admissions::new(), Admissions::new());
        let mut after = START;
        for _ in 0..STEPS {
            after += draw.wait(quota, stage.tick);
            let cells = draw.cells(quota);
            let charge = Charge::to_account(&account, quota).with_weight(weight(cells));
            let with_key = draw.below(3) == 0;
            let charge = match with_key {
                true => charge.with_key(&key, key_quota),
                false => charge,
            };
            if stage.ask(charge, after).await.is_allowed() {
                of_account.push((after, cells));
                if with_key {
                    of_key.push((after, cells));
                }
            }
        }
        for (quota, admissions) in [(quota, &of_account), (key_quota, &of_key)] {
            let excess = worst_excess(quota, admissions);
            stage.same(format_args!("too many in a window of {quota}"), excess, 0);
        }
        // Who lets nobody in breaks no window.
        let cells: u32 = of_account.iter().map(|(_, cells)| cells).sum();
        stage.same("the bucket has been refilled", cells > quota.burst(), true);
    }
}

/// By how much the worst window, of all from one admission to another, exceeds burst + rate × its
/// length, the rate being the quota's own fraction and no rounded interval; in cells × nanoseconds
/// of the period.
fn worst_excess(quota: Quota, admissions: &Admissions) -> u128 {
    let (burst, limit) = (u128::from(quota.burst()), u128::from(quota.limit()));
    let refill = if quota.is_strict() {
        limit - burst
    } else {
        limit
    };
    let period = quota.period().as_nanos();
    let mut worst = 0;
    for (first, (from, _)) in admissions.iter().enumerate() {
        let mut cells = 0;
        for (to, weight) in &admissions[first..] {
            cells += u128::from(*weight);
            let bound = burst * period + (*to - *from).as_nanos() * refill;
            worst = worst.max((cells * period).saturating_sub(bound));
        }
    }
    worst
}

pub(super) async fn every_retry(stage: &Stage) {
    for (number, quota) in QUOTAS.into_iter().enumerate() {
        let key_quota = QUOTAS[(number + 1) % QUOTAS.len()];
        let [account, key] = ["account", "key"].map(|kind| format!("{kind} {number}"));
        let mut draw = Draw(number as u64);
        let (mut after, mut denied) = (START, 0);
        for _ in 0..STEPS {
            after += draw.wait(quota, stage.tick);
            let charge = Charge::to_account(&account, quota);
            let charge = charge.with_weight(weight(draw.cells(quota)));
            let charge = match draw.below(3) {
                0 => charge.with_key(&key, key_quota),
                _ => charge,
            };
            let decision = stage.ask(charge, after).await;
            if let Some(wait) = decision.retry_after() {
                let early = stage.ask(charge, after + wait - stage.tick).await;
                stage.denied(format_args!("a tick before {wait:?}"), &early);
                after += wait;
                let then = stage.ask(charge, after).await;
                stage.allowed(format_args!("after {wait:?}"), &then);
                denied += 1;
            } else {
                let is_payable = charge.is_payable();
                stage.same("a denial without a time", decision.is_allowed(), is_payable);
            }
        }
        stage.same("denials enough", denied > STEPS / 8, true);
    }
}

/// Numbers that nobody has chosen and that are the same every time: SplitMix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// Mostly short, so that the bucket is kept empty; now and then so long that it is full again.
    fn wait(&mut self, quota: Quota, tick: Duration) -> Duration {
        let interval = quota.refill_interval();
        let longest = match self.below(64) {
            0..24 => Duration::ZERO,
            24..28 => tick,
            28..62 => interval * 3,
            62 => interval * 20,
            _ => quota.fill_time() + interval,
        };
        let ticks = (longest.as_nanos() / tick.as_nanos()) as u64;
        let waited = match ticks {
            0 => 0,
            _ => self.below(ticks + 1),
        };
        Duration::from_nanos(waited * tick.as_nanos() as u64)
    }

    /// One to four cells, as far as the bucket holds so many, and seldom all or more than it holds.
    fn cells(&mut self, quota: Quota) -> u32 {
        match self.below(40) {
            0 => quota.burst() + 1,
            1..3 => quota.burst(),
            _ => 1 + self.below(u64::from(quota.burst().min(4))) as u32,
        }
    }
}
