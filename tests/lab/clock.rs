//! One clock for all instruments: the kernel stamps packets with CLOCK_REALTIME, so all use it.

use std::fmt;
use std::ops::{Add, Sub};
use std::thread;
use std::time::Duration;

use super::os;

/// A point of CLOCK_REALTIME, in nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// From nanoseconds since 1970.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Now.
    pub fn now() -> Self {
        os::realtime()
    }

    /// The point `span` before this one.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.as_nanos() as u64))
    }

    /// Milliseconds from `earlier` to here; negative if `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> f64 {
        (i128::from(self.0) - i128::from(earlier.0)) as f64 / 1e6
    }
}

impl Sub for Stamp {
    type Output = Duration;
    /// The span between two points, zero if the second is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Stamp {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_nanos() as u64))
    }
}

/// Seconds, with the nanoseconds: for failed assertions.
impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// Looks every 2 ms whether `condition` holds; false if it did not within `timeout`.
pub fn wait_until(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    wait_for(timeout, || condition().then_some(())).is_some()
}

/// Looks every 2 ms for what `find` finds; none if there was nothing within `timeout`.
pub fn wait_for<T>(timeout: Duration, mut find: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Stamp::now() + timeout;
    loop {
        // The last look comes after the deadline: a busy machine does not turn a success into a failure.
        let late = Stamp::now() >= end;
        if let Some(found) = find() {
            return Some(found);
        }
        if late {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
