//! Pure state machines: no clock, no file descriptor, no heap.
//!
//! The one contract:
//!
//! ```text
//! machine.handle(now, input, &mut outbox)      // never blocks, allocates, or reads a clock
//! machine.next_deadline() -> Option<Instant>   // after handle(now, Deadline): strictly later than now
//! ```
//!
//! Driver's law: handle, then drain the outbox, then the next input. The outcome of an action comes
//! back as an input. The same code runs in the daemon, in the simulator and under the fuzzer.

pub mod announce;
pub mod debounce;
pub mod mail;
pub mod node;
pub mod notify;
pub mod outbox;
pub mod script;
pub mod track;
pub mod vip;
pub mod vrrp;

pub use outbox::Outbox;
