//! One scenario: start, disturb, heal, settle, look; then one clean failure with a stopwatch.

use holdfast::proto::vrrp::{OWNER, State};
use holdfast::time::{Duration, Instant};

use crate::plan::{Plan, SCRIPT, WEIGHTED};
use crate::probe;
use crate::rng::Rng;
use crate::theory::down_interval;
use crate::world::{Check, Network, World};

/// How a scenario ended: what it did, or what went wrong and all that led to it.
pub struct Outcome {
    pub elections: usize,
    pub result: Check,
    pub trace: Vec<String>,
}

/// Plays the scenario of this seed.
pub fn play(seed: u64, trace: bool) -> Outcome {
    let plan = Plan::new(seed);
    let mut world = World::new(&plan, trace);
    let result = acts(&mut world);
    let elections = world.elections.len();
    if let Err(error) = &result {
        world.note(format_args!("FAILED: {error}"));
    }
    Outcome { elections, result, trace: world.into_trace() }
}

fn acts(world: &mut World<'_>) -> Check {
    let mut rng = Rng::new(world.plan.seed ^ 0xc4a0_5c4a_05c4);
    start(world, &mut rng)?;
    if rng.percent(80) {
        chaos(world, &mut rng)?;
    }
    heal(world, &mut rng)?;
    settle(world)?;
    probe::run(world, &mut rng)?;
    settled(world)
}

fn start(world: &mut World<'_>, rng: &mut Rng) -> Check {
    let stagger = world.plan.stagger.as_nanos();
    let mut starts: Vec<(Instant, usize)> =
        (0..world.hosts.len()).map(|host| (world.now + Duration::from_nanos(rng.below(stagger + 1)), host)).collect();
    starts.sort();
    for (at, host) in starts {
        world.run_until(at)?;
        world.start(host)?;
    }
    Ok(())
}

/// The longest interval any router advertises at, among those that matter now.
pub fn longest_interval(world: &World<'_>) -> Duration {
    let settings = world.hosts.iter().flat_map(|host| &host.settings);
    settings.map(|settings| settings.advert_interval.span()).max().unwrap_or(Duration::ZERO)
}

fn chaos(world: &mut World<'_>, rng: &mut Rng) -> Check {
    let interval = longest_interval(world).as_nanos();
    for _ in 0..rng.between(1, 10) {
        // Now and then two faults fall into one moment.
        if rng.percent(85) {
            let longest = if rng.percent(70) { interval } else { interval * 5 };
            let pause = Duration::from_nanos(rng.below(longest));
            world.run_until(world.now + pause)?;
        }
        disturb(world, rng)?;
    }
    world.run_until(world.now + Duration::from_nanos(rng.below(interval * 2)))
}

fn disturb(world: &mut World<'_>, rng: &mut Rng) -> Check {
    let host = rng.index(world.hosts.len());
    let value = rng.percent(40);
    match rng.below(14) {
        0 => world.crash(host),
        1 => world.shutdown(host)?,
        2 => world.start(host)?,
        3 => world.pause(host, rng.percent(40)),
        4 => world.unpause(host)?,
        5 => world.set(host, rng.index(world.plan.virtuals.len()), value)?,
        6 => world.set(host, SCRIPT, value)?,
        7 => world.set(host, WEIGHTED, value)?,
        8 => {
            let (settings, grouped) = (world.hosts[host].settings.clone(), world.hosts[host].grouped);
            world.reload(host, settings, grouped)?;
        }
        9 => {
            let settings = world.plan.changed(host, rng);
            let grouped = world.plan.grouped && rng.percent(70);
            world.reload(host, settings, grouped)?;
        }
        10 => partition(world, rng),
        11 => {
            let (from, to) = (rng.index(world.hosts.len()), rng.index(world.hosts.len()));
            world.network.cut[from][to] = from != to;
            world.note(format_args!("nothing gets from host {from} to host {to}"));
        }
        12 => {
            world.network.loss = rng.pick(&[5, 20, 60, 100]);
            world.network.doubled = rng.pick(&[0, 30]);
            world.network.extra = longest_interval(world).scaled(rng.below(4) as u32, 2);
            let Network { loss, extra, .. } = world.network;
            world.note(format_args!("the network loses {loss} % and delays by up to {extra} s more"));
        }
        _ => {
            world.network = Network::default();
            world.note(format_args!("the network is whole"));
        }
    }
    Ok(())
}

fn partition(world: &mut World<'_>, rng: &mut Rng) {
    let count = world.hosts.len();
    let side: Vec<bool> = (0..count).map(|_| rng.percent(50)).collect();
    for from in 0..count {
        for to in 0..count {
            world.network.cut[from][to] = side[from] != side[to];
        }
    }
    world.note(format_args!("the network is in two parts, {side:?}"));
}

/// All faults that come and go are over; some that stay, stay: hosts that are dead or in fault, a network
/// that is cleanly in two.
fn heal(world: &mut World<'_>, rng: &mut Rng) -> Check {
    world.network = Network::default();
    world.note(format_args!("the network is whole"));
    if rng.percent(15) {
        partition(world, rng);
    }
    for host in 0..world.hosts.len() {
        world.unpause(host)?;
        for condition in 0..=SCRIPT {
            let value = rng.percent(92);
            world.set(host, condition, value)?;
        }
        if world.hosts[host].grouped != world.plan.grouped {
            let settings = world.hosts[host].settings.clone();
            world.reload(host, settings, world.plan.grouped)?;
        }
        if rng.percent(80) {
            world.start(host)?;
        }
    }
    Ok(())
}

/// How long it may take from the last fault until all is as it must be.
pub fn settle_bound(world: &World<'_>) -> Duration {
    let interval = longest_interval(world);
    let settings = || world.hosts.iter().flat_map(|host| &host.settings);
    let down = |settings| down_interval(settings, 1, holdfast::time::Centis((interval.as_millis() / 10) as u16));
    let longest = |spans: &mut dyn Iterator<Item = Duration>| spans.max().unwrap_or(Duration::ZERO);
    // What was in flight when the faults ended (1.5 intervals) may tell a backup of a master that left;
    // then it is borne (preempt_delay), its timer runs out, the sync group follows, rivals yield.
    longest(&mut settings().map(|settings| settings.startup_delay))
        .plus(longest(&mut settings().map(|settings| settings.preempt_delay)))
        .plus(longest(&mut settings().map(down)).times(3))
        .plus(interval.times(4))
}

fn settle(world: &mut World<'_>) -> Check {
    world.run_until(world.now + longest_interval(world).times(2))?;
    world.quiet_from = Some(world.now);
    world.run_until(world.now + settle_bound(world))?;
    settled(world)
}

/// Whether two hosts are in the same part of the network.
pub fn connected(world: &World<'_>, one: usize, other: usize) -> bool {
    !world.network.cut[one][other] && !world.network.cut[other][one]
}

/// The master of a router in the part of the network a host is in.
pub fn master(world: &World<'_>, host: usize, router: usize) -> Option<usize> {
    (0..world.hosts.len()).find(|other| connected(world, host, *other) && world.hosts[*other].is_active(router))
}

/// In each part of the network, each router has exactly one master, nobody who would preempt it is left
/// waiting, and the members of a sync group go together.
pub fn settled(world: &World<'_>) -> Check {
    for router in 0..world.plan.virtuals.len() {
        for host in 0..world.hosts.len() {
            if world.hosts[host].is_fit(router) {
                one_right_master(world, host, router).map_err(|error| format!("at rest: router {router}: {error}"))?;
            }
        }
    }
    for (index, host) in world.hosts.iter().enumerate() {
        let Some(node) = host.node.as_ref().filter(|_| host.grouped) else { continue };
        let states: Vec<State> = node.routers().iter().map(|router| router.state()).collect();
        if states.windows(2).any(|pair| pair[0] != pair[1]) || node.group(0) != states.first().copied() {
            return Err(format!("at rest: host {index}: members {states:?}, group {:?}", node.group(0)));
        }
    }
    Ok(())
}

fn one_right_master(world: &World<'_>, host: usize, router: usize) -> Check {
    let part = (0..world.hosts.len()).filter(|other| connected(world, host, *other));
    let masters: Vec<usize> = part.filter(|other| world.hosts[*other].is_active(router)).collect();
    let [master] = masters[..] else {
        return Err(format!("masters beside host {host}: {masters:?}"));
    };
    let (ours, theirs) = (world.hosts[host].priority(router), world.hosts[master].priority(router));
    let preempts =
        |router: usize| world.hosts[host].settings[router].preempt || world.hosts[host].priority(router) == OWNER;
    if ours > theirs && preempts(router) {
        return Err(format!("host {host} ({ours}) preempts, but host {master} ({theirs}) is master"));
    }
    Ok(())
}
