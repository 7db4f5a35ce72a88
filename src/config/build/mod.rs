//! A [`Block`] of statements -> a [`Config`]: keyword by keyword through the table, then what only the whole shows.
//!
//! Whatever is wrong is reported and left out, and the rest is still judged: one run shows everything. What
//! keepalived complains about is an error here as well; what only we notice is a note, so that the exit
//! code of a configuration test means the same for both.

pub mod address;
pub mod balancer;
pub mod command;
pub mod complete;
pub mod delays;
pub mod file;
pub mod global;
pub mod group;
pub mod instance;
pub mod process;
pub mod routes;
pub mod script;
mod site;
pub mod tracks;

pub use super::keywords::nearest::nearest;
pub use site::{Known, Site};

use super::diagnostic::Diagnostics;
use super::keywords::{global::GLOBAL, top::TOP};
use super::model::Config;
use super::syntax::{Block, Statement};
use crate::config::Position;
use global::GlobalDraft;

/// What the machine adds to a configuration's meaning.
#[derive(Clone, Debug)]
pub struct Context {
    /// The host's name, the default of `router_id`.
    pub host_name: String,
    /// The interfaces that exist now; none if that is not known, and then none is missed.
    pub interfaces: Option<Vec<String>>,
    /// Whether users and scripts may be looked up in the file system. If not, nothing is said of them.
    pub files: bool,
    /// The directories, separated by colons, where programs without a path are looked for.
    pub search_path: String,
}

impl Default for Context {
    /// A machine of which nothing is known.
    fn default() -> Self {
        Self {
            host_name: String::from("localhost"),
            interfaces: None,
            files: false,
            search_path: String::from("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        }
    }
}

/// Builds the configuration that `block` describes. What is wrong is added to `diagnostics`; what could
/// not be used is left out.
pub fn build(block: &Block, diagnostics: &mut Diagnostics, context: &Context) -> Config {
    let mut site = Site::new(diagnostics, context);
    let mut draft = GlobalDraft::default();
    let (mut files, mut processes) = (Vec::new(), Vec::new());
    let (settings, blocks): (Vec<&Statement>, Vec<&Statement>) =
        block.statements.iter().partition(|statement| !is_vrrp(statement));
    for statement in settings {
        if let (Some(kind), Some(name)) = (routes::tracker_kind(site.head(statement)), statement.words.get(1)) {
            site.trackers.push((kind, name.text.clone()));
        }
        match site.head(statement) {
            "track_file" | "vrrp_track_file" => file::read_block(&mut site, &mut files, statement),
            "vrrp_track_process" => process::read_block(&mut site, &mut processes, statement),
            "global_defs" => site.own_block(GLOBAL, &mut draft, statement, "global_defs"),
            _ => site.statement(TOP, &mut draft, statement, "the top level"),
        }
    }
    let mut config = Config { global: draft.finish(&mut site), files, processes, ..Config::default() };
    site.set_global(&config.global);
    for statement in &blocks {
        match site.head(statement) {
            "vrrp_script" => script::read_block(&mut site, &mut config, statement),
            "vrrp_instance" => instance::read_block(&mut site, &mut config, statement),
            _ => {}
        }
    }
    complete::instances(&mut site, &mut config);
    delays::check(&mut site, &config);
    for statement in &blocks {
        if site.head(statement) == "vrrp_sync_group" {
            group::read_block(&mut site, &mut config, statement);
        }
    }
    complete::mail(&mut site, &config);
    site.finish();
    config
}

fn is_vrrp(statement: &Statement) -> bool {
    let name = statement.words.first().map_or("", |word| word.text.as_str());
    matches!(name, "vrrp_script" | "vrrp_instance" | "vrrp_sync_group")
}

/// The one name that a block's statement must have.
fn block_name(site: &mut Site<'_>, statement: &Statement) -> Option<(String, Position)> {
    let what = site.head(statement).to_owned();
    let at = site.at(statement);
    match statement.words.as_slice() {
        [_, name] if !name.text.is_empty() => Some((name.text.clone(), name.at)),
        [_] => {
            site.error(at, format!("{what} must have a name: write '{what} NAME {{'; the block is ignored"));
            None
        }
        _ => {
            site.error(at, format!("{what} must have a name of one word; the block is ignored"));
            None
        }
    }
}

#[cfg(test)]
mod tests;
