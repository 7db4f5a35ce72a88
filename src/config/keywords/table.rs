//! All rows, block by block, whatever they set: for the README and for tests.

#[cfg(any(debug_assertions, feature = "manual"))]
use std::fmt::Write as _;

#[cfg(any(debug_assertions, feature = "manual"))]
use super::Status;
use super::{Keyword, Row, Takes};
use super::{balancer, checker, global, group, instance, script, top, track};

/// A block's name and its rows.
pub struct Table {
    /// The block, `top level` for none.
    pub block: &'static str,
    /// Its keywords.
    pub rows: Vec<&'static Row>,
}

/// Every block with its keywords, in reading order.
pub fn tables() -> Vec<Table> {
    fn table<T>(block: &'static str, rows: &'static [Keyword<T>]) -> Table {
        Table { block, rows: rows.iter().map(|keyword| &keyword.row).collect() }
    }
    vec![
        table("top level", top::TOP),
        table("global_defs", global::GLOBAL),
        table("vrrp_instance", instance::INSTANCE),
        table("authentication", instance::AUTHENTICATION),
        table("auth_hmac", instance::AUTH_HMAC),
        table("vrrp_sync_group", group::SYNC_GROUP),
        table("vrrp_script", script::SCRIPT),
        table("vrrp_track_process", track::TRACK_PROCESS),
        table("track_file", track::TRACK_FILE),
        table("track_group", track::TRACK_GROUP),
        table("garp_group", track::GARP_GROUP),
        table("bfd_instance", track::BFD),
        table("virtual_server", balancer::VIRTUAL_SERVER),
        table("real_server", balancer::REAL_SERVER),
        table("SSL", balancer::SSL),
        table("TCP_CHECK", checker::TCP_CHECK),
        table("HTTP_GET, SSL_GET", checker::HTTP_GET),
        table("url", checker::URL),
        table("SMTP_CHECK", checker::SMTP_CHECK),
        table("host", checker::SMTP_HOST),
        table("DNS_CHECK", checker::DNS_CHECK),
        table("MISC_CHECK", checker::MISC_CHECK),
        table("UDP_CHECK", checker::UDP_CHECK),
        table("PING_CHECK", checker::PING_CHECK),
        table("FILE_CHECK", checker::FILE_CHECK),
        table("BFD_CHECK", checker::BFD_CHECK),
    ]
}

/// The keyword table of the README, in Markdown.
#[cfg(any(debug_assertions, feature = "manual"))]
pub fn markdown_table() -> String {
    let mut text = String::from("| block | keyword | takes | effect | what it does |\n|---|---|---|---|---|\n");
    for table in tables() {
        for row in &table.rows {
            let effect = match row.status {
                Status::Built => String::from("yes"),
                Status::NotYet => String::from("not yet"),
                Status::Accepted(why) => format!("none: {why}"),
                Status::Deprecated(of) | Status::Older(of) => format!("older name of {of}"),
                Status::Refused(why) => format!("refused: {why}"),
            };
            let takes = row.takes.to_string().replace('|', "\\|");
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {} | {} | {takes} | {effect} | {} |", table.block, row.name, row.help);
        }
    }
    text
}

impl core::fmt::Display for Takes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use crate::time::Duration;
        match *self {
            Self::Nothing => f.write_str("nothing"),
            Self::Flag => f.write_str("on or off (on)"),
            Self::Number(least, most) if most == super::ANY => write!(f, "a whole number from {least}"),
            Self::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::OptionalNumber(least, most) => write!(f, "nothing, or a whole number from {least} to {most}"),
            Self::Seconds(least, most) => {
                write!(f, "seconds from {} to {}", Duration::from_micros(least), Duration::from_micros(most))
            }
            Self::WholeSeconds(least, most) if most == super::ANY => write!(f, "whole seconds from {least}"),
            Self::WholeSeconds(least, most) => write!(f, "whole seconds from {least} to {most}"),
            Self::Word => f.write_str("a word"),
            Self::Words(0, 1) => f.write_str("nothing or a word"),
            Self::Words(least, most) if least == most => write!(f, "{least} words"),
            Self::Words(least, most) => write!(f, "{least} to {most} words"),
            Self::OptionalChoice(words) => write!(f, "nothing, or one of {}", words.join(", ")),
            Self::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Self::Address => f.write_str("an IP address"),
            Self::Interface => f.write_str("the name of an interface"),
            Self::Script => f.write_str("a program in quotes, perhaps user and group"),
            Self::User => f.write_str("a user, perhaps a group"),
            Self::NamedLines => f.write_str("a name and a block of lines"),
            Self::Lines => f.write_str("a block of lines"),
            Self::Block(..) | Self::Own(_) => f.write_str("a block"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_is_one_row_of_its_block() {
        for table in tables() {
            let mut names: Vec<_> = table.rows.iter().map(|row| row.name).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{} names a keyword twice", table.block);
            for row in table.rows {
                assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{}: {}", table.block, row.name);
            }
        }
    }

    #[test]
    fn the_readme_table_has_a_line_for_each_row() {
        let rows: usize = tables().iter().map(|table| table.rows.len()).sum();
        assert!(rows > 300);
        assert_eq!(markdown_table().lines().count(), rows + 2);
    }
}
