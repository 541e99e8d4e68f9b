use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment on the clock that runs only while this thread does: what other programs take of the
/// processor does not show in it.
#[derive(Debug, Clone, Copy)]
pub struct ThreadTime(Duration);

impl ThreadTime {
    /// The moment now.
    #[must_use]
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Self(Duration::try_from(now).unwrap_or_default())
    }

    /// How long this thread has worked since.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}
