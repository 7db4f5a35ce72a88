//! `vrrp_track_process`, `track_file`, `track_group`, `garp_group`, `bfd_instance`: read and checked.

use super::{Keyword, Put, SECOND, Takes, at};
use crate::config::build::file::read;
use crate::config::build::process::read as process;
use crate::config::model::{TrackedFile, TrackedProcess};
use Takes::{Address, Flag, Interface, Lines, Nothing, Number, Seconds, Word, Words};

type Row = Keyword<()>;

/// A millisecond is written as a whole number in a BFD block.
const MILLIS: Takes = Number(1, 1_000_000);

/// The keywords of `vrrp_track_process`.
#[rustfmt::skip]
pub static TRACK_PROCESS: &[Keyword<TrackedProcess>] = &[
    Keyword::new("process", Words(1, 64), Put::Own(process::process, process::show_process), "the program's name and perhaps its parameters"),
    Keyword::new("param_match", Takes::Choice(&["initial", "partial"]), Put::Own(process::param_match, process::show_param_match), "how parameters are compared, if not as a whole"),
    Keyword::new("weight", Words(1, 2), Put::Own(process::weight, process::show_weight), "0 is FAULT without a quorum; else what is added to the priority"),
    Keyword::new("quorum", Number(1, 65535), at!(quorum), "processes needed at least (1)"),
    Keyword::new("quorum_max", Number(0, 65535), at!(quorum_max), "processes allowed at most"),
    Keyword::new("delay", Seconds(1, 3600 * SECOND), Put::Own(process::delay, process::show_delay), "both delays"),
    Keyword::new("terminate_delay", Seconds(1, 3600 * SECOND), at!(terminate_delay), "how long a loss must last"),
    Keyword::new("fork_delay", Seconds(1, 3600 * SECOND), at!(fork_delay), "how long a gain must last"),
    Keyword::new("full_command", Nothing, at!(full_command), "compare the command line, not the process's name"),
];

/// The keywords of `track_file`.
#[rustfmt::skip]
pub static TRACK_FILE: &[Keyword<TrackedFile>] = &[
    Keyword::new("file", Word, Put::Own(read::file, read::show_file), "the file that holds a number"),
    Keyword::new("weight", Words(1, 2), Put::Own(read::weight, read::show_weight), "what its number is multiplied with (1); 0: a number but 0 is FAULT"),
    Keyword::new("init_file", Words(0, 2), Put::Own(read::init_file, read::show_init_file), "make it with this number (0) if it is missing, or overwrite it"),
];

/// The keywords of `track_group`.
#[rustfmt::skip]
pub static TRACK_GROUP: &[Row] = &[
    Row::not_yet("group", Lines, "names of instances"),
];

/// The keywords of `garp_group`.
#[rustfmt::skip]
pub static GARP_GROUP: &[Row] = &[
    Row::not_yet("garp_interval", Seconds(1, 4_294_967_295), "least time between two gratuitous ARP packets"),
    Row::not_yet("gna_interval", Seconds(1, 4_294_967_295), "least time between two neighbour advertisements"),
    Row::not_yet("interface", Interface, "the interface"),
    Row::not_yet("interfaces", Lines, "the interfaces"),
];

/// The keywords of `bfd_instance`.
#[rustfmt::skip]
pub static BFD: &[Row] = &[
    Row::not_yet("neighbor_ip", Address, "the other side"),
    Row::not_yet("neighbour_ip", Address, "the other side"),
    Row::not_yet("source_ip", Address, "this side"),
    Row::not_yet("min_rx", MILLIS, "least milliseconds between packets received (10)"),
    Row::not_yet("min_tx", MILLIS, "least milliseconds between packets sent (10)"),
    Row::not_yet("idle_tx", MILLIS, "milliseconds between packets while down (1000)"),
    Row::not_yet("multiplier", Number(1, 255), "packets missed until it is down (5)"),
    Row::not_yet("passive", Flag, "wait for the other side"),
    Row::not_yet("ttl", Number(1, 255), "time to live (255)"),
    Row::not_yet("hoplimit", Number(1, 255), "hop limit (64)"),
    Row::not_yet("max_hops", Number(0, 255), "hops a received packet may have made (0)"),
    Row::not_yet("multihop", Nothing, "over routers, by port 4784"),
    Row::not_yet("weight", Words(1, 2), "what is added to the priority"),
    Row::not_yet("vrrp", Nothing, "for virtual routers"),
    Row::not_yet("checker", Nothing, "for virtual servers"),
];
