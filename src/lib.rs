//! Holdfast holds virtual IP addresses where they belong: VRRP, health checks and address changes in
//! one static binary, one process, one thread.
//!
//! The layers, imports pointing down only (`tests/layers.rs` holds that):
//!
//! ```text
//! main      arguments -> Config -> Daemon -> exit code
//! cli       flags, help, version
//! daemon    the loop: file descriptors -> Input; Action -> sys
//! config    text -> Config, with Diagnostics
//! sys       Linux, and the only `unsafe`
//! proto     pure state machines: no clock, no file descriptor, no heap
//! wire      bytes <-> values: no state
//! (leaves)  time, text, limits
//! ```
//!
//! Words: the code uses RFC 9568's (Active, Backup, Initialize; Fault is keepalived's addition); the
//! outside surfaces say MASTER and BACKUP as keepalived does.

#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod daemon;
pub mod limits;
pub mod proto;
pub mod sys;
pub mod time;
pub mod wire;
