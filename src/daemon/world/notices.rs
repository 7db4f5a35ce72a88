//! What is told to notify scripts and written to notify pipes, in the order in which it happened.

use super::{Told, World, kind_of};
use crate::daemon::words;
use crate::proto::notify::{Kind, Notice};
use crate::proto::vrrp::State;
use crate::time::Instant;

impl World {
    /// Tells all that waits.
    pub(super) fn tell(&mut self, now: Instant) {
        while let Some((told, notice)) = self.notices.pop() {
            match told {
                Told::Instance(router) | Told::Rival(router) => {
                    self.scripts.tell_instance(now, router, notice);
                    self.mail.tell_instance(now, router, notice.kind);
                }
                Told::Group(group) => {
                    self.scripts.tell_group(now, group, notice);
                    self.mail.tell_group(now, group, notice.kind);
                }
                Told::Priority(_) => {}
            }
            self.write_line(now, told, notice);
        }
    }

    /// A line in the notify pipes.
    fn write_line(&mut self, now: Instant, told: Told, notice: Notice) {
        let (kind, name) = match told {
            Told::Instance(router) | Told::Rival(router) | Told::Priority(router) => {
                ("INSTANCE", self.config.instances.get(usize::from(router)).map(|instance| &instance.name))
            }
            Told::Group(group) => ("GROUP", self.config.groups.get(usize::from(group)).map(|group| &group.name)),
        };
        let state = match (told, notice.kind) {
            (Told::Priority(_), Kind::Master) => "MASTER_PRIORITY",
            (Told::Priority(_), _) => "BACKUP_PRIORITY",
            (_, kind) => words::state_argument(kind).to_str().unwrap_or("?"),
        };
        self.fifos.tell(now, kind, name.map_or("?", String::as_str), state, notice.priority);
    }

    /// The state of every instance and group, for a reader that missed some.
    pub(super) fn tell_all_states(&mut self, now: Instant) {
        for router in 0..self.plan.routers.len() as u16 {
            let priority = self.node.router(router).map_or(0, |router| router.priority());
            self.tell_state(now, Told::Instance(router), self.state(router), priority);
        }
        for group in 0..self.config.groups.len() as u16 {
            let state = self.node.group(group).unwrap_or(State::Initialize);
            self.tell_state(now, Told::Group(group), state, 0);
        }
    }

    fn tell_state(&mut self, now: Instant, told: Told, state: State, priority: u8) {
        if state != State::Initialize {
            self.write_line(now, told, Notice { kind: kind_of(state), priority });
        }
    }
}
