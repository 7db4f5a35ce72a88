//! `global_defs` while it is read, and those of its lines that have a form of their own.

pub mod read;

use super::Site;
use crate::config::model::{Global, User};
use crate::time::Duration;

/// `global_defs` and the plain keywords of the top level.
#[derive(Clone, Default, Debug)]
pub struct GlobalDraft {
    /// What is known of it.
    pub global: Global,
    /// `vrrp_garp_lower_prio_delay` if written; else it is as the delay.
    pub lower_prio_delay: Option<Duration>,
    /// `vrrp_garp_lower_prio_repeat` if written; else it is as the repeat.
    pub lower_prio_repeat: Option<u32>,
    /// `script_user` if written.
    pub script_user: Option<User>,
    /// Whether a `script_user` was written that is nobody.
    pub script_user_unknown: bool,
}

impl GlobalDraft {
    /// As if it had just been read.
    pub fn of(global: &Global) -> Self {
        Self {
            lower_prio_delay: global.lower_prio_delay,
            lower_prio_repeat: global.lower_prio_repeat,
            script_user: Some(global.script_user.clone()),
            script_user_unknown: false,
            global: global.clone(),
        }
    }

    /// All defaults filled in.
    pub fn finish(mut self, site: &mut Site<'_>) -> Global {
        let global = &mut self.global;
        if global.router_id.is_empty() {
            global.router_id.clone_from(&site.context.host_name);
        }
        global.lower_prio_delay = self.lower_prio_delay;
        global.lower_prio_repeat = self.lower_prio_repeat;
        global.announce.lower_prio_delay = self.lower_prio_delay.unwrap_or(global.announce.delay);
        global.announce.lower_prio_repeat = self.lower_prio_repeat.unwrap_or(global.announce.repeat);
        let system = || site.users.user("keepalived_script");
        site.script_user = match self.script_user {
            Some(user) => Some(user),
            None if self.script_user_unknown => None,
            // Without script security root is good enough; with it, somebody must be named.
            None => system().or((!global.script_security || !site.context.files).then(User::default)),
        };
        global.script_user = site.script_user.clone().unwrap_or_default();
        self.global
    }
}
