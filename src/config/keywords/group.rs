//! `vrrp_sync_group`.

use super::{Keyword, Put, Takes, at};
use crate::config::build::global::read::show_nothing;
use crate::config::build::group::{GroupDraft, read};
use crate::config::build::routes;
use crate::config::build::tracks;
use Takes::{Flag, Lines, Nothing, Script};

type Row = Keyword<GroupDraft>;

/// The keywords of `vrrp_sync_group`.
#[rustfmt::skip]
pub static SYNC_GROUP: &[Row] = &[
    Row::new("group", Lines, Put::Own(read::members, read::show_members), "names of the instances that change state together"),
    Row::new("track_interface", Lines, Put::Own(tracks::group_interfaces, tracks::show_group_interfaces), "interfaces whose state counts"),
    Row::new("track_script", Lines, Put::Own(tracks::group_scripts, tracks::show_group_scripts), "scripts whose result counts"),
    Row::new("track_file", Lines, Put::Own(tracks::group_files, tracks::show_group_files), "files whose content counts"),
    Row::new("track_process", Lines, Put::Own(tracks::group_processes, tracks::show_group_processes), "processes that count"),
    Row::kept("track_bfd", Lines, Put::Own(routes::trackers, show_nothing), "BFD sessions that count"),
    Row::new("notify_master", Script, at!(group.notify.master), "run when it becomes MASTER"),
    Row::new("notify_backup", Script, at!(group.notify.backup), "run when it becomes BACKUP"),
    Row::new("notify_fault", Script, at!(group.notify.fault), "run when it comes to FAULT"),
    Row::new("notify_stop", Script, at!(group.notify.stop), "run when the daemon ends"),
    Row::new("notify", Script, at!(group.notify.any), "run at each change: GROUP, name and state follow"),
    Row::kept("notify_priority_changes", Flag, at!(notify_priority_changes), "a FIFO line for each change of priority"),
    Row::new("smtp_alert", Flag, at!(group.smtp_alert), "mail for each change of state"),
    Row::new("sync_group_tracking_weight", Nothing, at!(group.tracking_weight), "weights of trackers count although it is a group"),
    Row::deprecated("global_tracking", Nothing, Put::Nowhere, "track_* in the group"),
];
