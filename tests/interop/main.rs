//! Holdfast and keepalived as one virtual router: each holds the address in turn, in every form the
//! protocol has, and where they are configured to disagree they do it as theory says.
//!
//! ```text
//!   a  priority 200 ── eth0 ┐
//!   b  priority 100 ── eth0 ┼ br0        who runs what: both ways, at the same time (`both_roles`)
//!   c  a client     ── eth0 ┘
//! ```
//!
//! The judge is what is on the wire and in the kernels' address tables, not what either daemon says of
//! itself. Debian's keepalived 2.2.7 is the peer; it is missing loudly.

#![allow(clippy::disallowed_methods)]

#[path = "../lab/mod.rs"]
mod lab;

mod conf;
mod counters;
mod disagree;
mod failover;
mod pair;
mod policy;
