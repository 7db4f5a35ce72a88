//! The calls of the run phase allocate nothing. Counted per thread, so the harness may do as it likes.

#![allow(clippy::disallowed_methods)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::process::Command;

use holdfast::sys::fifo::Fifo;
use holdfast::sys::file::ReplacedFile;
use holdfast::sys::logger::{self, Facility};
use holdfast::sys::netlink::{Group, Incoming, Netlink};
use holdfast::sys::packet_socket::PacketSocket;
use holdfast::sys::receive_batch::ReceiveBatch;
use holdfast::sys::resolver::Resolver;
use holdfast::sys::send_batch::{Envelope, SendBatch};
use holdfast::sys::service_manager::ServiceManager;
use holdfast::sys::signals::Signals;
use holdfast::sys::spawn::{Environment, Prepared, Spawner, kill_group, reap_one};
use holdfast::sys::sysctl::Sysctl;
use holdfast::sys::tcp::TcpStream;
use holdfast::sys::timer::Timer;
use holdfast::sys::vrid_filter::VridSet;
use holdfast::sys::vrrp_socket::{Listen, Receiver, Sender};
use holdfast::sys::{Errno, Interface, clock, process};
use holdfast::time::Duration;
use holdfast::wire::vrrp::Family;

struct PerThread;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all calls go to the system's allocator unchanged; the counter has no destructor.
unsafe impl GlobalAlloc for PerThread {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: PerThread = PerThread;

/// How many allocations `job` makes.
fn count(mut job: impl FnMut()) -> usize {
    let before = COUNT.get();
    job();
    COUNT.get() - before
}

fn temporary(name: &str) -> String {
    std::env::temp_dir().join(format!("holdfast-alloc-{name}-{}", std::process::id())).to_str().unwrap().into()
}

fn as_user(user: u32) -> Prepared {
    Prepared::new(&["/bin/sleep".into()], user, user).unwrap()
}

fn ip(arguments: &str) {
    assert!(Command::new("ip").args(arguments.split(' ')).status().unwrap().success(), "ip {arguments}");
}

#[test]
fn the_counter_counts() {
    assert_eq!(count(|| drop(std::hint::black_box(Box::new(1)))), 1);
    assert_eq!(count(|| ()), 0);
}

#[test]
fn clocks_timers_and_signals() {
    let mut timer = Timer::new().unwrap();
    let signals = Signals::new().unwrap();
    clock::load_time_zone();
    let allocations = count(|| {
        timer.arm(Some(clock::monotonic() - Duration::from_secs(1))).unwrap();
        while !timer.acknowledge().unwrap() {}
        timer.arm(None).unwrap();
        assert_eq!(signals.read(), Ok(None));
        let (now, _) = clock::wall();
        assert!(clock::local_text(now).len() == 24 && !clock::boottime().is_zero());
    });
    assert_eq!(allocations, 0);
}

#[test]
fn the_first_log_line_and_all_after_it() {
    logger::install(&logger::Options {
        console: true,
        syslog: true,
        facility: Facility::DAEMON,
        ident: "Keepalived_vrrp",
        level: log::LevelFilter::Info,
    });
    let allocations = count(|| {
        for line in 0..3 {
            log::info!("(VI_{line}) {} {:?}", Errno(1), Some(line));
        }
        log::debug!("not logged");
    });
    assert_eq!(allocations, 0);
}

#[test]
fn scripts_are_started_killed_and_reaped() {
    let spawner = Spawner::new(Environment::inherited(&[]), false).unwrap();
    // SAFETY: it takes nothing and cannot fail.
    let own = unsafe { libc::geteuid() };
    let mut users = vec![own];
    if own == 0 {
        users.push(65534);
    }
    for user in users {
        let sleep = as_user(user);
        let allocations = count(|| {
            let pid = spawner.spawn(&sleep, &[c"1000"]).unwrap();
            while kill_group(pid, libc::SIGKILL).is_err() {}
            while reap_one(pid).is_none() {}
        });
        assert_eq!(allocations, 0, "as {user}");
    }
}

#[test]
fn dumps_fifos_settings_and_the_service_manager() {
    let path = temporary("dump");
    let dump = ReplacedFile::new(&path).unwrap();
    let fifo = Fifo::open(&std::ffi::CString::new(temporary("fifo")).unwrap(), (u32::MAX, u32::MAX)).unwrap();
    let manager = ServiceManager::from_environment();
    let allocations = count(|| {
        dump.replace(|writer| (0..5000).try_for_each(|line| writeln!(writer, "line {line}"))).unwrap();
        dump.remove();
        fifo.write(b"INSTANCE \"VI_1\" MASTER 100\n").unwrap();
        manager.reloading().and_then(|()| manager.ready()).unwrap();
        assert!(Sysctl::new(&["net", "ipv4", "conf", "lo", "arp_ignore"]).unwrap().get().is_ok());
        assert!(process::exists(process::own_pid()) && !process::host_name().is_empty());
        assert_eq!(Interface::by_name("nosuch0"), Err(Errno(libc::ENODEV)));
    });
    assert_eq!(allocations, 0);
}

#[test]
fn connections_and_names() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let mut buffer = [0; 8];
    let allocations = count(|| {
        let stream = TcpStream::connect(at.ip(), at.port()).unwrap();
        while !stream.outcome().unwrap() {}
        assert_eq!(stream.write(b"QUIT\r\n"), Ok(6));
        assert_eq!(stream.read(&mut buffer), Err(Errno::WOULD_BLOCK));
        let mut resolver = Resolver::ask(c"127.0.0.1").unwrap();
        let answer = std::iter::from_fn(|| Some(resolver.answer())).find(|answer| *answer != Err(Errno::WOULD_BLOCK));
        assert_eq!(answer.unwrap().unwrap(), [at.ip()]);
        assert_eq!(clock::mail_text(0).len(), 30);
    });
    assert_eq!(allocations, 0);
}

#[test]
fn adverts_frames_and_netlink() {
    // SAFETY: no pointer is passed; it moves this thread only.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        eprintln!("not run: network namespaces need root");
        return;
    }
    ip("link set lo up");
    ip("link add left type veth peer name right");
    for (name, host) in [("left", 1), ("right", 2)] {
        ip(&format!("link set {name} up"));
        ip(&format!("addr add 192.0.2.{host}/24 dev {name}"));
    }
    for name in ["all", "left", "right"] {
        std::fs::write(format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"), "0").unwrap();
        std::fs::write(format!("/proc/sys/net/ipv4/conf/{name}/accept_local"), "1").unwrap();
    }
    // Until the kernel's link watch has run, what is sent is dropped without an error.
    for name in ["left", "right"] {
        let is_up = || {
            let shown = Command::new("ip").args(["-o", "link", "show", "dev", name]).output().unwrap();
            String::from_utf8_lossy(&shown.stdout).contains("state UP")
        };
        while !is_up() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
    let (left, right) = (Interface::by_name("left").unwrap(), Interface::by_name("right").unwrap());
    let group: IpAddr = "224.0.0.18".parse().unwrap();
    let source: IpAddr = "192.0.2.1".parse().unwrap();
    let receiver = Receiver::new(Some(&right), Listen::Group(group), &VridSet::ALL, Some(1 << 20)).unwrap();
    let sender = Sender::new(Family::V4, Some(&left)).unwrap();
    let frames = PacketSocket::new(None).unwrap();
    let (mut sending, mut receiving) = (SendBatch::new(256, 256 * 64), ReceiveBatch::new(16));
    let command = Netlink::command(None).unwrap();
    let monitor = Netlink::monitor(&Group::LINKS_AND_ADDRESSES, Some(1 << 20)).unwrap();
    let mut buffer = vec![0; Netlink::BUFFER];
    let (mut received, mut dumped) = (0, 0);

    let allocations = count(|| {
        let envelope = Envelope { source: Some(source), destination: group, hop_limit: 255 };
        for vrid in 1..=255 {
            sending.queue_advert(&sender, &envelope, vrid.into(), &[0x31, vrid, 100, 1, 0, 100, 0, 0]).unwrap();
        }
        sending.queue_frame(&frames, left.index(), 1000, &[0xff; 60]).unwrap();
        sending.flush(|tag, errno| panic!("{tag}: {errno}"));
        while receiving.receive(&receiver, receiving.capacity()).unwrap() > 0 {
            received += receiving.iter().filter(|packet| packet.source == source).count();
        }
        receiver.set_vrids(&VridSet::EMPTY).unwrap();
        receiver.rejoin().unwrap();

        // RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP
        let mut request = [0; 32];
        request[..4].copy_from_slice(&32_u32.to_ne_bytes());
        request[4..6].copy_from_slice(&18_u16.to_ne_bytes());
        request[6..8].copy_from_slice(&0x301_u16.to_ne_bytes());
        command.send(&request).unwrap();
        while let Incoming::Messages(bytes) = command.receive(&mut buffer).unwrap() {
            dumped += bytes.len();
        }
        assert_eq!(monitor.receive(&mut buffer), Ok(Incoming::Nothing));
    });
    assert_eq!((allocations, received), (0, 255));
    assert!(dumped > 1000);
}
