//! The clocks: monotonic for every deadline, boot time to see that the machine slept, the wall clock
//! for display (and for HMAC time stamps) only.

use core::fmt::Write as _;
use core::mem::MaybeUninit;

use crate::time::{Duration, Instant};

/// Now on CLOCK_MONOTONIC: what all deadlines are measured on.
pub fn monotonic() -> Instant {
    Instant::from_nanos(nanos(libc::CLOCK_MONOTONIC))
}

/// Time since the machine started, sleep included (CLOCK_BOOTTIME): that it ran ahead of
/// [`monotonic`] since the last look means that the machine slept.
pub fn boottime() -> Duration {
    Duration::from_nanos(nanos(libc::CLOCK_BOOTTIME))
}

/// Does nothing for so many milliseconds. Not for the loop.
pub fn sleep(milliseconds: u16) {
    // SAFETY: with a count of 0 the pointer is not followed.
    unsafe { libc::poll(core::ptr::null_mut(), 0, milliseconds.into()) };
}

/// The wall clock: seconds since 1970 in UTC, and the nanoseconds within the second. It may jump.
pub fn wall() -> (i64, u32) {
    let (seconds, nanos) = read(libc::CLOCK_REALTIME);
    (seconds, nanos as u32)
}

/// Reads the time zone (TZ, /etc/localtime), which allocates: call it once at load.
pub fn load_time_zone() {
    local(0);
}

/// `seconds` since 1970 as local time in ctime's form, "Sun Nov 22 10:53:33 2026" (24 bytes for
/// the years 1000 to 9999).
pub fn local_text(seconds: i64) -> heapless::String<32> {
    let time = local(seconds);
    let mut text = heapless::String::new();
    // Cannot be too long: five bounded numbers and two names.
    let _ = write!(
        text,
        "{} {} {:2} {:02}:{:02}:{:02} {}",
        name(&DAYS, time.tm_wday),
        name(&MONTHS, time.tm_mon),
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        time.tm_year.saturating_add(1900)
    );
    text
}

/// `seconds` since 1970 as local time in syslog's form, "Nov 22 10:53:33" (RFC 3164, 4.1.2).
pub fn syslog_text(seconds: i64) -> heapless::String<32> {
    let time = local(seconds);
    let mut text = heapless::String::new();
    // Cannot be too long: four bounded numbers and a name.
    let _ = write!(
        text,
        "{} {:2} {:02}:{:02}:{:02}",
        name(&MONTHS, time.tm_mon),
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec
    );
    text
}

/// `seconds` since 1970 as local time in mail's form, "Tue, 24 Nov 2026 16:47:00 +0000" (RFC 5322, 3.3).
pub fn mail_text(seconds: i64) -> heapless::String<40> {
    let time = local(seconds);
    let minutes = (time.tm_gmtoff / 60).unsigned_abs();
    let mut text = heapless::String::new();
    // Cannot be too long: seven bounded numbers and two names.
    let _ = write!(
        text,
        "{}, {} {} {} {:02}:{:02}:{:02} {}{:02}{:02}",
        name(&DAYS, time.tm_wday),
        time.tm_mday,
        name(&MONTHS, time.tm_mon),
        time.tm_year.saturating_add(1900),
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        if time.tm_gmtoff < 0 { '-' } else { '+' },
        minutes / 60,
        minutes % 60,
    );
    text
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn name(names: &[&'static str], index: i32) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or("???")
}

fn nanos(clock: libc::clockid_t) -> u64 {
    let (seconds, nanos) = read(clock);
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[allow(clippy::unnecessary_cast, reason = "time_t and c_long are 32 bits wide on some targets")]
fn read(clock: libc::clockid_t) -> (i64, u64) {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` is a timespec to write to; all zero is a valid one should the call fail, which it
    // does not for clocks that every kernel since 2.6.39 has.
    let time = unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init()
    };
    (time.tv_sec as i64, u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[allow(deprecated, reason = "libc marks musl's time_t because its width changes; the cast follows it")]
#[allow(clippy::unnecessary_cast, reason = "time_t is 32 bits wide on some targets")]
fn local(seconds: i64) -> libc::tm {
    let seconds = seconds as libc::time_t;
    let mut time = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call; an all-zero tm is valid (tm_zone is a null pointer
    // that nobody follows) should the year not fit.
    unsafe {
        libc::localtime_r(&seconds, time.as_mut_ptr());
        time.assume_init()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_advances_and_boottime_is_not_behind() {
        let before = monotonic();
        let boot = boottime();
        assert!(monotonic() > before);
        assert!(boot.as_nanos() >= before.as_nanos());
    }

    #[test]
    fn the_wall_clock_agrees_with_the_standard_library() {
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(wall().0.abs_diff(seconds as i64) <= 1);
        assert!(wall().1 < 1_000_000_000);
    }

    #[test]
    fn local_time_has_the_shape_that_log_readers_expect() {
        load_time_zone();
        let text = local_text(1_795_344_813);
        assert_eq!(text.len(), 24, "{text}");
        assert!(text.ends_with("2026"), "{text}");
        assert_eq!(text.get(13..14), Some(":"), "{text}");
        let short = syslog_text(1_795_344_813);
        assert_eq!(text.get(4..19), Some(short.as_str()));
        let mail = mail_text(1_795_344_813);
        assert_eq!((mail.get(..3), mail.get(3..5)), (text.get(..3), Some(", ")), "{mail}");
        let end = mail.rsplit_once(' ').unwrap().1;
        assert!(end.len() == 5 && end.starts_with(['+', '-']), "{mail}");
        assert_eq!(mail.get(17..25), text.get(11..19), "{mail}");
        // a day of one digit is padded with a blank, as ctime does
        assert_eq!(syslog_text(86_400 * 4).get(3..6), Some("  5").filter(|_| true), "{}", syslog_text(86_400 * 4));
    }

    #[test]
    fn a_year_that_does_not_fit_is_no_crash() {
        assert!(!local_text(i64::MAX).is_empty());
        assert!(!local_text(i64::MIN).is_empty());
        assert!(!mail_text(i64::MIN).is_empty());
    }
}
