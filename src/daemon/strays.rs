//! Addresses that a former life of ours left behind and that nobody wants any more.
//!
//! They carry our mark, and no line of the configuration names them: it was changed after a crash. Another
//! daemon of this name in the same network may hold addresses of its own with the same mark; while there
//! is one, nothing is removed.

use std::path::{Path, PathBuf};

use super::kernel::{Kernel, MARK};
use super::world::World;
use crate::wire::netlink::{Address, AddressRepr};

/// Addresses with our mark that belong to no slot; a bounded number, for one start.
pub type Strays = Vec<(u32, core::net::IpAddr, u8)>;

/// How many are remembered.
const LIMIT: usize = 4096;

/// Remembers an address if it is a stray.
pub fn note(strays: &mut Strays, world: &World, address: &Address<'_>) {
    if address.proto != Some(MARK) || strays.len() >= LIMIT {
        return;
    }
    let device = world.interfaces.with_index(address.index);
    let known = device.is_some_and(|device| world.plan.slots_of(device, address.ip, address.prefix).next().is_some());
    if !known {
        strays.push((address.index, address.ip, address.prefix));
    }
}

/// Removes them, unless another daemon may be their owner.
pub fn remove(strays: &Strays, kernel: &mut Kernel) {
    if strays.is_empty() {
        return;
    }
    if has_twin() {
        log::info!(
            "{} address(es) with our mark belong to another daemon here, or to nobody: left alone",
            strays.len()
        );
        return;
    }
    for (index, ip, prefix) in strays {
        log::info!("removing {ip}, which a former run left behind");
        remove_one(kernel, &bare(*index, *ip, *prefix));
    }
}

/// Removes one address that nobody wants.
pub fn remove_one(kernel: &mut Kernel, repr: &AddressRepr<'_>) {
    if let Err(errno) = kernel.remove_stray(repr) {
        log::error!("cannot remove {}: {errno}", repr.ip);
    }
}

fn bare(index: u32, ip: core::net::IpAddr, prefix: u8) -> AddressRepr<'static> {
    AddressRepr {
        index,
        ip,
        prefix,
        peer: None,
        broadcast: None,
        label: None,
        scope: 0,
        flags: 0,
        lifetimes: None,
        proto: None,
    }
}

/// Whether another process of our program runs in our network namespace.
fn has_twin() -> bool {
    let about = |pid: &str| (link(pid, "exe").as_deref().and_then(program), link(pid, "ns/net"));
    let own = about("self");
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let others =
        pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()) && *pid != std::process::id().to_string());
    others.into_iter().any(|pid| own.0.is_some() && about(&pid) == own)
}

fn link(pid: &str, name: &str) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/{name}")).ok()
}

/// The name of a running program; it stays the same when the file is replaced by a newer one.
fn program(executable: &Path) -> Option<String> {
    let name = executable.file_name()?.to_str()?;
    Some(String::from(name.strip_suffix(" (deleted)").unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_does_not_hide_a_twin() {
        let name = |path: &str| program(Path::new(path));
        assert_eq!(name("/usr/sbin/holdfast (deleted)"), name("/usr/sbin/holdfast"));
        assert_ne!(name("/usr/sbin/holdfast"), name("/usr/sbin/keepalived"));
    }
}
