//! The checks of a real server: read and checked, without effect yet.

use super::{ANY, Keyword, SECOND, Takes};
use Takes::{Address, Block, Choice, Flag, Interface, Nothing, Number, Script, Seconds, Word, Words};

type Row = Keyword<()>;

const LONGEST: u64 = 4_294 * SECOND;
/// As long as can be written.
const FOREVER: u64 = u64::MAX;

/// What all checks have in common, followed by the check's own keywords.
macro_rules! check {
    ($($(#[$doc:meta])* $name:ident = [$($row:expr),* $(,)?];)+) => {$(
        $(#[$doc])*
        pub static $name: &[Row] = &[
            Row::not_yet("connect_ip", Address, "address to connect to (the server's)"),
            Row::not_yet("connect_port", Number(1, 65535), "port to connect to (the server's)"),
            Row::not_yet("bindto", Address, "source address"),
            Row::not_yet("bind_port", Number(1, 65535), "source port"),
            Row::not_yet("bind_if", Interface, "interface"),
            Row::not_yet("connect_timeout", Seconds(1, LONGEST), "seconds to connect (5)"),
            Row::not_yet("fwmark", Number(0, ANY), "firewall mark of its packets"),
            Row::not_yet("retry", Number(0, ANY), "failures until down"),
            Row::not_yet("delay_before_retry", Seconds(0, FOREVER), "seconds until tried again"),
            Row::not_yet("warmup", Seconds(0, FOREVER), "first check within this time"),
            Row::not_yet("delay_loop", Seconds(1, FOREVER), "seconds between checks"),
            Row::not_yet("alpha", Flag, "down until the first success"),
            Row::not_yet("log_all_failures", Flag, "log each failure"),
            $($row),*
        ];
    )+};
}

check! {
    /// The keywords of `TCP_CHECK`.
    TCP_CHECK = [];
    /// The keywords of `PING_CHECK`.
    PING_CHECK = [];
    /// The keywords of `HTTP_GET` and `SSL_GET`.
    HTTP_GET = [
        Row::not_yet("url", Block(URL, 0, 0), "a page and what is expected"),
        Row::not_yet("virtualhost", Word, "host name"),
        Row::not_yet("http_protocol", Choice(&["1.0", "1.0C", "1.0c", "1.1"]), "protocol version (1.0)"),
        Row::not_yet("enable_sni", Flag, "tell the host name in TLS"),
        Row::not_yet("sni_name", Word, "the host name told in TLS"),
        Row::not_yet("fast_recovery", Flag, "one good page is enough"),
        Row::not_yet("tls_compliant", Flag, "a connection must be closed as TLS demands"),
        Row::deprecated("nb_get_retry", Number(0, ANY), super::Put::Nowhere, "retry"),
    ];
    /// The keywords of `SMTP_CHECK`.
    SMTP_CHECK = [
        Row::not_yet("helo_name", Word, "name given"),
        Row::not_yet("host", Block(SMTP_HOST, 0, 0), "address and port to connect to"),
    ];
    /// The keywords of `host` in `SMTP_CHECK`.
    SMTP_HOST = [];
    /// The keywords of `DNS_CHECK`.
    DNS_CHECK = [
        Row::not_yet("type", Choice(&["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"]), "record type (SOA)"),
        Row::not_yet("name", Word, "domain name (.)"),
    ];
    /// The keywords of `UDP_CHECK`.
    UDP_CHECK = [
        Row::not_yet("payload", Words(1, 256), "bytes sent, in hexadecimal"),
        Row::not_yet("require_reply", Words(0, 256), "a reply is needed, perhaps this one"),
        Row::not_yet("min_reply_length", Number(0, 65535), "bytes of the reply at least (0)"),
        Row::not_yet("max_reply_length", Number(0, 65535), "bytes of the reply at most (255)"),
    ];
}

/// The keywords of `MISC_CHECK`: it connects to nothing.
#[rustfmt::skip]
pub static MISC_CHECK: &[Row] = &[
    Row::not_yet("misc_path", Script, "program and arguments"),
    Row::not_yet("misc_timeout", Seconds(0, LONGEST), "seconds until it is killed and has failed (delay_loop)"),
    Row::not_yet("misc_dynamic", Words(0, 1), "its exit status sets the weight"),
    Row::not_yet("user", Takes::User, "user and group it runs as"),
    Row::not_yet("retry", Number(0, ANY), "failures until down"),
    Row::not_yet("delay_before_retry", Seconds(0, FOREVER), "seconds until tried again"),
    Row::not_yet("warmup", Seconds(0, FOREVER), "first check within this time"),
    Row::not_yet("delay_loop", Seconds(1, FOREVER), "seconds between checks"),
    Row::not_yet("alpha", Flag, "down until the first success"),
    Row::not_yet("log_all_failures", Flag, "log each failure"),
];

/// The keywords of `FILE_CHECK`.
#[rustfmt::skip]
pub static FILE_CHECK: &[Row] = &[
    Row::not_yet("track_file", Word, "name of a track_file block"),
    Row::not_yet("weight", Words(1, 2), "what its number is multiplied with"),
    Row::not_yet("alpha", Flag, "down until the first success"),
];

/// The keywords of `BFD_CHECK`.
#[rustfmt::skip]
pub static BFD_CHECK: &[Row] = &[
    Row::not_yet("name", Word, "name of a bfd_instance block"),
    Row::not_yet("alpha", Flag, "down until the first success"),
];

/// The keywords of `url`.
#[rustfmt::skip]
pub static URL: &[Row] = &[
    Row::not_yet("path", Word, "path of the page"),
    Row::not_yet("digest", Word, "MD5 of the page"),
    Row::not_yet("status_code", Words(1, 64), "status codes that are good (200-299)"),
    Row::not_yet("virtualhost", Word, "host name"),
    Row::not_yet("regex", Word, "what the page must match"),
    Row::not_yet("regex_no_match", Nothing, "or must not match"),
    Row::not_yet("regex_options", Words(1, 64), "options of the expression"),
    Row::not_yet("regex_min_offset", Word, "where matching begins"),
    Row::not_yet("regex_max_offset", Word, "where matching ends"),
    Row::not_yet("regex_stack", Words(1, 2), "memory for matching"),
    Row::not_yet("tls_compliant", Flag, "the connection must be closed as TLS demands"),
];
