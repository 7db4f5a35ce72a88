//! The command line: keepalived's flags, as its users and packages write them.
//!
//! pico-args knows neither optional values (`-t[FILE]`) nor clusters (`-nlD`): `normalise` turns
//! both into long options first.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::daemon::{Facility, Options};
use crate::sys::signals;

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Run the daemon.
    Run(Box<Options>),
    /// Read the configuration, say what is wrong, exit.
    Test(Box<Options>),
    /// Ask the running daemon, print its answer.
    Status(Box<Options>),
    /// Print the number of a signal.
    Signum(i32),
    /// Print the version.
    Version,
    /// Print the help.
    Help,
}

/// The name the program was started under. As `keepalived`, a link to it, it answers where tools look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    /// Any other name.
    Holdfast,
    /// `keepalived`.
    Keepalived,
}

impl Name {
    /// From the first word of the command line.
    pub fn of(program: &std::ffi::OsStr) -> Self {
        let is_keepalived = std::path::Path::new(program).file_name().is_some_and(|name| name == "keepalived");
        if is_keepalived { Self::Keepalived } else { Self::Holdfast }
    }

    /// What syslog lines begin with.
    pub const fn ident(self) -> &'static str {
        match self {
            Self::Holdfast => "Holdfast",
            Self::Keepalived => "Keepalived_vrrp",
        }
    }

    /// The text of `--version`. Tools take the version from the second word of the first line, some all up to
    /// its last space (a role of Ansible), and look for `--enable-json` in the rest.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Holdfast => concat!("Holdfast v", env!("CARGO_PKG_VERSION"), "\n"),
            Self::Keepalived => concat!(
                "Keepalived v2.2.7 (Holdfast-",
                env!("CARGO_PKG_VERSION"),
                ")\n\nThis is Holdfast. It reads the configuration and writes the files of that version.\n\n",
                "configure options: --enable-json --with-init=systemd\n\n",
                "Config options:  VRRP VRRP_AUTH JSON INIT=systemd SYSTEMD_NOTIFY\n"
            ),
        }
    }
}

/// How an option takes its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arity {
    Flag,
    Value,
    /// Only glued: `-tFILE`, `--config-test=FILE`.
    Optional,
}

struct Row {
    short: Option<u8>,
    long: &'static str,
    arity: Arity,
    /// Empty: accepted and without effect here.
    help: &'static str,
}

const fn row(short: u8, long: &'static str, arity: Arity, help: &'static str) -> Row {
    Row { short: if short == 0 { None } else { Some(short) }, long, arity, help }
}

/// Every flag. Those without a help text are accepted, because packages pass them, and do nothing.
const ROWS: &[Row] = &[
    row(b'f', "use-file", Arity::Value, "FILE  configuration (/etc/keepalived/keepalived.conf)"),
    row(
        b't',
        "config-test",
        Arity::Optional,
        "[FILE]  read the configuration, say all that is wrong (in FILE), exit 0, 4, 5 or 6",
    ),
    row(b'n', "dont-fork", Arity::Flag, "stay in the foreground"),
    row(b'l', "log-console", Arity::Flag, "log to the console"),
    row(b'D', "log-detail", Arity::Flag, "more lines in the log; -DD for still more"),
    row(b'G', "no-syslog", Arity::Flag, "do not log to syslog"),
    row(b'S', "log-facility", Arity::Value, "N  syslog facility: 0 to 7, local0 to local7, user, daemon"),
    row(b'd', "dump-conf", Arity::Flag, "print the configuration as understood to the log"),
    row(b'p', "pid", Arity::Value, "FILE  pid file (/run/keepalived.pid)"),
    row(b'r', "vrrp_pid", Arity::Value, "FILE  second pid file, of the same process, for tools that ask for it"),
    row(b'c', "checkers_pid", Arity::Value, "FILE  third pid file, likewise"),
    row(b'i', "config-id", Arity::Value, "ID  read lines that begin with @ID (host name)"),
    row(b'u', "umask", Arity::Value, "MASK  umask, octal, of files written"),
    row(b'V', "dont-release-vrrp", Arity::Flag, "leave the virtual addresses where they are when exiting"),
    row(b's', "namespace", Arity::Value, "NAME  run in this network namespace (of /run/netns)"),
    row(b'a', "address-monitoring", Arity::Flag, "log every change of an address"),
    row(b'e', "all-config", Arity::Flag, "an include that finds no file is an error"),
    row(0, "signum", Arity::Value, "NAME  print the number of STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON"),
    row(0, "status", Arity::Flag, "print what the running daemon says of itself, as JSON; exit 0 if it answers"),
    row(b'v', "version", Arity::Flag, "print the version"),
    row(b'h', "help", Arity::Flag, "print this help"),
    row(b'P', "vrrp", Arity::Flag, ""),
    row(b'C', "check", Arity::Flag, ""),
    row(b'B', "no_bfd", Arity::Flag, ""),
    row(0, "all", Arity::Flag, ""),
    row(b'b', "bfd_pid", Arity::Value, ""),
    row(b'g', "log-file", Arity::Optional, ""),
    row(0, "flush-log-file", Arity::Flag, ""),
    row(b'R', "dont-respawn", Arity::Flag, ""),
    row(b'I', "dont-release-ipvs", Arity::Flag, ""),
    row(b'X', "release-vips", Arity::Flag, ""),
    row(b'x', "snmp", Arity::Flag, ""),
    row(b'A', "snmp-agent-socket", Arity::Value, ""),
    row(b'm', "core-dump", Arity::Flag, ""),
    row(b'M', "core-dump-pattern", Arity::Optional, ""),
    row(0, "perf", Arity::Optional, ""),
    row(0, "debug", Arity::Optional, ""),
    row(0, "no-mem-check", Arity::Flag, ""),
    row(0, "ignore-sigint", Arity::Flag, ""),
];

/// The signal that `--signum` knows by this name.
fn signal(name: &str) -> Option<i32> {
    Some(match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => signals::stats_clear(),
        "JSON" => signals::JSON[0],
        _ => return None,
    })
}

/// More words of the command line, from the variable that a widespread container image takes them from.
pub fn environment_words() -> Vec<OsString> {
    let words = std::env::var("KEEPALIVED_COMMAND_LINE_ARGUMENTS").unwrap_or_default();
    words.split_whitespace().map(OsString::from).collect()
}

/// Reads the command line, without the program's name.
///
/// # Errors
///
/// One line that says which word is wrong.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut args = pico_args::Arguments::from_vec(normalise(words)?);
    if args.contains("--help") {
        return Ok(Command::Help);
    }
    if args.contains("--version") {
        return Ok(Command::Version);
    }
    if let Some(name) = value(&mut args, "--signum")? {
        return signal(&name).map(Command::Signum).ok_or_else(|| format!("--signum: unknown signal '{name}'"));
    }
    let status = flag(&mut args, "--status");
    let (options, test) = options(&mut args)?;
    if let Some(stray) = args.finish().first() {
        return Err(format!("unexpected argument '{}'", stray.to_string_lossy()));
    }
    Ok(match (status, test) {
        (true, _) => Command::Status(Box::new(options)),
        (_, true) => Command::Test(Box::new(options)),
        _ => Command::Run(Box::new(options)),
    })
}

fn options(args: &mut pico_args::Arguments) -> Result<(Options, bool), String> {
    let mut options = Options::default();
    if let Some(file) = path(args, "--use-file")? {
        options.config = file;
    }
    options.foreground = flag(args, "--dont-fork");
    options.log_console = flag(args, "--log-console");
    options.no_syslog = flag(args, "--no-syslog");
    while args.contains("--log-detail") {
        options.detail = options.detail.saturating_add(1);
    }
    if let Some(name) = value(args, "--log-facility")? {
        options.facility = facility(&name)?;
    }
    options.dump_config = flag(args, "--dump-conf");
    options.pid_file = path(args, "--pid")?;
    options.vrrp_pid_file = path(args, "--vrrp_pid")?;
    options.checkers_pid_file = path(args, "--checkers_pid")?;
    options.config_id = value(args, "--config-id")?;
    options.namespace = value(args, "--namespace")?;
    if let Some(mask) = value(args, "--umask")? {
        options.umask =
            Some(u32::from_str_radix(&mask, 8).map_err(|_| format!("--umask: '{mask}' is not an octal number"))?);
    }
    options.keep_addresses = flag(args, "--dont-release-vrrp");
    options.address_monitoring = flag(args, "--address-monitoring");
    options.all_config = flag(args, "--all-config");
    options.test_log = path(args, "--config-test-to")?;
    let test = flag(args, "--config-test") || options.test_log.is_some();
    for row in ROWS.iter().filter(|row| row.help.is_empty()) {
        if take_ignored(args, row)? {
            options.ignored.push(row.long);
        }
    }
    Ok((options, test))
}

/// All uses of a flag that means nothing here, with their values.
fn take_ignored(args: &mut pico_args::Arguments, row: &Row) -> Result<bool, String> {
    let long: &'static str = row.long;
    let name = format!("--{long}");
    let mut seen = false;
    loop {
        let found = match row.arity {
            Arity::Flag | Arity::Optional => args.contains(leak(&name)),
            Arity::Value => value(args, leak(&name))?.is_some(),
        };
        if !found {
            return Ok(seen);
        }
        seen = true;
    }
}

/// pico-args wants names for ever; there is a bounded number of them, once a process.
fn leak(name: &str) -> &'static str {
    Box::leak(String::from(name).into_boxed_str())
}

fn flag(args: &mut pico_args::Arguments, name: &'static str) -> bool {
    let mut seen = false;
    while args.contains(name) {
        seen = true;
    }
    seen
}

/// The last value given for an option.
fn value(args: &mut pico_args::Arguments, name: &'static str) -> Result<Option<String>, String> {
    let mut last = None;
    while let Some(found) = args.opt_value_from_str(name).map_err(|error| error.to_string())? {
        last = Some(found);
    }
    Ok(last)
}

fn path(args: &mut pico_args::Arguments, name: &'static str) -> Result<Option<PathBuf>, String> {
    let read = |word: &std::ffi::OsStr| Ok::<_, core::convert::Infallible>(PathBuf::from(word));
    let mut last = None;
    while let Some(found) = args.opt_value_from_os_str(name, read).map_err(|error| error.to_string())? {
        last = Some(found);
    }
    Ok(last)
}

fn facility(name: &str) -> Result<Facility, String> {
    let local = name.strip_prefix("local").unwrap_or(name);
    match (name, local.parse::<u8>()) {
        ("user", _) => Ok(Facility::User),
        ("daemon", _) => Ok(Facility::Daemon),
        (_, Ok(number)) if number < 8 => Ok(Facility::Local(number)),
        _ => Err(format!("--log-facility: '{name}' is not 0 to 7, local0 to local7, user or daemon")),
    }
}

/// Long options only, each value a word of its own: what pico-args understands.
fn normalise(words: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, String> {
    let mut plain = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let Some(text) = word.to_str().filter(|text| text.len() > 1 && text.starts_with('-')) else {
            return Err(format!("unexpected argument '{}'", word.to_string_lossy()));
        };
        let wants_value = match text.strip_prefix("--") {
            Some(long) => long_option(long, &mut plain)?,
            None => cluster(text.get(1..).unwrap_or(""), &mut plain)?,
        };
        if let Some(long) = wants_value {
            plain.push(words.next().ok_or_else(|| format!("--{long} needs a value"))?);
        }
    }
    Ok(plain)
}

/// `--name` or `--name=value`; the name is returned if its value is the next word.
fn long_option(text: &str, plain: &mut Vec<OsString>) -> Result<Option<&'static str>, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let exact = ROWS.iter().find(|row| row.long == name);
    let mut abbreviated = ROWS.iter().filter(|row| row.long.starts_with(name));
    let row = match (exact, abbreviated.next(), abbreviated.next()) {
        (Some(row), _, _) | (None, Some(row), None) => row,
        _ => return Err(format!("unknown option '--{name}' (--help lists them)")),
    };
    put(row, value, plain)
}

/// `-nlD`, `-fFILE`, `-tFILE`, `-f`.
fn cluster(text: &str, plain: &mut Vec<OsString>) -> Result<Option<&'static str>, String> {
    for (at, letter) in text.char_indices() {
        let row = ROWS.iter().find(|row| row.short.is_some_and(|short| char::from(short) == letter));
        let row = row.ok_or_else(|| format!("unknown option '-{letter}' (--help lists them)"))?;
        let rest = text.get(at + letter.len_utf8()..).filter(|rest| !rest.is_empty());
        if row.arity != Arity::Flag {
            return put(row, rest, plain);
        }
        put(row, None, plain)?;
    }
    Ok(None)
}

fn put(row: &Row, value: Option<&str>, plain: &mut Vec<OsString>) -> Result<Option<&'static str>, String> {
    match (row.arity, value) {
        (Arity::Flag, Some(_)) => return Err(format!("--{} takes no value", row.long)),
        (Arity::Optional, Some(value)) if !row.help.is_empty() => {
            plain.push(format!("--{}-to", row.long).into());
            plain.push(value.into());
        }
        (Arity::Value, Some(value)) => {
            plain.push(format!("--{}", row.long).into());
            plain.push(value.into());
        }
        (Arity::Flag | Arity::Optional, _) => plain.push(format!("--{}", row.long).into()),
        (Arity::Value, None) => {
            plain.push(format!("--{}", row.long).into());
            return Ok(Some(row.long));
        }
    }
    Ok(None)
}

/// A flag as its user sees it.
pub struct Flag {
    /// `v` of `-v`, if there is one.
    pub short: Option<char>,
    /// `version` of `--version`.
    pub long: &'static str,
    /// The value's name, in brackets if it may be left out; empty if there is none.
    pub argument: &'static str,
    /// One line without a full stop; empty: accepted, without effect.
    pub help: &'static str,
}

/// All flags, in the order of the help.
pub fn flags() -> impl Iterator<Item = Flag> {
    ROWS.iter().map(|row| {
        // An argument's name stands before two spaces in the help text.
        let (argument, help) = row.help.split_once("  ").unwrap_or(("", row.help));
        Flag { short: row.short.map(char::from), long: row.long, argument, help }
    })
}

/// The text of `--help`.
pub fn help() -> String {
    let mut text = String::from(
        "Usage: holdfast [OPTIONS]\n\nHolds virtual IP addresses where they belong, from keepalived.conf.\n\n",
    );
    for Flag { short, long, argument, help } in flags().filter(|flag| !flag.help.is_empty()) {
        let short = short.map_or(String::from("    "), |short| format!("-{short}, "));
        text.push_str(&format!("  {short}{:<26} {help}\n", format!("--{long} {argument}")));
    }
    let ignored: Vec<String> =
        flags().filter(|flag| flag.help.is_empty()).map(|flag| format!("--{}", flag.long)).collect();
    text.push_str(&format!("\nAccepted, without effect: {}\n", ignored.join(" ")));
    text.push_str("\nSignals: HUP reloads, TERM and INT stop, USR1 writes the data, USR2 the statistics, 36 or 37 JSON, 63 clears\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Options {
        match parse(words.iter().map(OsString::from)) {
            Ok(Command::Run(options)) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn as_packages_call_it() {
        let bench = run(&["-n", "-l", "-D", "-f", "x.conf", "-p", "a.pid", "-r", "b.pid", "-c", "c.pid"]);
        assert!(bench.foreground && bench.log_console && bench.detail == 1);
        assert_eq!(bench.config, PathBuf::from("x.conf"));
        assert_eq!(bench.vrrp_pid_file, Some(PathBuf::from("b.pid")));
        let vyos = run(&["--use-file", "/run/k.conf", "--pid", "/run/k.pid", "--dont-fork", "--snmp"]);
        assert_eq!((vyos.config, vyos.ignored), (PathBuf::from("/run/k.conf"), vec!["snmp"]));
        let neutron = run(&["-P", "-f", "C", "-p", "PID", "-r", "PID-vrrp", "-D"]);
        assert_eq!((neutron.pid_file, neutron.ignored), (Some(PathBuf::from("PID")), vec!["vrrp"]));
        let openshift = run(&["-f", "x", "--dont-fork", "--vrrp", "--log-detail", "--log-console"]);
        assert!(openshift.foreground && openshift.detail == 1);
    }

    #[test]
    fn clusters_glued_values_and_abbreviations() {
        let options = run(&["-nlDD", "-fx.conf", "--config-id=b", "--log-fac", "local3"]);
        assert_eq!((options.detail, options.config_id, options.facility), (2, Some("b".into()), Facility::Local(3)));
        assert_eq!(options.config, PathBuf::from("x.conf"));
    }

    #[test]
    fn tests_may_name_a_log() {
        for (words, log) in
            [(vec!["-t"], None), (vec!["-t/tmp/x"], Some("/tmp/x")), (vec!["--config-test=/tmp/x"], Some("/tmp/x"))]
        {
            match parse(words.iter().map(OsString::from)) {
                Ok(Command::Test(options)) => assert_eq!(options.test_log, log.map(PathBuf::from)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, text) in [
            (vec!["--no-such"], "unknown option '--no-such'"),
            (vec!["-Z"], "unknown option '-Z'"),
            (vec!["-f"], "--use-file needs a value"),
            (vec!["stray"], "unexpected argument 'stray'"),
            (vec!["-u", "9"], "not an octal number"),
            (vec!["--signum", "NONE"], "unknown signal"),
            (vec!["--dont-fork=1"], "takes no value"),
        ] {
            let error = parse(words.iter().map(OsString::from)).expect_err("wrong");
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn the_name_keepalived_is_answered_to() {
        for (program, name) in [
            ("keepalived", Name::Keepalived),
            ("/usr/sbin/keepalived", Name::Keepalived),
            ("holdfast", Name::Holdfast),
            ("/opt/keepalived/holdfast", Name::Holdfast),
            ("", Name::Holdfast),
        ] {
            assert_eq!(Name::of(program.as_ref()), name, "{program}");
        }
        let line = Name::Keepalived.version().lines().next().expect("a line");
        // The exporter: the second of the words between single spaces, without its first letter.
        assert_eq!(line.split(' ').nth(1).and_then(|word| word.strip_prefix('v')), Some("2.2.7"));
        // The Ansible role: `[kK]eepalived v(.*) `, which takes all it can get.
        assert_eq!(
            line.strip_prefix("Keepalived v").and_then(|rest| rest.rsplit_once(' ')).map(|parts| parts.0),
            Some("2.2.7")
        );
    }

    #[test]
    fn status_takes_what_names_the_daemon() {
        match parse(["--status", "-f", "x", "-p", "y"].map(OsString::from)) {
            Ok(Command::Status(options)) => {
                assert_eq!((options.config, options.pid_file), (PathBuf::from("x"), Some(PathBuf::from("y"))));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn signals_have_their_numbers() {
        // MIPS counts signals in its own way.
        let [data, stats, stats_clear] = if cfg!(target_arch = "mips") { [16, 17, 126] } else { [10, 12, 63] };
        for (name, number) in
            [("STOP", 15), ("RELOAD", 1), ("DATA", data), ("STATS", stats), ("STATS_CLEAR", stats_clear), ("JSON", 36)]
        {
            assert_eq!(parse([OsString::from(format!("--signum={name}"))]), Ok(Command::Signum(number)));
        }
    }
}
