//! The programs that live around keepalived, and what each of them relies on: its own commands, its own
//! parsing, against the daemon under keepalived's name.
//!
//! The rules written down here are those of the programs named; what they need is python3, bash and procps.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod bed;
mod lab;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bed::{GLOBAL, SECOND, VIP, instance, ip};
use lab::{Lab, Node, wait_until};

/// Where the daemon lies, as a link of that name; [`service`] starts it from there.
const KEEPALIVED: &str = "/run/sbin/keepalived";
const CONF: &str = "/etc/keepalived/keepalived.conf";

/// Two virtual routers with what the readers look at.
fn conf() -> String {
    let check = "vrrp_script chk_ok {\n script \"/usr/bin/test -e /run/good\"\n interval 1\n weight 5\n}\n";
    let first = instance(
        "VI_1",
        51,
        200,
        "10.99.1.1/24 dev eth0 label eth0:vip\n 10.99.1.2 dev eth0",
        "track_script {\n chk_ok\n }\n virtual_ipaddress_excluded {\n 10.99.1.9/32 dev eth0\n }",
    );
    format!("{GLOBAL}{check}{first}{}", instance("VI_2", 52, 200, "10.99.2.1/24 dev eth0", "nopreempt"))
}

/// A machine with the daemon installed as keepalived.
fn machine(lab: &Lab) -> &Node {
    bed::scripts_can_run();
    let node = lab.node("a");
    let program = std::env::var("HOLDFAST_LAB_DAEMON").unwrap_or_else(|_| env!("CARGO_BIN_EXE_holdfast").to_owned());
    node.must_run(&["mkdir", "-p", "/run/sbin", "/run/keepalived"]);
    node.must_run(&["ln", "-s", &program, KEEPALIVED]);
    // On the host that is Debian's; the folder is a link there.
    node.must_run(&["rm", "-rf", "/etc/keepalived"]);
    node.write(CONF, conf());
    node
}

/// Runs a shell's command line as the program would; the daemon is the first one of its name to be found.
fn bash(node: &Node, line: &str) -> std::process::Output {
    node.run(&["bash", "-c", &format!("export PATH=/run/sbin:$PATH\n{line}")])
}

fn must(node: &Node, line: &str) -> String {
    let output = bash(node, line);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{line}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Starts it in the background with these flags and waits for its addresses.
fn service(node: &Node, flags: &str) {
    must(node, &format!("keepalived {flags}"));
    let up = || node.has(ip(VIP)) && node.has(ip("10.99.2.1"));
    assert!(wait_until(10 * SECOND, up), "no addresses after keepalived {flags}");
}

/// Whether python's `condition` holds of the text, which is `text` there.
fn python(node: &Node, program: &str, text: &str) -> String {
    node.write("/run/text", text);
    let program = format!("import json, re\ntext = open('/run/text').read()\n{program}");
    node.must_run(&["python3", "-c", &program])
}

fn pid(node: &Node, file: &str) -> u32 {
    node.read(file).and_then(|text| text.trim().parse().ok()).unwrap_or_else(|| panic!("no number in {file}"))
}

/// OpenWrt's rpcd plugin removes the file, sends signal 37 to what `pidof` finds and reads the file in the next line;
/// LuCI's page reads the fields from what that returns.
#[test]
fn openwrt_reads_the_status_at_once() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    node.write("/run/good", "");
    service(node, "-f /etc/keepalived/keepalived.conf");
    let plugin = "rm -f /tmp/keepalived.json
        pids=$(pidof /run/sbin/keepalived) && [ -n \"$pids\" ] || exit 3
        kill -37 $pids > /dev/null 2>&1
        echo \"{ \\\"status\\\" :  $(cat /tmp/keepalived.json) }\"";
    // It is a race by its making, and lost only when the machine is busy.
    let mut answers = Vec::new();
    for _ in 0..20 {
        let text = String::from_utf8_lossy(&bash(node, plugin).stdout).into_owned();
        if text.contains("iname") {
            answers.push(text);
        }
        // The answer to this one must not be taken for that to the next.
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(answers.len() >= 10, "{} of 20 came in time", answers.len());
    for text in &answers {
        let page = "for vrrp in json.loads(text)['status']:
            data, stats = vrrp['data'], vrrp['stats']
            since = data['last_transition'] * 1000
            assert since > 1.6e12, since
            print(data['iname'], data['ifp_ifname'], data['state'], stats['advert_sent'] > 0, stats['advert_rcvd'])";
        assert_eq!(python(node, page, text), "VI_1 eth0 2 True 0\nVI_2 eth0 2 True 0\n");
    }
}

/// VyOS waits for the file to be closed after writing under its own name (inotify), for 30 s, reads it and removes it.
#[test]
fn vyos_waits_for_the_file_to_be_closed() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    node.must_run(&["cp", CONF, "/run/keepalived/keepalived.conf"]);
    let line = [KEEPALIVED, "--use-file", "/run/keepalived/keepalived.conf", "--pid", "/run/keepalived/keepalived.pid"];
    let process = node.spawn(&[&line[..], &["--dont-fork"]].concat(), "/run/log");
    assert!(wait_until(10 * SECOND, || node.has(ip(VIP)) && node.has(ip("10.99.2.1"))), "{}", process.log());
    let wait = r#"
import ctypes, os, select, struct, sys, time
libc = ctypes.CDLL(None)
def collect(path, signal):
    watch = libc.inotify_init()
    libc.inotify_add_watch(watch, os.path.dirname(path).encode(), 0xfff)
    os.kill(int(open('/run/keepalived/keepalived.pid').read()), signal)
    end = time.time() + 10
    while time.time() < end and select.select([watch], [], [], 1)[0]:
        events = os.read(watch, 65536)
        while events:
            _, mask, _, size = struct.unpack_from('iIII', events)
            name, events = events[16:16 + size].rstrip(b'\0').decode(), events[16 + size:]
            if name == os.path.basename(path) and mask & 8:
                text = open(path).read()
                os.remove(path)
                return text.strip()
    sys.exit('nobody closed ' + path)
import json, signal
for kind, number in ('data', signal.SIGUSR1), ('stats', signal.SIGUSR2), ('json', signal.SIGRTMIN + 2):
    text = collect('/tmp/keepalived.' + kind, number)
    assert 'VI_1' in text and 'VI_2' in text, text
for group in json.loads(text):
    data = group['data']
    since = int(time.time() - float(data['last_transition']))
    print(data['iname'], data['ifp_ifname'], data['vrid'], data['state'], data['effective_priority'], 0 <= since < 60)
"#;
    assert_eq!(node.must_run(&["python3", "-c", wait]), "VI_1 eth0 51 2 200 True\nVI_2 eth0 52 2 200 True\n");
    assert_eq!(pid(node, "/run/keepalived/keepalived.pid"), pid_in(node, "keepalived"), "the file is of this process");
}

/// The number inside of the machine of the only process of that name.
fn pid_in(node: &Node, name: &str) -> u32 {
    let found = node.must_run(&["pgrep", "-x", name]);
    assert_eq!(found.lines().count(), 1, "{found}");
    found.trim().parse().expect("a number")
}

/// What the exporter of mehdy makes of the two text files, by its own rules.
#[derive(Default, Debug)]
struct Exported {
    fields: BTreeMap<String, String>,
    addresses: Vec<(String, String)>,
    excluded: Vec<(String, String)>,
}

/// A block of the data file: `key = value` with three blanks, lists with five below a key with a colon.
fn exported_data(text: &str) -> BTreeMap<String, Exported> {
    let mut found: BTreeMap<String, Exported> = BTreeMap::new();
    let (mut current, mut key) = (None::<String>, String::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(" VRRP Instance").and_then(|rest| rest.split_once('=')) {
            current = Some(name.1.trim().to_owned());
            found.entry(name.1.trim().to_owned()).or_default();
        } else if let (true, Some(name)) = (line.starts_with("   "), &current) {
            let block = found.get_mut(name).expect("made above");
            if line.starts_with("     ") {
                let words: Vec<&str> = line.trim().split(' ').collect();
                let list = match key.as_str() {
                    key if key.starts_with("Virtual IP (") || key == "Virtual IP" => &mut block.addresses,
                    key if key.starts_with("Virtual IP Excluded") => &mut block.excluded,
                    _ => continue,
                };
                list.push((words[0].to_owned(), words.get(2).expect("three words at least").to_string()));
            } else if let Some((name, value)) = line.trim().split_once('=').or_else(|| line.trim().split_once(':')) {
                key = name.trim().to_owned();
                block.fields.insert(key.clone(), value.trim().to_owned());
            }
        } else if !line.starts_with(" VRRP Version") && !line.starts_with(" VRRP Script") {
            current = None;
        }
    }
    found
}

/// The scripts of the data file: name, status, state.
fn exported_scripts(text: &str) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some((_, name)) = line.strip_prefix(" VRRP Script").and_then(|rest| rest.split_once('=')) {
            found.push((name.trim().to_owned(), String::new(), String::new()));
            inside = true;
        } else if !line.starts_with("   ") {
            inside = false;
        } else if let (true, Some((key, value))) = (inside, line.trim().split_once('=')) {
            let script = found.last_mut().expect("pushed above");
            match key.trim() {
                "Status" => script.1 = value.trim().to_owned(),
                "State" => script.2 = value.trim().to_owned(),
                _ => {}
            }
        }
    }
    found
}

/// The statistics file: instance, section, key -> number; all that stands behind a colon must be one.
fn exported_stats(text: &str) -> BTreeMap<(String, String, String), u64> {
    let mut found = BTreeMap::new();
    let (mut current, mut section) = (String::new(), String::new());
    for line in text.lines() {
        if let Some((_, name)) = line.strip_prefix("VRRP Instance").and_then(|rest| rest.split_once(':')) {
            current = name.trim().to_owned();
        } else if line.starts_with("  ") && line.ends_with(':') {
            section = line.trim().trim_end_matches(':').to_owned();
        } else if let Some((key, value)) = line.trim().split_once(':') {
            if !line.starts_with("    ") {
                section = String::new();
            }
            let value = value.trim().parse().unwrap_or_else(|_| panic!("not a number: {line}"));
            found.insert((current.clone(), section.clone(), key.trim().to_owned()), value);
        }
    }
    found
}

/// mehdy/keepalived-exporter: version from stderr, signal numbers from `--signum`, both text files or the JSON.
#[test]
fn mehdys_exporter_understands_it() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    node.write("/run/good", "");
    service(node, "-p /run/keepalived.pid");
    let version = bash(node, "keepalived -v");
    let text = String::from_utf8_lossy(&version.stderr).into_owned();
    assert!(version.status.success() && version.stdout.is_empty(), "{text}");
    let word = text.lines().next().and_then(|line| line.split(' ').nth(1)).expect("two words in its first line");
    let numbers: Vec<u32> = word[1..].split('.').map(|part| part.trim_matches(',').parse().expect(word)).collect();
    assert!(numbers >= vec![1, 3, 8], "the one whose --signum it trusts: {word}");
    assert!(text.contains("--enable-json") || text.contains("JSON"), "{text}");
    for (name, wanted) in [("DATA", "10"), ("STATS", "12"), ("JSON", "36")] {
        assert_eq!(must(node, &format!("keepalived --signum={name}")).trim(), wanted);
    }
    must(node, "kill -s USR1 $(cat /run/keepalived.pid); kill -s USR2 $(cat /run/keepalived.pid); sleep 0.2");
    let data = node.read("/tmp/keepalived.data").expect("the data");
    let blocks = exported_data(&data);
    assert_eq!(blocks.keys().collect::<Vec<_>>(), ["VI_1", "VI_2"], "{data}");
    let first = &blocks["VI_1"];
    let field = |name: &str| first.fields.get(name).map(String::as_str);
    assert_eq!(
        [field("State"), field("Wantstate"), field("Interface")],
        [Some("MASTER"), Some("MASTER"), Some("eth0")]
    );
    assert_eq!([field("Gratuitous ARP delay"), field("Virtual Router ID")], [Some("5"), Some("51")]);
    let pairs = |list: &[(String, String)]| list.iter().map(|(a, b)| format!("{a} {b}")).collect::<Vec<_>>();
    assert_eq!(pairs(&first.addresses), ["10.99.1.1/24 eth0", "10.99.1.2 eth0"]);
    assert_eq!(pairs(&first.excluded), ["10.99.1.9 eth0"]);
    let scripts = exported_scripts(&data);
    assert_eq!(scripts.len(), 1, "{scripts:?}");
    assert_eq!((scripts[0].0.as_str(), scripts[0].1.as_str()), ("chk_ok", "GOOD"));
    assert!(["idle", "running"].contains(&scripts[0].2.as_str()), "{scripts:?}");
    let stats = exported_stats(&node.read("/tmp/keepalived.stats").expect("the statistics"));
    let count = |section: &str, key: &str| stats[&("VI_1".to_owned(), section.to_owned(), key.to_owned())];
    assert_eq!((count("", "Became master"), count("", "Released master")), (1, 0));
    assert!(count("Advertisements", "Sent") > 0 && count("Advertisements", "Received") == 0);
    for (section, keys) in [
        ("Packet Errors", &["Length", "TTL", "Invalid Type", "Advertisement Interval", "Address List"][..]),
        ("Authentication Errors", &["Invalid Type", "Type Mismatch", "Failure"]),
        ("Priority Zero", &["Received", "Sent"]),
    ] {
        keys.iter().for_each(|key| assert_eq!(count(section, key), 0, "{section}: {key}"));
    }
    // Its JSON reader wants whole numbers where its types have them.
    must(node, "kill -s 36 $(cat /run/keepalived.pid); sleep 0.2");
    let whole = "for vrrp in json.loads(text):
        assert all(isinstance(vrrp['stats'][key], int) for key in vrrp['stats'])
        data = vrrp['data']
        assert all(isinstance(data[key], int) for key in ('state', 'wantstate', 'garp_delay', 'vrid')), data
        print(data['iname'], *[vip.split(' ')[0] + '@' + vip.split(' ')[2] for vip in data['vips']])";
    let json = node.read("/tmp/keepalived.json").expect("the JSON");
    assert_eq!(python(node, whole, &json), "VI_1 10.99.1.1/24@eth0 10.99.1.2@eth0\nVI_2 10.99.2.1/24@eth0\n");
}

/// gen2brain/keepalived_exporter: finds the process by its name, signal 36, a tenth of a second, then the file.
#[test]
fn gen2brains_exporter_understands_it() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    service(node, "");
    must(node, "kill -s 36 $(pgrep -x keepalived) && sleep 0.1 && test -s /tmp/keepalived.json");
    let fields = "for vrrp in json.loads(text):
        data = vrrp['data']
        print(data['iname'], data['ifp_ifname'], float(data['last_transition']) > 1e9, data['vrid'], data['state'], data['wantstate'])
        names = 'advert_rcvd advert_sent become_master release_master packet_len_err advert_interval_err ip_ttl_err invalid_type_rcvd addr_list_err invalid_authtype authtype_mismatch auth_failure pri_zero_rcvd pri_zero_sent'
        assert all(name in vrrp['stats'] for name in names.split())";
    let json = node.read("/tmp/keepalived.json").expect("the JSON");
    assert_eq!(python(node, fields, &json), "VI_1 eth0 True 51 2 2\nVI_2 eth0 True 52 2 2\n");
    // Without JSON it reads the text, where a block ends at the first line that is not of it.
    must(node, "kill -s USR1 $(pgrep -x keepalived) && sleep 0.1");
    let data = node.read("/tmp/keepalived.data").expect("the data");
    let transition = data.lines().find_map(|line| line.trim().strip_prefix("Last transition = ")).expect("a line");
    let first = transition.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    assert!(first.is_some_and(|seconds| seconds > 1e9), "{transition}");
}

/// OpenShift's liveness probe and the start script of its pod.
#[test]
fn openshift_starts_reloads_and_probes_it() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    let reload = format!(
        "if pid=$(pgrep -o keepalived); then kill -s SIGHUP \"$pid\"
         else {KEEPALIVED} -f {CONF} --dont-fork --vrrp --log-detail --log-console >>/run/log 2>&1 & fi"
    );
    must(node, &reload);
    assert!(wait_until(10 * SECOND, || node.has(ip(VIP))), "{:?}", node.read("/run/log"));
    let probe = "echo \"State = FAULT\" > /tmp/keepalived.data && kill -s SIGUSR1 \"$(pgrep -o keepalived)\" && \
         for i in $(seq 5); do grep -q \"State = FAULT\" /tmp/keepalived.data && sleep 1 || exit 0; done && exit 1";
    let start = Instant::now();
    must(node, probe);
    assert!(start.elapsed() < 3 * SECOND, "the probe took {:?}", start.elapsed());
    must(node, "grep -q 'VRRP Instance' /tmp/keepalived.data");
    node.write(CONF, conf().replace("10.99.1.2 dev", "10.99.1.3 dev"));
    must(node, &reload);
    assert!(wait_until(5 * SECOND, || node.has(ip("10.99.1.3")) && !node.has(ip("10.99.1.2"))));
    assert_eq!(node.must_run(&["pgrep", "-c", "-x", "keepalived"]).trim(), "1", "it was reloaded, not started again");
    // A fault is told as one.
    node.must_run(&["ip", "link", "set", "eth0", "down"]);
    assert!(wait_until(5 * SECOND, || !node.has(ip(VIP))));
    assert!(!bash(node, &probe.replace("sleep 1", "sleep 0.1")).status.success(), "the probe must fail in a fault");
}

/// Neutron: two pid files that name a live process whose command line has the router's number in it.
#[test]
fn neutron_finds_its_router_in_both_pid_files() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    let router = "0b3c6ae2-5b5a-4f5e-9d2b-1f0c6b0d7e11";
    let folder = format!("/run/ha_confs/{router}");
    node.write(&format!("{folder}/keepalived.conf"), conf());
    let file = format!("{folder}.pid.keepalived");
    service(node, &format!("-P -f {folder}/keepalived.conf -p {file} -r {file}-vrrp -D"));
    for name in [file.clone(), format!("{file}-vrrp")] {
        let line = node.read(&format!("/proc/{}/cmdline", pid(node, &name))).expect("it lives");
        assert!(line.contains(router), "{line:?}");
    }
    must(node, &format!("kill -HUP $(cat {file}) && sleep 0.3 && kill -0 $(cat {file}-vrrp)"));
    must(node, &format!("kill -TERM $(cat {file})"));
    assert!(wait_until(5 * SECOND, || !node.path(&file).exists()), "it asks again with KILL after 5 s");
    assert!(!node.has(ip(VIP)));
}

/// Octavia: in the background inside a network namespace of its own, with three pid files, by these flags.
#[test]
fn octavias_flags_are_taken() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    node.write("/run/octavia.conf", conf());
    must(node, "ip netns add amphora-haproxy && ip -n amphora-haproxy link add eth0 type veth peer name eth1");
    must(
        node,
        "ip -n amphora-haproxy addr add 10.99.0.7/16 dev eth0 && ip -n amphora-haproxy link set eth0 up && ip -n amphora-haproxy link set eth1 up",
    );
    let flags = "-f /run/octavia.conf -p /run/octavia.pid -r /run/octavia-vrrp.pid -c /run/octavia-check.pid -D -d";
    must(node, &format!("ip netns exec amphora-haproxy keepalived {flags}"));
    let up = || must(node, "ip -n amphora-haproxy -o addr").contains("10.99.1.1/24");
    assert!(wait_until(10 * SECOND, up));
    assert!(!node.has(ip(VIP)), "only there");
    must(node, "kill $(cat /run/octavia.pid)");
    assert!(wait_until(5 * SECOND, || !must(node, "ip -n amphora-haproxy -o addr").contains("10.99.1.1/24")));
}

/// Ansible's role takes the version by this expression and tests what it wrote before it is in force.
#[test]
fn ansible_reads_the_version_and_tests_the_file() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    let text = String::from_utf8_lossy(&bash(node, "keepalived --version").stderr).into_owned();
    let found =
        python(node, "print(re.search(r'[kK]eepalived v(.*) ', text.splitlines()[0]).group(1).split()[0])", &text);
    assert!(found.trim().split('.').count() >= 3, "{found}");
    // What is not secure is told (6); the role's own files set both.
    let secure = conf().replace("script_user root\n", "script_user root\n enable_script_security\n");
    node.write(CONF, &secure);
    must(node, &format!("keepalived -t -f {CONF}"));
    node.write("/run/bad.conf", secure.replace("virtual_router_id 51", "virtual_router_id 512"));
    let output = bash(node, "keepalived -t -f /run/bad.conf");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("bad.conf"), "{text}");
}

/// A check of a monitoring system: checkmk reads pid file and JSON, Zevenet greps the data, Zabbix and Icinga have a
/// notify script write its arguments.
#[test]
fn monitors_read_files_and_notify_arguments() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    bed::script(node, "/run/zabbix.sh", "echo $1 $2 is in $3 state $4 > /var/run/keepalived_status");
    let told = instance("VI_1", 51, 200, VIP, "notify /run/zabbix.sh");
    node.write(CONF, format!("{GLOBAL}{told}{}", instance("VI_2", 52, 200, "10.99.2.1", "")));
    service(node, "-p /run/keepalived.pid");
    must(node, "kill -USR1 $(cat /run/keepalived.pid); sleep 0.2; grep -q 'Wantstate = MASTER' /tmp/keepalived.data");
    must(node, "kill -36 $(cat /run/keepalived.pid); sleep 0.2; test -s /tmp/keepalived.json");
    let status = || node.read("/run/keepalived_status").unwrap_or_default();
    assert!(wait_until(5 * SECOND, || status() == "INSTANCE VI_1 is in MASTER state 200\n"), "{}", status());
}

/// The operator of redhat-cop: one file for all machines, conditional lines by the pod's name.
#[test]
fn a_configuration_for_many_machines_is_read_by_this_ones_name() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    let text = conf().replace("priority 200\n", "@pod-a priority 210\n @pod-b priority 90\n");
    node.write(CONF, text);
    service(node, "--config-id=pod-a -p /run/keepalived.pid");
    must(node, "kill -36 $(cat /run/keepalived.pid); sleep 0.2");
    let json = node.read("/tmp/keepalived.json").expect("the JSON");
    assert_eq!(
        python(node, "print([vrrp['data']['base_priority'] for vrrp in json.loads(text)])", &json),
        "[210, 210]\n"
    );
}

/// Alerts on log lines: the parts that Loki's rules look for.
#[test]
fn the_log_has_the_lines_that_alerts_look_for() {
    let lab = Lab::new(&["a"]);
    let node = machine(&lab);
    let broken = format!("unheard_of 7\n{}", conf().replace("weight 5", "fall 1"));
    node.write(CONF, broken);
    let process = node.spawn(&[KEEPALIVED, "-n", "-l"], "/run/log");
    for part in ["VRRP_Script(chk_ok) failed", "FAULT STATE", "Unknown keyword", "Line 1)"] {
        assert!(wait_until(10 * SECOND, || process.log().contains(part)), "no {part:?} in {}", process.log());
    }
}
