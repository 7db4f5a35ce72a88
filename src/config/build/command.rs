//! Programs to run: the line split into arguments, the user, the program found and judged.

use super::Site;
use crate::config::Position;
use crate::config::keywords::{Field, Value};
use crate::config::model::{Command, User};
use crate::config::security::{Verdict, judge};
use crate::config::shell::split;
use crate::config::syntax::{Statement, Word};

/// How a program counts that is missing, or that script security forbids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// keepalived says nothing of it: it might appear later.
    Note,
    /// keepalived does without it.
    Error,
}

/// The program of a `notify` line: in quotes with its arguments, then perhaps a user and a group.
pub fn notify(site: &mut Site<'_>, what: &str, statement: &Statement) -> Option<Command> {
    let line = line(site, what, statement)?;
    let user = match statement.words.get(2) {
        Some(_) => match find_user(site, statement.words.get(2..).unwrap_or_default()) {
            Ok(user) => user,
            Err((at, why)) => {
                // keepalived goes without the script and says so in its log only.
                site.note(at, format!("{what}: {why}: create it, or name another; the script is not run"));
                return None;
            }
        },
        None => default_user(site, what, statement)?,
    };
    let at = statement.words.get(1).map_or_else(|| site.at(statement), |word| word.at);
    command(site, what, at, line, user, Missing::Note)
}

/// The arguments that a script's line holds.
pub fn line(site: &mut Site<'_>, what: &str, statement: &Statement) -> Option<Vec<String>> {
    let word = statement.words.get(1)?;
    // The line as it stands knows escapes that the words no longer show.
    let argv = split(&statement.rest).and_then(|words| split(words.first().map_or("", String::as_str)));
    let problem = match argv {
        Ok(argv) if !argv.is_empty() => return Some(argv),
        Ok(_) => String::from("it names no program"),
        Err(problem) => problem.to_string(),
    };
    site.error(word.at, format!("{what}: {problem}; the line is ignored"));
    None
}

/// The user, and the group if one is named.
pub fn user(site: &mut Site<'_>, what: &str, words: &[Word]) -> Option<User> {
    match find_user(site, words) {
        Ok(user) => Some(user),
        Err((at, why)) => {
            site.error(at, format!("{what}: {why}: create it, or name another"));
            None
        }
    }
}

fn find_user(site: &Site<'_>, words: &[Word]) -> Result<User, (Position, String)> {
    let known = site.context.files;
    let Some(name) = words.first() else { return Ok(User::default()) };
    let mut found = match site.users.user(&name.text) {
        Some(user) => user,
        None if !known => User::default(),
        None => return Err((name.at, format!("there is no user '{}'", name.text))),
    };
    if let Some(group) = words.get(1) {
        match site.users.group(&group.text) {
            Some(gid) => found.gid = gid,
            None if !known => {}
            None => return Err((group.at, format!("there is no group '{}'", group.text))),
        }
    }
    Ok(found)
}

/// The user of scripts that name none.
pub fn default_user(site: &mut Site<'_>, what: &str, statement: &Statement) -> Option<User> {
    if site.script_user.is_none() {
        let at = site.at(statement);
        let text = format!(
            "{what}: there is no user keepalived_script to run it as: create that user, or set script_user in global_defs; it is ignored"
        );
        site.error(at, text);
    }
    site.script_user.clone()
}

/// The command, its program found and judged. None if `missing` is an error and it is missing.
pub fn command(
    site: &mut Site<'_>,
    what: &str,
    at: Position,
    argv: Vec<String>,
    user: User,
    missing: Missing,
) -> Option<Command> {
    let mut command = Command { argv, user, insecure: false };
    let program = command.argv.first()?;
    if !site.context.files {
        return Some(command);
    }
    let path = match judge(program, command.user.clone(), &site.context.search_path, !site.global.use_symlink_paths) {
        Verdict::Fine(path) => path,
        Verdict::Missing(why) => match missing {
            Missing::Note => {
                // To keepalived a file that cannot be executed is a script all the same.
                site.programs |= std::path::Path::new(program).is_file();
                site.note(at, format!("{what}: {why}"));
                return Some(command);
            }
            Missing::Error => {
                site.error(at, format!("{what}: {why}; it is ignored"));
                return None;
            }
        },
        Verdict::Insecure(path, why) => {
            if site.global.script_security {
                let text = format!("{what}: not run, because {why}");
                match missing {
                    Missing::Note => site.note(at, text),
                    Missing::Error => {
                        site.error(at, text);
                        return None;
                    }
                }
                command.insecure = true;
            } else {
                site.note(at, format!("{what}: others could change what runs as root: {why}"));
            }
            path
        }
    };
    site.programs = true;
    if let (Some(first), Some(path)) = (command.argv.first_mut(), path.to_str()) {
        path.clone_into(first);
    }
    Some(command)
}

/// A command line as one word of a configuration, which is split twice: at the quotation marks of the line, and
/// what is between them into arguments. All that has a meaning to one or the other is written as a number.
pub fn quote(argv: &[String]) -> String {
    let arguments: Vec<String> = argv.iter().map(|argument| quote_argument(argument)).collect();
    format!("\"{}\"", arguments.join(" "))
}

fn quote_argument(argument: &str) -> String {
    let mut text = String::new();
    for c in argument.chars() {
        if c == ' ' || (!c.is_whitespace() && !c.is_control() && !"'\"\\!#$~@{}".contains(c)) {
            text.push(c);
        } else {
            let mut bytes = [0; 4];
            text.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\\\{byte:03o}")));
        }
    }
    if text.is_empty() || text.contains([' ', '<']) { format!("'{text}'") } else { text }
}

/// Boxed: most instances have none, and each could have seven.
impl Field for Option<Box<Command>> {
    fn put(&mut self, value: Value) {
        if let Value::Program(command) = value {
            *self = Some(Box::new(command));
        }
    }
    fn show(&self) -> Value {
        self.as_deref().cloned().map_or(Value::Unset, Value::Program)
    }
}
