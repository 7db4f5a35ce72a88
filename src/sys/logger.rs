//! Where log lines go: standard error as keepalived writes it, and syslog. Neither ever blocks the loop:
//! what cannot be taken at once is dropped and counted, and the number is told with the next line that can.

use core::fmt::{self, Write as _};
// `log` wants a logger that threads could share; the lock is never contended.
#[allow(clippy::disallowed_types)]
use std::sync::Mutex;

use super::clock;
use super::errno::{Errno, Result};
use super::fd::{self, Fd};
use super::unix_datagram::{UnixAddress, send};

/// A line's most bytes, time stamp and all; what is beyond is cut off.
const LINE: usize = 1024;

/// The facilities of RFC 3164 that a daemon may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facility(u8);

impl Facility {
    /// "user".
    pub const USER: Self = Self(1);
    /// "daemon".
    pub const DAEMON: Self = Self(3);

    /// "local0" to "local7"; none beyond.
    pub const fn local(number: u8) -> Option<Self> {
        if number < 8 { Some(Self(16 + number)) } else { None }
    }
}

/// What is logged where.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// To standard error, each line with the time: `Sun Nov 22 10:53:33 2026: text`.
    pub console: bool,
    /// To /dev/log.
    pub syslog: bool,
    /// For syslog.
    pub facility: Facility,
    /// The name before the process's number in syslog, cut after 31 bytes.
    pub ident: &'a str,
    /// The least important level that is logged.
    pub level: log::LevelFilter,
}

/// Makes these options those of `log`'s macros; again with others replaces them. Reads the time zone.
pub fn install(options: &Options<'_>) {
    clock::load_time_zone();
    if let Ok(mut sink) = LOGGER.0.lock() {
        sink.configure(options, b"/dev/log");
    }
    // Refused only if it is set already, to this very logger.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(options.level);
}

/// Lines dropped since the start because a reader was too slow or absent.
pub fn dropped() -> u32 {
    LOGGER.0.lock().map_or(0, |sink| sink.dropped())
}

#[allow(clippy::disallowed_types)]
static LOGGER: Logger = Logger(Mutex::new(Sink::new()));

/// The process is a single thread, so the lock is always free.
#[allow(clippy::disallowed_types)]
struct Logger(Mutex<Sink>);

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata())
            && let Ok(mut sink) = self.0.try_lock()
        {
            sink.log(record.level(), *record.args());
        }
    }

    fn flush(&self) {}
}

struct Sink {
    console: Option<i32>,
    console_losses: Losses,
    syslog: Option<Syslog>,
    syslog_losses: Losses,
}

/// Lines one target did not take.
struct Losses {
    dropped: u32,
    /// How many of them it was told of.
    told: u32,
}

impl Losses {
    /// Hands a line to `write`, which says whether it was taken, and before it, if need be, how many were not.
    fn deliver(
        &mut self,
        level: log::Level,
        text: fmt::Arguments<'_>,
        mut write: impl FnMut(log::Level, fmt::Arguments<'_>) -> bool,
    ) {
        let untold = self.dropped.wrapping_sub(self.told);
        if untold > 0 {
            if !write(log::Level::Warn, format_args!("{untold} log lines were dropped: not read in time")) {
                self.dropped = self.dropped.wrapping_add(1);
                return;
            }
            self.told = self.dropped;
        }
        if !write(level, text) {
            self.dropped = self.dropped.wrapping_add(1);
        }
    }
}

struct Syslog {
    address: Option<UnixAddress>,
    /// None until a line could be sent, and after the daemon went away.
    socket: Option<Fd>,
    facility: Facility,
    ident: heapless::String<31>,
}

impl Sink {
    const fn new() -> Self {
        const NONE: Losses = Losses { dropped: 0, told: 0 };
        Self { console: None, console_losses: NONE, syslog: None, syslog_losses: NONE }
    }

    fn configure(&mut self, options: &Options<'_>, path: &[u8]) {
        self.console = options.console.then_some(libc::STDERR_FILENO);
        self.syslog = options.syslog.then(|| Syslog {
            address: UnixAddress::new(path),
            socket: None,
            facility: options.facility,
            ident: options.ident.chars().fold(heapless::String::new(), |mut ident, next| {
                let _ = ident.push(next);
                ident
            }),
        });
    }

    fn log(&mut self, level: log::Level, text: fmt::Arguments<'_>) {
        let (now, _) = clock::wall();
        if let Some(fd) = self.console {
            self.console_losses.deliver(level, text, |_, text| {
                let mut line = Line::new();
                let _ = write!(line, "{}: {text}", clock::local_text(now));
                write_if_ready(fd, line.ended()).is_ok()
            });
        }
        if let Some(syslog) = &mut self.syslog {
            self.syslog_losses.deliver(level, text, |level, text| syslog.log(level, now, text).is_ok());
        }
    }

    fn dropped(&self) -> u32 {
        self.console_losses.dropped.wrapping_add(self.syslog_losses.dropped)
    }
}

impl Syslog {
    fn log(&mut self, level: log::Level, now: i64, text: fmt::Arguments<'_>) -> Result<()> {
        let severity = match level {
            log::Level::Error => 3,
            log::Level::Warn => 4,
            log::Level::Info => 6,
            log::Level::Debug | log::Level::Trace => 7,
        };
        let mut line = Line::new();
        // SAFETY: it takes nothing and cannot fail.
        let process = unsafe { libc::getpid() };
        let priority = u32::from(self.facility.0) * 8 + severity;
        let _ = write!(line, "<{priority}>{} {}[{process}]: {text}", clock::syslog_text(now), self.ident);
        let bytes = line.bytes();
        if let Some(socket) = &self.socket {
            match send(socket, bytes) {
                Ok(()) => return Ok(()),
                Err(errno) if errno.would_block() || errno == Errno(libc::ENOBUFS) => return Err(errno),
                // The daemon restarted, perhaps: connect again.
                Err(_) => {}
            }
        }
        self.socket = None;
        let socket = self.address.ok_or(Errno::INVALID)?.connect()?;
        let sent = send(&socket, bytes);
        self.socket = Some(socket);
        sent
    }
}

/// Writes to a descriptor that may block, if it will not: room for one byte in a pipe is room for 4096.
fn write_if_ready(target: i32, bytes: &[u8]) -> Result<()> {
    if !fd::wait(target, libc::POLLOUT, 0)? {
        return Err(Errno::WOULD_BLOCK);
    }
    match fd::write(target, bytes) {
        Ok(written) if written == bytes.len() => Ok(()),
        Ok(_) => Err(Errno::WOULD_BLOCK),
        Err(errno) => Err(errno),
    }
}

/// A line being made, in place. Control characters become question marks: nobody gets to forge a second
/// line, or to drive a terminal.
struct Line {
    bytes: [u8; LINE],
    length: usize,
}

impl Line {
    const fn new() -> Self {
        Self { bytes: [0; LINE], length: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// With a newline, for which a byte is kept.
    fn ended(&mut self) -> &[u8] {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = b'\n';
        }
        self.bytes.get(..=self.length).unwrap_or_default()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (LINE - 1).saturating_sub(self.length);
        let fits = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let slots = self.bytes.iter_mut().skip(self.length);
        for (slot, byte) in slots.zip(text.bytes().take(fits)) {
            *slot = if byte.is_ascii_control() { b'?' } else { byte };
        }
        self.length += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn options() -> Options<'static> {
        Options {
            console: false,
            syslog: false,
            facility: Facility::DAEMON,
            ident: "Keepalived_vrrp",
            level: log::LevelFilter::Info,
        }
    }

    fn text(fd: &Fd) -> String {
        let mut buffer = [0; 65536];
        let length = fd.read(&mut buffer).unwrap_or(0);
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn console_lines_have_the_time_before_them() {
        let (reader, writer) = Fd::pipe().unwrap();
        let mut sink = Sink { console: Some(writer.as_raw_fd()), ..Sink::new() };
        sink.log(log::Level::Info, format_args!("(VI_1) Entering MASTER STATE"));
        let line = text(&reader);
        assert_eq!(line.get(24..), Some(": (VI_1) Entering MASTER STATE\n"), "{line}");
    }

    #[test]
    fn a_full_pipe_drops_and_counts_and_tells() {
        let (reader, writer) = Fd::pipe().unwrap();
        // A blocking write would hang the test here.
        writer.set_nonblocking(false).unwrap();
        let mut sink = Sink { console: Some(writer.as_raw_fd()), ..Sink::new() };
        let long = "x".repeat(900);
        for _ in 0..200 {
            sink.log(log::Level::Info, format_args!("{long}"));
        }
        let dropped = sink.dropped();
        assert!((100..200).contains(&dropped), "{dropped}");
        while !text(&reader).is_empty() {}
        sink.log(log::Level::Info, format_args!("after"));
        sink.log(log::Level::Info, format_args!("again"));
        let lines = text(&reader);
        let ends: Vec<&str> = lines.lines().map(|line| line.get(26..).unwrap()).collect();
        assert_eq!(ends, [&format!("{dropped} log lines were dropped: not read in time"), "after", "again"]);
    }

    #[test]
    fn nobody_gets_to_forge_a_line_and_long_ones_are_cut() {
        let mut line = Line::new();
        let _ = write!(line, "a\nb\x1b[2Jc\u{e9}");
        assert_eq!(line.bytes(), "a?b?[2Jc\u{e9}".as_bytes());
        let mut line = Line::new();
        let _ = write!(line, "{}", "\u{e9}".repeat(2000));
        assert!(core::str::from_utf8(line.bytes()).is_ok());
        assert_eq!(line.bytes().len(), 1022);
        assert_eq!(line.ended().len(), 1023);
        let _ = write!(line, "x");
        let _ = write!(line, "x");
        assert_eq!((line.ended().len(), line.ended().last()), (LINE, Some(&b'\n')));
    }

    #[test]
    fn syslog_gets_its_form_and_may_restart() {
        let path = std::env::temp_dir().join(format!("holdfast-syslog-{}", std::process::id()));
        let path_bytes = path.to_str().unwrap().as_bytes().to_vec();
        let mut sink = Sink::new();
        sink.configure(&Options { syslog: true, facility: Facility::local(7).unwrap(), ..options() }, &path_bytes);
        sink.log(log::Level::Warn, format_args!("nobody listens yet"));
        assert_eq!(sink.dropped(), 1);
        for round in 0..2 {
            let server = UnixDatagram::bind(&path).unwrap();
            sink.log(log::Level::Error, format_args!("round {round}"));
            let mut lines = Vec::new();
            server.set_nonblocking(true).unwrap();
            let mut buffer = [0; 2048];
            while let Ok(length) = server.recv(&mut buffer) {
                lines.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
            }
            let last = lines.last().unwrap();
            assert!(last.starts_with("<187>"), "{last}");
            let end = format!(" Keepalived_vrrp[{}]: round {round}", std::process::id());
            assert!(last.ends_with(&end), "{last}");
            assert_eq!(lines.len(), 2 - round, "{lines:?}: the first time it also tells of the dropped one");
            std::fs::remove_file(&path).unwrap();
        }
        assert_eq!(sink.dropped(), 1);
    }

    #[test]
    fn a_full_syslog_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("holdfast-full-{}", std::process::id()));
        let _server = UnixDatagram::bind(&path).unwrap();
        let mut sink = Sink::new();
        sink.configure(&Options { syslog: true, ..options() }, path.to_str().unwrap().as_bytes());
        for _ in 0..2000 {
            sink.log(log::Level::Info, format_args!("line"));
        }
        assert!(sink.dropped() > 0);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn an_absent_syslog_does_not_disturb_the_console() {
        let (reader, writer) = Fd::pipe().unwrap();
        let mut sink = Sink::new();
        sink.configure(&Options { syslog: true, ..options() }, b"/nowhere/at/all");
        sink.console = Some(writer.as_raw_fd());
        for _ in 0..3 {
            sink.log(log::Level::Info, format_args!("line"));
        }
        assert_eq!(text(&reader).lines().map(|line| &line[26..]).collect::<Vec<_>>(), ["line"; 3]);
        assert_eq!(sink.dropped(), 3);
    }

    #[test]
    fn facilities_are_bounded() {
        assert_eq!(Facility::local(0), Some(Facility(16)));
        assert_eq!(Facility::local(8), None);
    }
}
