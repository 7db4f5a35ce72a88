//! Processes that count: by name, by command line, how many, for how long. Each test has a program of its own
//! name, because all nodes share one list of processes.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::path::Path;
use std::time::Duration;

use bed::{SECOND, VIP, entered, gives_up, instance, longest_gap, says, takes};
use lab::{Daemon, Lab, Node, wait_until};

/// A program of this name that does nothing for long.
fn idle(node: &Node, name: &str) -> String {
    let path = format!("/run/{name}");
    node.install(Path::new("/usr/bin/sleep"), &path);
    path
}

fn conf(block: &str, track: &str) -> String {
    format!(
        "global_defs {{\n vrrp_version 3\n json_version 2\n}}\nvrrp_track_process db {{\n {block}\n}}\n{}",
        instance("one", 51, 100, VIP, &format!("track_process {{\n db {track}\n }}"))
    )
}

#[test]
fn without_a_quorum_it_is_a_fault() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let program = idle(node, "hf-one");
    let packets = lab.observe();
    let a = Daemon::holdfast(node, &conf("process hf-one", ""), &[]);
    says(&a, "(one) entering FAULT state (tracked process db quorum not achieved)");
    let first = node.spawn(&[&program, "1000"], "/run/idle-one.log");
    says(&a, "Quorum gained for tracked process db");
    takes(&a, VIP);
    // A second one changes nothing, and neither does the end of one of two.
    let second = node.spawn(&[&program, "1001"], "/run/idle-two.log");
    std::thread::sleep(3 * SECOND / 2);
    drop(first);
    std::thread::sleep(3 * SECOND / 2);
    assert_eq!(entered(&a.log()), ["one FAULT", "one BACKUP", "one MASTER"]);
    let gap = longest_gap(&packets.adverts("a"));
    assert!(gap < Duration::from_millis(1150), "counting delayed an advert: {gap:?}");
    drop(second);
    says(&a, "Quorum lost for tracked process db");
    gives_up(&a, VIP);
}

#[test]
fn parameters_and_numbers_decide_and_weights_add() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let program = idle(node, "hf-many");
    let block = format!("process {program} 100 20\n param_match partial\n quorum 2\n quorum_max 3\n weight 10");
    let _other = node.spawn(&[&program, "1000"], "/run/idle-other.log");
    let mut running = vec![node.spawn(&[&program, "100", "200"], "/run/idle-0.log")];
    let a = Daemon::holdfast(node, &conf(&block, "weight 30"), &[]);
    takes(&a, VIP);
    assert!(!a.log().contains("effective priority"), "{}", a.log());
    running.push(node.spawn(&[&program, "100", "20", "1"], "/run/idle-1.log"));
    says(&a, "(one) Changing effective priority from 100 to 130");
    running.extend([
        node.spawn(&[&program, "100", "201"], "/run/idle-2.log"),
        node.spawn(&[&program, "100", "202"], "/run/idle-3.log"),
    ]);
    says(&a, "(one) Changing effective priority from 130 to 100");
    let data = a.data();
    let block = format!(
        " VRRP Track process = db\n   Process = {program}\n   Parameters = 100 20\n   Param match = partial\n   \
         Min processes = 2\n   Max processes = 3\n   Current processes = 4\n   Have quorum = false\n   Weight = 10\n"
    );
    assert!(data.contains(&block), "{data}");
    assert!(data.contains("   Tracked processes :\n     db, weight 30\n"), "{data}");
    let json = a.json();
    let object = format!(
        "],\"track_process\":[{{\"process\":\"{program}\",\"parameters\":\"100 20\",\"param_match\":\"partial\",\
         \"min_processes\":2,\"max_processes\":3,\"current_processes\":4,\"have_quorum\":false,\"weight\":10,\
         \"terminate_delay\":0,\"fork_delay\":0,\"fork_delay_timer_running\":false,\
         \"terminate_delay_timer_running\":false,\"full_command\":true}}]}}"
    );
    let end = json.find("],\"track_process").map_or("", |at| &json[at..]);
    assert_eq!(end, format!("{}\n", object.replace('/', "\\/")), "{json}");
    running.pop();
    assert!(wait_until(5 * SECOND, || a.log().matches("from 100 to 130").count() == 2), "{}", a.log());
}

#[test]
fn a_loss_that_does_not_last_is_none() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let program = idle(node, "hf-delay");
    let block = "process hf-delay\n terminate_delay 4\n fork_delay 0.1";
    let process = node.spawn(&[&program, "1000"], "/run/idle-0.log");
    let a = Daemon::holdfast(node, &conf(block, ""), &[]);
    takes(&a, VIP);
    drop(process);
    assert!(wait_until(5 * SECOND, || a.data().contains("Terminate delay timer running")), "{}", a.log());
    let process = node.spawn(&[&program, "1000"], "/run/idle-1.log");
    assert!(wait_until(5 * SECOND, || a.data().contains("Terminate delay timer not running")), "{}", a.log());
    assert!(!a.log().contains("Quorum lost"), "{}", a.log());
    // A reload forgets nothing of a delay that runs.
    drop(process);
    assert!(wait_until(5 * SECOND, || a.data().contains("Terminate delay timer running")), "{}", a.log());
    a.hup();
    says(&a, "Quorum lost for tracked process db");
    gives_up(&a, VIP);
}
