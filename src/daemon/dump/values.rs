//! Values as the dumps show them. All of them print straight into the file: nothing allocates.

use core::fmt::{self, Display, Formatter, Write};

use crate::config::model::{Address, Command, Notify};
use crate::sys::clock;
use crate::time::{Duration, Instant};

/// A span in seconds as C's `%g` prints it: six significant digits, no zeros at the end, `1e-05` and
/// `1e+06` for what is very small or large.
pub struct General(pub Duration);

impl Display for General {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let Some(magnitude) = nanos.checked_ilog10() else { return f.write_str("0") };
        let mut exponent = i64::from(magnitude) - 9;
        let mut digits = match magnitude.checked_sub(5) {
            Some(drop) => {
                let unit = 10_u64.pow(drop);
                (nanos / unit).saturating_add((nanos % unit).saturating_mul(2) / unit)
            }
            None => nanos * 10_u64.pow(5 - magnitude),
        };
        if digits >= 1_000_000 {
            digits /= 10;
            exponent += 1;
        }
        if (-4..6).contains(&exponent) {
            let whole = exponent.max(-1);
            return decimal(f, digits, (5 - whole) as u32, (whole - exponent) as usize);
        }
        decimal(f, digits, 5, 0)?;
        write!(f, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
    }
}

/// `digits` with a point before its last `places`, after it `zeros` more, and none at the end.
fn decimal(f: &mut Formatter<'_>, digits: u64, places: u32, zeros: usize) -> fmt::Result {
    let unit = 10_u64.pow(places);
    write!(f, "{}", digits / unit)?;
    let (mut rest, mut width) = (digits % unit, places as usize);
    if rest == 0 {
        return Ok(());
    }
    while rest % 10 == 0 {
        rest /= 10;
        width -= 1;
    }
    write!(f, ".{:0>zeros$}{rest:0width$}", "")
}

/// A span in seconds as C's `%f` prints it: six decimals.
pub struct Fixed(pub Duration);

impl Display for Fixed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.as_micros() % 1_000_000)
    }
}

/// A time of the wall clock: seconds since 1970 with six decimals.
#[derive(Clone, Copy)]
pub struct Stamp(pub (i64, u32));

impl Stamp {
    /// The wall clock's time `when`, by its distance from now.
    pub fn of(when: Instant) -> Self {
        let (now, (seconds, nanos)) = (clock::monotonic(), clock::wall());
        let wall = i128::from(seconds) * SECOND + i128::from(nanos);
        let there = wall + i128::from(when.as_nanos()) - i128::from(now.as_nanos());
        Self((there.div_euclid(SECOND) as i64, there.rem_euclid(SECOND) as u32))
    }

    /// The same with the local time behind it: `1795345729.498206 (Sun Nov 22 11:08:49.498206 2026)`.
    pub fn with_local(self) -> impl Display {
        WithLocal(self)
    }
}

const SECOND: i128 = 1_000_000_000;

impl Display for Stamp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.0, self.0.1 / 1_000)
    }
}

struct WithLocal(Stamp);

impl Display for WithLocal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Stamp((seconds, nanos)) = self.0;
        let text = clock::local_text(seconds);
        let (day, year) = text.rsplit_once(' ').unwrap_or((&text, ""));
        write!(f, "{} ({day}.{:06} {year})", self.0, nanos / 1_000)
    }
}

/// A command line: each word in single quotes.
pub struct Words<'a>(pub &'a Command);

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (place, word) in self.0.argv.iter().enumerate() {
            write!(f, "{}'{word}'", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A notify script: its name as JSON, its name as text, the command.
pub type NotifyRow<'a> = (&'static str, &'static str, &'a Command);

/// The notify scripts that are set and may run, in keepalived's order.
pub fn notify_scripts(notify: &Notify) -> impl Iterator<Item = NotifyRow<'_>> {
    let rows = [
        ("script_backup", "Backup state transition script", &notify.backup),
        ("script_master", "Master state transition script", &notify.master),
        ("script_fault", "Fault state transition script", &notify.fault),
        ("script_stop", "Stop state transition script", &notify.stop),
        ("script_deleted", "Deleted state transition script", &notify.deleted),
        ("script", "Generic state transition script", &notify.any),
        ("script_master_rx_lower_pri", "Master rx lower pri script", &notify.master_rx_lower_pri),
    ];
    rows.into_iter().filter_map(|(json, text, command)| {
        command.as_deref().filter(|command| !command.insecure).map(|command| (json, text, command))
    })
}

/// A virtual address as keepalived prints it. A prefix length that is the whole address is not shown.
pub struct AddressLine<'a> {
    /// What the configuration says.
    pub address: &'a Address,
    /// The name of the interface it belongs on.
    pub device: &'a str,
    /// It is on the interface.
    pub is_set: bool,
}

impl Display for AddressLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let address = self.address;
        write!(f, "{}", address.ip)?;
        if address.prefix != if address.ip.is_ipv4() { 32 } else { 128 } {
            write!(f, "/{}", address.prefix)?;
        }
        if let Some(broadcast) = address.broadcast {
            write!(f, " brd {broadcast}")?;
        }
        write!(f, " dev {} scope ", self.device)?;
        match address.scope {
            0 => f.write_str("global")?,
            200 => f.write_str("site")?,
            253 => f.write_str("link")?,
            254 => f.write_str("host")?,
            255 => f.write_str("nowhere")?,
            number => write!(f, "{number}")?,
        }
        if let Some(label) = &address.label {
            write!(f, " label {label}")?;
        }
        if let Some((ip, prefix)) = address.peer {
            write!(f, " peer {ip}/{prefix}")?;
        }
        for (word, on) in [
            (" home", address.home),
            (" -nodad", address.nodad),
            (" mngtmpaddr", address.mngtmpaddr),
            (" noprefixroute", address.noprefixroute),
            (" autojoin", address.autojoin),
            (" no_track", address.no_track),
        ] {
            f.write_str(if on { word } else { "" })?;
        }
        match address.preferred_lft {
            Some(Some(Duration::ZERO)) => f.write_str(" preferred_lft deprecated")?,
            Some(Some(span)) => write!(f, " preferred_lft {}", span.as_secs())?,
            Some(None) => f.write_str(" preferred_lft forever")?,
            None if address.ip.is_ipv6() => f.write_str(" preferred_lft forever")?,
            None => {}
        }
        f.write_str(if self.is_set { " set" } else { "" })
    }
}

/// Text on its way into a JSON string: keepalived escapes `/` too.
pub struct Escaped<'o>(pub &'o mut dyn Write);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\' | '/') || c.is_ascii_control()) {
            let (plain, special) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut chars = special.chars();
            match chars.next() {
                Some('\u{8}') => self.0.write_str("\\b")?,
                Some('\u{c}') => self.0.write_str("\\f")?,
                Some('\n') => self.0.write_str("\\n")?,
                Some('\r') => self.0.write_str("\\r")?,
                Some('\t') => self.0.write_str("\\t")?,
                Some(c) if c.is_ascii_control() => write!(self.0, "\\u{:04x}", u32::from(c))?,
                Some(c) => write!(self.0, "\\{c}")?,
                None => {}
            }
            rest = chars.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Words with a space between them.
pub struct Spaced<'w>(pub &'w [String]);

impl Display for Spaced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, word) in self.0.iter().enumerate() {
            write!(f, "{}{word}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// What C's printf gives for these.
    #[test]
    fn spans_print_as_general_numbers() {
        for (nanos, text) in [
            (0, "0"),
            (5_000_000_000, "5"),
            (500_000_000, "0.5"),
            (10_000_000, "0.01"),
            (40_950_000_000, "40.95"),
            (100_000, "0.0001"),
            (123_456_789, "0.123457"),
            (1_050_000_000, "1.05"),
            (10_000, "1e-05"),
            (12_340, "1.234e-05"),
            (1, "1e-09"),
            (999_999_400_000_000, "999999"),
            (999_999_500_000_000, "1e+06"),
            (999_999_950, "1"),
            (3_600_000_000_000, "3600"),
            (1_234_567_000_000_000, "1.23457e+06"),
            (u64::MAX, "1.84467e+10"),
        ] {
            assert_eq!(General(Duration::from_nanos(nanos)).to_string(), text, "{nanos}");
        }
        assert_eq!(Fixed(Duration::from_micros(1_000_020)).to_string(), "1.000020");
    }

    #[test]
    fn stamps_have_six_decimals() {
        clock::load_time_zone();
        let stamp = Stamp((1_795_345_729, 498_206_999));
        assert_eq!(stamp.to_string(), "1795345729.498206");
        let text = stamp.with_local().to_string();
        let (day, year) = text.split_once(".498206 (").expect("the local time");
        assert_eq!((day, year.get(19..)), ("1795345729", Some(".498206 2026)")), "{text}");
    }

    #[test]
    fn the_distance_from_now_is_kept() {
        let ahead = Stamp::of(clock::monotonic() + Duration::from_secs(100)).0.0 - clock::wall().0;
        assert!((99..=101).contains(&ahead), "{ahead}");
    }

    #[test]
    fn nothing_breaks_out_of_a_string() {
        let mut text = String::new();
        write!(Escaped(&mut text), "a/b\"c\\d\n\u{1}\u{7f}\u{e9}/").expect("a string takes all");
        assert_eq!(text, "a\\/b\\\"c\\\\d\\n\\u0001\\u007f\u{e9}\\/");
    }

    fn line(address: &Address, is_set: bool) -> String {
        AddressLine { address, device: "v0", is_set }.to_string()
    }

    #[test]
    fn addresses_print_as_the_peer_prints_them() {
        let ip = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100));
        assert_eq!(line(&Address::plain(ip, 32), true), "10.99.0.100 dev v0 scope global set");
        let mut with = Address::plain(ip, 24);
        with.label = Some(String::from("v0:vip"));
        assert_eq!(line(&with, false), "10.99.0.100/24 dev v0 scope global label v0:vip");
        with.label = None;
        (with.broadcast, with.scope, with.no_track) = (Some(Ipv4Addr::new(10, 99, 0, 255)), 253, true);
        with.peer = Some((IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 32));
        let text = "10.99.0.100/24 brd 10.99.0.255 dev v0 scope link peer 10.0.0.1/32 no_track set";
        assert_eq!(line(&with, true), text);
        let mut v6 = Address::plain(IpAddr::V6(Ipv6Addr::LOCALHOST), 64);
        assert_eq!(line(&v6, true), "::1/64 dev v0 scope global preferred_lft forever set");
        (v6.prefix, v6.preferred_lft) = (128, Some(Some(Duration::ZERO)));
        assert_eq!(line(&v6, true), "::1 dev v0 scope global preferred_lft deprecated set");
    }

    #[test]
    fn scripts_that_must_not_run_are_not_shown() {
        let command = |insecure| Command { argv: vec!["/a".into(), "b c".into()], insecure, ..Command::default() };
        let notify =
            Notify { master: Some(Box::new(command(true))), any: Some(Box::new(command(false))), ..Notify::default() };
        let rows: Vec<_> =
            notify_scripts(&notify).map(|(json, _, command)| (json, Words(command).to_string())).collect();
        assert_eq!(rows, [("script", String::from("'/a' 'b c'"))]);
    }
}
