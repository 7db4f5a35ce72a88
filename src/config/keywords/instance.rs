//! `vrrp_instance`, its `authentication`, and the words of a virtual address's line.

use super::{ANY, Keyword, Put, SECOND, SIGNED, Takes, at};
use crate::config::build::address;
use crate::config::build::instance::{Draft, read};
use crate::config::build::routes;
use crate::config::build::tracks;
use Takes::{Address, Flag, Interface, Lines, Nothing, Number, Script, Seconds, WholeSeconds, Word, Words};

type Row = Keyword<Draft>;

/// The keywords of `vrrp_instance`.
#[rustfmt::skip]
pub static INSTANCE: &[Row] = &[
    Row::new("interface", Interface, at!(instance.interface), "where it speaks VRRP"),
    Row::new("virtual_router_id", Number(1, 255), at!(instance.vrid), "number of the virtual router"),
    Row::new("priority", Number(1, 255), at!(priority), "who wins; 255 owns the addresses (100)"),
    Row::new("state", Word, Put::Own(read::state, read::show_state), "MASTER or BACKUP, what it expects to become"),
    Row::new("version", Number(2, 3), at!(version), "VRRP version; IPv6 is always 3"),
    Row::new("native_ipv6", Nothing, Put::Own(read::native_ipv6, read::show_native_ipv6), "IPv6, which the addresses tell anyway"),
    Row::new("advert_int", Seconds(10_000, 255 * SECOND), at!(advert_int), "seconds between adverts (1)"),
    Row::new("virtual_ipaddress", Lines, Put::Own(address::virtual_ipaddress, address::show_virtual), "addresses, in the adverts"),
    Row::new("virtual_ipaddress_excluded", Lines, Put::Own(address::virtual_ipaddress_excluded, address::show_excluded), "addresses, not in the adverts"),
    Row::new("no_virtual_ipaddress", Nothing, at!(no_addresses), "that there is no address is meant"),
    Row::new("nopreempt", Nothing, at!(nopreempt), "does not take over from one of lower priority"),
    Row::accepted("preempt", Nothing, "it is the default", "takes over from one of lower priority"),
    Row::new("preempt_delay", Seconds(0, 1000 * SECOND), at!(instance.preempt_delay), "waits so long before it does"),
    Row::new("mcast_src_ip", Address, Put::Own(read::mcast_src_ip, read::show_mcast_src_ip), "source address of adverts"),
    Row::new("unicast_src_ip", Address, Put::Own(read::unicast_src_ip, read::show_unicast_src_ip), "source address of unicast adverts"),
    Row::new("mcast_dst_ip", Address, Put::Own(read::mcast_dst_ip, read::show_mcast_dst_ip), "multicast group"),
    Row::new("track_src_ip", Nothing, at!(instance.track_source), "FAULT while the source address is missing"),
    Row::new("unicast_peer", Lines, Put::Own(read::unicast_peer, read::show_unicast_peer), "addresses adverts are sent to, instead of multicast"),
    Row::new("unicast_ttl", Number(0, 255), Put::Own(read::unicast_ttl, read::show_unicast_ttl), "time to live of unicast adverts (255)"),
    Row::new("check_unicast_src", Flag, Put::Own(read::check_unicast_src, read::show_check_unicast_src), "refuse unicast adverts from strangers"),
    Row::new("unicast_fault_no_peer", Nothing, at!(instance.fault_without_peer), "FAULT while there is no peer"),
    Row::new("old_unicast_checksum", Words(0, 1), Put::Own(read::old_unicast_checksum, read::show_nothing), "no effect, both forms are always understood: checksum of keepalived up to 1.3.6"),
    Row::new("track_interface", Lines, Put::Own(tracks::instance_interfaces, tracks::show_instance_interfaces), "interfaces whose state counts"),
    Row::new("track_script", Lines, Put::Own(tracks::instance_scripts, tracks::show_instance_scripts), "scripts whose result counts"),
    Row::new("track_file", Lines, Put::Own(tracks::instance_files, tracks::show_instance_files), "files whose content counts"),
    Row::new("track_process", Lines, Put::Own(tracks::instance_processes, tracks::show_instance_processes), "processes that count"),
    Row::kept("track_bfd", Lines, Put::Own(routes::trackers, read::show_nothing), "BFD sessions that count"),
    Row::new("dont_track_primary", Nothing, at!(instance.dont_track_primary), "its own interface down is no FAULT"),
    Row::new("authentication", Takes::Own("authentication"), Put::Own(read::authentication, read::show_authentication), "password of version 2"),
    Row::not_yet("auth_hmac", Takes::Block(AUTH_HMAC, 0, 0), "signed adverts"),
    Row::new("accept", Nothing, Put::Own(read::accept, read::show_nothing), "answers traffic to its addresses (the default)"),
    Row::kept("no_accept", Nothing, Put::Own(read::no_accept, read::show_no_accept), "drops traffic to its addresses unless it owns them"),
    Row::new("strict_mode", Flag, at!(instance.strict), "hold to the letter of the RFC"),
    Row::new("skip_check_adv_addr", Flag, at!(instance.skip_check_adv_addr), "check the addresses in adverts of a new sender only"),
    Row::new("v3_checksum_as_v2", Flag, at!(instance.checksum_without_pseudo_header), "version 3 checksum over IPv4 without pseudo-header"),
    Row::new("owner_ignore_adverts", Flag, at!(instance.owner_ignore_adverts), "an address owner does not listen to adverts"),
    Row::new("garp_master_delay", WholeSeconds(0, 4294), at!(instance.announce.delay), "second batch of announcements after this"),
    Row::new("garp_master_repeat", Number(0, SIGNED), Put::Own(read::garp_repeat, read::show_garp_repeat), "announcements of an address in a batch"),
    Row::new("garp_master_refresh", WholeSeconds(0, ANY), at!(instance.announce.refresh), "a batch again at this interval, 0 for never"),
    Row::new("garp_master_refresh_repeat", Number(0, SIGNED), Put::Own(read::garp_refresh_repeat, read::show_garp_refresh_repeat), "announcements of an address in such a batch"),
    Row::new("garp_lower_prio_delay", WholeSeconds(0, 4294), at!(lower_prio_delay), "as garp_master_delay, after an advert of lower priority"),
    Row::new("garp_lower_prio_repeat", Number(0, SIGNED), at!(lower_prio_repeat), "as garp_master_repeat, after an advert of lower priority"),
    Row::kept("garp_extra_if", Words(1, 2), Put::Own(read::extra_if, read::show_nothing), "announce on the other interfaces of the addresses as well"),
    Row::deprecated("vmac_garp_intvl", Words(1, 2), Put::Nowhere, "garp_extra_if"),
    Row::new("lower_prio_no_advert", Flag, at!(instance.lower_prio_no_advert), "do not answer an advert of lower priority at once"),
    Row::new("higher_prio_send_advert", Flag, at!(instance.higher_prio_send_advert), "answer an advert of higher priority before yielding"),
    Row::new("down_timer_adverts", Number(1, 100), at!(instance.down_timer_adverts), "adverts missed until a backup takes over"),
    Row::new("kernel_rx_buf_size", Number(0, ANY), at!(instance.rx_buffer), "bytes of the receive buffer"),
    Row::accepted("timer_expired_backup", Words(0, 1), ALWAYS_LISTENS, "back to BACKUP when its timer ran late"),
    Row::accepted("thread_timer_expired", Words(0, 1), ALWAYS_LISTENS, "another name of timer_expired_backup"),
    Row::kept("use_vmac", Words(0, 8), Put::Own(read::use_vmac, read::show_nothing), "virtual MAC address"),
    Row::not_yet("use_vmac_addr", Nothing, "virtual MAC address for each address's interface"),
    Row::kept("vmac_xmit_base", Nothing, at!(vmac_xmit_base), "adverts leave by the interface below"),
    Row::kept("use_ipvlan", Words(0, 8), Put::Own(read::use_vmac, read::show_nothing), "ipvlan interface"),
    Row::kept("vrf", Word, at!(vrf), "VRF of the virtual MAC interface"),
    Row::kept("virtual_routes", Lines, Put::Own(routes::routes, read::show_nothing), "routes while it is MASTER"),
    Row::kept("virtual_rules", Lines, Put::Own(routes::rules, read::show_nothing), "rules while it is MASTER"),
    Row::new("promote_secondaries", Nothing, at!(instance.promote_secondaries), "removing an address keeps others of its network"),
    Row::new("notify_master", Script, at!(instance.notify.master), "run when it becomes MASTER"),
    Row::new("notify_backup", Script, at!(instance.notify.backup), "run when it becomes BACKUP"),
    Row::new("notify_fault", Script, at!(instance.notify.fault), "run when it comes to FAULT"),
    Row::new("notify_stop", Script, at!(instance.notify.stop), "run when the daemon ends"),
    Row::new("notify_deleted", Words(0, 3), Put::Own(read::notify_deleted, read::show_notify_deleted), "DELETED instead of FAULT when a reload removes it; a program to run then"),
    Row::new("notify", Script, at!(instance.notify.any), "run at each change: INSTANCE, name, state and priority follow"),
    Row::new("notify_master_rx_lower_pri", Script, at!(instance.notify.master_rx_lower_pri), "run when a MASTER hears one of lower priority"),
    Row::new("notify_priority_changes", Flag, at!(instance.notify_priority_changes), "a FIFO line for each change of priority"),
    Row::new("smtp_alert", Flag, at!(instance.smtp_alert), "mail for each change of state"),
    Row::accepted("debug", Number(0, 4), "it has no effect in keepalived either", "level of debugging"),
    Row::deprecated("linkbeat_use_polling", Nothing, Put::Nowhere, "linkbeat_interfaces"),
    Row::deprecated("lvs_sync_daemon_interface", Words(1, 8), Put::Nowhere, "lvs_sync_daemon in global_defs"),
];

const ALWAYS_LISTENS: &str = "a router that was late by its down interval always listens first";

/// The keywords of `authentication`.
#[rustfmt::skip]
pub static AUTHENTICATION: &[Row] = &[
    Row::new("auth_type", Word, Put::Own(read::auth_type, read::show_nothing), "PASS, or AH (not built yet)"),
    Row::new("auth_pass", Word, Put::Own(read::auth_pass, read::show_nothing), "the password, at most 8 bytes"),
];

/// The keywords of `auth_hmac`.
#[rustfmt::skip]
pub static AUTH_HMAC: &[Keyword<()>] = &[
    Keyword::not_yet("key", Words(2, 8), "a key and its number"),
    Keyword::not_yet("active_key", Number(0, 255), "the key that signs"),
    Keyword::not_yet("time_window", Number(1, 300), "seconds the clocks may differ"),
    Keyword::not_yet("anti_replay", Takes::Choice(&["time", "monotonic"]), "what proves an advert new"),
    Keyword::not_yet("mode", Takes::Choice(&["enforce", "permissive", "receive-only"]), "what becomes of adverts that are not signed"),
];
