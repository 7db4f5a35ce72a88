//! `vrrp_script`.

use super::{Keyword, Put, SECOND, SIGNED, Takes, at};
use crate::config::build::script::{ScriptDraft, read};
use Takes::{Nothing, Number, Script, Seconds, Words};

type Row = Keyword<ScriptDraft>;

const LONGEST: u64 = 4_294 * SECOND;

/// The keywords of `vrrp_script`.
#[rustfmt::skip]
pub static SCRIPT: &[Row] = &[
    Row::new("script", Script, Put::Own(read::script, read::show_script), "the program and its arguments, or </path: good if that can be read"),
    Row::new("interval", Seconds(1_000, LONGEST), at!(script.interval), "seconds between two starts (1)"),
    Row::new("timeout", Seconds(1_000, LONGEST), at!(script.timeout), "seconds until it is killed and has failed (the interval)"),
    Row::new("weight", Words(1, 2), Put::Own(read::weight, read::show_weight), "0 is FAULT when it fails; else what is added to the priority"),
    Row::new("rise", Number(1, SIGNED), at!(script.rise), "successes in a row until it counts as good (1)"),
    Row::new("fall", Number(1, SIGNED), at!(script.fall), "failures in a row until it counts as bad (1)"),
    Row::new("user", Words(1, 2), Put::Own(read::user, read::show_user), "user and group it runs as"),
    Row::new("init_fail", Nothing, at!(script.init_fail), "bad until it has succeeded"),
];
