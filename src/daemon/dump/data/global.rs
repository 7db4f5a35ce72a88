//! `global_defs` and what it decides.

use core::fmt::{self, Write};

use super::{enabled, yes};
use crate::config::model::{Global, SMTP_CONNECT_TIMEOUT};
use crate::daemon::dump::values::{Fixed, General, Words};

/// Writes them.
pub fn write(out: &mut dyn Write, global: &Global) -> fmt::Result {
    if let Some(name) = &global.instance_name {
        writeln!(out, " Instance name = {name}")?;
    }
    let replace = if global.use_symlink_paths { "Keep" } else { "Replace" };
    writeln!(out, " {replace} symlinks in script paths")?;
    writeln!(out, " Router ID = {}", global.router_id)?;
    mail(out, global)?;
    writeln!(out, " Dynamic interfaces = {}", global.dynamic_interfaces)?;
    writeln!(out, " Default interface = {}", global.default_interface)?;
    writeln!(out, " Use VRRPv2 checksum for VRRPv3 IPv4 = {}", yes(global.v3_checksum_as_v2))?;
    fifos(out, global)?;
    writeln!(out, " VRRP notify priority changes = {}", global.notify_priority_changes)?;
    writeln!(out, " VRRP IPv4 mcast group = {}", global.mcast_group4)?;
    writeln!(out, " VRRP IPv6 mcast group = {}", global.mcast_group6)?;
    announcements(out, global)?;
    protocol(out, global)?;
    process(out, global)
}

fn fifos(out: &mut dyn Write, global: &Global) -> fmt::Result {
    for (name, fifo) in [("Global", &global.notify_fifo), ("VRRP", &global.vrrp_notify_fifo)] {
        let Some(path) = &fifo.path else { continue };
        let owner = fifo.owner.as_ref().unwrap_or(&global.script_user);
        writeln!(out, " {name} notify fifo = {path}, uid:gid {}:{}", owner.uid, owner.gid)?;
        if let Some(script) = &fifo.script {
            let user = &script.user;
            writeln!(out, " {name} notify fifo script = {}, uid:gid {}:{}", Words(script), user.uid, user.gid)?;
        }
    }
    writeln!(out, " FIFO write vrrp states on reload = {}", global.fifo_write_states_on_reload)
}

fn mail(out: &mut dyn Write, global: &Global) -> fmt::Result {
    if let Some((host, port)) = &global.smtp_server {
        writeln!(out, " Smtp server = {host}")?;
        writeln!(out, " Smtp server port = {port}")?;
    }
    if let Some(name) = &global.smtp_helo_name {
        writeln!(out, " Smtp HELO name = {name}")?;
    }
    // Where it is said, or needed.
    if global.smtp_server.is_some() || global.smtp_connect_timeout != SMTP_CONNECT_TIMEOUT {
        writeln!(out, " Smtp server connection timeout = {}", global.smtp_connect_timeout.as_secs())?;
    }
    if let Some(from) = &global.notification_email_from {
        writeln!(out, " Email notification from = {from}")?;
    }
    for (place, to) in global.notification_email.iter().enumerate() {
        if place == 0 {
            writeln!(out, " Email notification to:")?;
        }
        writeln!(out, "   {to}")?;
    }
    let word = |alert: Option<bool>| alert.map_or("unset", |on| if on { "on" } else { "off" });
    writeln!(out, " Default smtp_alert = {}", word(global.smtp_alert))?;
    writeln!(out, " Default smtp_alert_vrrp = {}", word(global.smtp_alert_vrrp))?;
    out.write_str(if global.no_email_faults { " Send emails for fault transitions = off\n" } else { "" })
}

fn announcements(out: &mut dyn Write, global: &Global) -> fmt::Result {
    let announce = &global.announce;
    let lower_delay = global.lower_prio_delay.unwrap_or(announce.delay);
    writeln!(out, " Gratuitous ARP delay = {}", General(announce.delay))?;
    writeln!(out, " Gratuitous ARP repeat = {}", announce.repeat)?;
    writeln!(out, " Gratuitous ARP refresh timer = {}", General(announce.refresh))?;
    writeln!(out, " Gratuitous ARP refresh repeat = {}", announce.refresh_repeat)?;
    writeln!(out, " Gratuitous ARP lower priority delay = {}", General(lower_delay))?;
    let lower_repeat = global.lower_prio_repeat.unwrap_or(announce.repeat);
    writeln!(out, " Gratuitous ARP lower priority repeat = {lower_repeat}")?;
    writeln!(out, " Num adverts before down = {}", global.down_timer_adverts)?;
    writeln!(out, " Send advert after receive lower priority advert = {}", !global.lower_prio_no_advert)?;
    writeln!(out, " Send advert after receive higher priority advert = {}", global.higher_prio_send_advert)?;
    writeln!(out, " Gratuitous ARP interval = {}", Fixed(global.garp_interval))?;
    writeln!(out, " Gratuitous NA interval = {}", Fixed(global.gna_interval))
}

fn protocol(out: &mut dyn Write, global: &Global) -> fmt::Result {
    writeln!(out, " VRRP default protocol version = {}", global.version.number())?;
    for (name, span) in
        [("VRRP startup delay", global.startup_delay), ("VRRP delay after boot", global.delay_after_boot)]
    {
        if !span.is_zero() {
            writeln!(out, " {name} = {}", General(span))?;
        }
    }
    if global.log_unknown_vrids {
        writeln!(out, " Log unknown VRIDs = true")?;
    }
    if global.owner_ignore_adverts {
        writeln!(out, " Owner ignore adverts = true")?;
    }
    writeln!(out, " VRRP check unicast_src = {}", global.check_unicast_src)?;
    writeln!(out, " VRRP skip check advert addresses = {}", global.skip_check_adv_addr)?;
    writeln!(out, " VRRP strict mode = {}", global.strict)
}

fn process(out: &mut dyn Write, global: &Global) -> fmt::Result {
    writeln!(out, " VRRP process priority = {}", global.process_nice.unwrap_or(0))?;
    writeln!(out, " VRRP don't swap = {}", global.no_swap)?;
    writeln!(out, " VRRP realtime priority = {}", global.realtime_priority.unwrap_or(0))?;
    writeln!(out, " Script security {}", enabled(global.script_security))?;
    writeln!(out, " Default script uid:gid {}:{}", global.script_user.uid, global.script_user.gid)?;
    writeln!(out, " rx_bufs_multiples = {}", global.rx_bufs_multiplier)?;
    writeln!(out, " umask = {:04o}", global.umask)?;
    writeln!(out, " json_version {}", global.json_version)
}
