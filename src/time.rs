//! Time as the protocol sees it: a monotonic instant, a span, and the standard's centisecond.
//!
//! Nothing here reads a clock; `sys::clock` does. All arithmetic saturates: a deadline far in the
//! future is "never", not a wrap-around into the past.

use core::fmt;
use core::ops::{Add, Sub};

/// A point on CLOCK_MONOTONIC, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Instant(u64);

/// A span of time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Duration(u64);

/// The protocol's unit, a hundredth of a second (RFC 9568, section 5.2.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Centis(pub u16);

impl Instant {
    /// The clock's zero.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds since the clock's zero.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's zero.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span from `earlier` to here, zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any run of the daemon.
    pub const MAX: Self = Self(u64::MAX);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// From microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// From milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// In whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// In whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// In whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `count` times this span.
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// This span and `other`.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of this span after `other`, zero if nothing.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self * numerator / denominator`, exact to the nanosecond for spans up to 200 days.
    pub const fn scaled(self, numerator: u32, denominator: u32) -> Self {
        Self(self.0.saturating_mul(numerator as u64) / denominator as u64)
    }
}

impl Centis {
    /// One second.
    pub const SECOND: Self = Self(100);

    /// As a span.
    pub const fn span(self) -> Duration {
        Duration::from_millis(self.0 as u64 * 10)
    }
}

impl From<Centis> for Duration {
    fn from(centis: Centis) -> Self {
        centis.span()
    }
}

/// Seconds with as many decimals as needed, at most six: `1`, `0.5`, `0.000001`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_secs())?;
        let mut micros = (self.as_micros() % 1_000_000) as u32;
        if micros == 0 {
            return Ok(());
        }
        f.write_str(".")?;
        let mut unit = 100_000;
        while micros != 0 {
            write!(f, "{}", micros / unit)?;
            micros %= unit;
            unit /= 10;
        }
        Ok(())
    }
}

impl fmt::Display for Centis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.span().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let end = Instant::from_nanos(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::ZERO.since(end), Duration::ZERO);
        assert_eq!(Duration::from_secs(u64::MAX), Duration::MAX);
    }

    #[test]
    fn skew_keeps_its_fraction() {
        // (256 - 100) / 256 of a second, not rounded to whole seconds
        assert_eq!(Duration::from_secs(1).scaled(156, 256).as_micros(), 609_375);
    }

    #[test]
    fn spans_print_as_seconds() {
        for (span, text) in [
            (Duration::from_secs(1), "1"),
            (Duration::from_millis(500), "0.5"),
            (Duration::from_micros(1), "0.000001"),
            (Centis(4095).span(), "40.95"),
        ] {
            assert_eq!(span.to_string(), text);
        }
    }
}
