//! `vrrp_sync_group`.

use super::{Site, block_name, nearest};
use crate::config::Position;
use crate::config::keywords::group::SYNC_GROUP;
use crate::config::model::{Config, Global, Notify, SyncGroup};
use crate::config::syntax::{Statement, Word};

/// A `vrrp_sync_group` while it is read.
#[derive(Clone, Debug)]
pub struct GroupDraft {
    /// What is known of it.
    pub group: SyncGroup,
    /// The names in `group`.
    pub members: Vec<Word>,
    /// The names in `track_script`, known or not.
    pub tracked: Vec<String>,
    /// `notify_priority_changes`.
    pub notify_priority_changes: bool,
}

impl GroupDraft {
    /// What a group without lines is.
    pub fn new(global: &Global) -> Self {
        Self {
            group: SyncGroup {
                name: String::new(),
                at: Position::default(),
                members: Vec::new(),
                track_interfaces: Vec::new(),
                track_scripts: Box::default(),
                tracks: Box::default(),
                tracking_weight: false,
                notify: Notify::default(),
                smtp_alert: global.mails(),
            },
            members: Vec::new(),
            tracked: Vec::new(),
            notify_priority_changes: false,
        }
    }

    /// As if it had just been read.
    pub fn of(group: &SyncGroup, config: &Config) -> Self {
        let names = group.members.iter().filter_map(|index| config.instances.get(*index));
        let word = |name: &String| Word { text: name.clone(), at: Position::default(), quoted: false };
        Self {
            members: names.map(|instance| word(&instance.name)).collect(),
            group: group.clone(),
            ..Self::new(&config.global)
        }
    }
}

/// Reads a block and adds it, if it has members.
pub fn read_block(site: &mut Site<'_>, config: &mut Config, statement: &Statement) {
    let Some((name, _)) = block_name(site, statement) else { return };
    let at = site.at(statement);
    if config.groups.iter().any(|group| group.name == name) {
        return site.error(at, format!("there is a vrrp_sync_group {name} already; this one is ignored"));
    }
    let mut draft = GroupDraft::new(&site.global);
    site.own_block(SYNC_GROUP, &mut draft, statement, "vrrp_sync_group");
    let GroupDraft { mut group, members, .. } = draft;
    group.name.clone_from(&name);
    group.at = at;
    for member in &members {
        if let Some(index) = member_index(site, config, &group, member) {
            group.members.push(index);
        }
    }
    match group.members.len() {
        0 => site.error(at, format!("vrrp_sync_group {name} has no member; it is ignored")),
        1 => {
            site.error(at, format!("vrrp_sync_group {name} has only one member: add another, or remove the group"));
            config.groups.push(group);
        }
        _ => config.groups.push(group),
    }
}

fn member_index(site: &mut Site<'_>, config: &Config, group: &SyncGroup, member: &Word) -> Option<usize> {
    let what = format!("vrrp_sync_group {}", group.name);
    let name = &member.text;
    let Some(index) = config.instances.iter().position(|instance| instance.name == *name) else {
        let near = nearest(name, config.instances.iter().map(|instance| instance.name.as_str()));
        let hint = near.map_or_else(String::new, |near| format!(": did you mean '{near}'?"));
        site.error(member.at, format!("{what}: there is no vrrp_instance {name} to use; it is ignored{hint}"));
        return None;
    };
    if group.members.contains(&index) {
        site.error(member.at, format!("{what} names {name} twice"));
        return None;
    }
    if let Some(other) = config.groups.iter().find(|other| other.members.contains(&index)) {
        let text = format!("{what}: {name} is in {} already, and can be in one group only; it is ignored", other.name);
        site.error(member.at, text);
        return None;
    }
    Some(index)
}

/// The lines with a form of their own.
pub mod read {
    use super::{GroupDraft, Site};
    use crate::config::keywords::value::Quoted;
    use crate::config::printer::Printer;
    use crate::config::syntax::Statement;

    /// `group { NAME ... }`
    pub fn members(site: &mut Site<'_>, draft: &mut GroupDraft, statement: &Statement) {
        let Some(block) = &statement.block else { return };
        if !draft.members.is_empty() {
            return site.error(site.at(statement), "group is there already; this one is ignored");
        }
        draft.members.extend(block.statements.iter().flat_map(|line| line.words.clone()));
        if draft.members.is_empty() {
            site.error(site.at(statement), "group is empty: name an instance a line");
        }
    }

    /// Prints it.
    pub fn show_members(draft: &GroupDraft, _: &GroupDraft, printer: &mut Printer) {
        printer.lines("group", draft.members.iter().map(|name| Quoted(&name.text).to_string()).collect());
    }
}
