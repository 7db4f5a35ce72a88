//! `virtual_server`, `real_server`, `SSL`: read and checked, without effect yet.

use super::checker::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HTTP_GET, MISC_CHECK, PING_CHECK, SMTP_CHECK, TCP_CHECK, UDP_CHECK,
};
use super::{ANY, Keyword, SECOND, SIGNED, Takes};
use Takes::{Block, Choice, Flag, Nothing, Number, Script, Seconds, Word, Words};

type Row = Keyword<()>;

/// keepalived's longest delay.
const LONGEST: u64 = 4_294 * SECOND;
/// As long as can be written.
const FOREVER: u64 = u64::MAX;
const SCHEDULERS: Takes =
    Choice(&["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos"]);

/// The keywords of `virtual_server`.
#[rustfmt::skip]
pub static VIRTUAL_SERVER: &[Row] = &[
    Row::not_yet("delay_loop", Seconds(1, FOREVER), "seconds between checks (60)"),
    Row::not_yet("lb_algo", SCHEDULERS, "scheduler (wlc)"),
    Row::not_yet("lvs_sched", SCHEDULERS, "scheduler (wlc)"),
    Row::not_yet("lb_kind", Words(1, 8), "forwarding method: NAT, DR or TUN (NAT)"),
    Row::not_yet("lvs_method", Words(1, 8), "forwarding method: NAT, DR or TUN (NAT)"),
    Row::not_yet("protocol", Choice(&["TCP", "UDP", "SCTP"]), "protocol"),
    Row::not_yet("persistence_engine", Word, "persistence by what the protocol says"),
    Row::not_yet("persistence_timeout", Takes::OptionalNumber(1, 2_678_400), "seconds a client stays with a server (360)"),
    Row::not_yet("persistence_granularity", Word, "network mask of a client"),
    Row::not_yet("ip_family", Choice(&["inet", "inet6"]), "family of a fwmark"),
    Row::not_yet("quorum", Number(1, ANY), "weight needed to be up (1)"),
    Row::not_yet("hysteresis", Number(0, ANY), "weight around the quorum (0)"),
    Row::not_yet("quorum_up", Script, "run when the quorum is reached"),
    Row::not_yet("quorum_down", Script, "run when it is lost"),
    Row::not_yet("alpha", Words(0, 1), "down until the first success"),
    Row::not_yet("omega", Words(0, 1), "run the down scripts at the end"),
    Row::not_yet("ha_suspend", Words(0, 1), "no checks while the address is elsewhere"),
    Row::not_yet("inhibit_on_failure", Words(0, 1), "weight 0 instead of removal"),
    Row::not_yet("weight", Number(1, SIGNED), "weight of real servers that name none (1)"),
    Row::not_yet("retry", Number(1, ANY), "failures until down (1)"),
    Row::not_yet("delay_before_retry", Seconds(0, FOREVER), "seconds until tried again (1)"),
    Row::not_yet("warmup", Seconds(0, FOREVER), "first check within this time (delay_loop)"),
    Row::not_yet("connect_timeout", Seconds(1, LONGEST), "seconds to connect (5)"),
    Row::not_yet("smtp_alert", Flag, "mail for each change"),
    Row::not_yet("virtualhost", Word, "host name of HTTP checks"),
    Row::not_yet("snmp_name", Word, "name in SNMP"),
    Row::not_yet("hashed", Nothing, "hashed entry"),
    Row::not_yet("ops", Nothing, "one packet scheduling"),
    Row::not_yet("flag-1", Nothing, "flag of the scheduler"),
    Row::not_yet("flag-2", Nothing, "flag of the scheduler"),
    Row::not_yet("flag-3", Nothing, "flag of the scheduler"),
    Row::not_yet("sh-port", Nothing, "sh hashes the port"),
    Row::not_yet("sh-fallback", Nothing, "sh falls back"),
    Row::not_yet("mh-port", Nothing, "mh hashes the port"),
    Row::not_yet("mh-fallback", Nothing, "mh falls back"),
    Row::not_yet("sorry_server", Words(1, 2), "server when all others are down"),
    Row::not_yet("sorry_server_inhibit", Flag, "weight 0 instead of removal for it"),
    Row::not_yet("sorry_server_lvs_method", Words(1, 8), "its forwarding method"),
    Row::not_yet("real_server", Block(REAL_SERVER, 1, 2), "a server"),
];

/// The keywords of `real_server`.
#[rustfmt::skip]
pub static REAL_SERVER: &[Row] = &[
    Row::not_yet("weight", Number(0, SIGNED), "share of the load (1)"),
    Row::not_yet("lvs_method", Words(1, 8), "forwarding method"),
    Row::not_yet("uthreshold", Number(0, ANY), "connections at most"),
    Row::not_yet("lthreshold", Number(0, ANY), "connections until it gets some again"),
    Row::not_yet("inhibit_on_failure", Flag, "weight 0 instead of removal"),
    Row::not_yet("notify_up", Script, "run when it comes up"),
    Row::not_yet("notify_down", Script, "run when it goes down"),
    Row::not_yet("alpha", Flag, "down until the first success"),
    Row::not_yet("retry", Number(1, ANY), "failures until down (1)"),
    Row::not_yet("delay_before_retry", Seconds(0, FOREVER), "seconds until tried again (1)"),
    Row::not_yet("warmup", Seconds(0, FOREVER), "first check within this time"),
    Row::not_yet("connect_timeout", Seconds(1, LONGEST), "seconds to connect"),
    Row::not_yet("delay_loop", Seconds(1, FOREVER), "seconds between checks"),
    Row::not_yet("smtp_alert", Flag, "mail for each change"),
    Row::not_yet("virtualhost", Word, "host name of HTTP checks"),
    Row::not_yet("snmp_name", Word, "name in SNMP"),
    Row::not_yet("TCP_CHECK", Block(TCP_CHECK, 0, 0), "up if a connection succeeds"),
    Row::not_yet("HTTP_GET", Block(HTTP_GET, 0, 0), "up if pages are as expected"),
    Row::not_yet("SSL_GET", Block(HTTP_GET, 0, 0), "the same over TLS"),
    Row::not_yet("SMTP_CHECK", Block(SMTP_CHECK, 0, 0), "up if a mail server greets"),
    Row::not_yet("DNS_CHECK", Block(DNS_CHECK, 0, 0), "up if a name server answers"),
    Row::not_yet("MISC_CHECK", Block(MISC_CHECK, 0, 0), "up if a program succeeds"),
    Row::not_yet("UDP_CHECK", Block(UDP_CHECK, 0, 0), "up unless a port is refused"),
    Row::not_yet("PING_CHECK", Block(PING_CHECK, 0, 0), "up if it answers echo requests"),
    Row::not_yet("FILE_CHECK", Block(FILE_CHECK, 0, 0), "as a file says"),
    Row::not_yet("BFD_CHECK", Block(BFD_CHECK, 0, 0), "up if a BFD session is"),
];

/// The keywords of `SSL`.
#[rustfmt::skip]
pub static SSL: &[Row] = &[
    Row::not_yet("password", Word, "of the key"),
    Row::not_yet("ca", Word, "file of authorities"),
    Row::not_yet("certificate", Word, "file of the certificate"),
    Row::not_yet("key", Word, "file of the key"),
];
