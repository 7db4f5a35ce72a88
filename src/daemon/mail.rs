//! Mail about changes of state: from the machine's actions to a connection, and back.
//!
//! One connection at a time, never waited for. Nothing of it exists unless somebody is to get mail; its buffer has
//! the size of the longest mail there can be, which is known at load.

mod buffer;
mod server;

use core::fmt;
use std::os::fd::AsRawFd;

use mio::{Interest, Registry, Token};

use self::buffer::Buffer;
use self::server::Server;
use super::watch_one;
use crate::config::Config;
use crate::proto::Outbox;
use crate::proto::mail::text::{self, Envelope, Facts};
use crate::proto::mail::{Action, Event, Failure, Input, Line, Mailer, Message, Report, Settings, Trouble};
use crate::proto::notify::Kind;
use crate::sys::resolver::ADDRESSES;
use crate::sys::tcp::TcpStream;
use crate::sys::{Errno, clock, process};
use crate::time::Instant;

/// Bytes of the server that are read at once, and how often in one wake-up.
const CHUNK: usize = 512;
const CHUNKS: usize = 4;

/// How many mails of one instance or group can wait, and how many in all there is room for at least and at most.
const MAILS_EACH: usize = 4;
const LEAST_ROOM: usize = 64;
const MOST_ROOM: usize = 4096;

/// More than one input can make the machine do.
const ACTIONS: usize = 8;

/// No mail about this one.
const NOBODY: u16 = u16::MAX;

/// Mail, if there is to be any.
pub struct Mail(Option<Box<Post>>);

/// Whose state the mails are about.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Subject {
    name: String,
    is_group: bool,
}

struct Post {
    mailer: Mailer,
    actions: Outbox<Action>,
    sender: Sender,
    subjects: Vec<Subject>,
    /// Of each instance, then of each group: its place in `subjects`.
    places: Box<[u16]>,
    instances: usize,
    faults: bool,
    server: Server,
    stream: Option<TcpStream>,
    /// The stream is connected.
    connected: bool,
    /// epoll said that there is something to do, or there was more than was read.
    ready: bool,
    /// The machine asked for a connection, and there is none yet.
    wanted: bool,
    out: Buffer,
}

/// What all mails share.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sender {
    helo: String,
    from: String,
    to: Vec<String>,
    router_id: String,
}

impl Mail {
    /// Prepares what the configuration asks for.
    pub fn new(config: &Config) -> Self {
        Self(Post::new(config).map(Box::new))
    }

    /// Goes on with the queue of `old`, and with its dialogue if that would be the same now.
    pub fn take_over(&mut self, now: Instant, old: &mut Self) {
        let Some(mut old) = old.0.take() else { return };
        match &mut self.0 {
            Some(post) => post.take_over(now, &mut old),
            None => {
                let waiting = old.mailer.messages().count();
                if waiting > 0 {
                    log::warn!("{waiting} mails are not delivered: the new configuration has no mail");
                }
            }
        }
    }

    /// Tells of an instance.
    pub fn tell_instance(&mut self, now: Instant, instance: u16, kind: Kind) {
        if let Some(post) = &mut self.0 {
            post.tell(now, usize::from(instance), kind);
        }
    }

    /// Tells of a group.
    pub fn tell_group(&mut self, now: Instant, group: u16, kind: Kind) {
        if let Some(post) = &mut self.0 {
            post.tell(now, post.instances + usize::from(group), kind);
        }
    }

    /// When it wants to be driven.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.0.as_ref()?.mailer.next_deadline()
    }

    /// epoll said that there is something to do.
    pub fn mark_ready(&mut self, token: Token) {
        match &mut self.0 {
            Some(post) if token == super::RESOLVER => post.server.answered = true,
            Some(post) => post.ready = true,
            None => {}
        }
    }

    /// Whether there may be more than was read.
    pub fn has_more(&self) -> bool {
        self.0.as_ref().is_some_and(|post| post.ready)
    }

    /// Does what there is to do.
    pub fn run(&mut self, now: Instant, registry: &Registry) {
        if let Some(post) = &mut self.0 {
            post.run(now, registry);
        }
    }

    /// The end: what waits is not delivered, what is under way has a moment.
    pub fn stop(&mut self, now: Instant) {
        let Some(post) = &mut self.0 else { return };
        let waiting = post.mailer.messages().count();
        post.give(now, Input::Stop);
        let under_way = post.mailer.messages().count();
        if waiting > under_way {
            log::warn!("{} mails are not delivered any more", waiting - under_way);
        }
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.0.as_ref().is_none_or(|post| post.mailer.is_idle())
    }

    /// Mails delivered, lost and waiting, if there is mail.
    pub fn counts(&self) -> Option<(u32, u32, usize)> {
        let mailer = &self.0.as_ref()?.mailer;
        let (sent, lost) = mailer.counts();
        Some((sent, lost, mailer.messages().count()))
    }
}

impl Post {
    /// None if nobody gets mail, or about nothing. keepalived has no default for the server either.
    fn new(config: &Config) -> Option<Self> {
        let global = &config.global;
        let (host, port) = global.smtp_server.clone()?;
        if global.notification_email.is_empty() {
            return None;
        }
        let instances = config.instances.iter().map(|instance| (instance.smtp_alert, &instance.name, false));
        let groups = config.groups.iter().map(|group| (group.smtp_alert, &group.name, true));
        let mut subjects = Vec::new();
        let place = |(alert, name, is_group): (bool, &String, bool)| {
            alert.then(|| subjects.push(Subject { name: name.clone(), is_group }))?;
            u16::try_from(subjects.len() - 1).ok()
        };
        let places: Box<[u16]> = instances.chain(groups).map(place).map(|place| place.unwrap_or(NOBODY)).collect();
        let host_name = process::host_name();
        let sender = Sender {
            helo: global.smtp_helo_name.clone().unwrap_or_else(|| String::from(host_name.as_str())),
            from: global.notification_email_from.clone().unwrap_or_else(|| format!("keepalived@{host_name}")),
            to: global.notification_email.clone(),
            router_id: global.router_id.clone(),
        };
        if subjects.is_empty() {
            return None;
        }
        let settings = Settings {
            patience: global.smtp_connect_timeout,
            recipients: u16::try_from(sender.to.len()).unwrap_or(u16::MAX),
            room: (subjects.len() * MAILS_EACH).clamp(LEAST_ROOM, MOST_ROOM) as u16,
        };
        let mut post = Self {
            mailer: Mailer::new(settings),
            actions: Outbox::with_capacity(ACTIONS),
            sender,
            subjects,
            places,
            instances: config.instances.len(),
            faults: !global.no_email_faults,
            server: Server::new(host, port),
            stream: None,
            connected: false,
            ready: false,
            wanted: false,
            out: Buffer::default(),
        };
        post.size();
        Some(post)
    }

    /// Makes room for the longest text there can be.
    fn size(&mut self) {
        let subjects = self.subjects.iter().map(|subject| subject.name.len()).max().unwrap_or(0);
        let Sender { helo, from, to, router_id } = &self.sender;
        // A recipient in the header has up to four characters beside it.
        let to: usize = to.iter().map(|each| each.len() + 4).sum();
        self.out.reserve(FIXED_TEXT + helo.len() + from.len() + router_id.len() + to + subjects);
    }

    fn take_over(&mut self, now: Instant, old: &mut Self) {
        // Those that are no more may still have something to tell.
        let waiting: Vec<Subject> = old
            .mailer
            .messages()
            .filter_map(|message| old.subjects.get(usize::from(message.subject)).cloned())
            .collect();
        for subject in waiting {
            if !self.subjects.contains(&subject) {
                self.subjects.push(subject);
            }
        }
        self.size();
        let same = self.sender == old.sender && self.server.is_same(&old.server);
        self.mailer = Mailer::resume(self.mailer.settings(), &mut old.mailer, same, now);
        let subjects = &self.subjects;
        self.mailer.renumber(|before| {
            let place = old.subjects.get(usize::from(before));
            let place = place.and_then(|before| subjects.iter().position(|subject| subject == before));
            place.and_then(|place| u16::try_from(place).ok()).unwrap_or(NOBODY)
        });
        if same {
            self.stream = old.stream.take();
            (self.connected, self.ready, self.wanted) = (old.connected, old.ready, old.wanted);
            core::mem::swap(&mut self.server, &mut old.server);
            self.out.take_over(&old.out);
        }
        self.server.fresh = true;
    }

    fn tell(&mut self, now: Instant, place: usize, kind: Kind) {
        let event = match kind {
            Kind::Master => Event::Master,
            Kind::Backup => Event::Backup,
            Kind::Fault if self.faults => Event::Fault,
            Kind::Deleted => Event::Deleted,
            // keepalived connects to the server for STOP and ends before it says anything.
            Kind::Fault | Kind::Stop | Kind::Rival => return,
        };
        let subject = self.places.get(place).copied().unwrap_or(NOBODY);
        if subject != NOBODY {
            self.give(now, Input::Tell(Message { at: clock::wall().0, subject, event }));
        }
    }

    fn run(&mut self, now: Instant, registry: &Registry) {
        if core::mem::take(&mut self.server.answered) && !self.server.take_answer() && self.wanted {
            self.give(now, Input::Lost(Trouble::NoAddress));
        }
        if self.server.fresh {
            self.server.look_up(registry);
        }
        if core::mem::take(&mut self.ready) {
            self.write(now);
            self.read(now);
        }
        if self.mailer.next_deadline().is_some_and(|at| at <= now) {
            self.give(now, Input::Deadline);
        }
        // One address after the other, until one can at least be asked.
        for _ in 0..ADDRESSES {
            if self.wanted && self.stream.is_none() {
                self.connect(now, registry);
            }
        }
    }

    /// Gives the machine an input, and does what it wants.
    fn give(&mut self, now: Instant, input: Input<'_>) {
        self.mailer.handle(now, input, &mut self.actions);
        let mut failed = None;
        while let Some(action) = self.actions.pop() {
            match action {
                Action::Connect => self.wanted = true,
                Action::Send(line) => failed = failed.or(self.send(line).err()),
                Action::Close => self.close(),
                Action::Report(report) => self.report(report),
            }
        }
        if let Some(errno) = failed
            && self.stream.is_some()
        {
            self.give(now, Input::Lost(Trouble::Error(errno.0)));
        }
    }

    fn connect(&mut self, now: Instant, registry: &Registry) {
        match self.server.address() {
            Some(ip) => match TcpStream::connect(ip, self.server.port).and_then(|stream| {
                watch_one(registry, stream.as_raw_fd(), super::MAIL, Interest::READABLE | Interest::WRITABLE)?;
                Ok(stream)
            }) {
                Ok(stream) => self.stream = Some(stream),
                Err(errno) => self.unreachable(now, errno),
            },
            None if self.server.resolver.is_some() || self.server.look_up(registry) => {}
            None => self.give(now, Input::Lost(Trouble::NoAddress)),
        }
    }

    /// This address does not answer. The machine hears of it after the last.
    fn unreachable(&mut self, now: Instant, errno: Errno) {
        self.stream = None;
        if !self.server.skip() {
            self.give(now, Input::Lost(Trouble::Error(errno.0)));
        }
    }

    fn write(&mut self, now: Instant) {
        let Some(stream) = &self.stream else { return };
        if !self.connected {
            match stream.outcome() {
                Ok(false) => return,
                Ok(true) => {
                    self.connected = true;
                    self.wanted = false;
                    return self.give(now, Input::Connected);
                }
                Err(errno) => return self.unreachable(now, errno),
            }
        }
        if let Err(errno) = self.flush() {
            self.give(now, Input::Lost(Trouble::Error(errno.0)));
        }
    }

    fn read(&mut self, now: Instant) {
        let mut buffer = [0; CHUNK];
        for _ in 0..CHUNKS {
            let Some(stream) = self.stream.as_ref().filter(|_| self.connected) else { return };
            match stream.read(&mut buffer) {
                Ok(0) => return self.give(now, Input::Lost(Trouble::Closed)),
                Ok(length) => self.give(now, Input::Received(buffer.get(..length).unwrap_or_default())),
                Err(errno) if errno.would_block() => return,
                Err(errno) => return self.give(now, Input::Lost(Trouble::Error(errno.0))),
            }
        }
        self.ready = true;
    }

    /// Puts a line into the buffer, and out of it what goes at once.
    fn send(&mut self, line: Line) -> Result<(), Errno> {
        let message = match line {
            Line::Body(message) => Some(message),
            Line::Ehlo | Line::Helo | Line::Mail | Line::Recipient(_) | Line::Data | Line::Reset | Line::Quit => None,
        };
        let subject = message.and_then(|message| self.subjects.get(usize::from(message.subject)));
        let date = message.map(|message| clock::mail_text(message.at)).unwrap_or_default();
        let facts = Facts {
            name: subject.map_or("?", |subject| &subject.name),
            is_group: subject.is_some_and(|subject| subject.is_group),
            date: &date,
        };
        let Sender { helo, from, to, router_id } = &self.sender;
        let envelope = Envelope { helo, from, to, router_id };
        text::write(&mut self.out, line, &envelope, &facts).map_err(|_| Errno(libc::EMSGSIZE))?;
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Errno> {
        let Some(stream) = &self.stream else { return Ok(()) };
        while !self.out.rest().is_empty() {
            match stream.write(self.out.rest()) {
                Ok(length) => self.out.advance(length),
                Err(errno) if errno.would_block() => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
        self.out.clear();
        Ok(())
    }

    fn close(&mut self) {
        // The next attempt goes to another address, if there is one.
        if !self.connected && self.stream.is_some() {
            self.server.skip();
        }
        self.stream = None;
        (self.connected, self.ready, self.wanted) = (false, false, false);
        self.out.clear();
        // Who is asked for longer than the server may take is asked anew.
        self.server.resolver = None;
    }

    fn report(&self, report: Report) {
        let server = &self.server;
        let about = |message: Message| self.subjects.get(usize::from(message.subject)).map_or("?", |found| &found.name);
        match report {
            // keepalived's words.
            Report::Sent(_) => log::info!("SMTP alert successfully sent."),
            Report::RecipientRefused(number, code) => {
                let to = self.sender.to.get(usize::from(number)).map_or("?", String::as_str);
                log::warn!("mail server {server} refuses recipient {to} ({code}): {}", self.mailer.reply_text());
            }
            Report::Refused(message, failure) => {
                log::error!(
                    "mail server {server} does not take the mail about {}: {}",
                    about(message),
                    Why(self, failure)
                );
            }
            Report::Failed(failure, pause) => {
                let waiting = self.mailer.messages().count();
                let why = Why(self, failure);
                log::warn!("mail server {server}: {why}; mails waiting: {waiting}, trying again in {pause} s");
            }
            Report::Dropped(message) => {
                log::error!("a mail about {} is dropped: too many wait for mail server {server}", about(message));
            }
        }
    }
}

/// Bytes of a text's fixed parts, amply.
const FIXED_TEXT: usize = 512;

/// Why an attempt failed, in words.
struct Why<'a>(&'a Post, Failure);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Failure::NotReached => f.write_str("not reached within smtp_connect_timeout"),
            Failure::Lost(Trouble::NoAddress) => f.write_str("no address known"),
            Failure::Lost(Trouble::Error(number)) => write!(f, "{}", Errno(number)),
            Failure::Lost(Trouble::Closed) => f.write_str("it closed the connection"),
            Failure::TimedOut(step) => write!(f, "no answer to {} within smtp_connect_timeout", step.name()),
            Failure::Refused(step, code) => {
                write!(f, "it says {code} to {}: {}", step.name(), self.0.mailer.reply_text())
            }
            Failure::Garbage(step) => {
                write!(f, "its answer to {} is no SMTP: {}", step.name(), self.0.mailer.reply_text())
            }
            Failure::Endless(step) => write!(f, "its answer to {} has no end", step.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Context, build, load};

    fn post(text: &str) -> Option<Post> {
        let (block, mut diagnostics) = load::read_text("test", text.as_bytes(), &load::Options::default());
        Post::new(&build(&block, &mut diagnostics, &Context::default()))
    }

    fn conf(mail: &str) -> String {
        format!(
            "global_defs {{\n router_id R\n {mail}\n}}\nvrrp_instance a_rather_long_name {{\n interface eth0\n \
             virtual_router_id 1\n smtp_alert\n virtual_ipaddress {{\n 192.0.2.1\n }}\n}}\n"
        )
    }

    #[test]
    fn the_longest_mail_fits_into_the_buffer_and_nothing_more_is_taken() {
        let to = (0..200).map(|n| format!("Somebody Else <somebody.else.{n}@example.org>\n").replace(' ', "_"));
        let long = "x".repeat(300);
        let mail = format!(
            "smtp_server 192.0.2.9\n smtp_helo_name {long}\n notification_email_from {long}@{long}\n \
             notification_email {{\n {}\n }}",
            to.collect::<String>()
        );
        let mut post = post(&conf(&mail)).expect("there is mail");
        let message = Message { at: 1_795_344_813, subject: 0, event: Event::Deleted };
        for line in [Line::Ehlo, Line::Mail, Line::Recipient(199), Line::Body(message)] {
            assert_eq!(post.send(line), Ok(()), "{line:?}");
            post.out.clear();
        }
        // Rather than to grow, it refuses.
        let refused = (0..100).find_map(|_| post.send(Line::Body(message)).err());
        assert_eq!(refused, Some(Errno(libc::EMSGSIZE)));
    }

    #[test]
    fn nothing_is_prepared_where_nobody_gets_mail() {
        let to = "notification_email {\n a@b\n }";
        assert!(post(&conf(&format!("smtp_server 192.0.2.9\n {to}"))).is_some());
        assert!(post(&conf(to)).is_none());
        assert!(post(&conf("smtp_server 192.0.2.9")).is_none());
        let off = conf(&format!("smtp_server 192.0.2.9\n {to}")).replace("smtp_alert", "smtp_alert off");
        assert!(post(&off).is_none());
    }
}
