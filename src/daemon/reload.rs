//! Reload: a new world beside the old one, then a swap. What exists in both goes on without an election;
//! a bad new file changes nothing.

use super::start::{read, say};
use super::world::World;
use super::{Daemon, FIRST_RECEIVER, dump, receive_batch, strays, watch_files};
use crate::config::model::Instance;
use crate::config::{Config, Severity};
use crate::sys::clock;
use crate::time::Instant;

impl Daemon {
    /// Reads the configuration again and goes over to it.
    #[inline(never)] // what it needs of the stack is for the reload only
    pub(super) fn reload(&mut self, now: Instant) {
        log::info!("Reloading ...");
        // Without a service manager nothing happens.
        let _ = self.manager.reloading();
        let (config, diagnostics) = read(&self.options);
        say(&diagnostics);
        if diagnostics.worst() == Some(Severity::Fatal) {
            log::error!("the new configuration cannot be used: the old one stays in force");
        } else if let Some(word) = fixed_word_changed(&self.world.config, &config) {
            log::error!(
                "{word} cannot change while we run: the old configuration stays in force; restart to change it"
            );
        } else {
            self.change_to(now, config);
        }
        let _ = self.manager.ready();
    }

    fn change_to(&mut self, now: Instant, config: Config) {
        let origin = origins(&self.world.config, &config);
        for router in 0..self.world.config.instances.len() as u16 {
            if !origin.contains(&Some(router)) {
                self.world.dismiss(now, router);
            }
        }
        self.world.flush(now, &mut self.kernel);
        let mut next = match World::resume(config, &self.world, &origin, FIRST_RECEIVER, now) {
            Ok(next) => next,
            Err(errno) => {
                log::error!("cannot go over to the new configuration: {errno}; the old one stays in force");
                return;
            }
        };
        core::mem::swap(&mut self.world, &mut next);
        let mut old = next;
        for repr in old.left_over(&self.world) {
            strays::remove_one(&mut self.kernel, &repr);
        }
        if let Err(errno) = self.read_tables() {
            log::error!("cannot read links and addresses: {errno}; trying again");
            self.kernel.ask_resync();
            self.kernel_backlog = true;
        }
        self.world.take_over(now, &mut old, self.poll.registry());
        self.world.open_sockets(self.poll.registry());
        watch_files(&self.world, self.poll.registry());
        let now = clock::monotonic();
        self.world.start(now);
        self.world.flush(now, &mut self.kernel);
        self.world.mail.run(now, self.poll.registry());
        self.files = dump::Files::new(&self.world.config);
        self.batch = receive_batch(&self.world);
        log::info!("Reload finished");
    }
}

/// For each instance of `new` the index of what it was in `old`: the same virtual router on the same
/// interface, whatever its name. As keepalived tells them apart.
fn origins(old: &Config, new: &Config) -> Vec<Option<u16>> {
    let identity =
        |instance: &Instance| (instance.vrid, instance.family, instance.interface.clone(), !instance.peers.is_empty());
    let place = |instance: &Instance| old.instances.iter().position(|before| identity(before) == identity(instance));
    new.instances.iter().map(|instance| place(instance).map(|at| at as u16)).collect()
}

/// A setting of the process itself that the new configuration changes.
fn fixed_word_changed(old: &Config, new: &Config) -> Option<&'static str> {
    if old.global.net_namespace != new.global.net_namespace {
        Some("net_namespace")
    } else if old.global.instance_name != new.global.instance_name {
        Some("instance")
    } else {
        None
    }
}
