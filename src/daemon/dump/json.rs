//! `keepalived.json`: an array with one object for each instance (version 1), or that array in an object
//! (version 2). One line; fields in keepalived's order, because some readers have no JSON parser.

use core::fmt::{self, Display, Write};

use super::subject::{Subject, subjects};
use super::values::{Escaped, General, Spaced, Stamp, Words, notify_scripts};
use crate::config::model::{Auth, ParameterMatch};
use crate::daemon::world::World;
use crate::proto::vrrp::State;

/// Writes it.
pub fn write(out: &mut dyn Write, world: &World) -> fmt::Result {
    let is_object = world.config.global.json_version == 2;
    out.write_str(if is_object { "{\"vrrp\":[" } else { "[" })?;
    for subject in subjects(world) {
        out.write_str(if subject.index == 0 { "{\"data\":{" } else { ",{\"data\":{" })?;
        data(&mut Fields { out, is_first: true }, &subject)?;
        out.write_str("},\"stats\":{")?;
        stats(&mut Fields { out, is_first: true }, &subject)?;
        out.write_str("}}")?;
    }
    out.write_str("]")?;
    if is_object {
        processes(out, world)?;
        out.write_str("}")?;
    }
    out.write_str("\n")
}

/// `track_process` of version 2, where there is any. Delays are seconds.
fn processes(out: &mut dyn Write, world: &World) -> fmt::Result {
    for (index, process) in world.config.processes.iter().enumerate() {
        let tracked = &world.tracked_processes;
        let (forked, ended) = tracked.delays(index);
        out.write_str(if index == 0 { ",\"track_process\":[{" } else { ",{" })?;
        let mut fields = Fields { out, is_first: true };
        fields.text("process", &process.program)?;
        if !process.parameters.is_empty() {
            fields.text("parameters", Spaced(&process.parameters))?;
        }
        if process.how() != ParameterMatch::Any {
            fields.text("param_match", process.how().name())?;
        }
        fields.put("min_processes", process.quorum)?;
        if let Some(most) = process.quorum_max {
            fields.put("max_processes", most)?;
        }
        fields.put("current_processes", tracked.count(index))?;
        fields.put("have_quorum", tracked.has_quorum(index) == Some(true))?;
        fields.put("weight", process.weight)?;
        fields.put("terminate_delay", General(process.terminate_delay))?;
        fields.put("fork_delay", General(process.fork_delay))?;
        fields.put("fork_delay_timer_running", forked)?;
        fields.put("terminate_delay_timer_running", ended)?;
        fields.put("full_command", process.is_full_command())?;
        out.write_str("}")?;
    }
    out.write_str(if world.config.processes.is_empty() { "" } else { "]" })
}

/// The fields of an object.
struct Fields<'o> {
    out: &'o mut dyn Write,
    is_first: bool,
}

impl Fields<'_> {
    fn name(&mut self, name: &str) -> fmt::Result {
        let comma = if self.is_first { "" } else { "," };
        self.is_first = false;
        write!(self.out, "{comma}\"{name}\":")
    }

    /// A number or a truth.
    fn put(&mut self, name: &str, value: impl Display) -> fmt::Result {
        self.name(name)?;
        write!(self.out, "{value}")
    }

    /// A string.
    fn text(&mut self, name: &str, value: impl Display) -> fmt::Result {
        self.name(name)?;
        self.string(value)
    }

    /// An array of strings; nothing at all if there are none.
    fn texts(&mut self, name: &str, values: impl Iterator<Item = impl Display>) -> fmt::Result {
        let mut is_empty = true;
        for value in values {
            if is_empty {
                self.name(name)?;
            }
            self.out.write_str(if is_empty { "[" } else { "," })?;
            self.string(value)?;
            is_empty = false;
        }
        self.out.write_str(if is_empty { "" } else { "]" })
    }

    fn string(&mut self, value: impl Display) -> fmt::Result {
        self.out.write_str("\"")?;
        write!(Escaped(self.out), "{value}")?;
        self.out.write_str("\"")
    }
}

fn data(fields: &mut Fields<'_>, subject: &Subject<'_>) -> fmt::Result {
    let (instance, router) = (subject.instance, subject.router);
    fields.text("iname", &instance.name)?;
    fields.put("dont_track_primary", u8::from(instance.dont_track_primary))?;
    fields.put("skip_check_adv_addr", u8::from(instance.skip_check_adv_addr))?;
    fields.put("strict_mode", u8::from(instance.strict))?;
    fields.text("vmac_ifname", "")?;
    fields.text("ifp_ifname", subject.interface())?;
    fields.put("master_priority", subject.master_priority())?;
    fields.put("last_transition", Stamp(subject.transition))?;
    fields.put("garp_delay", General(instance.announce.delay))?;
    fields.put("garp_refresh", instance.announce.refresh.as_secs())?;
    fields.put("garp_rep", instance.announce.repeat)?;
    fields.put("garp_refresh_rep", instance.announce.refresh_repeat)?;
    fields.put("garp_lower_prio_delay", instance.announce.lower_prio_delay.as_secs())?;
    fields.put("garp_lower_prio_rep", instance.announce.lower_prio_repeat)?;
    fields.put("lower_prio_no_advert", u8::from(instance.lower_prio_no_advert))?;
    fields.put("higher_prio_send_advert", u8::from(instance.higher_prio_send_advert))?;
    fields.put("vrid", instance.vrid)?;
    fields.put("base_priority", instance.priority)?;
    fields.put("effective_priority", router.priority())?;
    fields.put("vipset", router.state() == State::Active)?;
    fields.put("promote_secondaries", instance.promote_secondaries)?;
    fields.put("adver_int", General(instance.advert_int.span()))?;
    fields.put("master_adver_int", General(router.active_interval().span()))?;
    fields.put("accept", u8::from(instance.accept))?;
    fields.put("nopreempt", !instance.preempt)?;
    fields.put("preempt_delay", instance.preempt_delay.as_secs())?;
    fields.put("state", number(router.state()))?;
    fields.put("wantstate", number(subject.wanted_state()))?;
    fields.put("version", instance.version.number())?;
    fields.put("smtp_alert", instance.smtp_alert)?;
    fields.put("notify_deleted", instance.notify_deleted)?;
    for (name, _, command) in notify_scripts(&instance.notify) {
        fields.text(name, Words(command))?;
    }
    fields.texts("vips", subject.addresses(false))?;
    fields.texts("evips", subject.addresses(true))?;
    fields.texts("track_ifp", subject.tracked_interfaces().map(|track| &track.name))?;
    let scripts = &subject.world.config.scripts;
    let commands = subject.tracked_scripts().filter_map(|track| scripts.get(track.script));
    fields.texts("track_script", commands.map(|script| Words(&script.command)))?;
    match instance.auth {
        Auth::None => fields.put("auth_type", 0),
        Auth::Pass(_) => fields.put("auth_type", 1).and_then(|()| fields.text("auth_data", MASKED)),
        Auth::Ah(_) => fields.put("auth_type", 2).and_then(|()| fields.text("auth_data", MASKED)),
    }
}

/// In place of a password.
const MASKED: &str = "********";

fn stats(fields: &mut Fields<'_>, subject: &Subject<'_>) -> fmt::Result {
    let counters = subject.counters();
    for (name, value) in [
        ("advert_rcvd", counters.adverts_received),
        ("advert_sent", counters.adverts_sent),
        ("become_master", counters.became_master),
        ("release_master", counters.released_master),
        ("packet_len_err", counters.length),
        ("advert_interval_err", counters.interval),
        ("ip_ttl_err", counters.hop_limit),
        ("invalid_type_rcvd", counters.packet_type),
        ("addr_list_err", counters.address_list),
        ("invalid_authtype", counters.auth_type_unknown),
        ("authtype_mismatch", counters.auth_type_differs),
        ("auth_failure", counters.password),
        // auth_hmac does not exist here; readers of the format expect its counters.
        ("auth_ext_missing", 0),
        ("auth_ext_malformed", 0),
        ("auth_ext_unknown_key", 0),
        ("auth_ext_invalid_hmac", 0),
        ("auth_ext_stale", 0),
        ("auth_ext_replay", 0),
        ("pri_zero_rcvd", counters.priority_zero_received),
        ("pri_zero_sent", counters.priority_zero_sent),
    ] {
        fields.put(name, value)?;
    }
    Ok(())
}

fn number(state: State) -> u8 {
    match state {
        State::Initialize => 0,
        State::Backup => 1,
        State::Active => 2,
        State::Fault => 3,
    }
}
