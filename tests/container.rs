//! The container image and the Kubernetes manifests: built, started as an engine would start them, and judged by
//! the published schemas.

#![allow(clippy::disallowed_methods)]

mod lab;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use lab::{Lab, Node, Process, wait_until};

const SECOND: Duration = Duration::from_secs(1);

/// The release of kubernetes-validate, whose first two numbers are those of the schemas it has.
const VALIDATOR: &str = "1.37.0";

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("container-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("make a folder");
    folder
}

/// A static program. Not the one of `cross/build`, which is smaller and takes its time: one with the C library of
/// this machine, which cargo alone can make.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
        let host = run(Command::new("rustc").arg("-vV"));
        let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc knows its host");
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--locked", "--quiet", "--release", "--bin", "holdfast", "--target", host])
            .arg("--target-dir");
        cargo.arg(target.join("static")).env("RUSTFLAGS", "-Ctarget-feature=+crt-static").current_dir(top());
        run(&mut cargo);
        target.join("static").join(host).join("release/holdfast")
    })
}

fn archive() -> &'static Path {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE.get_or_init(|| build("image"))
}

fn build(name: &str) -> PathBuf {
    let archive = folder(name).join("holdfast.tar");
    let mut command = Command::new("cross/container/build");
    command.arg(program()).arg("amd64").arg(&archive).current_dir(top());
    run(&mut command);
    archive
}

/// A running container; dropped, it is killed.
struct Container<'lab> {
    node: &'lab Node,
    folder: PathBuf,
    environment: Vec<String>,
    process: Process,
}

impl<'lab> Container<'lab> {
    /// Starts the image with `words`: NAME=VALUE, then perhaps `--` and arguments. `configuration`, if any, is
    /// mounted.
    fn start(node: &'lab Node, name: &str, configuration: Option<&str>, words: &[&str]) -> Self {
        let folder = folder(name);
        if let Some(configuration) = configuration {
            fs::create_dir(folder.join("etc-keepalived")).expect("make a folder");
            fs::write(folder.join("etc-keepalived/keepalived.conf"), configuration).expect("write a file");
        }
        let run = top().join("tests/container/run");
        let (run, archive) = (run.to_str().expect("a path"), archive().to_str().expect("a path"));
        let mut argv = vec![run, archive, folder.to_str().expect("a path")];
        argv.extend(words);
        let log = format!("/run/{name}.log");
        let process = node.spawn(&argv, &log);
        let variables = words.iter().take_while(|word| **word != "--");
        Self { node, folder, environment: variables.map(|word| (*word).to_owned()).collect(), process }
    }

    fn pid(&self) -> String {
        let pid = || fs::read_to_string(self.folder.join("pid")).ok().filter(|text| !text.is_empty());
        assert!(wait_until(5 * SECOND, || pid().is_some()), "{}", self.process.log());
        pid().expect("a number")
    }

    /// Runs a program of the image in it, as HEALTHCHECK does.
    fn exec(&self, words: &[&str]) -> Output {
        let pid = self.pid();
        // With the environment of process 1, as engines do.
        let mut argv = vec!["env", "-i"];
        argv.extend(self.environment.iter().map(String::as_str));
        argv.extend(["nsenter", "-t", &pid, "--mount", "--pid", "--root", "--wd"]);
        argv.extend(words);
        self.node.run(&argv)
    }

    fn is_healthy(&self) -> bool {
        self.exec(&["/holdfast", "--status"]).status.success()
    }
}

fn vip() -> IpAddr {
    "10.99.1.1".parse().expect("an address")
}

fn needs_root() {
    use std::os::unix::fs::MetadataExt;
    let real = fs::metadata("/").is_ok_and(|root| root.uid() == 0);
    assert!(real, "this test unpacks an image: it needs root, not only a user namespace");
}

#[test]
fn configured_by_the_environment_it_holds_the_address_and_says_that_it_is_well() {
    needs_root();
    let lab = Lab::new(&["a", "b"]);
    let (a, b) = (lab.node("a"), lab.node("b"));
    let words = [
        "KEEPALIVED_INTERFACE=eth0",
        "KEEPALIVED_VIRTUAL_IPS=#PYTHON2BASH:['10.99.1.1/16']",
        "HOLDFAST_VERSION=3",
        "HOLDFAST_ADVERT_INT=0.1",
        "KEEPALIVED_COMMAND_LINE_ARGUMENTS=--log-detail",
    ];
    let mut container = Container::start(a, "environment", None, &words);
    assert!(wait_until(10 * SECOND, || a.has(vip())), "{}", container.process.log());
    b.must_run(&["ping", "-c", "1", "-W", "2", "10.99.1.1"]);
    let pid = container.pid();
    let status = a.must_run(&["cat", &format!("/proc/{pid}/status")]);
    assert!(status.contains("CapEff:\t0000000000003000\n"), "NET_ADMIN and NET_RAW only: {status}");
    assert!(status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1")), "{status}");
    let health = container.exec(&["/holdfast", "--status"]);
    assert!(health.status.success(), "{}\n{}", text(&health.stderr), container.process.log());
    assert!(text(&health.stdout).contains("\"iname\":\"VI_1\""));

    // Process 1 takes the children of the dead too: this one's parent ends first.
    let orphan = "import os; os.fork() == 0 and (os.setsid(), os.execv('/bin/true', ['true']))";
    a.must_run(&["nsenter", "-t", &pid, "--pid", "python3", "-c", orphan]);
    let zombies = || a.must_run(&["ps", "-eo", "stat,comm"]).lines().any(|line| line.starts_with('Z'));
    assert!(wait_until(5 * SECOND, || !zombies()), "{}", a.must_run(&["ps", "-ef"]));

    // `docker stop`: the other side hears of it, the address is gone, the exit status is 0.
    a.must_run(&["kill", &pid]);
    let ended = container.process.wait(5 * SECOND);
    assert!(ended.is_some_and(|status| status.success()) && !a.has(vip()), "{}", container.process.log());
}

#[test]
fn a_file_is_read_and_comes_before_the_environment() {
    needs_root();
    let lab = Lab::new(&["a"]);
    let a = lab.node("a");
    let conf = "vrrp_instance file {\n interface eth0\n virtual_router_id 9\n version 3\n advert_int 0.1\n\
                virtual_ipaddress {\n 10.99.1.1/16\n }\n}\n";
    let container = Container::start(a, "file", Some(conf), &["HOLDFAST_VIPS=10.99.1.2/16"]);
    assert!(wait_until(10 * SECOND, || a.has(vip())), "{}", container.process.log());
    assert!(container.is_healthy(), "{}", container.process.log());
    assert!(!a.has("10.99.1.2".parse().expect("an address")));
    // A daemon that hangs is not well.
    a.must_run(&["kill", "-STOP", &container.pid()]);
    assert!(!container.is_healthy());
}

#[test]
fn what_is_wrong_with_the_environment_is_said() {
    needs_root();
    let lab = Lab::new(&["a"]);
    let a = lab.node("a");
    let mut container = Container::start(a, "wrong", None, &["HOLDFAST_VIPS=\"10.99.1.2/16"]);
    assert!(container.process.wait(5 * SECOND).is_some_and(|status| !status.success()));
    assert!(container.process.log().contains("HOLDFAST_VIPS must be"), "{}", container.process.log());
    let mut container = Container::start(a, "nothing", None, &[]);
    assert_eq!(container.process.wait(5 * SECOND).and_then(|status| status.code()), Some(6));
}

#[test]
fn the_image_is_what_the_dockerfile_says_and_the_same_each_time() {
    let read = |path: &Path| fs::read(path).expect("read the image");
    assert!(read(archive()) == read(&build("image-again")), "the same input makes other bytes");
    assert!(read(archive()).len() <= 1_000_000, "the image has {} bytes", read(archive()).len());
    let folder = folder("contents");
    let mut tar = Command::new("tar");
    run(tar.arg("-xf").arg(archive()).arg("-C").arg(&folder));
    let blobs = folder.join("blobs/sha256");
    let all = fs::read_dir(blobs).expect("blobs").map(|entry| read(&entry.expect("a blob").path()));
    let config = all.map(|blob| text(&blob)).find(|text| text.contains("Entrypoint")).expect("a configuration");
    let dockerfile = fs::read_to_string(top().join("cross/container/Dockerfile")).expect("the Dockerfile");
    // Both write these lists as JSON does, with and without spaces.
    let config = config.replace(' ', "");
    for instruction in ["ENTRYPOINT ", " CMD "] {
        let line = dockerfile.lines().find_map(|line| Some(line.split_once(instruction)?.1)).expect("an instruction");
        let list = line.replace(' ', "");
        let (first, rest) = if instruction == " CMD " { ("[\"CMD\",", &list[1..]) } else { ("", list.as_str()) };
        assert!(config.contains(&format!("{first}{rest}")), "{line} is not in {config}");
    }
    assert!(dockerfile.lines().any(|line| line == "FROM scratch"));
}

#[test]
fn a_program_that_is_not_static_is_refused() {
    let mut command = Command::new("cross/container/build");
    command.args([env!("CARGO_BIN_EXE_holdfast"), "amd64"]).arg(folder("dynamic").join("x.tar")).current_dir(top());
    let output = command.output().expect("run the script");
    assert!(!output.status.success() && text(&output.stderr).contains("is not static"), "{}", text(&output.stderr));
}

/// A Python with the validator in it, in the cache folder of the user.
fn validator() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let place = cache.expect("there is a home").join("holdfast").join(format!("kubernetes-validate-{VALIDATOR}"));
    let python = place.join("bin/python");
    if !place.join("ready").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
        let package = format!("kubernetes-validate=={VALIDATOR}");
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]));
        fs::write(place.join("ready"), "").expect("write a file");
    }
    python
}

/// Prints the ConfigMap's file if all documents follow the schemas, without a field too many.
const VALIDATE: &str = "
import sys, yaml, kubernetes_validate
documents = list(yaml.safe_load_all(open(sys.argv[1])))
for document in documents:
    kubernetes_validate.validate(document, sys.argv[2], strict=True)
kinds = [document['kind'] for document in documents]
assert kinds == ['Namespace', 'ConfigMap', 'DaemonSet'], kinds
labels = documents[2]['spec']['template']['metadata']['labels']
assert documents[2]['spec']['selector']['matchLabels'] == labels, labels
sys.stdout.write(documents[1]['data']['keepalived.conf'])
";

#[test]
fn the_manifests_follow_the_schemas_and_the_configuration_works_on_each_node() {
    let python = validator();
    let release = VALIDATOR.rsplit_once('.').map_or(VALIDATOR, |(release, _)| release);
    let manifest = top().join("cross/kubernetes/holdfast.yaml");
    let validate = |path: &Path| {
        Command::new(&python).arg("-c").arg(VALIDATE).arg(path).arg(release).output().expect("run the validator")
    };
    let good = validate(&manifest);
    assert!(good.status.success(), "{}", text(&good.stderr));
    // The judge is awake.
    let bad = folder("manifest").join("bad.yaml");
    let yaml = fs::read_to_string(&manifest).expect("the manifests");
    fs::write(&bad, yaml.replace("readOnlyRootFilesystem:", "readonlyRootFilesystem:")).expect("write a file");
    assert!(!validate(&bad).status.success());

    let conf = text(&good.stdout);
    let lab = Lab::new(&["a"]);
    for (id, peers) in [("node-a", [12, 13]), ("node-b", [11, 13]), ("node-c", [11, 12])] {
        for program in [env!("CARGO_BIN_EXE_holdfast"), lab::daemon::KEEPALIVED] {
            let output = lab::daemon::config_test(lab.node("a"), program, &conf, &["-i", id]);
            assert!(output.status.success(), "{program} on {id}: {}", text(&output.stderr));
        }
        lab.node("a").write("/run/lab/test.conf", &conf);
        let daemon = lab::Daemon::holdfast(lab.node("a"), &conf, &["-i", id, "-d"]);
        let shows = |number: u8| daemon.logs(&format!("192.0.2.{number}"), 5 * SECOND);
        assert!(peers.into_iter().all(shows), "{}", daemon.log());
    }
}
