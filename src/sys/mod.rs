//! Linux, and the only `unsafe` of the project: one kernel object a file.
//!
//! Only bytes cross the edge; what they mean is `wire`'s business. Nothing here blocks unless its name
//! says so, and nothing allocates after its constructor (the one of a [`spawn::Prepared`], of a
//! [`vrrp_socket::Receiver`] and the like run at load and at reload). Errors are [`Errno`]s: a number,
//! with its own table of names, because `io::Error` allocates to say what it is.

#![allow(unsafe_code)]

pub mod clock;
pub mod errno;
pub mod fd;
pub mod fifo;
pub mod file;
pub mod heap;
pub mod inotify;
pub mod interface;
pub mod logger;
pub mod memory;
#[cfg(test)]
mod namespace;
pub mod netlink;
pub mod packet_socket;
pub mod pid_file;
pub mod process;
pub mod processes;
pub mod receive_batch;
pub mod resolver;
pub mod send_batch;
pub mod service_manager;
pub mod signals;
mod socket;
pub mod spawn;
pub mod sysctl;
pub mod tcp;
pub mod timer;
mod unix_datagram;
pub mod vrid_filter;
pub mod vrrp_socket;

pub use errno::{Errno, Result};
pub use fd::Fd;
pub use interface::Interface;
