//! The text of our lines and mails. Subjects and sentences are keepalived's: people sort their mail by them.

use core::fmt::{self, Display, Write};

use super::{Event, Line};

/// What the lines of all mails share.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Our name.
    pub helo: &'a str,
    /// `notification_email_from`.
    pub from: &'a str,
    /// `notification_email`.
    pub to: &'a [String],
    /// `router_id`.
    pub router_id: &'a str,
}

/// What one mail is about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The instance's or group's name.
    pub name: &'a str,
    /// Which of them.
    pub is_group: bool,
    /// When it happened (RFC 5322, section 3.3).
    pub date: &'a str,
}

/// Writes `line` with its end; `facts` count for the mail itself.
///
/// # Errors
///
/// That of `out`.
pub fn write(out: &mut dyn Write, line: Line, envelope: &Envelope<'_>, facts: &Facts<'_>) -> fmt::Result {
    match line {
        Line::Ehlo => write!(out, "EHLO {}\r\n", Clean(envelope.helo)),
        Line::Helo => write!(out, "HELO {}\r\n", Clean(envelope.helo)),
        Line::Mail => write!(out, "MAIL FROM:<{}>\r\n", Clean(mailbox(envelope.from))),
        Line::Recipient(number) => {
            let to = envelope.to.get(usize::from(number)).map_or("", String::as_str);
            write!(out, "RCPT TO:<{}>\r\n", Clean(mailbox(to)))
        }
        Line::Data => out.write_str("DATA\r\n"),
        Line::Body(message) => {
            mail(&mut Stuffed { out, fresh: true }, message.event, envelope, facts)?;
            out.write_str(".\r\n")
        }
        Line::Reset => out.write_str("RSET\r\n"),
        Line::Quit => out.write_str("QUIT\r\n"),
    }
}

fn mail(out: &mut Stuffed<'_>, event: Event, envelope: &Envelope<'_>, facts: &Facts<'_>) -> fmt::Result {
    write!(out, "Date: {}\r\nFrom: {}\r\n", facts.date, Clean(envelope.from))?;
    let of = if facts.is_group { "Group" } else { "Instance" };
    write!(out, "Subject: [{}] VRRP {of} {} - ", Clean(envelope.router_id), Clean(facts.name))?;
    match state(event) {
        Some(state) => write!(out, "Entering {state} state\r\n")?,
        None => out.write_str("Deleted\r\n")?,
    }
    out.write_str("X-Mailer: Holdfast\r\n")?;
    recipients(out, envelope.to)?;
    out.write_str("\r\n")?;
    match (facts.is_group, state(event)) {
        (true, Some(state)) => write!(out, "=> All VRRP group instances are now in {state} state <=\r\n")?,
        (false, Some("MASTER")) => out.write_str("=> VRRP Instance is now owning VRRP VIPs <=\r\n")?,
        (false, Some(_)) => out.write_str("=> VRRP Instance is no longer owning VRRP VIPs <=\r\n")?,
        (_, None) => out.write_str("=> VRRP Deleted at reload <=\r\n")?,
    }
    out.write_str("\r\n")
}

const fn state(event: Event) -> Option<&'static str> {
    match event {
        Event::Master => Some("MASTER"),
        Event::Backup => Some("BACKUP"),
        Event::Fault => Some("FAULT"),
        Event::Deleted => None,
    }
}

/// Folded before it gets long: a line has at most 998 characters (RFC 5322, section 2.1.1).
fn recipients(out: &mut Stuffed<'_>, to: &[String]) -> fmt::Result {
    const WIDTH: usize = 76;
    let mut column = 0;
    for (place, each) in to.iter().enumerate() {
        let fits = column + each.len() < WIDTH;
        out.write_str(match (place, fits) {
            (0, _) => "To: ",
            (_, true) => ", ",
            (_, false) => ",\r\n ",
        })?;
        column = if fits { column + each.len() + 2 } else { each.len() + 1 };
        write!(out, "{}", Clean(each))?;
    }
    out.write_str("\r\n")
}

/// `Second Person <two@example.org>`: what is in the brackets. (keepalived gives the server all of it.)
fn mailbox(text: &str) -> &str {
    let inside = text.rsplit_once('<').map_or(text, |(_, rest)| rest.split('>').next().unwrap_or(rest));
    inside.trim()
}

/// A word of the configuration that cannot begin a line of its own.
struct Clean<'a>(&'a str);

impl Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.split(char::is_control).enumerate().try_for_each(|(place, part)| {
            f.write_str(if place > 0 { "?" } else { "" })?;
            f.write_str(part)
        })
    }
}

/// A line that begins with a dot gets another one (RFC 5321, section 4.5.2).
struct Stuffed<'w> {
    out: &'w mut dyn Write,
    /// At the beginning of a line.
    fresh: bool,
}

impl Write for Stuffed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive('\n') {
            if self.fresh && part.starts_with('.') {
                self.out.write_char('.')?;
            }
            self.out.write_str(part)?;
            self.fresh = part.ends_with('\n');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    fn text(line: Line, to: &[&str], name: &str, is_group: bool) -> String {
        let to: Vec<String> = to.iter().map(|each| String::from(*each)).collect();
        let envelope = Envelope { helo: "host", from: "Keep <ka@example.org>", to: &to, router_id: "RTR" };
        let facts = Facts { name, is_group, date: "Tue, 24 Nov 2026 16:47:00 +0000" };
        let mut out = String::new();
        write(&mut out, line, &envelope, &facts).unwrap();
        out
    }

    fn body(event: Event) -> Line {
        Line::Body(Message { at: 0, subject: 0, event })
    }

    #[test]
    fn a_mail_as_keepalived_words_it() {
        assert_eq!(
            text(body(Event::Master), &["a@example.org", "Second Person <two@example.org>"], "VI_1", false),
            "Date: Tue, 24 Nov 2026 16:47:00 +0000\r\nFrom: Keep <ka@example.org>\r\n\
             Subject: [RTR] VRRP Instance VI_1 - Entering MASTER state\r\nX-Mailer: Holdfast\r\n\
             To: a@example.org, Second Person <two@example.org>\r\n\r\n\
             => VRRP Instance is now owning VRRP VIPs <=\r\n\r\n.\r\n"
        );
        let rest = "=> VRRP Instance is no longer owning VRRP VIPs <=";
        for (event, is_group, subject, sentence) in [
            (Event::Backup, false, "Instance x - Entering BACKUP state", rest),
            (Event::Fault, false, "Instance x - Entering FAULT state", rest),
            (Event::Deleted, false, "Instance x - Deleted", "=> VRRP Deleted at reload <="),
            (
                Event::Master,
                true,
                "Group x - Entering MASTER state",
                "=> All VRRP group instances are now in MASTER state <=",
            ),
            (
                Event::Fault,
                true,
                "Group x - Entering FAULT state",
                "=> All VRRP group instances are now in FAULT state <=",
            ),
        ] {
            let mail = text(body(event), &["a@b"], "x", is_group);
            assert!(mail.contains(&format!("\r\nSubject: [RTR] VRRP {subject}\r\n")), "{mail}");
            assert!(mail.ends_with(&format!("\r\n\r\n{sentence}\r\n\r\n.\r\n")), "{mail}");
        }
    }

    #[test]
    fn the_server_is_told_addresses_without_names() {
        for (written, told) in
            [("a@b", "a@b"), ("<a@b>", "a@b"), ("A B <a@b>", "a@b"), ("\"x <y\" < a@b >", "a@b"), ("a <b", "b")]
        {
            assert_eq!(text(Line::Recipient(0), &[written], "", false), format!("RCPT TO:<{told}>\r\n"));
        }
        assert_eq!(text(Line::Mail, &[], "", false), "MAIL FROM:<ka@example.org>\r\n");
    }

    #[test]
    fn no_word_begins_a_line_of_its_own() {
        let evil = "x\r\nBcc: all@example.org\r\n.\r\nQUIT";
        for line in [body(Event::Master), Line::Recipient(0)] {
            let text = text(line, &[evil], evil, false);
            assert!(text.contains("x??Bcc: all@example.org??.??QUIT"), "{text}");
            assert!(text.lines().all(|line| !line.starts_with("Bcc") && !line.starts_with("QUIT")), "{text}");
        }
    }

    #[test]
    fn a_dot_at_the_beginning_of_a_line_is_doubled() {
        let mut out = String::new();
        let mut stuffed = Stuffed { out: &mut out, fresh: true };
        for part in [".a\r\n.b", ".c\r\n", ".", "\r\nd.\r\n"] {
            stuffed.write_str(part).unwrap();
        }
        assert_eq!(out, "..a\r\n..b.c\r\n..\r\nd.\r\n");
    }

    #[test]
    fn many_recipients_make_many_short_lines() {
        let to = vec!["somebody.with.a.name@example.org"; 40];
        let mail = text(body(Event::Master), &to, "x", false);
        assert!(mail.lines().all(|line| line.len() <= 78), "{mail}");
        assert_eq!(mail.matches("somebody").count(), 40);
        let header: String =
            mail.lines().skip_while(|line| !line.starts_with("To:")).take_while(|line| !line.is_empty()).collect();
        assert_eq!(header.matches(", ").count(), 39, "{header}");
    }
}
