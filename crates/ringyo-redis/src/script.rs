//! The script, by its text and by its name.

use redis::Cmd;
use ringyo_limit::Now;

/// One millisecond to spare: an expiry counts from the start of the script, a moment before its
/// `TIME`, and a bucket that expires early is a cell too many.
const ON_SERVER_TIME: &str = concat!(
    "local t = redis.call('TIME')\n",
    "local now, spare = t[1] * 1000000 + t[2], 1\n",
    include_str!("gcra.lua")
);

/// A script on the server, called by its digest until the server says that it does not know it.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    digest: Box<str>,
}

impl Script {
    pub(crate) fn on_server_time() -> Self {
        Self::new(ON_SERVER_TIME)
    }

    fn new(text: &'static str) -> Self {
        Self {
            text,
            digest: redis::Script::new(text).get_hash().into(),
        }
    }

    /// The beginning of a call by digest, with as many keys to follow.
    pub(crate) fn by_digest(&self, keys: usize) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&*self.digest).arg(keys);
        call
    }

    /// The same by text, after which the server knows the digest again.
    pub(crate) fn by_text(&self, keys: usize) -> Cmd {
        let mut call = redis::cmd("EVAL");
        call.arg(self.text).arg(keys);
        call
    }
}

#[cfg(not(test))]
impl Script {
    /// Ends a call with what the script must know of the caller's time: nothing.
    pub(crate) fn tell_time(&self, _call: &mut Cmd, _now: Now) {}
}

#[cfg(test)]
impl Script {
    /// The same algorithm with the time as the last argument. What expires does so by the server's
    /// clock all the same, so buckets are kept for ten minutes more.
    pub(crate) fn on_callers_time() -> Self {
        Self::new(concat!(
            "local now, spare = tonumber(ARGV[#ARGV]), 600000\n",
            include_str!("gcra.lua")
        ))
    }

    /// The same with a fault: `from`, which must be in it once, turned `into` something else.
    pub(crate) fn with_fault(self, from: &str, into: &str) -> Self {
        assert_eq!(self.text.matches(from).count(), 1, "it is not there once");
        Self::new(Box::leak(self.text.replace(from, into).into_boxed_str()))
    }

    pub(crate) fn tell_time(&self, call: &mut Cmd, now: Now) {
        if self.text != ON_SERVER_TIME {
            call.arg(now.monotonic.as_nanos() / 1_000);
        }
    }
}
