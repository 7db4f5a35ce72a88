//! One clean event in a network at rest, with a stopwatch: who takes over, when, and in how many steps.

use holdfast::proto::vrrp::{OWNER, State};
use holdfast::time::{Duration, Instant};

use crate::plan::{SCRIPT, WEIGHTED};
use crate::rng::Rng;
use crate::scenario::{connected, longest_interval, master, settle_bound};
use crate::theory::{down_interval, skew};
use crate::world::{Check, World};

/// Does one thing and watches.
pub fn run(world: &mut World<'_>, rng: &mut Rng) -> Check {
    let router = rng.index(world.plan.virtuals.len());
    let living: Vec<usize> = (0..world.hosts.len()).filter(|host| world.hosts[*host].is_fit(router)).collect();
    if living.is_empty() {
        return Ok(());
    }
    let any = rng.pick(&living);
    let Some(master) = master(world, any, router) else { return Ok(()) };
    match rng.below(9) {
        0 => quiet(world),
        1 => reload_unchanged(world),
        2 => failure(world, master, router, Failure::Crash),
        3 => failure(world, master, router, Failure::LinkDown),
        4 => failure(world, master, router, Failure::Shutdown),
        5 => failure(world, master, router, Failure::Script),
        6 => short_pause(world, any),
        7 => long_pause(world, any, router, rng),
        _ => weight(world, any),
    }
    .map_err(|error| format!("{error} (probe: router {router}, hosts {any} and {master})"))
}

/// Nothing happens, so nothing happens: no election in many intervals.
fn quiet(world: &mut World<'_>) -> Check {
    world.note(format_args!("PROBE nothing happens"));
    let elections = world.elections.len();
    world.run_until(world.now + longest_interval(world).times(12))?;
    no_election_since(world, elections)
}

fn no_election_since(world: &World<'_>, count: usize) -> Check {
    match world.elections.get(count) {
        None => Ok(()),
        Some(election) => Err(format!("an election for nothing: {election:?}")),
    }
}

fn reload_unchanged(world: &mut World<'_>) -> Check {
    world.note(format_args!("PROBE all reload unchanged"));
    let elections = world.elections.len();
    for host in 0..world.hosts.len() {
        let (settings, grouped) = (world.hosts[host].settings.clone(), world.hosts[host].grouped);
        world.reload(host, settings, grouped)?;
    }
    world.run_until(world.now + longest_interval(world).times(5))?;
    no_election_since(world, elections)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failure {
    /// The host is gone at once.
    Crash,
    /// Its link is gone: what it says last is not heard.
    LinkDown,
    /// An orderly end: priority 0.
    Shutdown,
    /// A check fails: priority 0.
    Script,
}

impl Failure {
    /// Whether the others hear it leave.
    fn is_heard(self) -> bool {
        matches!(self, Self::Shutdown | Self::Script)
    }
}

/// Who can take over from a master, by how soon in theory: from its last advert that was heard.
fn successors(world: &World<'_>, gone: usize, router: usize, how: Failure) -> Vec<(Duration, usize)> {
    let interval = world.hosts[gone].settings[router].advert_interval;
    let fit = (0..world.hosts.len())
        .filter(|host| *host != gone && connected(world, gone, *host) && world.hosts[*host].is_fit(router));
    let mut list: Vec<_> = fit
        .map(|host| {
            let (settings, priority) = (&world.hosts[host].settings[router], world.hosts[host].priority(router));
            let nanos = u64::from(interval.0) * 10_000_000;
            let after = if how.is_heard() {
                skew(settings, priority, nanos)
            } else {
                down_interval(settings, priority, interval)
            };
            (after, host)
        })
        .collect();
    list.sort();
    list
}

/// A master fails once: one successor, the right one, in time.
///
/// With a sync group the first member's timer decides for all; the bound for the router looked at is an
/// upper one then. Where hosts count differently (not `uniform`), the first to wake may be another than
/// the best, and two elections are the theory; then only "in time" is asked.
fn failure(world: &mut World<'_>, gone: usize, router: usize, how: Failure) -> Check {
    world.note(format_args!("PROBE {how:?} of host {gone}, master of router {router}"));
    // Away from the moment of an advert, so that the last one has arrived everywhere.
    let link = world.plan.virtuals[router].link;
    let list = successors(world, gone, router, how);
    let members = if world.plan.grouped { 0..world.plan.virtuals.len() } else { router..router + 1 };
    // Of a group on several links, one that is down is a crash to some members and a farewell to others.
    let mixed = how == Failure::LinkDown && world.plan.virtuals[members.clone()].iter().any(|other| other.link != link);
    let clear = !mixed && members.into_iter().all(|member| is_clear(world, &successors(world, gone, member, how)));
    let elections = world.elections.len();
    let last_advert = world.sent[gone][router].0;
    match how {
        Failure::Crash => world.crash(gone),
        Failure::LinkDown => world.set(gone, link, false)?,
        Failure::Shutdown => world.shutdown(gone)?,
        Failure::Script => world.set(gone, SCRIPT, false)?,
    }
    let from = if how.is_heard() { world.now } else { last_advert };
    world.run_until(world.now + settle_bound(world))?;
    judge(world, &list, (router, clear), elections, from, how)
}

/// Whether the best successor's first advert reaches the others before their own timers run out, which may
/// have begun sooner, and not before they hear the old master leave: only then is one election the theory.
fn is_clear(world: &World<'_>, list: &[(Duration, usize)]) -> bool {
    let (shortest, longest) = world.plan.delay;
    let [(first, _), (second, _), ..] = list else { return true };
    second.plus(shortest) > first.plus(longest.times(2)).plus(world.plan.jitter)
        && first.plus(shortest.times(2)) > longest
}

fn judge(
    world: &World<'_>,
    list: &[(Duration, usize)],
    (router, clear): (usize, bool),
    elections: usize,
    from: Instant,
    how: Failure,
) -> Check {
    let held: Vec<_> = world.elections.iter().skip(elections).filter(|election| election.router == router).collect();
    let Some((soonest, best)) = list.first().copied() else { return Ok(()) };
    let Some(first) = held.first() else { return Err("nobody took over".into()) };
    let (shortest, longest) = world.plan.delay;
    let slack = longest.plus(world.plan.jitter);
    let took = first.at.since(from);
    if took > soonest.plus(slack) {
        return Err(format!("{how:?}: taken over after {took} s, theory {soonest} s"));
    }
    if !world.plan.uniform {
        return Ok(());
    }
    if !world.plan.grouped && took < soonest.plus(shortest) {
        return Err(format!("{how:?}: taken over after {took} s, sooner than theory allows ({soonest} s)"));
    }
    if clear && (held.len() != 1 || first.host != best) {
        return Err(format!(
            "{how:?}: {} elections, the first by host {}, not one by host {best}",
            held.len(),
            first.host
        ));
    }
    Ok(())
}

/// Any host stands still for less than an interval: nobody may notice.
fn short_pause(world: &mut World<'_>, host: usize) -> Check {
    let intervals = world.hosts.iter().flat_map(|host| &host.settings).map(|settings| settings.advert_interval.span());
    let span = intervals.min().unwrap_or(Duration::ZERO).scaled(9, 10);
    world.note(format_args!("PROBE host {host} stands still for {span} s"));
    let elections = world.elections.len();
    world.pause(host, false);
    world.run_until(world.now + span)?;
    world.unpause(host)?;
    world.run_until(world.now + longest_interval(world).times(5))?;
    no_election_since(world, elections)
}

/// Any host stands still for longer than it takes the others to take over.
///
/// A master has lost its office by then and must know that at once, without an advert of its own. A backup
/// must not believe its timer, which ran out while it could not listen. (An owner takes its office back
/// when it hears of a lower master, but it too listens first.)
fn long_pause(world: &mut World<'_>, host: usize, router: usize, rng: &mut Rng) -> Check {
    let down = world.hosts[host].settings[router].clone();
    let interval = longest_interval(world);
    let longest = down_interval(&down, 1, holdfast::time::Centis((interval.as_millis() / 10) as u16));
    let span = longest.times(2).plus(interval.times(rng.between(2, 4)));
    let was_master = world.hosts[host].is_active(router);
    let suspend = rng.percent(50);
    world.note(format_args!("PROBE host {host} (master: {was_master}) stands still for {span} s"));
    world.pause(host, suspend);
    world.run_until(world.now + span)?;
    let elections = world.elections.len();
    world.unpause(host)?;
    // Its deadline is past: it wakes for it now, whatever the packets did.
    world.run_until(world.now)?;
    if was_master && world.hosts[host].is_active(router) {
        return Err(format!("host {host} stood still for {span} s and is still master"));
    }
    let others = (0..world.hosts.len())
        .any(|other| other != host && connected(world, host, other) && world.hosts[other].is_fit(router));
    world.run_until(world.now + interval.plus(world.plan.delay.1).plus(world.plan.jitter))?;
    let healthy = others && world.plan.uniform && !was_master;
    if healthy {
        no_election_since(world, elections)?;
    }
    world.quiet_from = Some(world.now + interval.times(2));
    world.run_until(world.now + longest.times(3).plus(interval.times(4)))
}

/// A weighted tracker changes: whoever is better by then takes over within its own timer, and if nobody
/// is, nothing happens.
fn weight(world: &mut World<'_>, host: usize) -> Check {
    world.note(format_args!("PROBE the priority of host {host} changes"));
    let elections = world.elections.len();
    let value = !world.hosts[host].truth[WEIGHTED];
    world.set(host, WEIGHTED, value)?;
    let contested = (0..world.plan.virtuals.len())
        .any(|router| (0..world.hosts.len()).any(|one| would_preempt(world, one, router)));
    let interval = longest_interval(world);
    let down = |world: &World<'_>| {
        let all = world.hosts.iter().flat_map(|host| &host.settings);
        let each = all.map(|settings| {
            let down = down_interval(settings, 1, holdfast::time::Centis((interval.as_millis() / 10) as u16));
            down.plus(settings.preempt_delay)
        });
        each.max().unwrap_or(Duration::ZERO)
    };
    let wait = down(world).times(2).plus(interval.times(4));
    world.run_until(world.now + wait)?;
    if contested { Ok(()) } else { no_election_since(world, elections) }
}

fn would_preempt(world: &World<'_>, one: usize, router: usize) -> bool {
    let Some(master) = master(world, one, router) else { return false };
    let (ours, theirs) = (world.hosts[one].priority(router), world.hosts[master].priority(router));
    let host = &world.hosts[one];
    host.state(router) == State::Backup && ours > theirs && (host.settings[router].preempt || ours == OWNER)
}
