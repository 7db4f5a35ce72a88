//! Notify pipes: keepalived's lines, in order, for readers that are slow, die, or come late; and what only they and
//! `notify_master_rx_lower_pri` are told.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::time::Duration;

use bed::{SECOND, VIP, forge, instance, ip, says, takes};
use lab::{Daemon, Lab, Node, wait_until};

const FIFO: &str = "/run/fifo";

fn conf(global: &str, more: &str) -> String {
    format!("global_defs {{\n vrrp_version 3\n script_user root\n enable_script_security\n {global}\n}}\n{more}")
}

/// A reader that the test is itself: takes what is there.
struct Reader(File);

impl Reader {
    fn new(node: &Node) -> Self {
        let path = node.path(FIFO);
        assert!(wait_until(5 * SECOND, || path.exists()), "no pipe");
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).expect("open the pipe");
        Self(file)
    }

    fn lines(&mut self) -> Vec<String> {
        let mut bytes = vec![0; 1 << 16];
        let length = self.0.read(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned).collect()
    }

    /// All lines until `last` is among them.
    fn until(&mut self, last: &str) -> Vec<String> {
        let mut all = Vec::new();
        let found = wait_until(10 * SECOND, || {
            all.extend(self.lines());
            all.iter().any(|line| line == last)
        });
        assert!(found, "no {last:?} in {all:#?}");
        all
    }
}

#[test]
fn each_change_is_a_line_and_the_order_is_that_of_the_changes() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    bed::scripts_can_run();
    bed::script(node, "/run/check.sh", "test -e /run/good");
    node.write("/run/good", "");
    let check = "vrrp_script check {\n script /run/check.sh\n interval 1\n weight -20\n fall 1\n rise 1\n}\n";
    let one = instance("VI_1", 51, 200, VIP, "track_script {\n check\n }");
    let text = conf(
        &format!("notify_fifo {FIFO}\n vrrp_notify_priority_changes"),
        &format!("{check}{one}vrrp_sync_group G1 {{\n group {{\n VI_1\n }}\n sync_group_tracking_weight\n}}\n"),
    );
    let mut daemon = Daemon::holdfast(node, &text, &[]);
    let mut reader = Reader::new(node);
    let mode = std::fs::metadata(node.path(FIFO)).expect("it is there").mode();
    assert_eq!(mode & 0o7777, 0o600);
    let mut lines = reader.until("GROUP \"G1\" MASTER 0");
    std::fs::remove_file(node.path("/run/good")).expect("it was there");
    lines.extend(reader.until("INSTANCE \"VI_1\" MASTER_PRIORITY 180"));
    node.must_run(&["ip", "link", "set", "eth0", "down"]);
    lines.extend(reader.until("GROUP \"G1\" FAULT 0"));
    node.must_run(&["ip", "link", "set", "eth0", "up"]);
    lines.extend(reader.until("INSTANCE \"VI_1\" MASTER 180"));
    daemon.term();
    lines.extend(reader.until("GROUP \"G1\" STOP 0"));
    lines.retain(|line| line.starts_with("INSTANCE"));
    let states: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    let expected = ["BACKUP", "MASTER", "MASTER_PRIORITY", "FAULT", "BACKUP", "MASTER", "STOP"];
    assert_eq!(states, expected, "{lines:#?}");
    // As VyOS takes them apart.
    let vyos = r#"
import re, sys
for line in sys.argv[1:]:
    assert re.match(r'^(?P<type>\w+) "(?P<name>[\w-]+)" (?P<state>\w+) (?P<priority>\d+)$', line), line
"#;
    let mut argv = vec!["python3", "-c", vyos];
    argv.extend(lines.iter().map(String::as_str));
    node.must_run(&argv);
    assert!(daemon.wait(5 * SECOND).is_some());
    assert!(!node.path(FIFO).exists(), "what was made is removed");
}

#[test]
fn a_reader_is_started_kept_over_a_reload_started_again_and_ended() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    bed::scripts_can_run();
    bed::script(
        node,
        "/run/reader.sh",
        "echo $$ >> /run/readers\nwhile read line; do echo \"$line\" >> /run/read; done < $2",
    );
    let global = format!("vrrp_notify_fifo {FIFO}\n vrrp_notify_fifo_script \"/run/reader.sh word\"");
    let states = "\n fifo_write_vrrp_states_on_reload";
    let two = instance("two", 52, 200, "10.99.1.2", "");
    let mut daemon =
        Daemon::holdfast(node, &conf(&global, &format!("{}{two}", instance("one", 51, 200, VIP, ""))), &[]);
    let read = || node.read("/run/read").unwrap_or_default();
    let readers = || node.read("/run/readers").unwrap_or_default().lines().count();
    assert!(wait_until(10 * SECOND, || read().contains("INSTANCE \"one\" MASTER 200")), "{}", daemon.log());
    assert_eq!(readers(), 1);
    node.must_run(&["rm", "/run/read"]);
    // The reader had it open: it goes on with a file of that name after it wrote again.
    daemon.configure(&conf(&format!("{global}{states}"), &instance("one", 51, 200, VIP, "")));
    daemon.hup();
    assert!(wait_until(5 * SECOND, || read().contains("INSTANCE \"two\" FAULT")), "{}", read());
    assert!(wait_until(5 * SECOND, || read().ends_with("INSTANCE \"one\" MASTER 200\n")), "{}", read());
    assert_eq!(readers(), 1, "the same reader");
    let first = node.read("/run/readers").expect("it wrote it");
    node.must_run(&["kill", first.trim()]);
    assert!(wait_until(5 * SECOND, || readers() == 2), "{}", daemon.log());
    let second = node.read("/run/readers").and_then(|text| text.lines().last().map(str::to_owned)).expect("a line");
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some());
    assert!(read().contains("INSTANCE \"one\" STOP"), "{}", read());
    assert!(wait_until(5 * SECOND, || !node.path(&format!("/proc/{second}")).exists()), "its reader outlives it");
}

#[test]
fn a_reader_that_fell_behind_gets_the_state_of_everything() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    // Somebody else's pipe, of one page, that nobody reads for a while.
    node.must_run(&["mkfifo", FIFO]);
    let mut reader = Reader::new(node);
    let small = lab::os::set_pipe_size(&reader.0, 4096).expect("a smaller pipe");
    let instances: String = (1..=100)
        .map(|vrid| instance(&format!("instance_{vrid:03}"), vrid, 200, &format!("10.99.1.{vrid}"), ""))
        .collect();
    let mut daemon = Daemon::holdfast(node, &conf(&format!("notify_fifo {FIFO}"), &instances), &[]);
    takes(&daemon, "10.99.1.100");
    says(&daemon, "a notify FIFO is full");
    std::thread::sleep(SECOND / 5);
    let first = reader.lines();
    assert!(first.len() * 33 <= small && first.iter().all(|line| line.ends_with(" 200")), "{first:?}");
    let mut later = Vec::new();
    let all = wait_until(10 * SECOND, || {
        later.extend(reader.lines());
        (1..=100).all(|vrid| later.contains(&format!("INSTANCE \"instance_{vrid:03}\" MASTER 200")))
    });
    assert!(all, "{} lines", later.len());
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some());
    assert!(node.path(FIFO).exists(), "what others made stays");
}

#[test]
fn a_master_that_hears_a_lower_priority_tells_it_once_a_second() {
    let lab = Lab::new(&["a", "b"]);
    let node = lab.node("a");
    bed::scripts_can_run();
    bed::script(node, "/run/rival.sh", "echo $@ >> /run/rivals");
    let one =
        instance("one", 51, 200, VIP, "notify_master_rx_lower_pri \"/run/rival.sh x\"\n notify \"/run/rival.sh any\"");
    let daemon = Daemon::holdfast(node, &conf(&format!("notify_fifo {FIFO}"), &one), &[]);
    takes(&daemon, VIP);
    let mut reader = Reader::new(node);
    let wire = lab.node("b").transmitter("eth0");
    for _ in 0..20 {
        wire.send(&forge::advert(51, 100, 255, |_| ()));
        std::thread::sleep(Duration::from_millis(10));
    }
    let lines = reader.until("INSTANCE \"one\" MASTER_RX_LOWER_PRI 200");
    assert_eq!(lines.iter().filter(|line| line.contains("RX_LOWER")).count(), 1, "{lines:?}");
    let told = || node.read("/run/rivals").unwrap_or_default();
    assert!(wait_until(5 * SECOND, || told().contains("x\n")), "{}", told());
    assert_eq!(told().matches("x\n").count(), 1);
    assert!(!told().contains("MASTER_RX"), "the general script is not told: {}", told());
    assert!(node.has(ip(VIP)));
}
