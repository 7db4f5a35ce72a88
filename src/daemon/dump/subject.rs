//! A virtual router as the dumps see it: its configuration, its machine and its place, side by side.

use super::values::AddressLine;
use crate::config::model::{Instance, Track, TrackInterface, TrackScript};
use crate::daemon::interfaces::Device;
use crate::daemon::plan::{self, RouterPlan};
use crate::daemon::world::World;
use crate::proto::vrrp::{OWNER, Refusal, Router, State, Stats};
use crate::time::Centis;
use crate::wire::vrrp::Reject;

/// A virtual router.
pub struct Subject<'w> {
    /// Where everything is.
    pub world: &'w World,
    /// Its index.
    pub index: u16,
    /// What the configuration says.
    pub instance: &'w Instance,
    /// Its machine.
    pub router: &'w Router,
    /// What it uses.
    pub plan: &'w RouterPlan,
    /// When its state changed last, by the wall clock.
    pub transition: (i64, u32),
}

/// All virtual routers, in the configuration's order.
pub fn subjects(world: &World) -> impl Iterator<Item = Subject<'_>> {
    let rows = world.config.instances.iter().zip(world.node.routers()).zip(&world.plan.routers).zip(&world.transitions);
    (0_u16..).zip(rows).map(move |(index, (((instance, router), plan), transition))| Subject {
        world,
        index,
        instance,
        router,
        plan,
        transition: *transition,
    })
}

impl<'w> Subject<'w> {
    /// Its interface, there or not.
    pub fn device(&self) -> Option<&'w Device> {
        self.plan.device.and_then(|device| self.world.interfaces.get(device))
    }

    /// The name of its interface, empty without one.
    pub fn interface(&self) -> &'w str {
        self.instance.interface.as_deref().unwrap_or("")
    }

    /// keepalived's `wantstate`: the state itself, and before the start the one that it starts for.
    pub fn wanted_state(&self) -> State {
        match self.router.state() {
            State::Initialize if self.instance.priority == OWNER => State::Active,
            State::Initialize => State::Backup,
            state @ (State::Backup | State::Active | State::Fault) => state,
        }
    }

    /// The priority of the master that is somebody else; 0 if there is none.
    pub fn master_priority(&self) -> u8 {
        match self.router.state() {
            State::Backup => self.router.heard().map_or(0, |heard| heard.priority),
            State::Initialize | State::Active | State::Fault => 0,
        }
    }

    /// Its addresses: those in the adverts, or those that are not.
    pub fn addresses(&self, excluded: bool) -> impl Iterator<Item = AddressLine<'w>> + use<'w> {
        addresses_of(self.world, self.index).filter(move |(of, _)| *of == excluded).map(|(_, line)| line)
    }

    /// The interfaces that count for it.
    pub fn tracked_interfaces(&self) -> impl Iterator<Item = &'w TrackInterface> + use<'w> {
        let weights = self.has_weights();
        self.instance.track_interfaces.iter().filter(move |track| weights || track.weight == 0)
    }

    /// The scripts that count for it.
    pub fn tracked_scripts(&self) -> impl Iterator<Item = &'w TrackScript> + use<'w> {
        let weights = self.has_weights();
        self.instance.track_scripts.iter().filter(move |track| weights || track.weight == 0)
    }

    /// The files and processes that count for it.
    pub fn tracks(&self) -> impl Iterator<Item = &'w Track> + Clone + use<'w> {
        let weights = self.has_weights();
        self.instance.tracks.iter().filter(move |track| weights || track.weight == 0)
    }

    /// Members of a sync group have no weights of their own, unless it says so.
    fn has_weights(&self) -> bool {
        let group = self.world.node.group_of(self.index);
        let group = group.and_then(|group| self.world.config.groups.get(usize::from(group)));
        group.is_none_or(|group| group.tracking_weight)
    }

    /// keepalived's counters.
    pub fn counters(&self) -> Counters {
        Counters::of(self.router.stats())
    }
}

/// The addresses of a router (or the static ones), each with whether it is an excluded one.
pub fn addresses_of(world: &World, router: u16) -> impl Iterator<Item = (bool, AddressLine<'_>)> {
    // They stand in the order of the routers.
    let first = world.plan.slots.partition_point(|slot| slot.spec.router < router);
    let own = world.plan.slots.iter().enumerate().skip(first).take_while(move |(_, slot)| slot.spec.router == router);
    own.filter_map(|(place, slot)| {
        let address = plan::address_of(&world.config, slot)?;
        let device = world.plan.devices.get(usize::from(slot.spec.device))?;
        Some((slot.excluded, AddressLine { address, device, is_set: world.addresses.is_set(place as u16) }))
    })
}

/// keepalived's names for what is counted. It has no counters for the other reasons to refuse a packet.
pub struct Counters {
    /// `advert_rcvd`.
    pub adverts_received: u32,
    /// `advert_sent`.
    pub adverts_sent: u32,
    /// `become_master`.
    pub became_master: u32,
    /// `release_master`.
    pub released_master: u32,
    /// `packet_len_err`.
    pub length: u32,
    /// `advert_interval_err`.
    pub interval: u32,
    /// `ip_ttl_err`.
    pub hop_limit: u32,
    /// `invalid_type_rcvd`.
    pub packet_type: u32,
    /// `addr_list_err`.
    pub address_list: u32,
    /// `invalid_authtype`.
    pub auth_type_unknown: u32,
    /// `authtype_mismatch`.
    pub auth_type_differs: u32,
    /// `auth_failure`.
    pub password: u32,
    /// `pri_zero_rcvd`.
    pub priority_zero_received: u32,
    /// `pri_zero_sent`.
    pub priority_zero_sent: u32,
}

impl Counters {
    fn of(stats: &Stats) -> Self {
        // A refusal is counted by its kind; the value in it does not matter.
        Self {
            adverts_received: stats.adverts_received,
            adverts_sent: stats.adverts_sent,
            became_master: stats.became_master,
            released_master: stats.released_master,
            length: stats.length_errors(),
            interval: stats.refused_for(Refusal::IntervalDiffers(Centis::SECOND)).wrapping_add(stats.interval_differs),
            hop_limit: stats.refused_for(Refusal::HopLimit(0)),
            packet_type: stats.refused_for(Refusal::Wire(Reject::Type)),
            address_list: stats.address_list_differs,
            auth_type_unknown: stats.refused_for(Refusal::UnknownAuthType(0)),
            auth_type_differs: stats.refused_for(Refusal::AuthTypeDiffers(0)),
            password: stats.refused_for(Refusal::Password),
            priority_zero_received: stats.priority_zero_received,
            priority_zero_sent: stats.priority_zero_sent,
        }
    }
}
