//! Files whose number counts: what is written, renamed, removed, or in a directory that comes later. What
//! follows from each content was seen with keepalived 2.2.7.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::fs;

use bed::{SECOND, VIP, entered, gives_up, instance, says, takes};
use lab::{Daemon, Lab, Node, wait_until};

const FILE: &str = "/run/watched/number";

/// One instance of priority 100 that tracks a file.
fn conf(file: &str, track: &str) -> String {
    format!(
        "global_defs {{\n vrrp_version 3\n}}\ntrack_file number {{\n file {FILE}\n {file}\n}}\n{}",
        instance("one", 51, 100, VIP, &format!("track_file {{\n number {track}\n }}"))
    )
}

/// Writes the file as a whole, under another name first.
fn replace(node: &Node, text: &str) {
    let path = node.path(FILE);
    let other = path.with_extension("new");
    fs::write(&other, text).expect("a new file");
    fs::rename(other, path).expect("a rename");
}

#[test]
fn the_number_times_the_weight_is_added() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write(FILE, "0x10\n");
    let a = Daemon::holdfast(node, &conf("weight 2", ""), &[]);
    takes(&a, VIP);
    says(&a, "(one) Changing effective priority from 100 to 132");
    node.write(FILE, "010 is octal");
    says(&a, "(one) Changing effective priority from 132 to 116");
    replace(node, " -20");
    says(&a, "(one) Changing effective priority from 116 to 60");
    replace(node, "300");
    says(&a, "(one) Changing effective priority from 60 to 254");
    node.write(FILE, "99999999999");
    says(&a, "Invalid number 99999999999 read from");
    node.write(FILE, "-60");
    says(&a, "(one) Changing effective priority from 254 to 1");
    fs::remove_file(node.path(FILE)).expect("a file to remove");
    says(&a, "(one) Changing effective priority from 1 to 100");
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"], "nothing was a fault:\n{}", a.log());
    // As much as that is one, whatever the weight.
    replace(node, "-127");
    says(&a, "(one): tracked file number now FAULT state");
    gives_up(&a, VIP);
    replace(node, "-126");
    says(&a, "(one): tracked file number leaving FAULT state");
    takes(&a, VIP);
}

#[test]
fn without_a_weight_any_number_is_a_fault_and_reverse_turns_that() {
    for (track, good, bad) in [("weight 0", "0", "7"), ("weight 0 reverse", "1", "0")] {
        let lab = Lab::new(&["a"]);
        let node = lab.node("a");
        node.write(FILE, bad);
        let a = Daemon::holdfast(node, &conf("", track), &[]);
        says(&a, "(one): entering FAULT state (tracked file number has status -254)");
        node.write(FILE, good);
        says(&a, "(one): tracked file number leaving FAULT state");
        takes(&a, VIP);
        node.write(FILE, bad);
        gives_up(&a, VIP);
    }
}

#[test]
fn a_directory_may_come_and_go() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let directory = node.path(FILE).with_file_name("");
    let a = Daemon::holdfast(node, &conf("weight 1", ""), &[]);
    takes(&a, VIP);
    node.write(FILE, "11");
    says(&a, "(one) Changing effective priority from 100 to 111");
    let away = directory.with_file_name("away");
    fs::rename(&directory, &away).expect("a directory to rename");
    says(&a, "(one) Changing effective priority from 111 to 100");
    node.write(FILE, "12");
    says(&a, "(one) Changing effective priority from 100 to 112");
    // The one that was renamed is nobody's now.
    fs::write(away.join("number"), "50").expect("the old file");
    node.write(FILE, "13");
    says(&a, "(one) Changing effective priority from 112 to 113");
    assert!(!a.log().contains("150"), "{}", a.log());
}

#[test]
fn a_file_is_made_once() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write("/run/watched/other", "");
    let path = node.path(FILE);
    let a = Daemon::holdfast(node, &conf("init_file 5", ""), &[]);
    says(&a, "(one) Changing effective priority from 100 to 105");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "5\n");
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    node.write(FILE, "6");
    says(&a, "(one) Changing effective priority from 105 to 106");
    // A reload keeps it, even one that would overwrite it at a start.
    a.configure(&conf("init_file 7 overwrite", ""));
    a.hup();
    says(&a, "Reload finished");
    assert!(!wait_until(SECOND, || fs::read_to_string(&path).is_ok_and(|text| text != "6")), "it was overwritten");
    drop(a);
    let a = Daemon::holdfast(node, &conf("init_file 7 overwrite", ""), &[]);
    says(&a, "(one) Changing effective priority from 100 to 107");
}

#[test]
fn the_dump_shows_each_file_and_who_tracks_it() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write(FILE, "3");
    let a = Daemon::holdfast(node, &conf("weight 2", "weight -4 reverse"), &[]);
    takes(&a, VIP);
    let data = a.data();
    assert!(data.contains("   Tracked files :\n     number, weight -4 reverse\n"), "{data}");
    let block = format!(
        "------< VRRP Track files >------\n Track file = number\n   File = {FILE}\n   Status = 3\n   Weight = 2\n   \
         Tracking instances :\n     one, weight -4 reverse\n"
    );
    assert!(data.contains(&block), "{data}");
}

#[test]
fn a_file_may_weigh_as_much_as_a_fault() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write(FILE, "0");
    let a = Daemon::holdfast(node, &conf("weight 254", "weight -254"), &[]);
    takes(&a, VIP);
    node.write(FILE, "1");
    gives_up(&a, VIP);
}
