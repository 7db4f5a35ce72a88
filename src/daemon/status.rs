//! What the running daemon says of itself, for probes of containers, ubus and people: asks it for its JSON
//! as any tool would, and waits for the file.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::start::{main_pid_file, read};
use super::{Options, dump};
use crate::config::Severity;
use crate::sys::signals::JSON;
use crate::sys::{pid_file, process};

/// How often the file is looked for, and how long each wait is: two seconds in all.
const LOOKS: u32 = 400;
const WAIT: core::time::Duration = core::time::Duration::from_millis(5);

/// Prints the answer; returns the exit code, 0 if there is one. `options` are those the daemon was started
/// with, as far as they name files.
pub fn status(options: &Options) -> i32 {
    let outcome = ask(options)
        .and_then(|text| std::io::stdout().write_all(&text).map_err(|error| format!("cannot print it: {error}")));
    match outcome {
        Ok(()) => 0,
        Err(text) => {
            eprintln!("holdfast: {text}");
            1
        }
    }
}

fn ask(options: &Options) -> Result<Vec<u8>, String> {
    let (config, diagnostics) = read(options);
    if diagnostics.worst() == Some(Severity::Fatal) {
        return Err(format!("cannot read {}, which names the daemon's files", options.config.display()));
    }
    let path = main_pid_file(options, &config);
    let pid = pid_file::read(&path.to_string_lossy())
        .ok_or_else(|| format!("no daemon runs: there is no number in {}", path.display()))?;
    let [signal, _] = JSON;
    // A number left over by a crash may be anybody's now, and most die of this signal.
    if !process::survives(pid, signal) {
        return Err(format!("no daemon runs: process {pid} of {} is none", path.display()));
    }
    if config.instances.is_empty() {
        // As keepalived, it writes no file without an instance.
        return Ok(b"[]\n".to_vec());
    }
    let place = dump::json_place(&config);
    let before = look(&place).map(|(_, stamp)| stamp);
    process::signal(pid, signal).map_err(|errno| format!("cannot ask process {pid}: {errno}"))?;
    for _ in 0..LOOKS {
        if let Some((file, stamp)) = look(&place)
            && Some(stamp) != before
        {
            // Complete: it appears by being renamed.
            let mut text = Vec::new();
            return match (&file).read_to_end(&mut text) {
                Ok(_) => Ok(text),
                Err(error) => Err(format!("cannot read {}: {error}", place.display())),
            };
        }
        #[allow(clippy::disallowed_methods, reason = "this process runs no loop and keeps nobody waiting")]
        std::thread::sleep(WAIT);
    }
    Err(format!("process {pid} does not answer: no new {} within two seconds", place.display()))
}

/// What tells one writing of the file from another.
type Stamp = (u64, i64, i64);

/// The file, if it is root's or our own: in /tmp anybody may have put another one there.
fn look(place: &Path) -> Option<(File, Stamp)> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(place).ok()?;
    let found = file.metadata().ok().filter(|found| found.is_file())?;
    let owned = found.uid() == 0 || found.uid() == process::own_uid();
    owned.then(|| (file, (found.ino(), found.mtime(), found.mtime_nsec())))
}
