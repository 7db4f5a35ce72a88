//! What keepalived does not say: how the process itself fares, and why packets were refused.

use core::fmt::{self, Write};

use crate::daemon::dump::subject::{Subject, subjects};
use crate::daemon::world::World;
use crate::proto::vrrp::{Heard, Refusal};
use crate::sys::{clock, heap, logger};
use crate::time::{Duration, Instant};
use crate::wire::vrrp::ChecksumForm;

/// Writes it.
pub fn write(out: &mut dyn Write, world: &World) -> fmt::Result {
    writeln!(out, " Version = {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, " Allocations while running = {}", heap::allocations_while_sealed())?;
    writeln!(out, " Log lines dropped = {}", logger::dropped())?;
    writeln!(out, " Addresses put back = {}", world.addresses.restored())?;
    writeln!(out, " Notify scripts dropped = {}", world.scripts.dropped)?;
    if let Some((sent, lost, waiting)) = world.mail.counts() {
        writeln!(out, " Mails sent = {sent}, lost = {lost}, waiting = {waiting}")?;
    }
    let now = clock::monotonic();
    subjects(world).try_for_each(|subject| router(out, &subject, now))
}

/// Not "VRRP Instance": readers of the blocks above would take it for one.
fn router(out: &mut dyn Write, subject: &Subject<'_>, now: Instant) -> fmt::Result {
    writeln!(out, " Router = {}", subject.instance.name)?;
    match subject.router.heard() {
        Some(heard) => last_heard(out, &heard, now)?,
        None => writeln!(out, "   Last heard = nobody")?,
    }
    let refused = Refusal::reasons().zip(subject.router.stats().refused);
    for (reason, count) in refused.filter(|(_, count)| *count > 0) {
        writeln!(out, "   Refused for {reason} = {count}")?;
    }
    Ok(())
}

fn last_heard(out: &mut dyn Write, heard: &Heard, now: Instant) -> fmt::Result {
    let ago = Duration::from_millis(now.since(heard.at).as_millis());
    writeln!(out, "   Last heard = {}, priority {}, {ago} s ago", heard.source, heard.priority)?;
    let form = match heard.checksum_form {
        ChecksumForm::PseudoHeader => "with pseudo-header",
        ChecksumForm::MessageOnly => "without pseudo-header",
    };
    writeln!(out, "   Checksum of last heard = {form}")
}
