//! The files of the OpenWrt package, in busybox's shell: UCI becomes the configuration, and the service does
//! what its users expect of it. `tests/openwrt/` stands in for the parts of OpenWrt that are used.

#![allow(clippy::disallowed_methods)]

mod lab;

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab::{Lab, Node, wait_until};

const SECOND: Duration = Duration::from_secs(1);
const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    fs::read_to_string(top().join(name)).unwrap_or_else(|error| panic!("read {name}: {error}"))
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("openwrt-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("make a folder");
    folder
}

/// What the package makes of this UCI file: the configuration, and what it complains of.
fn generate(name: &str, uci: &str) -> (String, String) {
    let folder = folder(name);
    fs::write(folder.join("keepalived"), uci).expect("write the UCI file");
    let script = ". tests/openwrt/functions.sh && . cross/openwrt/files/uci.sh && holdfast_generate";
    let mut shell = Command::new("busybox");
    shell.args(["ash", "-c", script]).env("UCI_FOLDER", &folder).current_dir(top());
    let output = shell.output().expect("busybox is installed (see tests/all)");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_section_and_option_becomes_configuration() {
    let (conf, complaints) = generate("full", &text("tests/openwrt/full.uci"));
    assert_eq!(conf, text("tests/openwrt/full.conf"));
    for missing in ["'router': there is no vrrp_instance 'nobody'", "there is no ipaddress 'unknown'"] {
        assert!(complaints.contains(missing), "{complaints}");
    }
    // On a router that has the interfaces it names.
    let lab = Lab::with_networks(&["a"], 3);
    let node = lab.node("a");
    node.must_run(&["ip", "link", "add", "eth0.123456789", "type", "veth", "peer", "name", "other"]);
    let path = top().join("tests/openwrt/full.conf");
    let test = node.run(&[HOLDFAST, "-t", "-f", path.to_str().expect("a path of text")]);
    assert!(test.status.success(), "{}", String::from_utf8_lossy(&test.stderr));
}

#[test]
fn the_example_of_the_default_file_works_and_so_does_the_peer_with_it() {
    let shipped = text("cross/openwrt/files/keepalived.config");
    let (conf, _) = generate("shipped", &shipped);
    assert!(!conf.contains("vrrp_instance"), "as shipped it does nothing");
    let example: String = shipped.lines().map(|line| format!("{}\n", line.strip_prefix('#').unwrap_or(line))).collect();
    // The prose above the first section is no UCI.
    let example = example.get(example.find("config globals").expect("a section")..).expect("the rest");
    let (conf, complaints) =
        generate("example", &example.replace("option alt_config_file", "#").replace("br-lan", "eth0"));
    assert_eq!(complaints, "");
    let lab = Lab::new(&["a"]);
    // A Debian has no /bin/ping that belongs to root everywhere.
    let conf = conf.replace("/bin/ping", "/bin/busybox ping");
    for program in [HOLDFAST, lab::daemon::KEEPALIVED] {
        let output = lab::daemon::config_test(lab.node("a"), program, &conf, &[]);
        assert!(output.status.success(), "{program}: {}\n{conf}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn values_stay_values() {
    let uci = "config vrrp_script\n\toption name 'odd'\n\toption script '/bin/busybox echo \"a b\" #c'\n\
               \toption interval '5 } vrrp_instance x {'\n";
    let (conf, _) = generate("values", uci);
    assert!(conf.contains("    script \"/bin/busybox echo \\\"a b\\\" #c\"\n"), "{conf}");
    assert!(conf.contains("    interval \"5 } vrrp_instance x {\"\n"), "{conf}");
}

#[test]
fn an_alternative_file_is_used_instead() {
    let uci = "config globals 'globals'\n\toption alt_config_file '/etc/other.conf'\n\
               config vrrp_instance\n\toption name 'a'\n";
    let (conf, _) = generate("alternative", uci);
    assert!(conf.contains("\nincludea /etc/other.conf\n") && !conf.contains("vrrp_instance"), "{conf}");
}

/// Builds the packages with the stand-in of the build system and returns where they are installed.
fn installed(name: &str) -> PathBuf {
    let folder = folder(name);
    fs::create_dir_all(folder.join("built/bin")).expect("make a folder");
    fs::copy(HOLDFAST, folder.join("built/bin/holdfast")).expect("copy the daemon");
    let sdk = format!("TOPDIR={}", top().join("tests/openwrt/sdk").display());
    let out = format!("SDK_OUT={}", folder.display());
    let output =
        Command::new("make").args(["-s", "-C", "cross/openwrt", &sdk, &out, "all"]).current_dir(top()).output();
    let output = output.expect("make is installed (see tests/all)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.join("build/src/main.rs").exists(), "the sources are where cargo will build them");
    folder.join("root")
}

/// A router with the packages installed, as far as a Debian can be one: /usr is theirs above the host's.
fn router(lab: &Lab, name: &str, root: &Path) {
    let node = lab.node(name);
    for (from, to) in [("bin/hotplug-call", "sbin"), ("bin/logger", "bin"), ("functions.sh", "lib")] {
        let from = top().join("tests/openwrt").join(from);
        let to = root.join("usr").join(to);
        fs::create_dir_all(&to).expect("make a folder");
        fs::copy(&from, to.join(from.file_name().expect("a name"))).expect("copy a file");
    }
    let layers = format!("lowerdir={}:/usr", root.join("usr").display());
    node.must_run(&["mount", "-t", "overlay", "overlay", "-o", &layers, "/usr"]);
    // These are links to the host's, which stay as they are.
    node.must_run(&["rm", "-f", "/etc/init.d", "/etc/config", "/etc/hotplug.d", "/etc/rc.common"]);
    node.install(&root.join("etc"), "/etc");
    node.install(&top().join("tests/openwrt/rc.common"), "/etc/rc.common");
}

fn service(node: &Node, action: &str) {
    let argv = ["env", "UCI_FOLDER=/etc/config", "busybox", "ash", "/etc/rc.common", "/etc/init.d/holdfast", action];
    node.must_run(&argv);
}

fn ubus(node: &Node, method: &str) -> String {
    let answer = node.must_run(&["/usr/libexec/rpcd/keepalived", "call", method]);
    node.write("/tmp/answer.json", &answer);
    node.must_run(&["python3", "-m", "json.tool", "/tmp/answer.json"])
}

fn uci(priority: u8, enabled: u8) -> String {
    format!(
        "config globals 'globals'\n\toption enabled '{enabled}'\n\
         config ipaddress\n\toption name 'vip'\n\toption address '10.99.1.1/16'\n\toption device 'eth0'\n\
         config vrrp_instance\n\toption name 'lan'\n\toption interface 'eth0'\n\toption virtual_router_id '51'\n\
         \toption version '3'\n\toption advert_int '0.1'\n\toption priority '{priority}'\n\toption state 'BACKUP'\n\
         \tlist virtual_ipaddress 'vip'\n"
    )
}

#[test]
fn the_service_starts_reloads_tells_and_stops() {
    let real = fs::metadata("/").is_ok_and(|root| root.uid() == 0);
    assert!(real, "this test runs scripts: it needs root, not only a user namespace");
    let lab = Lab::new(&["a", "b"]);
    let root = installed("root");
    router(&lab, "a", &root);
    let (a, b) = (lab.node("a"), lab.node("b"));
    let vip: IpAddr = "10.99.1.1".parse().expect("an address");
    let log = || format!("{:?}\n{:?}", a.read("/run/holdfast.log"), a.read("/run/logger.log"));

    service(a, "start");
    assert!(a.read("/run/procd.pid").is_none(), "as shipped nothing starts");
    a.write("/etc/config/keepalived", uci(150, 1));
    service(a, "reload");
    assert!(wait_until(5 * SECOND, || a.has(vip)), "{}", log());
    b.must_run(&["ping", "-c", "1", "-W", "2", "10.99.1.1"]);
    assert_eq!(fs::metadata(a.path("/tmp/keepalived.conf")).expect("the configuration").mode() & 0o777, 0o600);

    // The hotplug script heard of it, and ubus has it.
    let status = || a.read("/run/keepalived/lan_INSTANCE/STATUS");
    assert!(wait_until(5 * SECOND, || status().as_deref() == Some("NOTIFY_MASTER\n")), "{:?}{}", status(), log());
    let told = ubus(a, "status");
    assert!(told.contains("\"name\": \"lan\"") && told.contains("\"status\": \"NOTIFY_MASTER\""), "{told}");
    let dump = ubus(a, "dump");
    assert!(dump.contains("\"iname\": \"lan\"") && dump.contains("\"effective_priority\": 150"), "{dump}");

    // A reload is a signal: the address stays where it is.
    let pid = a.read("/run/procd.pid");
    let (clients, since) = (lab.probe("b", vip), lab::Stamp::now());
    a.write("/etc/config/keepalived", uci(160, 1));
    service(a, "reload");
    assert!(wait_until(5 * SECOND, || ubus(a, "dump").contains("\"effective_priority\": 160")), "{}", log());
    assert_eq!(a.read("/run/procd.pid"), pid);
    assert_eq!(clients.outage(since).lost, 0, "{}", log());

    // What cannot be used is said, and changes nothing.
    let broken = "config globals 'globals'\n\toption enabled '1'\n\toption alt_config_file '/nowhere'\n";
    a.write("/etc/config/keepalived", broken);
    let argv = ["env", "UCI_FOLDER=/etc/config", "busybox", "ash", "/etc/rc.common", "/etc/init.d/holdfast", "reload"];
    assert!(!a.run(&argv).status.success());
    assert!(a.read("/run/logger.log").is_some_and(|text| text.contains("nothing is changed")), "{}", log());
    assert!(a.read("/tmp/keepalived.conf").is_some_and(|text| text.contains("vrrp_instance lan {")) && a.has(vip));

    a.write("/etc/config/keepalived", uci(160, 0));
    service(a, "reload");
    assert!(wait_until(5 * SECOND, || !a.has(vip)), "{}", log());
    assert!(wait_until(5 * SECOND, || status().as_deref() == Some("NOTIFY_STOP\n")), "{:?}{}", status(), log());
    assert_eq!(ubus(a, "dump").trim(), "{}");

    // Another instance in its place: the old one's notes go.
    a.write("/etc/config/keepalived", uci(160, 1).replace("'lan'", "'new'"));
    service(a, "start");
    assert!(wait_until(5 * SECOND, || a.has(vip)) && status().is_none(), "{}", log());
}
