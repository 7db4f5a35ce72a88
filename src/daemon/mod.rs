//! The loop: file descriptors -> inputs; actions -> sys. The only place where `config`, `proto` and
//! `sys` meet.

pub mod interfaces;
pub mod kernel;
pub mod plan;
pub mod scripts;
pub mod sockets;
pub mod words;
