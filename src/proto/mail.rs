//! Mail about changes of state: a queue of facts, and the SMTP dialogue (RFC 5321) that delivers them one by one.
//!
//! While the server is away the facts wait: attempts follow with growing pauses, and only when the queue is full
//! the oldest goes. What the server says is hostile until proven otherwise: of a reply only its code counts, its
//! length and the time it may take are bounded. Nothing here makes text: the driver does, when a line is to leave.

pub mod reply;
pub mod text;

use std::collections::VecDeque;

use self::reply::{Fault, Reply};
use super::outbox::Outbox;
use crate::time::{Duration, Instant};

/// What there is to tell of an instance or group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Became master.
    Master,
    /// Became backup.
    Backup,
    /// In fault.
    Fault,
    /// Removed by a reload.
    Deleted,
}

/// A mail before it is text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// When it happened: seconds of the wall clock.
    pub at: i64,
    /// Whose state, as the driver numbers them.
    pub subject: u16,
    /// What.
    pub event: Event,
}

/// What the machine is told by the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// How long the server may take to be reached, and for each reply.
    pub patience: Duration,
    /// How many recipients each mail has.
    pub recipients: u16,
    /// How many mails can wait.
    pub room: u16,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input<'a> {
    /// Tell this.
    Tell(Message),
    /// The server was reached.
    Connected,
    /// It could not be reached, or the connection is gone.
    Lost(Trouble),
    /// Bytes from the server.
    Received(&'a [u8]),
    /// The deadline it asked for has come.
    Deadline,
    /// The end: what is under way has [`LAST`].
    Stop,
}

/// Why there is no connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The server's name has no address, as far as is known.
    NoAddress,
    /// The kernel's error number.
    Error(i32),
    /// The server closed it.
    Closed,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Reach the server, then say [`Input::Connected`] or [`Input::Lost`].
    Connect,
    /// Send this.
    Send(Line),
    /// Close the connection, or give up reaching the server.
    Close,
    /// For the log.
    Report(Report),
}

/// A line of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// `EHLO`
    Ehlo,
    /// `HELO`, for servers that do not know the other.
    Helo,
    /// `MAIL FROM`
    Mail,
    /// `RCPT TO`, the recipient of this number.
    Recipient(u16),
    /// `DATA`
    Data,
    /// The mail itself.
    Body(Message),
    /// `RSET`
    Reset,
    /// `QUIT`
    Quit,
}

/// For the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// The server took it.
    Sent(Message),
    /// This recipient gets none, with this code.
    RecipientRefused(u16, u16),
    /// Nobody gets this one: the server will not have it, ever.
    Refused(Message, Failure),
    /// Not this time; again after that long.
    Failed(Failure, Duration),
    /// Too many wait: the oldest goes.
    Dropped(Message),
}

/// Why an attempt failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The server was not reached in time.
    NotReached,
    /// There is no connection, or no more.
    Lost(Trouble),
    /// No reply in time to this.
    TimedOut(Step),
    /// A reply that means no.
    Refused(Step, u16),
    /// What came is no reply.
    Garbage(Step),
    /// A reply without an end.
    Endless(Step),
}

/// What a reply is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// To the connection.
    Greeting,
    /// To `EHLO`.
    Ehlo,
    /// To `HELO`.
    Helo,
    /// To `MAIL FROM`.
    Mail,
    /// To `RCPT TO` of this recipient.
    Recipient(u16),
    /// To `DATA`.
    Data,
    /// To the mail.
    Body,
    /// To `RSET`.
    Reset,
    /// To `QUIT`.
    Quit,
}

impl Step {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "the greeting",
            Self::Ehlo => "EHLO",
            Self::Helo => "HELO",
            Self::Mail => "MAIL FROM",
            Self::Recipient(_) => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "the text",
            Self::Reset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}

/// After the first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Twice as long after each further one, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// What a mail that is under way has at the end.
pub const LAST: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Idle,
    Pausing { until: Instant },
    Connecting { give_up_at: Instant },
    Talking { step: Step, give_up_at: Instant },
}

/// The queue and the dialogue.
#[derive(Debug)]
pub struct Mailer {
    settings: Settings,
    phase: Phase,
    waiting: VecDeque<Message>,
    /// The one that the dialogue is about.
    current: Option<Message>,
    /// How many of its recipients the server took; the code for one that may be taken later, and for one that never.
    accepted: u16,
    deferred: Option<u16>,
    refused: u16,
    reply: Reply,
    pause: Duration,
    /// Set when stopping: until when.
    stop_at: Option<Instant>,
    sent: u32,
    lost: u32,
}

impl Mailer {
    /// Nothing to tell yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            phase: Phase::Idle,
            waiting: VecDeque::with_capacity(settings.room.into()),
            current: None,
            accepted: 0,
            deferred: None,
            refused: 0,
            reply: Reply::default(),
            pause: FIRST_PAUSE,
            stop_at: None,
            sent: 0,
            lost: 0,
        }
    }

    /// The same after a reload, with what waits. The dialogue goes on too if it is `same_dialogue`; else it begins
    /// anew, and [`Action::Connect`] is asked for at the next deadline.
    pub fn resume(settings: Settings, old: &mut Self, same_dialogue: bool, now: Instant) -> Self {
        let mut mailer = Self { sent: old.sent, lost: old.lost, ..Self::new(settings) };
        if same_dialogue {
            (mailer.phase, mailer.current) = (old.phase, old.current.take());
            (mailer.accepted, mailer.deferred, mailer.refused) = (old.accepted, old.deferred, old.refused);
            (mailer.reply, mailer.pause) = (core::mem::take(&mut old.reply), old.pause);
        }
        let messages = old.current.take().into_iter().chain(old.waiting.drain(..));
        for message in messages {
            mailer.lost = mailer.lost.saturating_add(u32::from(mailer.wait(message).is_some()));
        }
        if !same_dialogue && !mailer.waiting.is_empty() {
            mailer.phase = Phase::Pausing { until: now };
        }
        mailer
    }

    /// What it was told by the configuration.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Gives all that waits new subjects.
    pub fn renumber(&mut self, number: impl Fn(u16) -> u16) {
        for message in self.waiting.iter_mut().chain(&mut self.current) {
            message.subject = number(message.subject);
        }
    }

    /// All that waits, the one under way included.
    pub fn messages(&self) -> impl Iterator<Item = Message> + '_ {
        self.current.iter().chain(&self.waiting).copied()
    }

    /// Whether nothing is under way and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Mails delivered, and mails that were not and will not be, since the start.
    pub fn counts(&self) -> (u32, u32) {
        (self.sent, self.lost)
    }

    /// What the server said last, where it can be shown.
    pub fn reply_text(&self) -> &str {
        self.reply.text()
    }

    /// When it wants [`Input::Deadline`].
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle => None,
            Phase::Pausing { until } => Some(until),
            Phase::Connecting { give_up_at } | Phase::Talking { give_up_at, .. } => Some(give_up_at),
        }
    }

    /// Takes an input and says what is to be done about it.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox<Action>) {
        match (self.phase, input) {
            (_, Input::Tell(message)) => self.tell(now, message, outbox),
            (_, Input::Stop) => self.stop(now, outbox),
            (Phase::Connecting { .. }, Input::Connected) => self.await_reply(now, Step::Greeting),
            (Phase::Connecting { .. }, Input::Lost(trouble)) => self.fail(now, Failure::Lost(trouble), outbox),
            // All was said, and what it answers does not matter.
            (Phase::Talking { step: Step::Quit, .. }, Input::Lost(_) | Input::Received(_)) => self.part(now, outbox),
            (Phase::Talking { .. }, Input::Lost(trouble)) => self.fail(now, Failure::Lost(trouble), outbox),
            (Phase::Talking { step, .. }, Input::Received(bytes)) => match self.reply.take(bytes) {
                Ok(None) => {}
                Ok(Some(code)) => self.replied(now, step, code, outbox),
                Err(Fault::Garbage) => self.fail(now, Failure::Garbage(step), outbox),
                Err(Fault::Endless) => self.fail(now, Failure::Endless(step), outbox),
            },
            (Phase::Pausing { until }, Input::Deadline) if now >= until => self.connect(now, outbox),
            (Phase::Connecting { give_up_at }, Input::Deadline) if now >= give_up_at => {
                self.fail(now, Failure::NotReached, outbox);
            }
            (Phase::Talking { step, give_up_at }, Input::Deadline) if now >= give_up_at => match step {
                Step::Quit => self.part(now, outbox),
                Step::Greeting
                | Step::Ehlo
                | Step::Helo
                | Step::Mail
                | Step::Recipient(_)
                | Step::Data
                | Step::Body
                | Step::Reset => self.fail(now, Failure::TimedOut(step), outbox),
            },
            (Phase::Idle | Phase::Pausing { .. }, Input::Connected | Input::Lost(_) | Input::Received(_))
            | (Phase::Connecting { .. }, Input::Received(_))
            | (Phase::Talking { .. }, Input::Connected)
            | (_, Input::Deadline) => {}
        }
    }

    fn tell(&mut self, now: Instant, message: Message, outbox: &mut Outbox<Action>) {
        if self.stop_at.is_some() {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        if let Some(oldest) = self.wait(message) {
            self.lost = self.lost.saturating_add(1);
            outbox.push(Action::Report(Report::Dropped(oldest)));
        }
        if self.phase == Phase::Idle {
            self.connect(now, outbox);
        }
    }

    /// Queues a message; returns the oldest if that had to go.
    fn wait(&mut self, message: Message) -> Option<Message> {
        let full = self.waiting.len() >= usize::from(self.settings.room.max(1));
        let oldest = if full { self.waiting.pop_front() } else { None };
        self.waiting.push_back(message);
        oldest
    }

    fn connect(&mut self, now: Instant, outbox: &mut Outbox<Action>) {
        self.phase = Phase::Connecting { give_up_at: now + self.settings.patience };
        outbox.push(Action::Connect);
    }

    fn await_reply(&mut self, now: Instant, step: Step) {
        self.reply.restart();
        self.phase = Phase::Talking { step, give_up_at: self.stop_at.unwrap_or(now + self.settings.patience) };
    }

    fn say(&mut self, now: Instant, line: Line, outbox: &mut Outbox<Action>) {
        outbox.push(Action::Send(line));
        self.await_reply(
            now,
            match line {
                Line::Ehlo => Step::Ehlo,
                Line::Helo => Step::Helo,
                Line::Mail => Step::Mail,
                Line::Recipient(number) => Step::Recipient(number),
                Line::Data => Step::Data,
                Line::Body(_) => Step::Body,
                Line::Reset => Step::Reset,
                Line::Quit => Step::Quit,
            },
        );
    }

    /// The first digit decides (RFC 5321, section 4.2.1): 2 yes, 3 go on, 4 not now, 5 never.
    fn replied(&mut self, now: Instant, step: Step, code: u16, outbox: &mut Outbox<Action>) {
        match (step, code / 100) {
            (Step::Greeting, 2) => self.say(now, Line::Ehlo, outbox),
            (Step::Ehlo, 5) => self.say(now, Line::Helo, outbox),
            (Step::Ehlo | Step::Helo | Step::Reset, 2) => self.next(now, outbox),
            (Step::Mail, 2) => {
                (self.accepted, self.deferred) = (0, None);
                self.recipient(now, 0, outbox);
            }
            (Step::Recipient(number), class @ (2 | 4 | 5)) => {
                match class {
                    2 => self.accepted = self.accepted.saturating_add(1),
                    4 => self.deferred = Some(code),
                    _ => self.refused = code,
                }
                if class != 2 {
                    outbox.push(Action::Report(Report::RecipientRefused(number, code)));
                }
                self.recipient(now, number.saturating_add(1), outbox);
            }
            (Step::Data, 3) => match self.current {
                Some(message) => self.say(now, Line::Body(message), outbox),
                None => self.say(now, Line::Reset, outbox),
            },
            (Step::Body, 2) => {
                self.sent = self.sent.saturating_add(1);
                self.pause = FIRST_PAUSE;
                if let Some(message) = self.current.take() {
                    outbox.push(Action::Report(Report::Sent(message)));
                }
                self.next(now, outbox);
            }
            (Step::Mail | Step::Data, 5) => {
                self.refuse(Failure::Refused(step, code), outbox);
                self.say(now, Line::Reset, outbox);
            }
            (Step::Body, 5) => {
                self.refuse(Failure::Refused(step, code), outbox);
                self.next(now, outbox);
            }
            _ => self.fail(now, Failure::Refused(step, code), outbox),
        }
    }

    /// The next recipient; after the last the text, if there is anybody to read it.
    fn recipient(&mut self, now: Instant, number: u16, outbox: &mut Outbox<Action>) {
        if number < self.settings.recipients {
            return self.say(now, Line::Recipient(number), outbox);
        }
        let last = Step::Recipient(number.saturating_sub(1));
        match (self.accepted, self.deferred) {
            (0, Some(code)) => self.fail(now, Failure::Refused(last, code), outbox),
            (0, None) => {
                self.refuse(Failure::Refused(last, self.refused), outbox);
                self.say(now, Line::Reset, outbox);
            }
            // One that may have it later misses this one: the others do not wait for a full mailbox.
            _ => self.say(now, Line::Data, outbox),
        }
    }

    /// The next message, or goodbye.
    fn next(&mut self, now: Instant, outbox: &mut Outbox<Action>) {
        self.current = self.waiting.pop_front();
        if self.current.is_some() {
            return self.say(now, Line::Mail, outbox);
        }
        self.say(now, Line::Quit, outbox);
        if self.stop_at.is_some() {
            self.part(now, outbox);
        }
    }

    /// The server will never have the current message.
    fn refuse(&mut self, failure: Failure, outbox: &mut Outbox<Action>) {
        if let Some(message) = self.current.take() {
            self.lost = self.lost.saturating_add(1);
            outbox.push(Action::Report(Report::Refused(message, failure)));
        }
    }

    /// The dialogue ended well.
    fn part(&mut self, now: Instant, outbox: &mut Outbox<Action>) {
        outbox.push(Action::Close);
        self.phase = Phase::Idle;
        if !self.waiting.is_empty() {
            self.connect(now, outbox);
        }
    }

    fn fail(&mut self, now: Instant, failure: Failure, outbox: &mut Outbox<Action>) {
        outbox.push(Action::Close);
        if self.stop_at.is_some() {
            self.give_up();
            return;
        }
        if let Some(message) = self.current.take() {
            if self.waiting.len() < usize::from(self.settings.room) {
                self.waiting.push_front(message);
            } else {
                self.lost = self.lost.saturating_add(1);
                outbox.push(Action::Report(Report::Dropped(message)));
            }
        }
        outbox.push(Action::Report(Report::Failed(failure, self.pause)));
        self.phase = Phase::Pausing { until: now + self.pause };
        self.pause = self.pause.times(2).min(LONGEST_PAUSE);
    }

    /// keepalived drops what is under way, too; here the server gets a moment to take it.
    fn stop(&mut self, now: Instant, outbox: &mut Outbox<Action>) {
        let stop_at = *self.stop_at.get_or_insert(now + LAST);
        match self.phase {
            Phase::Talking { step, give_up_at } if self.current.is_some() => {
                self.drop_waiting();
                self.phase = Phase::Talking { step, give_up_at: give_up_at.min(stop_at) };
            }
            Phase::Connecting { .. } | Phase::Talking { .. } => {
                outbox.push(Action::Close);
                self.give_up();
            }
            Phase::Idle | Phase::Pausing { .. } => self.give_up(),
        }
    }

    fn drop_waiting(&mut self) {
        self.lost = self.lost.saturating_add(u32::try_from(self.waiting.len()).unwrap_or(u32::MAX));
        self.waiting.clear();
    }

    fn give_up(&mut self) {
        self.lost = self.lost.saturating_add(u32::from(self.current.take().is_some()));
        self.drop_waiting();
        self.phase = Phase::Idle;
    }
}

#[cfg(test)]
mod tests;
