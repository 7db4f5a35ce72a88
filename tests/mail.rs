//! Mail about changes of state, against a little mail server that can be away, slow, in a bad mood, or mad.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod bed;
mod lab;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bed::{SECOND, VIP, instance, says, takes};
use lab::{Daemon, Lab, Node, wait_until};

const PORT: &str = "127.0.0.1:2525";
const SERVER: &str = "smtp_server 127.0.0.1 2525";

/// What a server does when somebody connects.
#[derive(Clone, Copy)]
enum Manner {
    /// As it should, with this pause before each reply.
    Well(Duration),
    /// As it should, but lines that begin so are answered so.
    Refusing(&'static [(&'static str, &'static str)]),
    /// It says nothing, ever.
    Silent,
    /// It says a byte in a while, and never ends a line.
    Trickling,
    /// It says this again and again.
    Raving(&'static [u8]),
}

/// A mail as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Mail {
    helo: String,
    from: String,
    to: Vec<String>,
    text: String,
}

impl Mail {
    fn header(&self, name: &str) -> String {
        let start = format!("{name}: ");
        let line = self.text.lines().take_while(|line| !line.is_empty()).find(|line| line.starts_with(&start));
        line.map(|line| line[start.len()..].to_owned()).unwrap_or_default()
    }

    fn subject(&self) -> String {
        self.header("Subject")
    }

    fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

struct Server {
    mails: Arc<Mutex<Vec<Mail>>>,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Server {
    fn new(node: &Node, address: &str, manner: Manner) -> Self {
        let listener = node.listen(address);
        let server = Self { mails: Arc::default(), connections: Arc::default(), stop: Arc::default() };
        let (mails, connections, stop) = (server.mails.clone(), server.connections.clone(), server.stop.clone());
        thread::spawn(move || accept(&listener, manner, &mails, &connections, &stop));
        server
    }

    fn mails(&self) -> Vec<Mail> {
        self.mails.lock().expect("nobody panicked").clone()
    }

    fn subjects(&self) -> Vec<String> {
        self.mails().iter().map(Mail::subject).collect()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Waits until there is a mail whose subject ends so.
    fn gets(&self, daemon: &Daemon<'_>, end: &str) {
        let there = wait_until(15 * SECOND, || self.subjects().iter().any(|subject| subject.ends_with(end)));
        assert!(there, "no {end:?} in {:#?}\n{}", self.subjects(), daemon.log());
    }
}

fn accept(
    listener: &TcpListener,
    manner: Manner,
    mails: &Arc<Mutex<Vec<Mail>>>,
    connections: &Arc<AtomicUsize>,
    stop: &Arc<AtomicBool>,
) {
    listener.set_nonblocking(true).expect("a listener");
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                connections.fetch_add(1, Ordering::Relaxed);
                let (mails, stop) = (mails.clone(), stop.clone());
                thread::spawn(move || serve(stream, manner, &mails, &stop));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("accept: {error}"),
        }
    }
}

/// Until either side has had enough.
fn serve(mut stream: TcpStream, manner: Manner, mails: &Mutex<Vec<Mail>>, stop: &AtomicBool) {
    stream.set_nonblocking(false).expect("a stream");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a stream");
    let pause = match manner {
        Manner::Well(pause) => pause,
        Manner::Refusing(_) => Duration::ZERO,
        Manner::Silent | Manner::Trickling | Manner::Raving(_) => {
            while !stop.load(Ordering::Relaxed) {
                let (bytes, pause): (&[u8], _) = match manner {
                    Manner::Trickling => (b"220-", Duration::from_millis(20)),
                    Manner::Raving(bytes) => (bytes, Duration::ZERO),
                    Manner::Silent | Manner::Well(_) | Manner::Refusing(_) => (b"", Duration::from_millis(50)),
                };
                if stream.write_all(bytes).is_err() {
                    return;
                }
                thread::sleep(pause);
            }
            return;
        }
    };
    let refusals = if let Manner::Refusing(refusals) = manner { refusals } else { &[] };
    let say = |text: &str, stream: &mut TcpStream| {
        thread::sleep(pause);
        stream.write_all(format!("{text}\r\n").as_bytes()).is_ok()
    };
    let mut mail = Mail { helo: String::new(), from: String::new(), to: vec![], text: String::new() };
    let (mut bytes, mut chunk, mut in_text) = (Vec::new(), [0; 4096], false);
    say("220-mx.example.org\r\n220 ready", &mut stream);
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => return,
        }
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = bytes.drain(..=end).collect();
            let line = String::from_utf8(line).expect("text");
            let word = line.trim_end();
            if in_text {
                if word == "." {
                    in_text = false;
                    mails.lock().expect("nobody panicked").push(mail.clone());
                    say("250 queued", &mut stream);
                } else {
                    mail.text += line.strip_prefix('.').unwrap_or(&line);
                }
                continue;
            }
            if let Some((_, reply)) = refusals.iter().find(|(start, _)| word.starts_with(start)) {
                say(reply, &mut stream);
                continue;
            }
            let reply = match word.split_once([' ', ':']).map_or(word, |(verb, _)| verb) {
                "EHLO" | "HELO" => {
                    mail.helo = word[5..].to_owned();
                    "250-mx.example.org\r\n250 SIZE 100000"
                }
                "MAIL" => {
                    (mail.from, mail.to, mail.text) = (word.to_owned(), vec![], String::new());
                    "250 ok"
                }
                "RCPT" => {
                    mail.to.push(word.to_owned());
                    "250 ok"
                }
                "DATA" => {
                    in_text = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            say(reply, &mut stream);
        }
    }
}

/// A file of its own where there is a link to the host's.
fn own_file(node: &Node, path: &str, text: &str) {
    node.must_run(&["rm", "-f", path]);
    node.write(path, text);
}

/// Its host's name.
fn node_name(node: &Node) -> String {
    node.must_run(&["uname", "-n"]).trim().to_owned()
}

fn conf(global: &str, more: &str) -> String {
    format!(
        "global_defs {{\n vrrp_version 3\n router_id RTR\n notification_email {{\n a@example.org\n b@example.org\n }}\n \
         notification_email_from ka@example.org\n {global}\n}}\n{more}"
    )
}

/// An instance that sends mail.
fn alerting(name: &str, vrid: u8, address: &str, more: &str) -> String {
    instance(name, vrid, 200, address, &format!("smtp_alert\n {more}"))
}

/// A daemon's counts of mails: sent, lost, waiting.
fn counts(daemon: &Daemon<'_>) -> String {
    let data = daemon.data();
    let line = data.lines().find_map(|line| line.strip_prefix(" Mails "));
    line.unwrap_or_default().to_owned()
}

/// Up, FAULT and back, an instance deleted, the end: what comes of it, by subject and in its order.
fn story(program: Option<&str>) -> Vec<(String, Vec<Mail>)> {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let server = Server::new(node, PORT, Manner::Well(Duration::ZERO));
    let group = "vrrp_sync_group G1 {\n group {\n two\n three\n }\n smtp_alert\n}\n";
    let (one, two) = (alerting("one", 51, VIP, ""), instance("two", 52, 200, "10.99.1.2", ""));
    let three = alerting("three", 53, "10.99.1.3", "");
    let (four, five) = (alerting("four", 54, "10.99.1.4", "notify_deleted"), alerting("five", 55, "10.99.1.5", ""));
    let more = format!("{SERVER}\n smtp_helo_name me.example.org");
    let first = conf(&more, &[&one, &two, &three, &four, &five, group].concat());
    let mut daemon = match program {
        Some(program) => Daemon::start(node, program, &first, &[]),
        None => Daemon::holdfast(node, &first, &[]),
    };
    for end in ["one - Entering MASTER state", "three - Entering MASTER state", "G1 - Entering MASTER state"] {
        server.gets(&daemon, end);
    }
    takes(&daemon, "10.99.1.5");
    server.gets(&daemon, "five - Entering MASTER state");
    node.must_run(&["ip", "link", "set", "eth0", "down"]);
    server.gets(&daemon, "G1 - Entering FAULT state");
    server.gets(&daemon, "five - Entering FAULT state");
    server.gets(&daemon, "one - Entering FAULT state");
    node.must_run(&["ip", "link", "set", "eth0", "up"]);
    let twice = |name: &str| {
        let end = format!("{name} - Entering MASTER state");
        server.subjects().iter().filter(|subject| subject.ends_with(&end)).count() == 2
    };
    let back = || ["one", "three", "G1", "four", "five"].iter().all(|name| twice(name));
    assert!(wait_until(15 * SECOND, back), "{:#?}\n{}", server.subjects(), daemon.log());
    let rest = [&one, &two, &three, group].concat();
    daemon.configure(&conf(&more, &rest));
    daemon.hup();
    server.gets(&daemon, "four - Deleted");
    let faults = || server.subjects().iter().filter(|subject| subject.ends_with("five - Entering FAULT state")).count();
    assert!(wait_until(5 * SECOND, || faults() == 2), "{:#?}", server.subjects());
    // A fault that nobody is to be told of.
    daemon.configure(&conf(&format!("{more}\n no_email_faults"), &rest));
    daemon.hup();
    thread::sleep(SECOND);
    node.must_run(&["ip", "link", "set", "eth0", "down"]);
    thread::sleep(SECOND);
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some());
    thread::sleep(SECOND / 5);
    let mut stories: Vec<(String, Vec<Mail>)> = Vec::new();
    for mut mail in server.mails() {
        // What differs by intent, and by the hour.
        assert!(mail.header("Date").ends_with("00"), "{mail:?}");
        mail.text = mail
            .text
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with("Date:") && !line.starts_with("X-Mailer:"))
            .collect();
        let name = mail.subject().split(' ').nth(3).expect("a name").to_owned();
        match stories.iter_mut().find(|(known, _)| *known == name) {
            Some((_, mails)) => mails.push(mail),
            None => stories.push((name, vec![mail])),
        }
    }
    stories.sort_by(|one, other| one.0.cmp(&other.0));
    stories
}

#[test]
fn each_change_is_a_mail_as_keepalived_writes_it() {
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| story(Some("/usr/sbin/keepalived")));
        (story(None), theirs.join().expect("the peer's story"))
    });
    let subjects = |mails: &[Mail]| mails.iter().map(Mail::subject).collect::<Vec<_>>();
    for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        assert_eq!(subjects(ours), subjects(theirs), "{name}");
    }
    assert_eq!(ours, theirs);
    let one = &ours.iter().find(|(name, _)| name == "one").expect("the first instance").1;
    let states = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER"];
    assert_eq!(subjects(one), states.map(|state| format!("[RTR] VRRP Instance one - Entering {state} state")));
    assert_eq!(one[1].body(), "=> VRRP Instance is now owning VRRP VIPs <=\r\n\r\n");
    assert_eq!(one[0].to, ["RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"]);
    assert!(ours.iter().all(|(name, _)| name != "two"), "nobody asked for it");
}

#[test]
fn nothing_is_lost_while_the_server_is_away() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let packets = lab.observe();
    let text = conf(SERVER, &alerting("one", 51, VIP, ""));
    let mut daemon = Daemon::holdfast(node, &text, &[]);
    takes(&daemon, VIP);
    node.must_run(&["ip", "link", "set", "eth0", "down"]);
    says(&daemon, "(one) Entering FAULT STATE");
    node.must_run(&["ip", "link", "set", "eth0", "up"]);
    says(&daemon, "trying again in 4 s");
    takes(&daemon, VIP);
    assert!(wait_until(5 * SECOND, || counts(&daemon) == "sent = 0, lost = 0, waiting = 5"), "{}", counts(&daemon));
    let server = Server::new(node, PORT, Manner::Well(Duration::ZERO));
    let from = packets.adverts("a").len();
    let states = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER"];
    let expected = states.map(|state| format!("[RTR] VRRP Instance one - Entering {state} state"));
    assert!(wait_until(15 * SECOND, || server.subjects().len() == 5), "{:#?}", daemon.log());
    assert_eq!(server.subjects(), expected, "all of them, in order");
    assert_eq!(server.connections(), 1, "one connection for all that waited");
    assert_eq!(counts(&daemon), "sent = 5, lost = 0, waiting = 0");
    on_time(&packets, from);
    // The next change is told at once.
    node.must_run(&["ip", "link", "set", "eth0", "down"]);
    assert!(wait_until(2 * SECOND, || server.subjects().len() == 6), "{:#?}", daemon.log());
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some());
}

/// Adverts every 100 ms from number `from` on, whatever the mail does.
fn on_time(packets: &lab::Observer, from: usize) {
    let adverts = packets.adverts("a");
    let gap = bed::longest_gap(&adverts[from..]);
    assert!(gap < Duration::from_millis(150), "{gap:?} between two adverts");
}

#[test]
fn a_slow_server_delays_no_advert() {
    for manner in [Manner::Well(SECOND / 5), Manner::Trickling] {
        let lab = Lab::new(&["a"]);
        let node = lab.node("a");
        let packets = lab.observe();
        let server = Server::new(node, PORT, manner);
        let text = conf(&format!("{SERVER}\n smtp_connect_timeout 2"), &alerting("one", 51, VIP, ""));
        let mut daemon = Daemon::holdfast(node, &text, &[]);
        takes(&daemon, VIP);
        match manner {
            Manner::Well(_) => {
                server.gets(&daemon, "one - Entering BACKUP state");
                server.gets(&daemon, "one - Entering MASTER state");
            }
            // Nine bytes a second hundredfold are no greeting.
            _ => says(&daemon, "no answer to the greeting within smtp_connect_timeout"),
        }
        on_time(&packets, 1);
        let began = Instant::now();
        daemon.term();
        assert!(daemon.wait(5 * SECOND).is_some());
        assert!(began.elapsed() < SECOND / 2, "{:?}", began.elapsed());
    }
}

#[test]
fn a_server_that_says_nothing_holds_nobody_up() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let server = Server::new(node, PORT, Manner::Silent);
    let text = conf(&format!("{SERVER}\n smtp_connect_timeout 1"), &alerting("one", 51, VIP, ""));
    let mut daemon = Daemon::holdfast(node, &text, &[]);
    takes(&daemon, VIP);
    says(&daemon, "no answer to the greeting within smtp_connect_timeout; mails waiting: 2, trying again in 1 s");
    assert!(wait_until(5 * SECOND, || server.connections() >= 2), "{}", daemon.log());
    let began = Instant::now();
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some());
    assert!(began.elapsed() < SECOND / 2, "{:?}", began.elapsed());
    assert!(daemon.log().contains("2 mails are not delivered any more"), "{}", daemon.log());
}

#[test]
fn one_that_is_refused_does_not_stop_the_others() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let refusals = &[("EHLO", "502 what?"), ("RCPT TO:<a@", "550 5.1.1 no such user")];
    let server = Server::new(node, PORT, Manner::Refusing(refusals));
    let text = conf(SERVER, &alerting("one", 51, VIP, ""));
    let daemon = Daemon::holdfast(node, &text, &[]);
    server.gets(&daemon, "one - Entering MASTER state");
    assert!(server.mails().iter().all(|mail| mail.to == ["RCPT TO:<b@example.org>"]), "{:#?}", server.mails());
    says(&daemon, "refuses recipient a@example.org (550): 550 5.1.1 no such user");
    assert!(wait_until(SECOND, || counts(&daemon) == "sent = 2, lost = 0, waiting = 0"), "{}", counts(&daemon));
}

#[test]
fn what_is_refused_for_good_is_counted_and_what_is_not_waits() {
    let lab = Lab::new(&["a", "b"]);
    let text = conf(SERVER, &alerting("one", 51, VIP, ""));
    let (a, b) = (lab.node("a"), lab.node("b"));
    let never = Server::new(a, PORT, Manner::Refusing(&[("MAIL", "550 not from you")]));
    let _later = Server::new(b, PORT, Manner::Refusing(&[("RCPT", "450 greylisted")]));
    let daemon = Daemon::holdfast(a, &text, &[]);
    says(&daemon, "does not take the mail about one: it says 550 to MAIL FROM: 550 not from you");
    assert!(wait_until(5 * SECOND, || counts(&daemon) == "sent = 0, lost = 2, waiting = 0"), "{}", counts(&daemon));
    assert!(never.mails().is_empty());
    let daemon = Daemon::holdfast(b, &text.replace(" 51", " 52"), &[]);
    says(&daemon, "it says 450 to RCPT TO: 450 greylisted");
    assert!(wait_until(5 * SECOND, || counts(&daemon) == "sent = 0, lost = 0, waiting = 2"), "{}", counts(&daemon));
}

#[test]
fn a_mad_server_is_left_alone() {
    let ravings: [&[u8]; 5] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0; 4096],
        b"220-again and\r\n",
        &[0xff; 65536],
        b"220 a\r\n250 b\r\n354 c\r\n250 d\r\n",
    ];
    for raving in ravings {
        let lab = Lab::new(&["a"]);
        let node = lab.node("a");
        let packets = lab.observe();
        let server = Server::new(node, PORT, Manner::Raving(raving));
        let text = conf(SERVER, &alerting("one", 51, VIP, ""));
        let mut daemon = Daemon::holdfast(node, &text, &[]);
        takes(&daemon, VIP);
        says(&daemon, "trying again in 2 s");
        let log = daemon.log();
        assert!(log.contains("is no SMTP") || log.contains("has no end"), "{log}");
        drop(server);
        // Its place is taken by one in its right mind.
        thread::sleep(SECOND / 10);
        let server = Server::new(node, PORT, Manner::Well(Duration::ZERO));
        server.gets(&daemon, "one - Entering MASTER state");
        on_time(&packets, 1);
        assert!(daemon.process().is_running());
    }
}

#[test]
fn a_reload_keeps_what_waits() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let (one, two) = (alerting("one", 51, VIP, ""), alerting("two", 52, "10.99.1.2", "notify_deleted"));
    let daemon = Daemon::holdfast(node, &conf(SERVER, &format!("{two}{one}")), &[]);
    takes(&daemon, VIP);
    takes(&daemon, "10.99.1.2");
    daemon.configure(&conf(SERVER, &one));
    daemon.hup();
    says(&daemon, "Reload finished");
    daemon.configure(&conf("smtp_server 127.0.0.1 2526\n smtp_helo_name other", &one));
    daemon.hup();
    assert!(wait_until(5 * SECOND, || daemon.log().matches("Reload finished").count() == 2), "{}", daemon.log());
    let server = Server::new(node, "127.0.0.1:2526", Manner::Well(Duration::ZERO));
    server.gets(&daemon, "two - Deleted");
    let mut subjects = server.subjects();
    subjects.sort();
    let expected = [
        "one - Entering BACKUP state",
        "one - Entering MASTER state",
        "two - Deleted",
        "two - Entering BACKUP state",
        "two - Entering MASTER state",
    ];
    assert_eq!(subjects, expected.map(|end| format!("[RTR] VRRP Instance {end}")));
    assert!(server.mails().iter().all(|mail| mail.helo == "other"));
}

#[test]
fn a_name_is_looked_up_without_waiting_for_it() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let packets = lab.observe();
    let server = Server::new(node, PORT, Manner::Well(Duration::ZERO));
    // The address that does not answer comes first, or second.
    own_file(node, "/etc/hosts", "127.0.0.1 localhost\n::1 mail\n127.0.0.1 mail\n");
    let named = |name: &str| conf(&format!("smtp_server {name} 2525"), &alerting("one", 51, VIP, ""));
    let daemon = Daemon::holdfast(node, &named("no-such-host.invalid"), &[]);
    takes(&daemon, VIP);
    says(&daemon, "mail server [no-such-host.invalid]:2525: no address known; ");
    assert_eq!(server.connections(), 0);
    daemon.configure(&named("mail"));
    daemon.hup();
    server.gets(&daemon, "one - Entering MASTER state");
    on_time(&packets, 1);
    assert!(!daemon.log().contains("refused"), "{}", daemon.log());
}

#[test]
fn a_name_server_that_says_nothing_holds_nobody_up() {
    let lab = Lab::new(&["a", "b"]);
    let node = lab.node("a");
    let packets = lab.observe();
    let questions = lab.node("b").inside(|| std::net::UdpSocket::bind("10.99.0.2:53")).expect("port 53");
    questions.set_read_timeout(Some(5 * SECOND)).expect("a socket");
    own_file(node, "/etc/resolv.conf", "nameserver 10.99.0.2\n");
    let text = conf("smtp_server mail.example.org\n smtp_connect_timeout 2", &alerting("one", 51, VIP, ""));
    let began = Instant::now();
    let mut daemon = Daemon::holdfast(node, &text, &[]);
    takes(&daemon, VIP);
    assert!(began.elapsed() < 3 * SECOND, "{:?}", began.elapsed());
    assert!(questions.recv(&mut [0; 512]).is_ok(), "it asked");
    says(&daemon, "mail server [mail.example.org]:25: not reached within smtp_connect_timeout; mails waiting: 2");
    daemon.configure(&text.replace("200", "201"));
    let began = Instant::now();
    daemon.hup();
    says(&daemon, "Reload finished");
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    on_time(&packets, 1);
    let children = daemon.process().tree();
    assert!(children.len() > 1, "{children:?}");
    let began = Instant::now();
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some());
    assert!(began.elapsed() < SECOND / 2, "{:?}", began.elapsed());
    let gone = || children.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(wait_until(SECOND, gone), "a child outlives it: {children:?}");
}

#[test]
fn servers_have_addresses_of_both_families() {
    let lab = Lab::new(&["a", "b"]);
    let [a, b] = ["a", "b"].map(|name| lab.node(name));
    let server = Server::new(b, "[fd99::2]:25", Manner::Well(Duration::ZERO));
    let text = conf("smtp_server fd99::2", &alerting("one", 51, VIP, ""))
        .replace("notification_email_from ka@example.org", "");
    let daemon = Daemon::holdfast(a, &text, &[]);
    server.gets(&daemon, "one - Entering MASTER state");
    let mail = server.mails().first().cloned().expect("a mail");
    let host = node_name(a);
    assert_eq!((mail.helo, mail.from), (host.clone(), format!("MAIL FROM:<keepalived@{host}>")));
}

#[test]
fn who_did_not_ask_gets_no_mail() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let server = Server::new(node, PORT, Manner::Well(Duration::ZERO));
    let default = Server::new(node, "127.0.0.1:25", Manner::Well(Duration::ZERO));
    let plain = instance("one", 51, 200, VIP, "");
    let to_nobody =
        conf(SERVER, &plain).replace("notification_email {\n a@example.org\n b@example.org\n }", "smtp_alert");
    for (text, note) in [
        (conf(SERVER, &plain), None),
        (conf(&format!("{SERVER}\n smtp_alert\n smtp_alert_vrrp off"), &plain), None),
        // Nor does keepalived have a default for it.
        (conf("smtp_alert", &plain), Some("has no smtp_server: no mail is sent")),
        (to_nobody, Some("has no notification_email: no mail is sent")),
    ] {
        let mut daemon = Daemon::holdfast(node, &text, &[]);
        takes(&daemon, VIP);
        assert!(note.is_none_or(|note| daemon.log().contains(note)), "{}", daemon.log());
        assert_eq!(note.is_some(), daemon.log().contains("no mail is sent"), "{}", daemon.log());
        assert_eq!(counts(&daemon), "");
        daemon.term();
        assert!(daemon.wait(5 * SECOND).is_some());
    }
    assert_eq!((server.connections(), default.connections()), (0, 0));
}
