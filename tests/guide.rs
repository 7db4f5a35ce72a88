//! The configurations that MySQL guides print, as they stand: each runs, and its address answers.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use bed::{gives_up, says, scripts_can_run, takes};
use lab::{Daemon, Lab};

const INSTANCE: &str = "state MASTER\ninterface eth0\nvirtual_router_id 52\npriority 101\nadvert_int 1\n\
    authentication {\nauth_type PASS\nauth_pass 1111\n}\n";
const SCRIPT: &str = "vrrp_script chk_mysql {\nscript \"/run/check_mysql.sh\"\ninterval 2\nweight 2\n}\n";

fn laboratory() -> Lab {
    let lab = Lab::with_networks(&["a"], 1);
    lab.add_address("a", "eth0", "192.168.1.2/24");
    lab
}

#[test]
fn the_basic_one() {
    let lab = laboratory();
    let conf = format!("vrrp_instance VI_1 {{\n{INSTANCE}virtual_ipaddress {{\n192.168.1.1\n}}\n}}\n");
    let a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    takes(&a, "192.168.1.1");
    a.term();
    gives_up(&a, "192.168.1.1");
}

#[test]
fn the_one_with_a_check() {
    scripts_can_run();
    let lab = laboratory();
    let script = lab.node("a").path("/run/check_mysql.sh");
    std::fs::write(&script, "#!/bin/sh\ntest -e /run/alive\n").expect("written");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    lab.node("a").write("/run/alive", "");
    let track = "track_script {\nchk_mysql\n}\nvirtual_ipaddress {\n192.168.1.100\n}\n";
    let conf = format!("{SCRIPT}vrrp_instance VI_MYSQL {{\n{INSTANCE}{track}}}\n");
    let a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    says(&a, "VRRP_Script(chk_mysql) succeeded");
    says(&a, "(VI_MYSQL) Changing effective priority from 101 to 103");
    takes(&a, "192.168.1.100");
    std::fs::remove_file(lab.node("a").path("/run/alive")).expect("it was there");
    says(&a, "(VI_MYSQL) Changing effective priority from 103 to 101");
}

#[test]
fn the_tuned_one_has_no_address_and_runs() {
    let lab = laboratory();
    let mail = "global_defs {\nnotification_email {\nadmin@example.com\n}\nnotification_email_from admin@example.com\n\
        smtp_server 127.0.0.1\nsmtp_connect_timeout 30\n}\n";
    let conf = format!("{mail}{SCRIPT}vrrp_instance VI_1 {{\n{INSTANCE}track_script {{\nchk_mysql\n}}\n}}\n");
    let a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    says(&a, "(VI_1) Entering MASTER STATE");
    assert!(a.log().contains("/run/check_mysql.sh does not exist"), "{}", a.log());
}
