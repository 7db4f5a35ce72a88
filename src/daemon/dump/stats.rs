//! `keepalived.stats`: a block of counters for each instance.

use core::fmt::{self, Write};

use super::subject::subjects;
use crate::daemon::world::World;

/// Writes it.
pub fn write(out: &mut dyn Write, world: &World) -> fmt::Result {
    for subject in subjects(world) {
        let counters = subject.counters();
        writeln!(out, "VRRP Instance: {}", subject.instance.name)?;
        writeln!(out, "  Advertisements:")?;
        writeln!(out, "    Received: {}", counters.adverts_received)?;
        writeln!(out, "    Sent: {}", counters.adverts_sent)?;
        writeln!(out, "  Became master: {}", counters.became_master)?;
        writeln!(out, "  Released master: {}", counters.released_master)?;
        writeln!(out, "  Packet Errors:")?;
        writeln!(out, "    Length: {}", counters.length)?;
        writeln!(out, "    TTL: {}", counters.hop_limit)?;
        writeln!(out, "    Invalid Type: {}", counters.packet_type)?;
        writeln!(out, "    Advertisement Interval: {}", counters.interval)?;
        writeln!(out, "    Address List: {}", counters.address_list)?;
        writeln!(out, "  Authentication Errors:")?;
        writeln!(out, "    Invalid Type: {}", counters.auth_type_unknown)?;
        writeln!(out, "    Type Mismatch: {}", counters.auth_type_differs)?;
        writeln!(out, "    Failure: {}", counters.password)?;
        // auth_hmac does not exist here; readers of the format expect its counters.
        writeln!(out, "  Authentication Extension Errors:")?;
        for name in ["Missing", "Malformed", "Unknown Key", "Invalid HMAC", "Stale", "Replay"] {
            writeln!(out, "    {name}: 0")?;
        }
        writeln!(out, "  Priority Zero:")?;
        writeln!(out, "    Received: {}", counters.priority_zero_received)?;
        writeln!(out, "    Sent: {}", counters.priority_zero_sent)?;
    }
    Ok(())
}
