//! Two machines, a switch and a client, on this one host: the master loses its power, the address moves,
//! and the client's outage is measured beside what the standard promises.
//!
//! ```text
//! cargo run --release --example failover                                    # holdfast
//! cargo run --release --example failover -- --daemon /usr/sbin/keepalived   # the same with another daemon
//! ```
//!
//! Needs root or unprivileged user namespaces, and `ip`. Exits 0 if both moves succeeded, 1 if not, 2 if it
//! cannot run here.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "../lab/mod.rs"]
mod lab;

use std::env;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::Duration;

use lab::packet::Packet;
use lab::{AddressWatch, Daemon, Lab, Observer, Prober, Stamp, wait_for};

/// What configs/mysql-pair.conf says.
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 100));
const ADVERT_INTERVAL: Duration = Duration::from_millis(500);
const PRIORITY_A: u32 = 150;
const PRIORITY_B: u32 = 100;

/// Longer than anything here lasts.
const PATIENCE: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let program = match daemon() {
        Ok(program) => program,
        Err(text) => return leave(&text, 2),
    };
    let lab = match Lab::try_new(&["a", "b", "c"], 1) {
        Ok(lab) => lab,
        Err(text) => return leave(&text, 2),
    };
    match show(&lab, &program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => leave(&text, 1),
    }
}

fn leave(text: &str, code: u8) -> ExitCode {
    eprintln!("failover: {text}");
    ExitCode::from(code)
}

/// The daemon to show: what `--daemon` names, or the holdfast built beside this program.
fn daemon() -> Result<String, String> {
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, None, None) => built(),
        (Some("--daemon"), Some(path), None) if Path::new(&path).is_absolute() && Path::new(&path).exists() => Ok(path),
        (Some("--daemon"), Some(path), None) => Err(format!("--daemon {path}: not the absolute path of a file")),
        _ => Err("usage: failover [--daemon PATH]".into()),
    }
}

/// target/release/examples/failover -> target/release/holdfast, built now if it is not there or not new.
fn built() -> Result<String, String> {
    let own = env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let folder = own.ancestors().nth(2).ok_or("this program lies in no target folder")?;
    let holdfast = folder.join("holdfast");
    // Under `cargo run` the sources may be newer than the daemon: cargo knows, and does nothing if not.
    if env::var_os("CARGO").is_some() || !holdfast.exists() {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--bin", "holdfast", "--manifest-path"]);
        cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        cargo.args(folder.ends_with("release").then_some("--release"));
        let status = cargo.status().map_err(|error| format!("cargo build: {error}"))?;
        if !status.success() || !holdfast.exists() {
            return Err(format!("cargo build did not make {}", holdfast.display()));
        }
    }
    Ok(holdfast.display().to_string())
}

/// The instruments, and the moment from which the lines count.
struct Scene {
    packets: Observer,
    addresses: AddressWatch,
    zero: Stamp,
}

fn show(lab: &Lab, program: &str) -> Result<(), String> {
    let conf_path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("configs");
    let conf = std::fs::read_to_string(conf_path.join("mysql-pair.conf"))
        .map_err(|error| format!("configs/mysql-pair.conf: {error}"))?;
    for (name, address) in [("a", "192.168.1.1/24"), ("b", "192.168.1.2/24"), ("c", "192.168.1.3/24")] {
        lab.add_address(name, "eth0", address);
        lab.node(name).install(&conf_path, "/etc/holdfast");
    }
    // All that the configuration's check wants to see.
    let _databases = ["a", "b"].map(|node| lab.node(node).listen("0.0.0.0:3306"));
    let start = |node| Daemon::start(lab.node(node), program, &conf, &["--config-id", node]);

    println!("Machines a and b hold {VIP} for the client c. One switch; everything in namespaces of this process.");
    println!("Daemon {program}, configuration configs/mysql-pair.conf; a listener at port 3306 plays the database.\n");
    let mut scene = Scene { packets: lab.observe(), addresses: lab.watch(), zero: Stamp::now() };
    println!("Start");
    scene.say(Stamp::now(), "a", "starts, priority 150");
    let mut a = start("a");
    let up = scene
        .addresses
        .wait_came("a", VIP, scene.zero, PATIENCE)
        .ok_or_else(|| stuck("a did not take the address", &a))?;
    scene.say(up, "a", &format!("MASTER: has {VIP}"));
    scene.say(Stamp::now(), "b", "starts, priority 100");
    let mut b = start("b");
    if !b.logs("BACKUP", PATIENCE) {
        return Err(stuck("b did not become backup", &b));
    }
    scene.say(Stamp::now(), "b", "BACKUP: hears the adverts of a");
    let client = lab.probe("c", VIP);
    let answer = client.wait_answer(Stamp::now(), PATIENCE).ok_or_else(|| stuck("the address does not answer", &a))?;
    scene.say(answer, "c", "pings the address every 5 ms and is answered");
    // Past the second round of gratuitous ARP, and at no particular moment between two adverts.
    sleep(Duration::from_millis(2180));

    scene.zero = lab.power_off(&mut a);
    power_cut(&scene, &b, &client)?;

    // A machine that comes back has lost its addresses.
    if lab.node("a").has(VIP) {
        lab.remove_address("a", "eth0", "192.168.1.100/24");
    }
    lab.mend("a");
    let mut a = start("a");
    if !a.logs("BACKUP", PATIENCE) {
        return Err(stuck("a did not become backup", &a));
    }
    sleep(Duration::from_secs(3));
    println!("\na is repaired, started and BACKUP. Nothing moves: the configuration says nopreempt.");

    scene.zero = b.term();
    graceful_stop(&scene, &a, &mut b, &client)?;

    let overlap = scene.addresses.timeline().overlap(VIP);
    println!("\nIn all this time two machines had the address at once for {:.1} ms.", millis(overlap));
    a.term();
    a.wait(PATIENCE).ok_or("a does not stop")?;
    println!("All of it is gone now: no interface, no namespace, no process, no file is left on this host.");
    Ok(())
}

/// a died at `scene.zero`: what b did and what the client saw.
fn power_cut(scene: &Scene, b: &Daemon<'_>, client: &Prober) -> Result<(), String> {
    println!("\nThe power of a fails: all its processes killed with SIGKILL, its cable dead");
    let dead = scene.zero;
    let last = scene
        .packets
        .adverts("a")
        .into_iter()
        .map(|(at, _)| at)
        .rfind(|at| *at <= dead)
        .ok_or("a never sent an advert")?;
    scene.say(last, "a", "its last advert");
    scene.say(dead, "a", "dies");
    let moved = scene.addresses.wait_came("b", VIP, dead, PATIENCE).ok_or_else(|| stuck("b did not take over", b))?;
    let moved = scene.taken("b", moved)?;
    let outage = outage(scene, client)?;

    let skew = skew(PRIORITY_B);
    let since = millis(dead - last);
    let theory = 3.0 * millis(ADVERT_INTERVAL) + skew - since;
    println!("    moved after            {:9.1} ms", moved.millis_since(dead));
    println!(
        "    the standard says      {theory:9.1} ms   3 x {} + skew {skew:.1} - {since:.1} since the last advert",
        ADVERT_INTERVAL.as_millis()
    );
    println!("    over it by             {:9.1} ms", moved.millis_since(dead) - theory);
    println!("    the client saw nothing {outage:9.1} ms");
    Ok(())
}

/// b was asked to stop at `scene.zero`: when it let go and a had the address.
fn graceful_stop(scene: &Scene, a: &Daemon<'_>, b: &mut Daemon<'_>, client: &Prober) -> Result<(), String> {
    println!("\nb is stopped in good order: SIGTERM");
    let asked = scene.zero;
    scene.say(asked, "b", "is asked to stop");
    let bye = |packet: &Packet| packet.node == "b" && packet.advert().is_some_and(|advert| advert.priority == 0);
    let bye = scene.packets.wait(asked, PATIENCE, bye).ok_or_else(|| stuck("b did not say goodbye", b))?;
    scene.say(bye.at, "b", "sends an advert of priority 0: I stop");
    let went = scene.addresses.wait_went("b", VIP, asked, PATIENCE).ok_or_else(|| stuck("b keeps the address", b))?;
    scene.say(went, "b", "has given the address away");
    let moved = scene.addresses.wait_came("a", VIP, asked, PATIENCE).ok_or_else(|| stuck("a did not take over", a))?;
    let moved = scene.taken("a", moved)?;
    let outage = outage(scene, client)?;
    let status = b.wait(PATIENCE).ok_or_else(|| stuck("b does not end", b))?;
    let ended = Stamp::now();
    scene.say(ended, "b", &format!("has ended ({status})"));

    let theory = bye.at.millis_since(asked) + skew(PRIORITY_A);
    println!("    moved after            {:9.1} ms", moved.millis_since(asked));
    println!("    the standard says      {theory:9.1} ms   the skew time {:.1} after the goodbye", skew(PRIORITY_A));
    println!("    over it by             {:9.1} ms", moved.millis_since(asked) - theory);
    println!("    the client saw nothing {outage:9.1} ms");
    Ok(())
}

impl Scene {
    /// One line of the story.
    fn say(&self, at: Stamp, who: &str, what: &str) {
        println!("    {:+10.1} ms  {who}  {what}", at.millis_since(self.zero));
    }

    /// `node` had the address at `moved` as far as the watch could tell: what it told the others and when,
    /// and when it had it at the latest. An announcement proves it too, and that stamp is the kernel's.
    fn taken(&self, node: &str, moved: Stamp) -> Result<Stamp, String> {
        let from_node = |packet: &Packet| packet.node == node;
        let advert = self.packets.wait(self.zero, PATIENCE, |packet| from_node(packet) && packet.advert().is_some());
        let arp = self.packets.wait(self.zero, PATIENCE, |packet| from_node(packet) && packet.announces(VIP));
        let (advert, arp) =
            (advert.ok_or("no advert of the new master")?, arp.ok_or("no gratuitous ARP of the new master")?);
        let moved = moved.min(arp.at);
        let mut lines = [
            (moved, format!("MASTER: has {VIP}")),
            (advert.at, "its first advert".to_owned()),
            (arp.at, "its first gratuitous ARP: the switch and the client learn the new place".to_owned()),
        ];
        lines.sort_by_key(|(at, _)| *at);
        lines.iter().for_each(|(at, what)| self.say(*at, node, what));
        Ok(moved)
    }
}

/// Waits until the client is answered again by the new master: its outage in milliseconds.
fn outage(scene: &Scene, client: &Prober) -> Result<f64, String> {
    // The outage may still lie ahead: first let it be over for half a second.
    let done = wait_for(PATIENCE, || {
        sleep(Duration::from_millis(500));
        let all = client.outage(scene.zero);
        let recent = client.outage(Stamp::now().before(Duration::from_millis(450)));
        (recent.lost == 0).then_some(all)
    });
    let outage = done.ok_or("the address does not answer the client any more")?;
    let answered = outage.from.map(|from| from + outage.longest);
    match answered {
        Some(at) => scene.say(at, "c", &format!("is answered again; {} pings lost", outage.lost)),
        None => println!("                   c  lost no ping"),
    }
    Ok(millis(outage.longest))
}

/// Skew_Time of RFC 9568, section 6.1, in milliseconds.
fn skew(priority: u32) -> f64 {
    f64::from(256 - priority) / 256.0 * millis(ADVERT_INTERVAL)
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn stuck(what: &str, daemon: &Daemon<'_>) -> String {
    format!("{what}; the log of {}:\n{}", daemon.node().name(), daemon.log())
}
