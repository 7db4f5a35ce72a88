//! Writes the manual pages, holdfast(8) and holdfast.conf(5), into the folder named: from the table of flags
//! and the table of keywords, so that they say what the program does.

use std::path::Path;
use std::{env, fs, process};

use holdfast::cli;
use holdfast::config::keywords::{Row, Status, tables};

fn main() -> process::ExitCode {
    let Some(folder) = env::args_os().nth(1) else {
        eprintln!("usage: manual FOLDER");
        return process::ExitCode::FAILURE;
    };
    for (name, text) in [("holdfast.8", daemon()), ("holdfast.conf.5", configuration())] {
        let path = Path::new(&folder).join(name);
        if let Err(error) = fs::write(&path, text) {
            eprintln!("manual: {}: {error}", path.display());
            return process::ExitCode::FAILURE;
        }
    }
    process::ExitCode::SUCCESS
}

/// Text as troff shows it unchanged.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// A page's first lines.
fn title(name: &str, section: u8, what: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        ".TH {} {section} \"\" \"Holdfast {version}\"\n.SH NAME\n{} \\- {}\n",
        name.to_uppercase(),
        plain(name),
        plain(what)
    )
}

/// A paragraph with a term.
fn item(term: &str, text: &str) -> String {
    format!(".TP\n{term}\n{}\n", plain(text))
}

fn section(name: &str, body: &str) -> String {
    format!(".SH {name}\n{body}")
}

fn daemon() -> String {
    let mut text = title("holdfast", 8, "holds virtual IP addresses where they belong (VRRP)");
    text += &section("SYNOPSIS", ".B holdfast\n.RI [ options ]\n");
    text += &section(
        "DESCRIPTION",
        "Holdfast keeps addresses on exactly one of several machines: where it runs, the machines agree by VRRP\n\
         (RFC 9568, and version 2 of RFC 3768) who has them, and another one takes over when that one fails.\n\
         It reads the configuration of\n.BR keepalived (8)\nas it stands; see\n.BR holdfast.conf (5).\n\
         .PP\nStarted by the name keepalived, a link to it, it answers to\n.B \\-\\-version\nas tools expect of that name.\n",
    );
    text += ".SH OPTIONS\n";
    for flag in cli::flags().filter(|flag| !flag.help.is_empty()) {
        let short = flag.short.map_or(String::new(), |short| format!("\\fB\\-{short}\\fR, "));
        let argument = if flag.argument.is_empty() { String::new() } else { format!(" \\fI{}\\fR", flag.argument) };
        text += &item(&format!("{short}\\fB\\-\\-{}\\fR{argument}", plain(flag.long)), flag.help);
    }
    let ignored: Vec<String> =
        cli::flags().filter(|flag| flag.help.is_empty()).map(|flag| format!("--{}", flag.long)).collect();
    text += &format!(".PP\nAccepted, without effect: {}.\n", plain(&ignored.join(" ")));
    text += ".SH SIGNALS\n";
    for (signal, what) in [
        (
            "HUP",
            "Reads the configuration again. What exists in both goes on; a file that cannot be used changes nothing.",
        ),
        ("TERM, INT", "Gives the addresses up, tells the other machines, and ends."),
        ("USR1", "Writes /tmp/keepalived.data."),
        ("USR2", "Writes /tmp/keepalived.stats."),
        ("36, 37", "Writes /tmp/keepalived.json; --status does it and waits for it."),
        ("63", "Sets the counters to zero."),
    ] {
        text += &item(&format!(".B {signal}"), what);
    }
    text += ".SH FILES\n";
    for (file, what) in [
        (holdfast::daemon::DEFAULT_CONFIG, "The configuration."),
        ("/run/keepalived.pid", "The process's number; the file is locked while it runs."),
        ("/etc/default/holdfast", "Options of the service, on Debian."),
    ] {
        text += &item(&format!(".I {}", plain(file)), what);
    }
    text += ".SH ENVIRONMENT\n";
    text += "Where the configuration file does not exist, these describe one virtual router instead:\n";
    for (name, what) in [
        (
            "HOLDFAST_VIPS",
            "Its addresses, with spaces or commas between them. Without it the others count for nothing.",
        ),
        ("HOLDFAST_INTERFACE", "The interface (eth0)."),
        ("HOLDFAST_VRID", "The virtual router's number (51)."),
        ("HOLDFAST_PRIORITY", "The priority (100)."),
        ("HOLDFAST_STATE", "The state to begin with (BACKUP)."),
        ("HOLDFAST_PEERS", "The other machines' addresses; without them adverts are multicast."),
        ("HOLDFAST_VERSION, HOLDFAST_ADVERT_INT", "The protocol's version, and seconds between adverts."),
        ("HOLDFAST_PASSWORD", "The password of version 2."),
        ("HOLDFAST_NOTIFY", "A program that is told of each change."),
    ] {
        text += &item(&format!(".B {name}"), what);
    }
    text += "The variables KEEPALIVED_VIRTUAL_IPS, _INTERFACE, _ROUTER_ID (the number), _PRIORITY, _STATE, _UNICAST_PEERS,\n\
             _PASSWORD, _NOTIFY mean the same. KEEPALIVED_COMMAND_LINE_ARGUMENTS has more options.\n";
    text += ".SH EXIT STATUS\n";
    for (code, what) in [
        ("0", "Stopped when told to; a test found nothing."),
        ("1", "It could not start."),
        ("2", "The configuration cannot be used."),
        ("4", "Permissions are missing; a test: the configuration cannot be used."),
        ("5, 6", "A test: there are errors, or scripts that others than root could change, but it would run."),
        ("6", "There is no configuration."),
    ] {
        text += &item(&format!(".B {code}"), what);
    }
    text + &section("SEE ALSO", ".BR holdfast.conf (5)\n")
}

fn configuration() -> String {
    let mut text = title("holdfast.conf", 5, "the configuration of holdfast, keepalived.conf");
    text += &section(
        "DESCRIPTION",
        "The file consists of keywords with values, and of blocks of them in braces. White space separates words; what\n\
         has white space, braces or # in it stands in double quotes. Text behind # or ! is a comment. One virtual router:\n",
    );
    let example = "vrrp_instance lan {\n    interface eth0\n    virtual_router_id 51\n    version 3\n    priority 150\n    \
                   advert_int 0.5\n    virtual_ipaddress {\n        192.168.1.1/24\n    }\n}";
    text += &format!(".PP\n.nf\n{}\n.fi\n", example.lines().map(plain).collect::<Vec<_>>().join("\n"));
    for (mark, what) in [
        ("include FILE", "Reads other files in its place; the name may have wildcards."),
        (
            "@ID line",
            "The line counts only where the name of the host up to its first dot, or --config-id, is ID; @^ID: only elsewhere.",
        ),
        ("$NAME=value", "A definition; $NAME or ${NAME} stands for it below."),
        ("~SEQ(NAME, FIRST, LAST) line", "The line once for each number; ~LST(NAME, VALUE, VALUE) for each value."),
    ] {
        text += &item(&format!("\\fB{}\\fR", plain(mark)), what);
    }
    text += ".PP\nKeywords marked (*) are read and checked, and have no effect yet.\n";
    for table in tables() {
        let heading = plain(table.block).to_uppercase();
        text += &format!(".SH \"{heading}\"\n");
        table.rows.iter().for_each(|row| text += &keyword(row));
    }
    text + &section("SEE ALSO", ".BR holdfast (8)\n")
}

fn keyword(row: &Row) -> String {
    let (mark, more) = match row.status {
        Status::Built => ("", String::new()),
        Status::NotYet => (" (*)", String::new()),
        Status::Accepted(why) => ("", format!("; no effect: {why}")),
        Status::Deprecated(of) | Status::Older(of) => ("", format!(" of {of}")),
        Status::Refused(why) => ("", format!("; refused: {why}")),
    };
    let term = format!("\\fB{}\\fR {}{mark}", plain(row.name), plain(&row.takes.to_string()));
    item(&term, &format!("{}{more}.", row.help))
}
