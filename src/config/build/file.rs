//! `track_file NAME { ... }`: a file whose number counts.

use std::path::PathBuf;

use super::{Known, Site, block_name};
use crate::config::keywords::track::TRACK_FILE;
use crate::config::model::TrackedFile;
use crate::config::syntax::Statement;

impl Default for TrackedFile {
    fn default() -> Self {
        Self { name: String::new(), path: PathBuf::new(), weight: 1, reverse: false, init: None }
    }
}

/// Reads a block and adds it, if it names a file.
pub fn read_block(site: &mut Site<'_>, files: &mut Vec<TrackedFile>, statement: &Statement) {
    let Some((name, _)) = block_name(site, statement) else { return };
    let at = site.at(statement);
    if site.files.iter().any(|known| known.name == name) {
        return site.error(at, format!("there is a track_file {name} already; this one is ignored"));
    }
    let mut file = TrackedFile { name: name.clone(), ..TrackedFile::default() };
    site.own_block(TRACK_FILE, &mut file, statement, "track_file");
    let weight = (file.weight, file.reverse);
    let usable = !file.path.as_os_str().is_empty();
    site.files.push(Known { name: name.clone(), index: usable.then_some(files.len()), weight });
    if usable {
        files.push(file);
    } else {
        site.error(at, format!("track_file {name} has no file line; it is ignored"));
    }
}

/// The lines with a form of their own.
pub mod read {
    use super::{Site, TrackedFile};
    use crate::config::build::tracks::{FILE_WEIGHT, weight_words};
    use crate::config::keywords::value::Quoted;
    use crate::config::model::InitFile;
    use crate::config::printer::Printer;
    use crate::config::syntax::Statement;

    /// `file PATH`
    pub fn file(_: &mut Site<'_>, file: &mut TrackedFile, statement: &Statement) {
        file.path = statement.words.get(1).map_or_else(Default::default, |word| word.text.as_str().into());
    }

    /// Prints it.
    pub fn show_file(file: &TrackedFile, _: &TrackedFile, printer: &mut Printer) {
        printer.line(format_args!("file {}", Quoted(&file.path.to_string_lossy())));
    }

    /// `weight N [reverse]`
    pub fn weight(site: &mut Site<'_>, file: &mut TrackedFile, statement: &Statement) {
        let words = statement.words.get(1..).unwrap_or_default();
        if let Some((weight, reverse)) = weight_words(site, "weight", words, FILE_WEIGHT) {
            (file.weight, file.reverse) = (weight, reverse);
        }
    }

    /// Prints it.
    pub fn show_weight(file: &TrackedFile, default: &TrackedFile, printer: &mut Printer) {
        let reverse = if file.reverse { " reverse" } else { "" };
        if (file.weight, file.reverse) != (default.weight, default.reverse) {
            printer.line(format_args!("weight {}{reverse}", file.weight));
        }
    }

    /// `init_file [N] [overwrite]`
    pub fn init_file(site: &mut Site<'_>, file: &mut TrackedFile, statement: &Statement) {
        let mut init = InitFile { value: 0, overwrite: false };
        for word in statement.words.get(1..).unwrap_or_default() {
            if word.text == "overwrite" {
                init.overwrite = true;
            } else if let Some(value) = site.number(word, "init_file", i64::from(i32::MIN), i64::from(i32::MAX)) {
                init.value = i32::try_from(value).unwrap_or_default();
            }
        }
        file.init = Some(init);
    }

    /// Prints it.
    pub fn show_init_file(file: &TrackedFile, _: &TrackedFile, printer: &mut Printer) {
        if let Some(init) = file.init {
            let overwrite = if init.overwrite { " overwrite" } else { "" };
            printer.line(format_args!("init_file {}{overwrite}", init.value));
        }
    }
}
