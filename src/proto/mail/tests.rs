use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

fn settings(recipients: u16, room: u16) -> Settings {
    Settings { patience: PATIENCE, recipients, room }
}

fn message(subject: u16) -> Message {
    Message { at: 1, subject, event: Event::Master }
}

/// A machine, its clock, and what it wanted.
struct Bench {
    mailer: Mailer,
    now: Instant,
}

impl Bench {
    fn new(recipients: u16, room: u16) -> Self {
        Self { mailer: Mailer::new(settings(recipients, room)), now: Instant::ZERO }
    }

    fn give(&mut self, input: Input<'_>) -> Vec<Action> {
        let mut outbox = Outbox::with_capacity(8);
        self.mailer.handle(self.now, input, &mut outbox);
        let actions = core::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(outbox.lost(), 0);
        actions
    }

    fn reply(&mut self, text: &str) -> Vec<Action> {
        self.give(Input::Received(format!("{text}\r\n").as_bytes()))
    }

    /// Waits until it wants to be driven.
    fn deadline(&mut self) -> Vec<Action> {
        self.now = self.mailer.next_deadline().expect("it waits for something");
        let actions = self.give(Input::Deadline);
        assert!(self.mailer.next_deadline().is_none_or(|at| at > self.now), "strictly later");
        actions
    }

    /// Tells one message and goes as far as the first `MAIL FROM`.
    fn talk(&mut self) {
        assert_eq!(self.give(Input::Tell(message(1))), [Action::Connect]);
        assert_eq!(self.give(Input::Connected), []);
        assert_eq!(self.reply("220 mx"), [Action::Send(Line::Ehlo)]);
        assert_eq!(self.reply("250-mx\r\n250 SIZE 1000"), [Action::Send(Line::Mail)]);
    }

    /// And as far as the text.
    fn text(&mut self) {
        self.talk();
        assert_eq!(self.reply("250 ok"), [Action::Send(Line::Recipient(0))]);
        assert_eq!(self.reply("250 ok"), [Action::Send(Line::Data)]);
        assert_eq!(self.reply("354 go on"), [Action::Send(Line::Body(message(1)))]);
    }
}

fn failed(failure: Failure, seconds: u64) -> [Action; 2] {
    [Action::Close, Action::Report(Report::Failed(failure, Duration::from_secs(seconds)))]
}

#[test]
fn a_dialogue_with_two_messages() {
    let mut bench = Bench::new(2, 8);
    bench.talk();
    assert_eq!(bench.give(Input::Tell(message(2))), [], "one connection at a time");
    let mut expected = vec![];
    for number in [1, 2] {
        assert_eq!(bench.reply("250 ok"), [Action::Send(Line::Recipient(0))]);
        assert_eq!(bench.reply("250 ok"), [Action::Send(Line::Recipient(1))]);
        assert_eq!(bench.reply("251 forwarded"), [Action::Send(Line::Data)]);
        assert_eq!(bench.reply("354 go on"), [Action::Send(Line::Body(message(number)))]);
        expected = bench.reply("250 queued");
        let next = if number == 1 { Line::Mail } else { Line::Quit };
        assert_eq!(expected, [Action::Report(Report::Sent(message(number))), Action::Send(next)]);
    }
    assert_eq!(expected.len(), 2);
    assert_eq!(bench.reply("221 bye"), [Action::Close]);
    assert!(bench.mailer.is_idle() && bench.mailer.next_deadline().is_none());
    assert_eq!(bench.mailer.counts(), (2, 0));
}

#[test]
fn a_message_that_comes_during_the_goodbye_gets_a_connection_of_its_own() {
    let mut bench = Bench::new(1, 8);
    bench.text();
    bench.reply("250 queued");
    assert_eq!(bench.give(Input::Tell(message(2))), []);
    assert_eq!(bench.give(Input::Lost(Trouble::Closed)), [Action::Close, Action::Connect]);
}

#[test]
fn an_old_server_is_greeted_the_old_way() {
    let mut bench = Bench::new(1, 8);
    bench.give(Input::Tell(message(1)));
    bench.give(Input::Connected);
    bench.reply("220 mx");
    assert_eq!(bench.reply("502 what?"), [Action::Send(Line::Helo)]);
    assert_eq!(bench.reply("250 mx"), [Action::Send(Line::Mail)]);
}

#[test]
fn each_refusal_has_its_consequence() {
    use Report::{RecipientRefused, Refused};
    let never = |step, code| Action::Report(Refused(message(1), Failure::Refused(step, code)));
    let recipient = |number, code| Action::Report(RecipientRefused(number, code));
    // What the server says from MAIL FROM on, and what the last of it causes.
    let table: [(&[&str], Vec<Action>); 11] = [
        (&["550 not you"], vec![never(Step::Mail, 550), Action::Send(Line::Reset)]),
        (&["451 later"], failed(Failure::Refused(Step::Mail, 451), 1).to_vec()),
        (&["250", "550 nobody"], vec![recipient(0, 550), Action::Send(Line::Recipient(1))]),
        (&["250", "550 nobody", "250"], vec![Action::Send(Line::Data)]),
        (&["250", "452 full", "250"], vec![Action::Send(Line::Data)]),
        (
            &["250", "550 nobody", "551 nor he"],
            vec![recipient(1, 551), never(Step::Recipient(1), 551), Action::Send(Line::Reset)],
        ),
        (
            &["250", "450 later", "551 never"],
            [vec![recipient(1, 551)], failed(Failure::Refused(Step::Recipient(1), 450), 1).to_vec()].concat(),
        ),
        (&["250", "250", "250", "554 no"], vec![never(Step::Data, 554), Action::Send(Line::Reset)]),
        (&["250", "250", "250", "421 bye"], failed(Failure::Refused(Step::Data, 421), 1).to_vec()),
        (&["250", "250", "250", "354", "554 spam"], vec![never(Step::Body, 554), Action::Send(Line::Quit)]),
        (&["250", "250", "250", "354", "452 full"], failed(Failure::Refused(Step::Body, 452), 1).to_vec()),
    ];
    for (replies, consequence) in table {
        let mut bench = Bench::new(2, 8);
        bench.talk();
        let last = replies.iter().map(|reply| bench.reply(reply)).last();
        assert_eq!(last, Some(consequence.clone()), "{replies:?}");
        if consequence.contains(&Action::Close) {
            assert_eq!(bench.mailer.messages().collect::<Vec<_>>(), [message(1)], "kept: {replies:?}");
        }
        if consequence.contains(&Action::Send(Line::Reset)) {
            assert_eq!(bench.reply("250 ok"), [Action::Send(Line::Quit)]);
            assert_eq!(bench.mailer.counts(), (0, 1));
        }
    }
    for (reply, failure) in [
        ("554 go away", Failure::Refused(Step::Greeting, 554)),
        ("354 what", Failure::Refused(Step::Greeting, 354)),
        ("hello", Failure::Garbage(Step::Greeting)),
    ] {
        let mut bench = Bench::new(1, 8);
        bench.give(Input::Tell(message(1)));
        bench.give(Input::Connected);
        assert_eq!(bench.reply(reply), failed(failure, 1));
    }
}

#[test]
fn the_servers_words_can_be_read_when_they_matter() {
    let mut bench = Bench::new(2, 8);
    bench.talk();
    bench.reply("250 ok");
    bench.reply("550 no such user");
    assert_eq!(bench.mailer.reply_text(), "550 no such user");
    bench.give(Input::Received(b"2"));
    assert_eq!(bench.mailer.reply_text(), "2");
}

#[test]
fn nothing_is_lost_while_the_server_is_away_and_the_pauses_grow() {
    let mut bench = Bench::new(1, 8);
    assert_eq!(bench.give(Input::Tell(message(1))), [Action::Connect]);
    let mut pauses = vec![];
    for number in 2..12 {
        let trouble = if number % 2 == 0 { Trouble::Error(111) } else { Trouble::NoAddress };
        let actions = bench.give(Input::Lost(trouble));
        let [Action::Close, Action::Report(Report::Failed(_, pause))] = actions[..] else { panic!("{actions:?}") };
        pauses.push(pause.as_secs());
        if number < 5 {
            assert_eq!(bench.give(Input::Tell(message(number))), [], "it waits for its turn");
        }
        assert_eq!(bench.deadline(), [Action::Connect]);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    assert_eq!(bench.mailer.messages().map(|each| each.subject).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // It is back: after a success the next failure is the first again.
    bench.give(Input::Connected);
    for reply in ["220", "250", "250", "250", "354", "250"] {
        bench.reply(reply);
    }
    let actions = bench.give(Input::Lost(Trouble::Closed));
    assert_eq!(actions, failed(Failure::Lost(Trouble::Closed), 1));
    assert_eq!(bench.mailer.messages().map(|each| each.subject).collect::<Vec<_>>(), [2, 3, 4], "in order");
}

#[test]
fn each_step_has_its_time_however_slowly_bytes_trickle_in() {
    let steps = ["", "220", "250", "250", "250", "354"];
    let names = [Step::Greeting, Step::Ehlo, Step::Mail, Step::Recipient(0), Step::Data, Step::Body];
    for (count, step) in (0..).zip(names) {
        let mut bench = Bench::new(1, 8);
        bench.give(Input::Tell(message(1)));
        bench.give(Input::Connected);
        for reply in steps.iter().skip(1).take(count) {
            bench.reply(reply);
        }
        let end = bench.now + PATIENCE;
        for byte in *b"250-x" {
            bench.now = bench.now + Duration::from_secs(5);
            assert_eq!(bench.give(Input::Received(&[byte])), []);
        }
        assert_eq!(bench.mailer.next_deadline(), Some(end));
        assert_eq!(bench.deadline(), failed(Failure::TimedOut(step), 1));
    }
    let mut bench = Bench::new(1, 8);
    bench.give(Input::Tell(message(1)));
    assert_eq!(bench.deadline(), failed(Failure::NotReached, 1));
    let mut bench = Bench::new(1, 8);
    bench.text();
    bench.reply("250");
    assert_eq!(bench.deadline(), [Action::Close], "nobody waits for a goodbye");
    assert!(bench.mailer.is_idle());
}

#[test]
fn when_the_queue_is_full_the_oldest_goes_and_is_counted() {
    let mut bench = Bench::new(1, 3);
    bench.talk();
    for number in 2..5 {
        assert_eq!(bench.give(Input::Tell(message(number))), []);
    }
    assert_eq!(bench.give(Input::Tell(message(5))), [Action::Report(Report::Dropped(message(2)))]);
    // The one under way has no place to go back to.
    let [Action::Close, dropped, Action::Report(Report::Failed(..))] = bench.give(Input::Lost(Trouble::Closed))[..]
    else {
        panic!("it failed")
    };
    assert_eq!(dropped, Action::Report(Report::Dropped(message(1))));
    assert_eq!(bench.mailer.counts(), (0, 2));
    assert_eq!(bench.mailer.messages().map(|each| each.subject).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn at_the_end_what_is_under_way_gets_a_moment() {
    let mut bench = Bench::new(1, 8);
    bench.text();
    bench.give(Input::Tell(message(2)));
    assert_eq!(bench.give(Input::Stop), []);
    assert!(!bench.mailer.is_idle());
    assert_eq!(bench.give(Input::Tell(message(3))), []);
    let sent = Action::Report(Report::Sent(message(1)));
    assert_eq!(bench.reply("250"), [sent, Action::Send(Line::Quit), Action::Close]);
    assert!(bench.mailer.is_idle());
    assert_eq!(bench.mailer.counts(), (1, 2));
    // A server that does not answer does not hold anybody up.
    let mut bench = Bench::new(1, 8);
    bench.text();
    bench.give(Input::Stop);
    assert_eq!(bench.mailer.next_deadline(), Some(bench.now + LAST));
    assert_eq!(bench.deadline(), [Action::Close]);
    assert!(bench.mailer.is_idle());
    // Nor one that cannot be reached.
    let mut bench = Bench::new(1, 8);
    bench.give(Input::Tell(message(1)));
    assert_eq!(bench.give(Input::Stop), [Action::Close]);
    assert!(bench.mailer.is_idle() && bench.mailer.counts() == (0, 1));
}

/// A server that answers each line within a millisecond, and many lines: still not longer than LAST.
#[test]
fn at_the_end_many_steps_do_not_add_up() {
    let mut bench = Bench::new(200, 8);
    bench.talk();
    bench.reply("250");
    bench.give(Input::Stop);
    let end = bench.now + LAST;
    while !bench.mailer.is_idle() && bench.now < end {
        bench.now = bench.now + Duration::from_millis(1);
        bench.reply("250");
    }
    assert_eq!(bench.mailer.next_deadline(), Some(end));
    bench.deadline();
    assert!(bench.mailer.is_idle());
}

#[test]
fn a_reload_keeps_the_queue() {
    let mut bench = Bench::new(1, 8);
    bench.text();
    bench.give(Input::Tell(message(2)));
    let mut same = Mailer::resume(settings(1, 4), &mut bench.mailer, true, bench.now);
    same.renumber(|subject| subject + 10);
    let now = bench.now;
    let mut bench = Bench { mailer: same, now };
    let actions = bench.reply("250 queued");
    assert_eq!(actions, [Action::Report(Report::Sent(message(11))), Action::Send(Line::Mail)]);
    // Another server: all over, with what the old one did not confirm.
    let mut other = Mailer::resume(settings(1, 4), &mut bench.mailer, false, bench.now);
    assert_eq!(other.messages().map(|each| each.subject).collect::<Vec<_>>(), [12]);
    assert_eq!(other.counts(), (1, 0));
    let mut outbox = Outbox::with_capacity(4);
    other.handle(now, Input::Deadline, &mut outbox);
    assert_eq!(outbox.pop(), Some(Action::Connect));
}

/// Whatever comes, in whatever order: no panic, no action lost, and each deadline is in the future.
#[test]
fn nothing_a_server_does_is_a_surprise() {
    let replies: [&[u8]; 9] =
        [b"220\r\n", b"250\r\n", b"354 x\r\n", b"421 x\r\n", b"550\r\n", b"250-", b"\xff", b"\n", b"250\r\n250\r\n"];
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..2000 {
        let mut bench = Bench::new(2, 3);
        for _ in 0..40 {
            let received = Input::Received(replies[random(9) as usize]);
            let input = match random(12) {
                0 | 1 => Input::Tell(message(7)),
                2 | 3 => Input::Connected,
                4 => Input::Lost(Trouble::Closed),
                5 => Input::Deadline,
                6 if random(8) == 0 => Input::Stop,
                _ => received,
            };
            let actions = bench.give(input);
            assert!(actions.len() <= 4, "{actions:?}");
            assert!(bench.mailer.messages().count() <= 4);
        }
    }
}
