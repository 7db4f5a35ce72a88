//! The status files that signals ask for: data (USR1), statistics (USR2), JSON (36, 37).
//!
//! Formats are keepalived's, field for field: tools read them. Nothing here allocates.

mod data;
mod json;
mod stats;
mod subject;
mod values;

use core::fmt;
use std::path::PathBuf;

use super::world::World;
use crate::config::Config;
use crate::sys::Errno;
use crate::sys::file::{ReplacedFile, Writer};

/// Where the files are, prepared at load.
pub struct Files {
    data: Option<ReplacedFile>,
    stats: Option<ReplacedFile>,
    json: Option<ReplacedFile>,
}

impl Files {
    /// The names the configuration gives, or keepalived's below $TMPDIR (/tmp).
    pub fn new(config: &Config) -> Self {
        let file = |path: PathBuf| ReplacedFile::new(&path.to_string_lossy()).ok();
        Self {
            data: file(place(&config.global.state_dump_file, &data_name(config))),
            stats: file(place(&config.global.stats_dump_file, "keepalived.stats")),
            json: file(json_place(config)),
        }
    }

    /// Everything there is to know, for people.
    pub fn data(&self, world: &World) {
        log::info!("Printing VRRP data for process({}) on signal", std::process::id());
        write(&self.data, |out| data::write(out, world));
    }

    /// The counters.
    pub fn stats(&self, world: &World) {
        log::info!("Printing VRRP stats for process({}) on signal", std::process::id());
        write(&self.stats, |out| stats::write(out, world));
    }

    /// The same for programs. As with keepalived, there is no such file without an instance.
    pub fn json(&self, world: &World) {
        if world.config.instances.is_empty() {
            log::info!("No json is written: there is no vrrp_instance");
            return;
        }
        log::info!("Printing VRRP as json for process({}) on signal", std::process::id());
        write(&self.json, |out| json::write(out, world));
    }
}

/// As with keepalived, only this file can have the name of `instance` in its own.
fn data_name(config: &Config) -> String {
    match &config.global.instance_name {
        Some(name) if config.global.data_use_instance => format!("keepalived.{}.data", name.replace('/', "_")),
        Some(_) | None => String::from("keepalived.data"),
    }
}

/// Where the JSON is.
pub fn json_place(config: &Config) -> PathBuf {
    place(&config.global.json_dump_file, "keepalived.json")
}

fn place(named: &Option<PathBuf>, name: &str) -> PathBuf {
    let directory = || std::env::var_os("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    named.clone().unwrap_or_else(|| directory().join(name))
}

fn write(file: &Option<ReplacedFile>, fill: impl FnOnce(&mut Writer) -> fmt::Result) {
    let outcome = file.as_ref().map_or(Err(Errno::INVALID), |file| file.replace(fill));
    if let Err(errno) = outcome {
        let path = file.as_ref().and_then(|file| file.path().to_str().ok()).unwrap_or("?");
        log::error!("cannot write {path}: {errno}");
    }
}
