//! The top level of a configuration.

use super::balancer::{SSL, VIRTUAL_SERVER};
use super::track::{BFD, GARP_GROUP, TRACK_GROUP};
use super::{Keyword, Put, Takes, at};
use crate::config::build::balancer::{virtual_server, virtual_server_group};
use crate::config::build::global::{GlobalDraft, read::show_nothing};
use crate::config::build::{address, delays, routes};
use Takes::{Block, Lines, Nothing, Number, Own, Word, Words};

type Row = Keyword<GlobalDraft>;

const KERNEL_TELLS: &str = "the kernel tells of a carrier by itself";

/// The keywords of the top level. Those of type `Own` are read by [`crate::config::build()`].
#[rustfmt::skip]
pub static TOP: &[Row] = &[
    Row::new("global_defs", Own("global_defs"), Put::Nowhere, "settings of the daemon, defaults of the instances"),
    Row::new("vrrp_instance", Own("vrrp_instance"), Put::Nowhere, "a virtual router"),
    Row::new("vrrp_sync_group", Own("vrrp_sync_group"), Put::Nowhere, "instances that change state together"),
    Row::new("vrrp_script", Own("vrrp_script"), Put::Nowhere, "a program whose result counts"),
    Row::new("instance", Word, at!(global.instance_name), "name of this daemon among several, in names of files"),
    Row::new("use_pid_dir", Nothing, at!(global.use_pid_dir), "pid files in /run/keepalived"),
    Row::new("net_namespace", Word, at!(global.net_namespace), "network namespace to run in"),
    Row::accepted("net_namespace_ipvs", Word, "load balancing is not built", "network namespace of IPVS"),
    Row::accepted("namespace_with_ipsets", Nothing, "no ipsets are used", "ipsets in a network namespace"),
    Row::accepted("child_wait_time", Number(0, 255), "there are no child daemons to wait for; STOP scripts have a second", "seconds to wait for scripts at the end"),
    Row::accepted("linkbeat_use_polling", Nothing, KERNEL_TELLS, "ask interfaces for their state, again and again"),
    Row::accepted("linkbeat_interfaces", Lines, KERNEL_TELLS, "interfaces to ask so"),
    Row::new("interface_up_down_delays", Lines, Put::Own(delays::interface_up_down_delays, delays::show), "how long an interface must be up or down to count so"),
    Row::new("vrrp_track_process", Own("vrrp_track_process"), Put::Nowhere, "processes that count"),
    Row::new("track_file", Own("track_file"), Put::Nowhere, "a file whose content counts"),
    Row::deprecated("vrrp_track_file", Own("track_file"), Put::Nowhere, "track_file"),
    Row::not_yet("track_group", Block(TRACK_GROUP, 1, 1), "instances that static addresses, routes and rules belong to"),
    Row::not_yet("garp_group", Block(GARP_GROUP, 0, 1), "interfaces that share a pace of announcements"),
    Row::new("static_ipaddress", Lines, Put::Own(address::static_ipaddress, address::show_static), "addresses that are always there"),
    Row::kept("static_routes", Lines, Put::Own(routes::routes, show_nothing), "routes that are always there"),
    Row::kept("static_rules", Lines, Put::Own(routes::rules, show_nothing), "rules that are always there"),
    Row::not_yet("bfd_instance", Block(BFD, 1, 1), "a BFD session"),
    Row::kept("virtual_server", Block(VIRTUAL_SERVER, 1, 3), Put::Own(virtual_server, show_nothing), "load balancing over real servers"),
    Row::kept("virtual_server_group", Takes::NamedLines, Put::Own(virtual_server_group, show_nothing), "addresses of a virtual server"),
    Row::not_yet("SSL", Block(SSL, 0, 0), "certificate of SSL_GET checks"),
    Row::accepted("include", Words(1, 1), "the reader resolves it", "reads other files in its place"),
    Row::accepted("includer", Words(1, 1), "the reader resolves it", "as include, what is missing is an error"),
    Row::accepted("includem", Words(1, 1), "the reader resolves it", "as include, what does not match is an error"),
    Row::accepted("includew", Words(1, 1), "the reader resolves it", "as include, each wildcard must match"),
    Row::accepted("includeb", Words(1, 1), "the reader resolves it", "as include, each brace must match"),
    Row::accepted("includea", Words(1, 1), "the reader resolves it", "as include, with all these checks"),
];
