//! The picture of what an account has used: its calls of the last two weeks, day by day. They are
//! what the demo keeps; requests are counted in memory only, and for nobody in particular.

use std::time::Duration;

use ringyo::{AccountId, Timestamp};

use crate::answer::Problem;
use crate::app::App;
use crate::documents::DayOfCalls;

const DAYS: u16 = 14;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How wide a day is in the picture, and how high its highest bar, in units of the picture.
const STEP: u32 = 20;
const HEIGHT: u32 = 56;

/// Calls by day, drawn.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) bars: Vec<Bar>,
    pub(super) live: u32,
    pub(super) simulated: u32,
    pub(super) credits: u32,
    /// The most calls of a day.
    pub(super) most: u32,
}

/// A day in the picture: live calls, and simulated ones on top of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: u32,
    pub(super) live_y: u32,
    pub(super) live_height: u32,
    pub(super) simulated_y: u32,
    pub(super) simulated_height: u32,
    /// The day in words.
    pub(super) title: String,
}

impl Usage {
    pub(super) async fn of(app: &App, account: &AccountId) -> Result<Self, Problem> {
        let now = app.ringyo.now().unix_millis;
        let day = |back: u16| {
            let back = i64::try_from((DAY * u32::from(back)).as_millis()).unwrap_or(i64::MAX);
            let moment = Timestamp::from_unix_millis(now - back).to_string();
            moment.get(..10).unwrap_or_default().to_owned()
        };
        let days: Vec<String> = (0..DAYS).rev().map(day).collect();
        let since = format!("{}T00:00:00.000Z", days[0]);
        let since: Timestamp = since.parse().map_err(Problem::internal)?;
        let counted = app.documents.calls_by_day(account, since).await?;
        Ok(Self::draw(&days, &counted))
    }

    fn draw(days: &[String], counted: &[DayOfCalls]) -> Self {
        let most = counted.iter().map(|day| day.live + day.simulated).max();
        let most = most.unwrap_or(0);
        // A call among very many is still to be seen.
        let height = |calls: u32| match calls {
            0 => 0,
            calls => (u64::from(calls) * u64::from(HEIGHT) / u64::from(most)).max(2) as u32,
        };
        let bar = |(x, date): (u32, &String)| {
            let of_day = counted.iter().find(|day| day.date == *date);
            let (live, simulated) = of_day.map_or((0, 0), |day| (day.live, day.simulated));
            let (live_height, simulated_height) = (height(live), height(simulated));
            let live_y = HEIGHT - live_height;
            Bar {
                x: x * STEP,
                live_y,
                live_height,
                simulated_y: live_y.saturating_sub(simulated_height),
                simulated_height,
                title: format!("{date}: {live} live, {simulated} simulated"),
            }
        };
        Self {
            bars: (0..).zip(days).map(bar).collect(),
            live: counted.iter().map(|day| day.live).sum(),
            simulated: counted.iter().map(|day| day.simulated).sum(),
            credits: counted.iter().map(|day| day.credits).sum(),
            most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_as_high_as_its_calls() {
        let days = ["2026-01-01", "2026-01-02", "2026-01-03"].map(str::to_owned);
        let day = |date: &str, live, simulated| DayOfCalls {
            date: date.to_owned(),
            live,
            simulated,
            credits: live,
        };
        let counted = [day("2026-01-01", 50, 50), day("2026-01-03", 1, 0)];
        let usage = Usage::draw(&days, &counted);
        assert_eq!((usage.live, usage.simulated), (51, 50));
        assert_eq!((usage.credits, usage.most), (51, 100));
        let heights = usage.bars.iter();
        let heights: Vec<(u32, u32)> = heights
            .map(|bar| (bar.live_height, bar.simulated_height))
            .collect();
        assert_eq!(heights, [(28, 28), (0, 0), (2, 0)]);
        assert_eq!(usage.bars[0].simulated_y, 0);
        assert_eq!(usage.bars[2].x, 2 * STEP);
        assert_eq!(usage.bars[0].title, "2026-01-01: 50 live, 50 simulated");
    }
}
