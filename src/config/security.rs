//! May this program be run as this user? Where is it, can the user execute it, and who could have
//! changed it: the program, or a directory on its path.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::model::User;

/// What was found of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It cannot be run: the text says why, and what to do.
    Missing(String),
    /// It can be run, but somebody else than root could have changed it, and it would run as root.
    Insecure(PathBuf, String),
    /// It can be run.
    Fine(PathBuf),
}

const MODE_TYPE: u32 = 0o170_000;
const MODE_REGULAR: u32 = 0o100_000;

/// Where `program` is, and whether `user` may and should run it. A name without a slash is looked for in the
/// directories of `search` (separated by colons). `follow`: the path with its symbolic links resolved is returned.
pub fn judge(program: &str, user: User, search: &str, follow: bool) -> Verdict {
    let path = if program.contains('/') {
        PathBuf::from(program)
    } else {
        let found = search.split(':').filter(|dir| !dir.is_empty()).map(|dir| Path::new(dir).join(program));
        match found.into_iter().find(|path| executable(path, &user).is_ok()) {
            Some(path) => path,
            None => return Verdict::Missing(format!("'{program}' is in none of {search}: write its whole path")),
        }
    };
    if let Err(why) = executable(&path, &user) {
        return Verdict::Missing(why);
    }
    let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    let run = if follow { real.clone() } else { path.clone() };
    // Both ways count: a symbolic link in a directory of others can be pointed elsewhere.
    if user.uid == 0 {
        if let Some(why) = changeable(&path).or_else(|| changeable(&real)) {
            return Verdict::Insecure(run, why);
        }
    }
    Verdict::Fine(run)
}

/// Whether `user` can execute `path`, else why not.
fn executable(path: &Path, user: &User) -> Result<(), String> {
    let shown = path.display();
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{shown} does not exist: install it, or correct the path"),
        _ => format!("{shown} cannot be looked at: check the permissions of its directories"),
    })?;
    if meta.mode() & MODE_TYPE != MODE_REGULAR {
        return Err(format!("{shown} is no file"));
    }
    if meta.mode() & allowed(&meta, user, 0o111) == 0 {
        return Err(format!("{shown} is not executable by user {}: chmod +x {shown}", user.uid));
    }
    if user.uid != 0 {
        for dir in path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()) {
            if fs::metadata(dir).is_ok_and(|meta| meta.mode() & allowed(&meta, user, 0o111) == 0) {
                return Err(format!("user {} cannot pass {} on the way to {shown}", user.uid, dir.display()));
            }
        }
    }
    Ok(())
}

/// Those bits of `bits` that are the user's.
fn allowed(meta: &fs::Metadata, user: &User, bits: u32) -> u32 {
    if user.uid == 0 {
        bits
    } else if meta.uid() == user.uid {
        bits & 0o700
    } else if meta.gid() == user.gid {
        bits & 0o070
    } else {
        bits & 0o007
    }
}

/// The first element of the path that others than root can change, and how to stop that.
fn changeable(path: &Path) -> Option<String> {
    let mut elements: Vec<&Path> = path.ancestors().filter(|element| !element.as_os_str().is_empty()).collect();
    elements.reverse();
    for element in elements {
        let Ok(meta) = fs::symlink_metadata(element) else { continue };
        let shown = element.display();
        if meta.uid() != 0 {
            return Some(format!("{shown} belongs to user {}: chown root {shown}", meta.uid()));
        }
        // The mode of a symbolic link means nothing, and in a sticky directory only the owner renames.
        let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
        if meta.file_type().is_symlink() || sticky {
            continue;
        }
        if meta.mode() & 0o002 != 0 {
            return Some(format!("{shown} can be written by everybody: chmod o-w {shown}"));
        }
        if meta.mode() & 0o020 != 0 && meta.gid() != 0 {
            return Some(format!("{shown} can be written by group {}: chmod g-w {shown}", meta.gid()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn programs_are_found_on_the_search_path() {
        assert!(matches!(
            judge("sh", User::default(), "/nowhere:/bin", true),
            Verdict::Fine(_) | Verdict::Insecure(..)
        ));
        assert!(matches!(judge("sh", User::default(), "/nowhere", true), Verdict::Missing(_)));
        assert!(matches!(judge("/nowhere/sh", User::default(), "/bin", true), Verdict::Missing(_)));
        assert!(matches!(judge("/etc/passwd", User::default(), "/bin", true), Verdict::Missing(_)));
        assert!(matches!(judge("/etc", User::default(), "/bin", true), Verdict::Missing(_)));
    }

    #[test]
    fn the_element_that_others_can_write_is_named() {
        let dir = std::env::temp_dir().join(format!("holdfast-security-{}", std::process::id()));
        let script = dir.join("check");
        fs::create_dir_all(&dir).expect("a directory");
        fs::write(&script, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o777)).expect("its mode");
        let path = script.to_str().expect("a plain path");
        let verdict = judge(path, User::default(), "", true);
        let as_nobody = judge(path, User { uid: 65534, gid: 65534 }, "", true);
        fs::remove_dir_all(&dir).expect("removed");
        assert!(matches!(&verdict, Verdict::Insecure(_, why) if why.contains("holdfast-security")), "{verdict:?}");
        assert!(!matches!(as_nobody, Verdict::Insecure(..)), "{as_nobody:?}");
    }
}
