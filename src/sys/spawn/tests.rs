#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use super::*;

fn shell(script: &str) -> Prepared {
    let argv = ["/bin/sh", "-c", script, "sh"].map(String::from);
    // SAFETY: these take nothing and cannot fail.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    Prepared::new(&argv, user, group).unwrap()
}

fn spawner() -> Spawner {
    Spawner::new(Environment::inherited(&[("HOLDFAST_TEST", "yes")]), false).unwrap()
}

/// At most ten seconds.
fn end_of(pid: Pid) -> Exit {
    for _ in 0..10_000 {
        if let Some(exit) = reap_one(pid) {
            return exit;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{pid:?} did not end");
}

fn outcome(script: &str, extra: &[&CStr]) -> Exit {
    end_of(spawner().spawn(&shell(script), extra).unwrap())
}

fn as_nobody(script: &str) -> Prepared {
    Prepared { user: 65534, group: 65534, ..shell(script) }
}

fn root() -> bool {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn exit_statuses_and_signals_are_told_apart() {
    assert_eq!(outcome("exit 0", &[]), Exit::Code(0));
    assert_eq!(outcome("exit 77", &[]), Exit::Code(77));
    assert_eq!(outcome("kill -9 $$", &[]), Exit::Signal(9));
}

#[test]
fn arguments_are_appended_anew_each_time() {
    let spawner = spawner();
    let command = shell(r#"test "$#:$1:$4" = "$WANT" || test "$#" = 0"#);
    let strict = shell(r#"test "$#:$1:$4" = "4:INSTANCE:100""#);
    let extra = [c"INSTANCE", c"VI_1", c"MASTER", c"100"];
    assert_eq!(end_of(spawner.spawn(&strict, &extra).unwrap()), Exit::Code(0));
    assert_eq!(end_of(spawner.spawn(&command, &[]).unwrap()), Exit::Code(0));
    assert_eq!(end_of(spawner.spawn(&command, &[c"left over?"]).unwrap()), Exit::Code(1));
    assert_eq!(end_of(spawner.spawn(&command, &[]).unwrap()), Exit::Code(0));
    assert_eq!(spawner.spawn(&command, &[c"x"; EXTRA_ARGUMENTS + 1]).err(), Some(Errno(libc::E2BIG)));
    assert_eq!(outcome(r#"test "$#" = 8"#, &[c"x"; EXTRA_ARGUMENTS]), Exit::Code(0));
}

#[test]
fn a_child_starts_clean() {
    // its own group, /dev/null three times, no other descriptor, no signal blocked or ignored
    // (only the shell's own words for the signals: it blocks some while it starts a program)
    // (32 and 33 are glibc's own, ignored in what it spawns, and cannot be reset)
    let clean = r#"
        test "$(cut -d' ' -f5 /proc/$$/stat)" = $$ || exit 10
        for fd in 0 1 2; do test "$(readlink /proc/$$/fd/$fd)" = /dev/null || exit 11; done
        for link in /proc/$$/fd/*; do test "${link##*/}" -le 2 || ! test -L "$link" || exit 12; done
        test -r /proc/self/status || exit 16
        while read -r name value; do case $name in
            SigBlk:) test "$value" = 0000000000000000 || exit 13;;
            SigIgn:) case $value in 0000000[01][08]0000000) ;; *) exit 14;; esac;;
        esac; done </proc/self/status
        test "$HOLDFAST_TEST" = yes || exit 15"#;
    crate::sys::fd::close_inherited_on_exec();
    let _ours = crate::sys::signals::Signals::new().unwrap();
    assert_eq!(outcome(clean, &[]), Exit::Code(0));
    if root() {
        assert_eq!(end_of(spawner().spawn(&as_nobody(clean), &[]).unwrap()), Exit::Code(0));
    }
}

#[test]
fn what_cannot_be_run_is_an_error() {
    // SAFETY: these take nothing and cannot fail.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let missing = Prepared::new(&[String::from("/nowhere/check.sh")], user, group).unwrap();
    assert_eq!(spawner().spawn(&missing, &[]), Err(Errno(libc::ENOENT)));
    let data = Prepared::new(&[String::from("/etc/passwd")], user, group).unwrap();
    assert_eq!(spawner().spawn(&data, &[]), Err(Errno(libc::EACCES)));
    assert_eq!(Prepared::new(&[], 0, 0).err(), Some(Errno::INVALID));
    assert_eq!(Prepared::new(&[String::from("a\0b")], 0, 0).err(), Some(Errno::INVALID));
}

#[test]
fn another_user_keeps_nothing_of_ours() {
    if !root() {
        eprintln!("not run: needs root");
        return;
    }
    let gone = r#"set -e
        test "$(id -u):$(id -g):$(id -G)" = 65534:65534:65534
        grep -qE '^CapEff:\s+0+$' /proc/$$/status
        grep -qE '^Uid:\s+65534\s+65534\s+65534\s+65534$' /proc/$$/status"#;
    assert_eq!(end_of(spawner().spawn(&as_nobody(gone), &[]).unwrap()), Exit::Code(0));
    let missing = Prepared::new(&[String::from("/nowhere/check.sh")], 65534, 65534).unwrap();
    assert_eq!(end_of(spawner().spawn(&missing, &[]).unwrap()), Exit::Code(127));
    let data = Prepared::new(&[String::from("/etc/passwd")], 65534, 65534).unwrap();
    assert_eq!(end_of(spawner().spawn(&data, &[]).unwrap()), Exit::Code(126));
}

/// Neither running nor sleeping: gone, or not yet reaped by whoever inherited it.
fn is_dead(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X']))
}

#[test]
fn a_group_is_killed_whole() {
    let file = std::env::temp_dir().join(format!("holdfast-group-{}", std::process::id()));
    let script = format!("sleep 1000 & echo $! >{0}.new; mv {0}.new {0}; sleep 1000", file.display());
    let pid = spawner().spawn(&shell(&script), &[]).unwrap();
    let wait_until = |done: &dyn Fn() -> bool| {
        (0..10_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            done()
        })
    };
    assert!(wait_until(&|| file.exists()));
    let grandchild = String::from(std::fs::read_to_string(&file).unwrap().trim());
    std::fs::remove_file(&file).unwrap();
    assert!(!is_dead(&grandchild));
    kill_group(pid, libc::SIGKILL).unwrap();
    assert_eq!(end_of(pid), Exit::Signal(9));
    assert!(wait_until(&|| is_dead(&grandchild)));
    assert_eq!(kill_group(Pid(0), libc::SIGKILL), Err(Errno(libc::ESRCH)));
    assert_eq!(kill_group(Pid(1), libc::SIGKILL), Err(Errno(libc::ESRCH)));
}

#[test]
fn variables_that_change_programs_are_not_inherited() {
    let environment = Environment::of([(b"A".to_vec(), b"1".to_vec()), (b"B".to_vec(), b"\0".to_vec())].into_iter());
    assert_eq!(environment.pointers.len(), 2, "one variable and the null");
    let inherited = Environment::inherited(&[("PATH", "/elsewhere")]);
    let texts: Vec<&[u8]> = inherited._variables.iter().map(|text| text.as_bytes()).collect();
    assert_eq!(texts.iter().filter(|text| text.starts_with(b"PATH=")).count(), 1);
    assert!(texts.contains(&b"PATH=/elsewhere".as_slice()));
    for name in NOT_INHERITED {
        assert!(!texts.iter().any(|text| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"="))));
    }
    assert_eq!(Environment::only(&[("A", "b")])._variables[0].as_bytes(), b"A=b");
}
