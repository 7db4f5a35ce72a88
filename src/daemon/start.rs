//! From the command line to the running loop, and the test of a configuration. Here the heap is free to
//! use.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mio::Poll;

use super::dump::Files;
use super::kernel::{Kernel, News};
use super::strays::{self, Strays};
use super::world::World;
use super::{Daemon, FIRST_RECEIVER, Facility, Options, ahead_of, errand, receive_batch, watch, watch_files};
use crate::config::syntax::Block;
use crate::config::{self, Config, Diagnostics, Severity, environment, load};
use crate::sys::pid_file::PidFile;
use crate::sys::service_manager::ServiceManager;
use crate::sys::signals::Signals;
use crate::sys::sysctl::Sysctl;
use crate::sys::timer::Timer;
use crate::sys::{Errno, clock, logger, process};
use crate::time::Duration;
use crate::wire::netlink::Content;

/// keepalived's exit codes.
const FATAL: i32 = 1;
const BAD_CONFIG: i32 = 2;
const NO_PERMISSION: i32 = 4;
const NO_CONFIG: i32 = 6;

/// Where pid files are if nobody says where.
const PID_FILE: &str = "/run/keepalived.pid";

/// How long the kernel may take for its tables at the start.
const DUMP_MILLISECONDS: i32 = 3000;

/// Reads the configuration, says all that is wrong, and returns the exit code.
pub fn test(options: &Options) -> i32 {
    // As keepalived's test does: an interface that is missing now is worth an error, unless it may come later.
    let (_, diagnostics) = read_with(options, present_interfaces());
    let mut text = String::new();
    for found in &diagnostics.list {
        text.push_str(&format!("{}\n", diagnostics.show(found)));
    }
    let written = match &options.test_log {
        Some(path) => File::create(path).and_then(|mut file| file.write_all(text.as_bytes())),
        None => std::io::stderr().write_all(text.as_bytes()),
    };
    if let (Err(error), Some(path)) = (written, &options.test_log) {
        eprintln!("holdfast: cannot write {}: {error}", path.display());
        return FATAL;
    }
    diagnostics.exit_code()
}

/// Runs the daemon; returns the exit code.
pub fn run(mut options: Options) -> i32 {
    make_absolute(&mut options);
    // Before the configuration is read, so that what is wrong with it is in the log too.
    install_logger(&options);
    log::info!("Starting Holdfast v{}", env!("CARGO_PKG_VERSION"));
    for flag in &options.ignored {
        log::debug!("--{flag} has no meaning here");
    }
    let (config, diagnostics) = read(&options);
    say(&diagnostics);
    if diagnostics.worst() == Some(Severity::Fatal) {
        return if Path::new(&options.config).exists() { BAD_CONFIG } else { NO_CONFIG };
    }
    if let Some(name) = options.namespace.as_ref().or(config.global.net_namespace.as_ref())
        && let Err(errno) = process::enter_network_namespace(name)
    {
        log::error!("cannot go into network namespace {name}: {errno}; `ip netns` lists those there are");
        return FATAL;
    }
    if let Some(code) = refuse_without_permission() {
        return code;
    }
    // A container ends with its first process, however many children that leaves.
    if !options.foreground
        && process::own_pid() != 1
        && let Err(errno) = process::daemonize()
    {
        log::error!("cannot go to the background: {errno}; -n stays in the foreground");
        return FATAL;
    }
    process::set_umask(options.umask.unwrap_or(config.global.umask));
    let Some(_pid_files) = pid_files(&options, &config) else { return FATAL };
    prepare_process(&config);
    let global = &config.global;
    let last = (global.shutdown_script.clone(), seconds(global.shutdown_timeout));
    errand::run("startup_script", global.startup_script.as_deref(), seconds(global.startup_timeout));
    let code = match Daemon::start(options, config) {
        Ok(daemon) => {
            daemon.run();
            0
        }
        Err(Failure(what, errno)) => {
            log::error!("{what}: {errno}");
            FATAL
        }
    };
    errand::run("shutdown_script", last.0.as_deref(), last.1);
    code
}

/// What could not be done at the start.
struct Failure(&'static str, Errno);

impl Daemon {
    /// Not in its caller, whose stack stays: see [`crate::sys::memory::trim`].
    #[inline(never)]
    fn start(options: Options, config: Config) -> Result<Box<Self>, Failure> {
        let fail = |what| move |errno| Failure(what, errno);
        let io = |what| move |error: std::io::Error| Failure(what, Errno(error.raw_os_error().unwrap_or(libc::EIO)));
        let signals = Signals::new().map_err(fail("cannot read signals"))?;
        let timer = Timer::new().map_err(fail("cannot make a timer"))?;
        let kernel = Kernel::new(&config.global).map_err(fail("cannot talk to the kernel (netlink)"))?;
        let poll = Poll::new().map_err(io("cannot make an epoll instance"))?;
        watch(&poll, &timer, &signals, &kernel).map_err(io("cannot watch descriptors"))?;
        let now = clock::monotonic();
        if options.dump_config {
            config::print(&config).lines().for_each(|line| log::info!("{line}"));
        }
        let files = Files::new(&config);
        let delay = startup_delay(&config);
        let world = World::new(config, delay, FIRST_RECEIVER, now)
            .map_err(fail("cannot make a packet socket (CAP_NET_RAW?) or open /dev/null"))?;
        let mut daemon = Box::new(Self {
            options,
            poll,
            timer,
            signals,
            kernel,
            batch: receive_batch(&world),
            world,
            files,
            manager: ServiceManager::from_environment(),
            suspended: ahead_of(now),
            stopping: None,
            kernel_backlog: true,
            reload_asked: false,
        });
        let strays = daemon.read_tables().map_err(fail("cannot read links and addresses"))?;
        strays::remove(&strays, &mut daemon.kernel);
        if !daemon.world.config.global.static_addresses.is_empty() {
            // Before the routers, which may have no other address to send from.
            daemon.world.hold_static(now);
            daemon.world.flush(now, &mut daemon.kernel);
            daemon.read_tables().map_err(fail("cannot read links and addresses"))?;
        }
        daemon.world.open_sockets(daemon.poll.registry());
        daemon.world.tracked_files.make(&daemon.world.config, &Config::default());
        watch_files(&daemon.world, daemon.poll.registry());
        let now = clock::monotonic();
        daemon.world.start(now);
        daemon.world.flush(now, &mut daemon.kernel);
        daemon.world.mail.run(now, daemon.poll.registry());
        daemon.arm(now);
        log::info!("Startup complete");
        if let Err(errno) = daemon.manager.ready() {
            log::warn!("cannot tell the service manager: {errno}");
        }
        Ok(daemon)
    }

    /// Reads the kernel's links and addresses whole, waiting for them. What carries our mark and belongs to
    /// nobody is returned.
    pub(super) fn read_tables(&mut self) -> Result<Strays, Errno> {
        let mut strays = Strays::new();
        let (world, registry) = (&mut self.world, self.poll.registry());
        self.kernel.ask_resync();
        loop {
            let now = clock::monotonic();
            self.kernel.read(|news| {
                world.news(now, news, registry);
                if let News::Message(message) = news
                    && let Content::NewAddress(address) = message.content
                {
                    strays::note(&mut strays, world, &address);
                }
            });
            if !self.kernel.is_resyncing() {
                return Ok(strays);
            }
            if !self.kernel.wait(DUMP_MILLISECONDS)? {
                return Err(Errno(libc::ETIMEDOUT));
            }
        }
    }
}

/// The interfaces of this network namespace; none if the kernel does not list them.
fn present_interfaces() -> Option<Vec<String>> {
    let table = std::fs::read_to_string("/proc/net/dev").ok()?;
    Some(table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| String::from(name.trim())).collect())
}

/// The configuration the command line names. Interfaces may come and go.
#[inline(never)]
pub(super) fn read(options: &Options) -> (Config, Diagnostics) {
    read_with(options, None)
}

fn read_with(options: &Options, interfaces: Option<Vec<String>>) -> (Config, Diagnostics) {
    let host = process::host_name();
    let short = host.split('.').next().unwrap_or("");
    let reading = load::Options {
        config_id: options.config_id.clone().unwrap_or_else(|| String::from(short)),
        strict_includes: options.all_config,
        random_seed: clock::monotonic().as_nanos(),
        ..load::Options::default()
    };
    let (block, mut diagnostics) = match environment::text(reading.environment) {
        Some(text) if !options.config.exists() => match text {
            Ok(text) => load::read_text("environment", text.as_bytes(), &reading),
            Err(text) => (Block::default(), {
                let mut diagnostics = Diagnostics::default();
                diagnostics.add(Severity::Fatal, None, text);
                diagnostics
            }),
        },
        _ => load::read(&options.config, &reading),
    };
    let context = config::Context {
        host_name: String::from(host.as_str()),
        files: true,
        interfaces,
        ..config::Context::default()
    };
    let config = config::build(&block, &mut diagnostics, &context);
    (config, diagnostics)
}

/// All findings, into the log.
pub(super) fn say(diagnostics: &Diagnostics) {
    for found in &diagnostics.list {
        let line = diagnostics.show_in_log(found);
        match found.severity {
            Severity::Fatal => log::error!("{line}"),
            Severity::Note => log::info!("{line}"),
            Severity::Security | Severity::Error => log::warn!("{line}"),
        }
    }
}

/// In the background the working directory is another one, and a reload reads the configuration again.
fn make_absolute(options: &mut Options) {
    let pid_files = [&mut options.pid_file, &mut options.vrrp_pid_file, &mut options.checkers_pid_file];
    for path in pid_files.into_iter().flatten().chain([&mut options.config]) {
        if let Ok(absolute) = std::path::absolute(&*path) {
            *path = absolute;
        }
    }
}

fn install_logger(options: &Options) {
    let facility = match options.facility {
        Facility::Local(number) => logger::Facility::local(number).unwrap_or(logger::Facility::DAEMON),
        Facility::User => logger::Facility::USER,
        Facility::Daemon => logger::Facility::DAEMON,
    };
    logger::install(&logger::Options {
        console: options.log_console,
        syslog: !options.no_syslog,
        facility,
        ident: options.ident,
        level: if options.detail > 0 { log::LevelFilter::Debug } else { log::LevelFilter::Info },
    });
}

fn refuse_without_permission() -> Option<i32> {
    if !process::has_net_admin() {
        log::error!(
            "no permission to change addresses: run as root or with CAP_NET_ADMIN (container: --cap-add NET_ADMIN)"
        );
        return Some(NO_PERMISSION);
    }
    if !process::has_net_raw() {
        log::error!("no permission for VRRP sockets: run as root or with CAP_NET_RAW (container: --cap-add NET_RAW)");
        return Some(NO_PERMISSION);
    }
    None
}

/// The pid file that there always is.
pub(super) fn main_pid_file(options: &Options, config: &Config) -> PathBuf {
    let default = match (&config.global.instance_name, config.global.use_pid_dir) {
        (Some(name), _) => format!("/run/keepalived/{name}.pid"),
        (None, true) => String::from("/run/keepalived/keepalived.pid"),
        (None, false) => String::from(PID_FILE),
    };
    options.pid_file.clone().unwrap_or_else(|| default.into())
}

/// Each pid file that is asked for names this one process. None if another instance holds one.
fn pid_files(options: &Options, config: &Config) -> Option<Vec<PidFile>> {
    let named = [&options.vrrp_pid_file, &options.checkers_pid_file];
    let first = main_pid_file(options, config);
    let mut files = Vec::new();
    for path in core::iter::once(&first).chain(named.into_iter().flatten()) {
        let text = path.to_string_lossy();
        if let Some(directory) = path.parent().filter(|directory| directory.ends_with("keepalived")) {
            // Fails below if it cannot be made.
            let _ = std::fs::create_dir_all(directory);
        }
        match PidFile::create(&text) {
            Ok(file) => files.push(file),
            Err(Errno::WOULD_BLOCK) => {
                log::error!("another instance holds {text}: stop it, or give this one files of its own (-p, -r, -c)");
                return None;
            }
            Err(errno) => {
                log::error!("cannot write the pid file {text}: {errno}; -p names another");
                return None;
            }
        }
    }
    Some(files)
}

fn seconds(number: u16) -> Duration {
    Duration::from_secs(number.into())
}

/// Scheduling and memory, as the configuration asks; what is refused is said and done without.
fn prepare_process(config: &Config) {
    let said = |what: &str, outcome: Result<(), Errno>| {
        if let Err(errno) = outcome {
            log::warn!("cannot {what}: {errno}; going on without");
        }
    };
    if let Some(value) = config.global.process_nice {
        said("set the process priority", process::set_nice(value));
    }
    if let Some(priority) = config.global.realtime_priority {
        said("set real-time scheduling", process::set_realtime(priority));
    }
    if config.global.disable_local_igmp {
        let setting = Sysctl::new(&["net", "ipv4", "igmp_link_local_mcast_reports"]);
        said("keep the kernel from sending IGMP", setting.and_then(|setting| setting.set(0)));
    }
    if !config.global.cpu_affinity.is_empty() {
        said("choose processors", process::set_processors(&config.global.cpu_affinity));
    }
    if let Some(micros) = config.global.realtime_limit {
        said("limit real-time scheduling", process::set_limit(process::Limit::RealTime, Some(micros)));
    }
    if config.global.no_swap {
        said("lock memory", process::lock_memory());
    }
}

/// `vrrp_startup_delay`, and what is missing to `vrrp_delay_after_boot`.
fn startup_delay(config: &Config) -> Duration {
    let uptime = clock::boottime();
    config.global.startup_delay.max(config.global.delay_after_boot.minus(uptime))
}
