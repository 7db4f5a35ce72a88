//! TODO
use core::fmt::{self, Write};

use crate::daemon::world::World;

/// Writes it.
pub fn write(_out: &mut impl Write, _world: &World) -> fmt::Result {
    Ok(())
}
