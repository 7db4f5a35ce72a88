//! `vrrp_script`.

use super::command::{Missing, command, default_user, line};
use super::{Known, Site, block_name};
use crate::config::Position;
use crate::config::keywords::script::SCRIPT;
use crate::config::model::{Command, Config, Script, User};
use crate::config::syntax::Statement;
use crate::time::Duration;

/// A `vrrp_script` while it is read.
#[derive(Clone, Debug)]
pub struct ScriptDraft {
    /// What is known of it.
    pub script: Script,
    /// `user` if written.
    pub user: Option<User>,
    /// Whether a `user` was written that is nobody.
    pub user_unknown: bool,
    /// Where the program is named.
    pub line: Option<Position>,
}

impl Default for ScriptDraft {
    fn default() -> Self {
        Self {
            script: Script {
                name: String::new(),
                at: Position::default(),
                command: Command::default(),
                file: None,
                interval: Duration::from_secs(1),
                timeout: Duration::ZERO,
                weight: 0,
                reverse: false,
                rise: 1,
                fall: 1,
                init_fail: false,
            },
            user: None,
            user_unknown: false,
            line: None,
        }
    }
}

impl ScriptDraft {
    /// As if it had just been read.
    pub fn of(script: &Script) -> Self {
        Self { user: Some(script.command.user.clone()), script: script.clone(), user_unknown: false, line: None }
    }
}

/// Reads a block and adds it, if it can be run.
pub fn read_block(site: &mut Site<'_>, config: &mut Config, statement: &Statement) {
    let Some((name, _)) = block_name(site, statement) else { return };
    let at = site.at(statement);
    if site.scripts.iter().any(|known| known.name == name) {
        return site.error(at, format!("there is a vrrp_script {name} already; this one is ignored"));
    }
    let mut draft = ScriptDraft::default();
    site.own_block(SCRIPT, &mut draft, statement, "vrrp_script");
    draft.script.name.clone_from(&name);
    draft.script.at = at;
    if draft.script.command.argv.is_empty() && draft.script.file.is_none() {
        return site.error(at, format!("vrrp_script {name} has no script line; it is ignored"));
    }
    let user = match draft.user {
        Some(user) => Some(user),
        None if draft.user_unknown => None,
        None if draft.script.file.is_some() => Some(User::default()),
        None => default_user(site, &format!("vrrp_script {name}"), statement),
    };
    // Without a user to run it as, it is as if the block were not there: trackers that name it are told so.
    let Some(user) = user else { return };
    let what = format!("vrrp_script {name}");
    let argv = core::mem::take(&mut draft.script.command.argv);
    draft.script.command = Command { user: user.clone(), ..Command::default() };
    if draft.script.file.is_none() {
        let at = draft.line.unwrap_or(at);
        match command(site, &what, at, argv, user, Missing::Error) {
            Some(found) => draft.script.command = found,
            None => return site.scripts.push(Known { name, index: None, weight: (0, false) }),
        }
    }
    let weight = (draft.script.weight, draft.script.reverse);
    site.scripts.push(Known { name, index: Some(config.scripts.len()), weight });
    config.scripts.push(draft.script);
}

/// The lines with a form of their own.
pub mod read {
    use super::{ScriptDraft, Site, line};
    use crate::config::build::command::{self, quote};
    use crate::config::build::tracks::{WEIGHT, weight_words};
    use crate::config::keywords::value::Quoted;
    use crate::config::printer::Printer;
    use crate::config::syntax::Statement;

    /// `script "PROGRAM ARGUMENTS"` or `script </path`
    pub fn script(site: &mut Site<'_>, draft: &mut ScriptDraft, statement: &Statement) {
        let Some(word) = statement.words.get(1) else { return };
        draft.line = Some(word.at);
        if let Some(path) = word.text.strip_prefix('<') {
            draft.script.file = Some(path.trim_start().into());
            return;
        }
        if let Some(argv) = line(site, "script", statement) {
            draft.script.command.argv = argv;
        }
    }

    /// Prints it.
    pub fn show_script(draft: &ScriptDraft, _: &ScriptDraft, printer: &mut Printer) {
        let line = match &draft.script.file {
            Some(path) => Quoted(&format!("<{}", path.display())).to_string(),
            None => quote(&draft.script.command.argv),
        };
        printer.line(format_args!("script {line}"));
    }

    /// `weight N [reverse]`
    pub fn weight(site: &mut Site<'_>, draft: &mut ScriptDraft, statement: &Statement) {
        let words = statement.words.get(1..).unwrap_or_default();
        if let Some((weight, reverse)) = weight_words(site, "weight", words, WEIGHT) {
            draft.script.weight = weight;
            draft.script.reverse = reverse;
        }
    }

    /// Prints it.
    pub fn show_weight(draft: &ScriptDraft, _: &ScriptDraft, printer: &mut Printer) {
        let reverse = if draft.script.reverse { " reverse" } else { "" };
        if draft.script.weight != 0 || draft.script.reverse {
            printer.line(format_args!("weight {}{reverse}", draft.script.weight));
        }
    }

    /// `user USER [GROUP]`
    pub fn user(site: &mut Site<'_>, draft: &mut ScriptDraft, statement: &Statement) {
        draft.user = command::user(site, "user", statement.words.get(1..).unwrap_or_default());
        draft.user_unknown = draft.user.is_none();
    }

    /// Prints it.
    pub fn show_user(draft: &ScriptDraft, _: &ScriptDraft, printer: &mut Printer) {
        if let Some(user) = &draft.user {
            printer.line(format_args!("user {} {}", user.uid, user.gid));
        }
    }
}
