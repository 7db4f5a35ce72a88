//! Check scripts and notify scripts: when they run, as whom, with what, and what becomes of them.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::fs;
use std::path::Path;
use std::time::Duration;

use bed::{GLOBAL, SECOND, VIP, entered, gives_up, instance, ip, one, says, script, scripts_can_run, takes};
use lab::{Daemon, Lab, Node, wait_until};

/// One tracked script that succeeds while /run/good is there.
fn tracked(settings: &str, track: &str) -> String {
    format!(
        "{GLOBAL}vrrp_script check {{\n script \"/bin/ls /run/good\"\n {settings}\n}}\n{}",
        instance("one", 51, 150, VIP, &format!("track_script {{\n check {track}\n }}"))
    )
}

fn set_good(node: &Node, good: bool) {
    match good {
        true => node.write("/run/good", ""),
        false => fs::remove_file(node.path("/run/good")).expect("it was there"),
    }
}

fn lines(node: &Node, path: &str) -> Vec<String> {
    node.read(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn rise_and_fall_are_counted_and_weights_are_added() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    set_good(node, true);
    let a = Daemon::holdfast(node, &tracked("interval 0.2\n rise 2\n fall 3", "weight -30"), &[]);
    takes(&a, VIP);
    // keepalived takes the first result as it is.
    says(&a, "VRRP_Script(check) succeeded");
    set_good(node, false);
    let bad = lab::Stamp::now();
    says(&a, "VRRP_Script(check) failed (exited with status 2)");
    let took = lab::Stamp::now() - bad;
    assert!(took > Duration::from_millis(350) && took < 2 * SECOND, "three runs, not one: {took:?}");
    says(&a, "(one) Changing effective priority from 150 to 120");
    set_good(node, true);
    says(&a, "(one) Changing effective priority from 120 to 150");
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"], "a weight is no fault");
}

#[test]
fn without_a_weight_failure_is_a_fault() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let a = Daemon::holdfast(node, &tracked("interval 0.2\n init_fail", ""), &[]);
    says(&a, "Entering FAULT STATE");
    set_good(node, true);
    takes(&a, VIP);
    set_good(node, false);
    gives_up(&a, VIP);
    assert_eq!(entered(&a.log()), ["one FAULT", "one BACKUP", "one MASTER", "one FAULT"]);
}

#[test]
fn reverse_turns_a_weight_around() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let a = Daemon::holdfast(node, &tracked("interval 0.2", "weight 20 reverse"), &[]);
    set_good(node, true);
    says(&a, "(one) Changing effective priority from 150 to 130");
    set_good(node, false);
    says(&a, "(one) Changing effective priority from 130 to 150");
}

#[test]
fn runs_keep_their_interval_and_never_overlap() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    script(node, "/run/even", "date +%s%N >> /run/even.log");
    script(node, "/run/long", "echo + >> /run/long.log\nsleep 0.7\necho - >> /run/long.log");
    let conf = format!(
        "{GLOBAL}vrrp_script even {{\n script /run/even\n interval 0.25\n}}\n\
         vrrp_script long {{\n script /run/long\n interval 0.2\n timeout 5\n}}\n{}",
        instance("one", 51, 150, VIP, "track_script {\n even\n long\n }")
    );
    let a = Daemon::holdfast(node, &conf, &[]);
    assert!(wait_until(10 * SECOND, || lines(node, "/run/even.log").len() >= 13), "{}", a.log());
    let times: Vec<u64> = lines(node, "/run/even.log").iter().filter_map(|line| line.parse().ok()).collect();
    let mean = (times[12] - times[0]) as f64 / 12e6;
    assert!((240.0..265.0).contains(&mean), "starts every {mean} ms, not every 250");
    let log = lines(node, "/run/long.log");
    assert!(log.len() >= 6, "{log:?}");
    assert!(log.chunks(2).all(|pair| pair[0] == "+" && pair.get(1).is_none_or(|end| end == "-")), "{log:?}");
}

#[test]
fn a_script_that_hangs_is_killed_with_all_it_started() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    script(node, "/run/hangs", "trap '' TERM\nsleep 1000 &\nsleep 1001 &\nwait\nwait");
    let conf = format!(
        "{GLOBAL}vrrp_script hangs {{\n script /run/hangs\n interval 30\n timeout 1\n}}\n{}",
        instance("one", 51, 150, VIP, "track_script {\n hangs weight -20\n }")
    );
    let packets = lab.observe();
    let a = Daemon::holdfast(node, &conf, &[]);
    let sleeps = || node.run(&["pgrep", "-x", "sleep"]).stdout.split(|byte| *byte == b'\n').count() - 1;
    assert!(wait_until(5 * SECOND, || sleeps() == 2), "{}", a.log());
    says(&a, "VRRP_Script(hangs) timed_out");
    says(&a, "Changing effective priority from 150 to 130");
    assert!(wait_until(5 * SECOND, || sleeps() == 0), "{}", a.log());
    takes(&a, VIP);
    let gap = bed::longest_gap(&packets.adverts("a"));
    assert!(gap < Duration::from_millis(150), "nobody waited for it: {gap:?}");
}

#[test]
fn scripts_run_as_their_user() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write("/run/out/file", "");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(node.path("/run/out"), PermissionsExt::from_mode(0o1777)).expect("a mode");
    script(node, "/run/check", "id -un > /run/out/check\nid -Gn >> /run/out/check");
    script(node, "/run/tell", "id -un > /run/out/tell-$(id -un)");
    let conf = format!(
        "global_defs {{\n vrrp_version 3\n script_user nobody\n enable_script_security\n}}\n\
         vrrp_script check {{\n script /run/check\n interval 1\n}}\n{}",
        instance(
            "one",
            51,
            150,
            VIP,
            "track_script {\n check\n }\n notify_backup /run/tell root\n notify_master /run/tell"
        )
    );
    let a = Daemon::holdfast(node, &conf, &[]);
    takes(&a, VIP);
    assert!(wait_until(5 * SECOND, || lines(node, "/run/out/check") == ["nobody", "nogroup"]), "{}", a.log());
    assert!(wait_until(5 * SECOND, || lines(node, "/run/out/tell-nobody") == ["nobody"]), "{}", a.log());
    assert!(wait_until(5 * SECOND, || lines(node, "/run/out/tell-root") == ["root"]), "{}", a.log());
}

#[test]
fn what_others_could_change_is_not_run_as_root() {
    scripts_can_run();
    use std::os::unix::fs::PermissionsExt;
    for (security, runs) in [("enable_script_security", false), ("", true)] {
        let lab = Lab::new(&["a"]);
        let node = lab.node("a");
        script(node, "/run/loose/tell", "echo told >> /run/told");
        fs::set_permissions(node.path("/run/loose"), PermissionsExt::from_mode(0o777)).expect("a mode");
        let conf = format!(
            "global_defs {{\n vrrp_version 3\n script_user root\n {security}\n}}\n{}",
            instance("one", 51, 150, VIP, "notify_master /run/loose/tell")
        );
        let a = Daemon::holdfast(node, &conf, &[]);
        takes(&a, VIP);
        assert!(a.log().contains("/run/loose can be written by everybody"), "{}", a.log());
        let told = wait_until(if runs { 5 * SECOND } else { SECOND / 2 }, || node.read("/run/told").is_some());
        assert_eq!(told, runs, "{}", a.log());
    }
}

#[test]
fn a_missing_script_is_one_clear_line() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    script(node, "/run/goes", "exit 0");
    let conf = format!(
        "{GLOBAL}vrrp_script goes {{\n script /run/goes\n interval 0.2\n}}\n{}",
        instance("one", 51, 150, VIP, "track_script {\n goes weight -10\n }\n notify_master /run/nowhere/tell")
    );
    let a = Daemon::holdfast(node, &conf, &[]);
    takes(&a, VIP);
    assert_eq!(a.log().matches("/run/nowhere/tell does not exist").count(), 1, "{}", a.log());
    says(&a, "(one) cannot run notify script /run/nowhere/tell: ENOENT");
    // One that vanishes later fails, and says so once.
    fs::remove_file(node.path("/run/goes")).expect("it was there");
    says(&a, "VRRP_Script(goes)");
    says(&a, "from 150 to 140");
    std::thread::sleep(SECOND);
    assert_eq!(a.log().matches("/run/goes").count(), 1, "it says what it could not run, once: {}", a.log());
}

/// Appends its arguments to /run/told.
const TELL: &str = "line=argv:; for a in \"$0\" \"$@\"; do line=\"$line [$a]\"; done; echo \"$line\" >> /run/told";

#[test]
fn notify_scripts_get_what_keepalived_gives_them() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    script(node, "/run/lab/notify.sh", TELL);
    let tells = "notify_master \"/run/lab/notify.sh a1 'a 2'\"\n notify_backup \"/run/lab/notify.sh b1\"\n \
                 notify_fault \"/run/lab/notify.sh f1\"\n notify_stop \"/run/lab/notify.sh s1\"\n \
                 notify \"/run/lab/notify.sh extra\"";
    let group = "vrrp_sync_group G1 {\n group {\n VI_1\n }\n notify /run/lab/notify.sh\n}\n";
    let conf = format!("{GLOBAL}{group}{}", instance("VI_1", 51, 100, VIP, tells));
    let mut a = Daemon::holdfast(node, &conf, &[]);
    takes(&a, VIP);
    let count = |wanted: usize| wait_until(5 * SECOND, || lines(node, "/run/told").len() == wanted);
    assert!(count(6), "{:?}", lines(node, "/run/told"));
    a.term();
    assert!(a.wait(5 * SECOND).is_some());
    assert!(count(9), "{:?}", lines(node, "/run/told"));
    // Which is first of an instance's and its group's is nobody's promise; each one's own order is.
    let of = |lines: &[String], group: bool| -> Vec<String> {
        lines.iter().filter(|line| line.contains("[GROUP]") == group).cloned().collect()
    };
    let expected: Vec<String> = [
        "argv: [/run/lab/notify.sh] [b1]",
        "argv: [/run/lab/notify.sh] [extra] [INSTANCE] [VI_1] [BACKUP] [100]",
        "argv: [/run/lab/notify.sh] [a1] [a 2]",
        "argv: [/run/lab/notify.sh] [extra] [INSTANCE] [VI_1] [MASTER] [100]",
        "argv: [/run/lab/notify.sh] [s1]",
        "argv: [/run/lab/notify.sh] [extra] [INSTANCE] [VI_1] [STOP] [100]",
        "argv: [/run/lab/notify.sh] [GROUP] [G1] [BACKUP] [0]",
        "argv: [/run/lab/notify.sh] [GROUP] [G1] [MASTER] [0]",
        "argv: [/run/lab/notify.sh] [GROUP] [G1] [STOP] [0]",
    ]
    .map(str::to_owned)
    .to_vec();
    let told = lines(node, "/run/told");
    assert_eq!([of(&told, false), of(&told, true)].concat(), expected);
    // The same as what keepalived was seen to do, where that record is at hand.
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden/keepalived-2.2.7/notify.log");
    if let Ok(text) = fs::read_to_string(Path::new(golden)) {
        let theirs: Vec<String> =
            text.lines().filter_map(|line| line.split_once(' ')).map(|(_, rest)| rest.to_owned()).collect();
        assert_eq!([of(&theirs, false), of(&theirs, true)].concat(), expected);
    }
}

#[test]
fn faults_and_deletions_are_told_too() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    script(node, "/run/tell", "echo \"$@\" >> /run/told");
    let tells = "notify_fault \"/run/tell fault\"\n notify /run/tell";
    let deleted = format!("{tells}\n notify_deleted \"/run/tell deleted\"");
    let both =
        format!("{GLOBAL}{}{}", instance("one", 51, 100, VIP, tells), instance("two", 52, 100, "10.99.1.2", &deleted));
    let a = Daemon::holdfast(node, &both, &[]);
    takes(&a, VIP);
    takes(&a, "10.99.1.2");
    bed::ip_run(node, "link set eth0 down");
    let told = |line: &str| {
        let there = wait_until(5 * SECOND, || lines(node, "/run/told").iter().any(|found| found == line));
        assert!(there, "{line}: {:?}\n{}", lines(node, "/run/told"), a.log());
    };
    told("fault");
    told("INSTANCE one FAULT 100");
    told("INSTANCE two FAULT 100");
    bed::ip_run(node, "link set eth0 up");
    takes(&a, "10.99.1.2");
    a.configure(&format!("{GLOBAL}{}", instance("one", 51, 100, VIP, tells)));
    a.hup();
    told("deleted");
    told("INSTANCE two DELETED 100");
}

#[test]
fn slow_notify_scripts_stay_in_order() {
    scripts_can_run();
    let lab = Lab::new(&["a", "b"]);
    let node = lab.node("a");
    script(node, "/run/tell", "[ $3 = MASTER ] && sleep 1\necho $3 >> /run/told");
    let conf = format!("{GLOBAL}{}", instance("one", 51, 100, VIP, "notify /run/tell"));
    let a = Daemon::holdfast(node, &conf, &[]);
    takes(&a, VIP);
    // While MASTER's sleeps, it is BACKUP again.
    let b = Daemon::holdfast(lab.node("b"), &one(255).replace("BACKUP", "MASTER"), &[]);
    says(&a, "Master received advert from");
    gives_up(&a, VIP);
    assert_eq!(lines(node, "/run/told"), ["BACKUP"], "it did not have the time to run");
    let end = ["BACKUP", "MASTER", "BACKUP"];
    assert!(wait_until(5 * SECOND, || lines(node, "/run/told") == end), "{:?}", lines(node, "/run/told"));
    drop(b);
}

#[test]
fn stop_is_told_even_when_another_script_hangs() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    script(node, "/run/hangs", "echo master >> /run/told\nexec sleep 100");
    script(node, "/run/tell", "echo $3 >> /run/told");
    let conf = format!(
        "{GLOBAL}{}",
        instance(
            "one",
            51,
            100,
            VIP,
            "notify_master /run/hangs\n notify_stop \"/run/tell x x STOPPED\"\n notify /run/tell"
        )
    );
    let mut a = Daemon::holdfast(node, &conf, &[]);
    takes(&a, VIP);
    assert!(wait_until(5 * SECOND, || lines(node, "/run/told").contains(&"master".to_owned())));
    let pid = a.process().id();
    let at = a.term();
    let gone = wait_until(SECOND / 2, || !node.has(ip(VIP)));
    assert!(gone, "addresses do not wait for scripts: {}", a.log());
    let used = bed::ticks(pid);
    std::thread::sleep(SECOND / 4);
    assert!(bed::ticks(pid) - used < 5, "it waits, it does not spin");
    assert_eq!(a.wait(5 * SECOND).and_then(|status| status.code()), Some(0));
    assert!(lab::Stamp::now() - at < 3 * SECOND);
    let told = || lines(node, "/run/told");
    assert!(wait_until(2 * SECOND, || told().contains(&"STOP".to_owned())), "{:?}", told());
    assert!(told().contains(&"STOPPED".to_owned()), "{:?}", told());
}

#[test]
fn a_program_runs_before_the_start_and_one_after_the_end() {
    scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let note = |what: &str| format!("ip -o addr show dev eth0 | grep -c {VIP} | sed 's/^/{what} /' >> /run/notes");
    script(node, "/run/before.sh", &format!("sleep 0.3\n{}", note("before")));
    script(node, "/run/after.sh", &format!("{}\nexit 3", note("after")));
    script(node, "/run/hangs.sh", "trap '' TERM\nwhile :; do sleep 1; done");
    let conf = |before: &str| {
        let words = format!(
            "startup_script {before}\n startup_script_timeout 1\n shutdown_script /run/after.sh\n shutdown_script_timeout 5"
        );
        one(200).replacen("script_user root\n", &format!("script_user root\n {words}\n"), 1)
    };
    let mut daemon = Daemon::holdfast(node, &conf("/run/before.sh"), &[]);
    takes(&daemon, VIP);
    assert_eq!(lines(node, "/run/notes"), ["before 0"]);
    daemon.term();
    assert!(daemon.wait(10 * SECOND).is_some_and(|status| status.success()), "{}", daemon.log());
    assert_eq!(lines(node, "/run/notes"), ["before 0", "after 0"], "{}", daemon.log());
    assert!(daemon.log().contains("shutdown_script exited with status 3"), "{}", daemon.log());
    // One that hangs holds nothing up for longer than it may.
    let mut daemon = Daemon::holdfast(node, &conf("/run/hangs.sh"), &[]);
    takes(&daemon, VIP);
    assert!(daemon.log().contains("startup_script did not end within 1"), "{}", daemon.log());
    let alive = node.run(&["pgrep", "-f", "hangs.sh"]);
    assert!(!alive.status.success(), "it is killed");
    daemon.term();
    assert!(daemon.wait(10 * SECOND).is_some());
}
