//! How the daemon runs, as far as the command line says.

use std::path::PathBuf;

/// Where keepalived's users keep their configuration.
pub const DEFAULT_CONFIG: &str = "/etc/keepalived/keepalived.conf";

/// How the daemon runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// `-f`.
    pub config: PathBuf,
    /// What syslog lines begin with.
    pub ident: &'static str,
    /// `-n`: stay in the foreground.
    pub foreground: bool,
    /// `-l`: log to the console too.
    pub log_console: bool,
    /// `-G`: not to syslog.
    pub no_syslog: bool,
    /// `-D`: more lines; twice for still more.
    pub detail: u8,
    /// `-S`: facility, 0 to 7 for local0 to local7, 8 for user, 9 for daemon.
    pub facility: Facility,
    /// `-d`: print the configuration to the log at the start.
    pub dump_config: bool,
    /// `-p`.
    pub pid_file: Option<PathBuf>,
    /// `-r`.
    pub vrrp_pid_file: Option<PathBuf>,
    /// `-c`.
    pub checkers_pid_file: Option<PathBuf>,
    /// `-i`: the word `@ID` lines are compared with.
    pub config_id: Option<String>,
    /// `-s`.
    pub namespace: Option<String>,
    /// `-u`.
    pub umask: Option<u32>,
    /// `-V`: leave the addresses when exiting.
    pub keep_addresses: bool,
    /// `-a`: log every change of an address.
    pub address_monitoring: bool,
    /// `-e`: a file to include that is missing is an error.
    pub all_config: bool,
    /// `-t FILE`: where the findings of a test go, instead of to the console.
    pub test_log: Option<PathBuf>,
    /// Flags that mean nothing here, to be said once.
    pub ignored: Vec<&'static str>,
}

/// Where syslog files the lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facility {
    /// local0 to local7.
    Local(u8),
    /// user.
    User,
    /// daemon.
    Daemon,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: PathBuf::from(DEFAULT_CONFIG),
            ident: "Holdfast",
            foreground: false,
            log_console: false,
            no_syslog: false,
            detail: 0,
            facility: Facility::Daemon,
            dump_config: false,
            pid_file: None,
            vrrp_pid_file: None,
            checkers_pid_file: None,
            config_id: None,
            namespace: None,
            umask: None,
            keep_addresses: false,
            address_monitoring: false,
            all_config: false,
            test_log: None,
            ignored: Vec::new(),
        }
    }
}
