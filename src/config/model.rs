//! What a configuration says, as plain data: every default filled in, every name resolved, every
//! number with its unit. Nothing here is ever changed after the load; a reload makes a new one and
//! compares.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::Position;
pub use crate::proto::vrrp::{Announce, Peer};
use crate::time::{Centis, Duration};
pub use crate::wire::vrrp::{Family, Version};

/// A whole configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// `global_defs` and the other settings of the top level.
    pub global: Global,
    /// `vrrp_instance` blocks, in the file's order, all of them usable.
    pub instances: Vec<Instance>,
    /// `vrrp_sync_group` blocks with at least one member.
    pub groups: Vec<SyncGroup>,
    /// `vrrp_script` blocks, used or not.
    pub scripts: Vec<Script>,
    /// `track_file` blocks, used or not.
    pub files: Vec<TrackedFile>,
    /// `vrrp_track_process` blocks, used or not.
    pub processes: Vec<TrackedProcess>,
}

impl Config {
    /// The name of a tracked file; none if it is something else.
    pub fn file_name(&self, what: Tracked) -> Option<&str> {
        let Tracked::File(file) = what else { return None };
        self.files.get(usize::from(file)).map(|file| file.name.as_str())
    }

    /// The name of a tracked process; none if it is something else.
    pub fn process_name(&self, what: Tracked) -> Option<&str> {
        let Tracked::Process(process) = what else { return None };
        self.processes.get(usize::from(process)).map(|process| process.name.as_str())
    }
}

/// `global_defs`. What has a counterpart in an instance is already merged into [`Instance`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Global {
    /// `router_id`; the host's name if not set.
    pub router_id: String,
    /// `vrrp_version`.
    pub version: Version,
    /// `vrrp_mcast_group4`.
    pub mcast_group4: Ipv4Addr,
    /// `vrrp_mcast_group6`.
    pub mcast_group6: Ipv6Addr,
    /// `default_interface`.
    pub default_interface: String,
    /// The defaults of `vrrp_garp_*`, for the dumps; instances carry their own.
    pub announce: Announce,
    /// `vrrp_garp_lower_prio_delay` if written; instances without one use their own delay.
    pub lower_prio_delay: Option<Duration>,
    /// `vrrp_garp_lower_prio_repeat` if written; instances without one use their own repeat.
    pub lower_prio_repeat: Option<u32>,
    /// `vrrp_garp_interval`: least time between two gratuitous ARP packets of one interface.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`: the same for neighbour advertisements.
    pub gna_interval: Duration,
    /// `vrrp_startup_delay`: instances wait this long after the start.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: and until the machine's uptime is at least this.
    pub delay_after_boot: Duration,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
    /// `dynamic_interfaces` (accepted; interfaces may always come and go).
    pub dynamic_interfaces: bool,
    /// `vrrp_notify_priority_changes`.
    pub notify_priority_changes: bool,
    /// `disable_local_igmp`: the kernel sends no IGMP for groups of the link.
    pub disable_local_igmp: bool,
    /// `interface_up_down_delays`.
    pub interface_delays: Vec<InterfaceDelay>,
    /// `static_ipaddress`: addresses that are there as long as the daemon runs.
    pub static_addresses: Vec<Address>,
    /// `startup_script`, and the seconds it may take.
    pub startup_script: Option<Box<Command>>,
    /// `startup_script_timeout` in seconds.
    pub startup_timeout: u16,
    /// `shutdown_script`.
    pub shutdown_script: Option<Box<Command>>,
    /// `shutdown_script_timeout` in seconds.
    pub shutdown_timeout: u16,
    /// `vrrp_cpu_affinity`: numbers of processors; none for all.
    pub cpu_affinity: Vec<u16>,
    /// `vrrp_rlimit_rttime` in microseconds.
    pub realtime_limit: Option<u32>,
    /// `vrrp_netlink_cmd_rcv_bufs` in bytes, 0 for the usual.
    pub netlink_command_buffer: u32,
    /// `vrrp_netlink_monitor_rcv_bufs` in bytes, 0 for the usual.
    pub netlink_monitor_buffer: u32,
    /// `notify_fifo`.
    pub notify_fifo: NotifyFifo,
    /// `vrrp_notify_fifo`.
    pub vrrp_notify_fifo: NotifyFifo,
    /// `fifo_write_vrrp_states_on_reload`.
    pub fifo_write_states_on_reload: bool,
    /// `vrrp_strict`, `vrrp_skip_check_adv_addr`, `vrrp_check_unicast_src` as written, for the dumps.
    pub strict: bool,
    /// See `strict`.
    pub skip_check_adv_addr: bool,
    /// See `strict`.
    pub check_unicast_src: bool,
    /// `vrrp_down_timer_adverts`.
    pub down_timer_adverts: u8,
    /// `vrrp_lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `vrrp_higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `v3_checksum_as_v2`.
    pub v3_checksum_as_v2: bool,
    /// `vrrp_owner_ignore_adverts`.
    pub owner_ignore_adverts: bool,
    /// `use_symlink_paths`: scripts are run by the path written, not by what symbolic links lead to.
    pub use_symlink_paths: bool,
    /// `vrrp_rx_bufs_policy`, if set.
    pub rx_bufs_policy: Option<RxBufs>,
    /// `enable_script_security`.
    pub script_security: bool,
    /// `script_user`, or `keepalived_script` if the system has it, or root.
    pub script_user: User,
    /// `vrrp_priority`, a nice value, if set.
    pub process_nice: Option<i8>,
    /// `vrrp_rt_priority`, 1 to 99, if set.
    pub realtime_priority: Option<u8>,
    /// `vrrp_no_swap`: lock memory.
    pub no_swap: bool,
    /// `vrrp_rx_bufs_multiplier`.
    pub rx_bufs_multiplier: u32,
    /// `umask` for files the daemon makes.
    pub umask: u32,
    /// `json_version` 1 or 2.
    pub json_version: u8,
    /// `data_use_instance`: the data dump has the name of `instance` in its own.
    pub data_use_instance: bool,
    /// `state_dump_file`.
    pub state_dump_file: Option<PathBuf>,
    /// `stats_dump_file` (keepalived reads and ignores it; here it is used).
    pub stats_dump_file: Option<PathBuf>,
    /// `json_dump_file` (keepalived reads and ignores it; here it is used).
    pub json_dump_file: Option<PathBuf>,
    /// `use_pid_dir`.
    pub use_pid_dir: bool,
    /// `net_namespace NAME`.
    pub net_namespace: Option<String>,
    /// `instance NAME`.
    pub instance_name: Option<String>,
    /// `notification_email`, in the order written.
    pub notification_email: Vec<String>,
    /// `notification_email_from`.
    pub notification_email_from: Option<String>,
    /// `smtp_server` as written: host or address, and its port (25).
    pub smtp_server: Option<(String, u16)>,
    /// `smtp_helo_name`.
    pub smtp_helo_name: Option<String>,
    /// `smtp_connect_timeout`.
    pub smtp_connect_timeout: Duration,
    /// `smtp_alert`; instances and groups carry the merged value.
    pub smtp_alert: Option<bool>,
    /// `smtp_alert_vrrp`: goes before `smtp_alert`.
    pub smtp_alert_vrrp: Option<bool>,
    /// `no_email_faults`.
    pub no_email_faults: bool,
}

/// `smtp_connect_timeout` where it is not written.
pub const SMTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

impl Default for Global {
    fn default() -> Self {
        Self {
            router_id: String::new(),
            version: Version::V2,
            mcast_group4: Ipv4Addr::new(224, 0, 0, 18),
            mcast_group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            default_interface: String::from("eth0"),
            announce: Announce::default(),
            lower_prio_delay: None,
            lower_prio_repeat: None,
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            log_unknown_vrids: false,
            dynamic_interfaces: false,
            notify_priority_changes: false,
            strict: false,
            skip_check_adv_addr: false,
            check_unicast_src: false,
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            v3_checksum_as_v2: false,
            owner_ignore_adverts: false,
            use_symlink_paths: false,
            rx_bufs_policy: None,
            script_security: false,
            script_user: User::default(),
            process_nice: None,
            realtime_priority: None,
            no_swap: false,
            rx_bufs_multiplier: 3,
            umask: 0o177,
            json_version: 1,
            data_use_instance: false,
            state_dump_file: None,
            stats_dump_file: None,
            json_dump_file: None,
            use_pid_dir: false,
            net_namespace: None,
            instance_name: None,
            disable_local_igmp: false,
            interface_delays: Vec::new(),
            static_addresses: Vec::new(),
            startup_script: None,
            startup_timeout: 10,
            shutdown_script: None,
            shutdown_timeout: 10,
            cpu_affinity: Vec::new(),
            realtime_limit: None,
            netlink_command_buffer: 0,
            netlink_monitor_buffer: 0,
            notify_fifo: NotifyFifo::default(),
            vrrp_notify_fifo: NotifyFifo::default(),
            fifo_write_states_on_reload: false,
            notification_email: Vec::new(),
            notification_email_from: None,
            smtp_server: None,
            smtp_helo_name: None,
            smtp_connect_timeout: SMTP_CONNECT_TIMEOUT,
            smtp_alert: None,
            smtp_alert_vrrp: None,
            no_email_faults: false,
        }
    }
}

impl Global {
    /// Whether changes are mailed about where an instance or group does not say.
    pub fn mails(&self) -> bool {
        self.smtp_alert_vrrp.or(self.smtp_alert).unwrap_or(false)
    }
}

/// `vrrp_rx_bufs_policy`: what a receive buffer's size is a multiple of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RxBufs {
    /// The interface's MTU.
    Mtu,
    /// The largest advert of this configuration.
    Advert,
    /// So many bytes; the multiplier does not count.
    Bytes(u32),
}

/// A virtual router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// `vrrp_instance NAME`.
    pub name: String,
    /// Where the block begins, for messages.
    pub at: Position,
    /// `interface`; none only in unicast with `unicast_src_ip`.
    pub interface: Option<String>,
    /// The family of its adverts: of the first virtual address, else of the source or peers.
    pub family: Family,
    /// `version`; IPv6 is always version 3.
    pub version: Version,
    /// `virtual_router_id`, 1 to 255.
    pub vrid: u8,
    /// `priority`, 1 to 255.
    pub priority: u8,
    /// `state MASTER`.
    pub starts_active: bool,
    /// `advert_int`: version 2 whole seconds to 255 s, version 3 from 10 ms to 40.95 s.
    pub advert_int: Centis,
    /// False with `nopreempt`.
    pub preempt: bool,
    /// `preempt_delay`.
    pub preempt_delay: Duration,
    /// `virtual_ipaddress`: in the adverts.
    pub addresses: Vec<Address>,
    /// `virtual_ipaddress_excluded`, and what did not fit into an advert.
    pub excluded: Vec<Address>,
    /// `mcast_src_ip` or `unicast_src_ip`.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: FAULT while the source address is not on the interface.
    pub track_source: bool,
    /// `mcast_dst_ip`, or the global group of the family.
    pub mcast_group: IpAddr,
    /// `unicast_peer`; not empty means unicast.
    pub peers: Vec<Peer>,
    /// `unicast_ttl`.
    pub unicast_ttl: u8,
    /// `check_unicast_src` or its global.
    pub check_unicast_src: bool,
    /// `unicast_fault_no_peer`.
    pub fault_without_peer: bool,
    /// `authentication`.
    pub auth: Auth,
    /// `accept` (true) or `no_accept`.
    pub accept: bool,
    /// `strict_mode` or its global.
    pub strict: bool,
    /// `skip_check_adv_addr` or its global.
    pub skip_check_adv_addr: bool,
    /// `v3_checksum_as_v2` or its global: no pseudo-header in sent version 3 IPv4 adverts.
    pub checksum_without_pseudo_header: bool,
    /// `owner_ignore_adverts` or its global.
    pub owner_ignore_adverts: bool,
    /// `garp_*` merged with the globals.
    pub announce: Announce,
    /// `lower_prio_no_advert` or its global.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert` or its global.
    pub higher_prio_send_advert: bool,
    /// `down_timer_adverts` or its global.
    pub down_timer_adverts: u8,
    /// `kernel_rx_buf_size` in bytes.
    pub rx_buffer: Option<u32>,
    /// `dont_track_primary`: its own interface down is no fault.
    pub dont_track_primary: bool,
    /// `track_interface`.
    pub track_interfaces: Vec<TrackInterface>,
    /// `track_script`; scripts that do not exist are left out with a diagnostic.
    pub track_scripts: Box<[TrackScript]>,
    /// `track_file` and `track_process`; what does not exist as a block is left out with a diagnostic.
    pub tracks: Box<[Track]>,
    /// `notify*`.
    pub notify: Notify,
    /// `notify_priority_changes` or its global.
    pub notify_priority_changes: bool,
    /// `smtp_alert`, or the globals, or false.
    pub smtp_alert: bool,
    /// `promote_secondaries`.
    pub promote_secondaries: bool,
    /// `notify_deleted` present: a deleted instance says DELETED, not FAULT.
    pub notify_deleted: bool,
}

/// A virtual address with the options of its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Prefix length; 32 or 128 if not written.
    pub prefix: u8,
    /// `dev`; none is the instance's interface.
    pub device: Option<String>,
    /// `brd`: none, the address given, or the network's own (`+`).
    pub broadcast: Option<Ipv4Addr>,
    /// `scope`, as the kernel's number (global 0, site 200, link 253, host 254, nowhere 255).
    pub scope: u8,
    /// `label`, at most 15 bytes.
    pub label: Option<String>,
    /// `peer`, with its prefix length.
    pub peer: Option<(IpAddr, u8)>,
    /// `home`: IFA_F_HOMEADDRESS.
    pub home: bool,
    /// `-nodad`: IFA_F_NODAD.
    pub nodad: bool,
    /// `mngtmpaddr`: IFA_F_MANAGETEMPADDR.
    pub mngtmpaddr: bool,
    /// `noprefixroute`: IFA_F_NOPREFIXROUTE.
    pub noprefixroute: bool,
    /// `autojoin`: IFA_F_MCAUTOJOIN.
    pub autojoin: bool,
    /// `no_track`: its removal by others is not watched.
    pub no_track: bool,
    /// `preferred_lft`: none is not written; Some(None) is forever, Some(Some(0)) deprecated.
    pub preferred_lft: Option<Option<Duration>>,
}

impl Address {
    /// An address without any option.
    pub const fn plain(ip: IpAddr, prefix: u8) -> Self {
        Self {
            ip,
            prefix,
            device: None,
            broadcast: None,
            scope: 0,
            label: None,
            peer: None,
            home: false,
            nodad: false,
            mngtmpaddr: false,
            noprefixroute: false,
            autojoin: false,
            no_track: false,
            preferred_lft: None,
        }
    }
}

/// `authentication`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// `auth_type PASS`: the password, zero-padded.
    Pass([u8; 8]),
    /// `auth_type AH`: the key, zero-padded. Not built yet; such an instance sends no authentication.
    Ah([u8; 8]),
}

/// An interface whose state counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackInterface {
    /// The interface's name.
    pub name: String,
    /// 0 is FAULT when down; else added while up (positive) or while down (negative).
    pub weight: i16,
    /// The state counts the other way round.
    pub reverse: bool,
}

/// A script whose result counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrackScript {
    /// Index into [`Config::scripts`].
    pub script: usize,
    /// 0 is FAULT when failed; else added while it succeeds (positive) or fails (negative).
    pub weight: i16,
    /// The result counts the other way round.
    pub reverse: bool,
}

/// `track_file NAME { ... }`: a file whose number counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackedFile {
    /// Its name.
    pub name: String,
    /// `file`: where it is.
    pub path: PathBuf,
    /// `weight`: what its number is multiplied by where nothing else is said; 0: any number but 0 is FAULT.
    pub weight: i16,
    /// The result is turned around.
    pub reverse: bool,
    /// `init_file`: made at the start.
    pub init: Option<InitFile>,
}

/// `init_file`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InitFile {
    /// The number written.
    pub value: i32,
    /// Also if the file is there.
    pub overwrite: bool,
}

/// `vrrp_track_process NAME { ... }`: processes that count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackedProcess {
    /// Its name.
    pub name: String,
    /// `process`: the program.
    pub program: String,
    /// And its parameters.
    pub parameters: Vec<String>,
    /// `param_match`, if written.
    pub param_match: Option<ParameterMatch>,
    /// `full_command`: the program is compared with the command line, not with the process's name.
    pub full_command: bool,
    /// `weight`, where nothing else is said.
    pub weight: i16,
    /// The result is turned around.
    pub reverse: bool,
    /// `quorum`: so many at least.
    pub quorum: u32,
    /// `quorum_max`: so many at most.
    pub quorum_max: Option<u32>,
    /// `terminate_delay`: a quorum that is lost is lost after this.
    pub terminate_delay: Duration,
    /// `fork_delay`: one that is gained is there after this.
    pub fork_delay: Duration,
}

/// How parameters of a process are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParameterMatch {
    /// Not at all.
    Any,
    /// These and no others.
    Exact,
    /// These first.
    Initial,
    /// The same, and of the last one its beginning suffices.
    Partial,
}

impl ParameterMatch {
    /// The language's word, and keepalived's in its dump.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Exact => "exact",
            Self::Initial => "initial",
            Self::Partial => "partial",
        }
    }
}

/// What else can be tracked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tracked {
    /// Index into [`Config::files`].
    File(u16),
    /// Index into [`Config::processes`].
    Process(u16),
}

/// A file or process that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Track {
    /// Which.
    pub what: Tracked,
    /// A file's number is multiplied by it, a quorum counts as a script does; 0: a number but 0, or no
    /// quorum, is FAULT.
    pub weight: i16,
    /// The result is turned around.
    pub reverse: bool,
}

/// `vrrp_sync_group`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncGroup {
    /// Its name.
    pub name: String,
    /// Where the block begins.
    pub at: Position,
    /// Indices into [`Config::instances`].
    pub members: Vec<usize>,
    /// `track_interface` of the group.
    pub track_interfaces: Vec<TrackInterface>,
    /// `track_script` of the group.
    pub track_scripts: Box<[TrackScript]>,
    /// `track_file` and `track_process` of the group.
    pub tracks: Box<[Track]>,
    /// `sync_group_tracking_weight`: weights of members count.
    pub tracking_weight: bool,
    /// `notify*`.
    pub notify: Notify,
    /// `smtp_alert`.
    pub smtp_alert: bool,
}

/// `vrrp_script`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// Where the block begins.
    pub at: Position,
    /// What is run; nothing if `file` is set.
    pub command: Command,
    /// `script </path`: nothing is run, it succeeds while this file can be opened.
    pub file: Option<PathBuf>,
    /// `interval` between two starts.
    pub interval: Duration,
    /// `timeout`, after which it counts as failed and is killed; zero if not written (the interval is used).
    pub timeout: Duration,
    /// `weight`, the default of track_script.
    pub weight: i16,
    /// `weight N reverse`.
    pub reverse: bool,
    /// `rise`: successes in a row until it counts as good.
    pub rise: u32,
    /// `fall`: failures in a row until it counts as bad.
    pub fall: u32,
    /// `init_fail`: bad until it succeeded; else unknown until the first result.
    pub init_fail: bool,
}

/// A program to run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Command {
    /// The program's path (absolute where it could be found) and its arguments.
    pub argv: Vec<String>,
    /// As whom.
    pub user: User,
    /// Script security forbids it: it is never run.
    pub insecure: bool,
}

/// How long an interface must be down or up to count so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterfaceDelay {
    /// Its name.
    pub name: String,
    /// To count as down.
    pub down: Duration,
    /// To count as up.
    pub up: Duration,
}

/// A pipe that gets a line for each change of state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotifyFifo {
    /// Where it is.
    pub path: Option<String>,
    /// Whose it is, if it has to be made; by default the scripts' user's.
    pub owner: Option<User>,
    /// What reads it; the path is appended to its arguments.
    pub script: Option<Box<Command>>,
}

/// A user and group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct User {
    /// Numeric user.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

/// The notify scripts of an instance or group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notify {
    /// `notify_master`.
    pub master: Option<Box<Command>>,
    /// `notify_backup`.
    pub backup: Option<Box<Command>>,
    /// `notify_fault`.
    pub fault: Option<Box<Command>>,
    /// `notify_stop`.
    pub stop: Option<Box<Command>>,
    /// `notify_deleted`.
    pub deleted: Option<Box<Command>>,
    /// `notify`: TYPE, NAME, STATE and PRIORITY are appended.
    pub any: Option<Box<Command>>,
    /// `notify_master_rx_lower_pri`.
    pub master_rx_lower_pri: Option<Box<Command>>,
}
