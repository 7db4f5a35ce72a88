//! Rules of the house that no compiler knows. Each has a test that it finds what it forbids.

mod source;

use std::fs;

use source::Source;

fn report(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Applies `rule` to all Rust files.
fn everywhere(rule: impl Fn(&str, &str) -> Vec<String>) {
    let sources = source::files(|path| path.ends_with(".rs"));
    report(&sources.iter().flat_map(|file| rule(&file.path, &file.text)).collect::<Vec<_>>());
}

fn at(path: &str, lines: Vec<usize>, what: &str) -> Vec<String> {
    lines.into_iter().map(|line| format!("{path}:{line}: {what}")).collect()
}

/// `unsafe`, and leave for it, only in `src/sys`.
fn unsafe_outside_sys(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/") || path.starts_with("src/sys/") {
        return Vec::new();
    }
    let code = source::code(text);
    let mut found = at(path, source::lines_with(&code, "unsafe"), "unsafe outside src/sys");
    let leave = |line: &&str| line.contains("allow(unsafe_code)") || line.contains("expect(unsafe_code)");
    found.extend(code.lines().filter(leave).map(|_| format!("{path}: unsafe_code is allowed outside src/sys")));
    found
}

#[test]
fn unsafe_is_only_in_sys() {
    everywhere(unsafe_outside_sys);
    assert_eq!(
        unsafe_outside_sys("src/wire/arp.rs", "fn f() {\n    unsafe { g() }\n}"),
        ["src/wire/arp.rs:2: unsafe outside src/sys"]
    );
    assert_eq!(unsafe_outside_sys("src/daemon/mod.rs", "#![allow(unsafe_code)]").len(), 1);
    assert_eq!(
        unsafe_outside_sys("src/lib.rs", "#![deny(unsafe_code)] // unsafe\nconst A: &str = \"unsafe\";").len(),
        0
    );
    assert_eq!(unsafe_outside_sys("src/sys/clock.rs", "unsafe { g() }").len(), 0);
}

/// Each `unsafe` block or implementation has a SAFETY comment of its own above the statement it is in.
fn unsafe_without_safety(path: &str, text: &str) -> Vec<String> {
    let code = source::code(text);
    let (code, text): (Vec<&str>, Vec<&str>) = (code.lines().collect(), text.lines().collect());
    let is_block = |line: &str| line.contains("unsafe {") || line.contains("unsafe impl") || line.contains("unsafe(");
    let explained = |index: usize| {
        for above in (0..index).rev().take(12) {
            if text[above].trim_start().starts_with("//") {
                // The comment may take several lines; SAFETY opens it.
                let block = (0..=above).rev().take_while(|line| text[*line].trim_start().starts_with("//"));
                return block.into_iter().any(|line| text[line].contains("SAFETY:"));
            }
            // The end of another statement, or another block: no comment in between.
            let line = code[above].trim_end();
            if line.ends_with(';') || line.ends_with('}') && !line.ends_with("{}") || is_block(line) || line.is_empty()
            {
                return false;
            }
        }
        false
    };
    let blocks = (0..code.len()).filter(|index| is_block(code[*index]) && !explained(*index));
    at(path, blocks.map(|index| index + 1).collect(), "unsafe without a SAFETY line")
}

#[test]
fn every_unsafe_block_is_explained() {
    everywhere(unsafe_without_safety);
    let bad = "fn f() {\n    // SAFETY: x\n    unsafe { g() };\n    unsafe { h() };\n}";
    assert_eq!(unsafe_without_safety("a.rs", bad), ["a.rs:4: unsafe without a SAFETY line"]);
    assert_eq!(unsafe_without_safety("a.rs", "// why not\nlet a = unsafe { b };").len(), 1);
    assert_eq!(unsafe_without_safety("a.rs", "// SAFETY: of x,\n// and y\nlet a =\n    b(unsafe { c });").len(), 0);
}

/// At most 800 lines before the tests.
fn too_long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    if lines > 800 { vec![format!("{path}: {lines} lines; make it two nouns")] } else { Vec::new() }
}

#[test]
fn no_file_is_too_long() {
    everywhere(too_long);
    assert_eq!(too_long("a.rs", &"x\n".repeat(801)).len(), 1);
    assert_eq!(too_long("a.rs", &("x\n".repeat(800) + "#[cfg(test)]\n" + &"y\n".repeat(800))).len(), 0);
}

/// `proto` and `wire` are told the time.
fn clock_below_daemon(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/proto") && !path.starts_with("src/wire") {
        return Vec::new();
    }
    let code = source::code(text);
    let clocks = ["Instant::now", "SystemTime", "UNIX_EPOCH", "clock_gettime", "gettimeofday", "std::time", "elapsed"];
    clocks
        .iter()
        .flat_map(|clock| at(path, source::lines_with(&code, clock), &format!("{clock} below the daemon")))
        .collect()
}

#[test]
fn protocols_read_no_clock() {
    everywhere(clock_below_daemon);
    assert_eq!(clock_below_daemon("src/proto/vrrp.rs", "let now = Instant::now();").len(), 1);
    assert_eq!(clock_below_daemon("src/wire/arp.rs", "use std::time::Duration;").len(), 1);
    assert_eq!(clock_below_daemon("src/proto/vrrp.rs", "// Instant::now\nuse crate::time::Instant;").len(), 0);
    assert_eq!(clock_below_daemon("src/sys/clock.rs", "libc::clock_gettime(a, b)").len(), 0);
}

/// What reads bytes from outside has no way to panic on purpose.
fn may_panic(path: &str, text: &str) -> Vec<String> {
    let outside = ["src/wire", "src/proto", "src/config"].iter().any(|layer| path.starts_with(layer));
    if !outside || path.ends_with("/tests.rs") || path.contains("/tests/") {
        return Vec::new();
    }
    let code = source::without_tests(&source::code(text));
    let calls =
        [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "panic!", "unreachable!", "todo!", "unimplemented!"];
    calls
        .iter()
        .flat_map(|call| at(path, source::lines_with(&code, call), &format!("{call} on what came from outside")))
        .collect()
}

#[test]
fn what_comes_from_outside_cannot_panic() {
    everywhere(may_panic);
    for bad in ["a.unwrap();", "a\n  .expect(\"b\");", "panic!()", "x => unreachable!(),", "todo!()"] {
        assert_eq!(may_panic("src/wire/arp.rs", bad).len(), 1, "{bad}");
    }
    let good = "let a = b.unwrap_or(0); // panic!\n#[cfg(test)]\nmod tests {\n    fn f() { a.unwrap(); }\n}\n";
    assert_eq!(may_panic("src/config/lex.rs", good).len(), 0);
    let behind = format!("{good}fn g() {{ c.unwrap() }}\n");
    assert_eq!(may_panic("src/config/lex.rs", &behind).len(), 1);
    assert_eq!(may_panic("src/sys/clock.rs", "panic!()").len(), 0);
}

/// A test that is not run is none.
fn ignored_tests(path: &str, text: &str) -> Vec<String> {
    let code = source::code(text);
    let marks = |line: &&str| line.contains("#[ignore") || line.contains("ignore)]") && line.contains("cfg_attr");
    code.lines().filter(marks).map(|line| format!("{path}: {}", line.trim())).collect()
}

#[test]
fn no_test_is_ignored() {
    everywhere(ignored_tests);
    assert_eq!(ignored_tests("a.rs", "#[test]\n#[ignore]\nfn f() {}").len(), 1);
    assert_eq!(ignored_tests("a.rs", "#[ignore = \"slow\"]").len(), 1);
    assert_eq!(ignored_tests("a.rs", "#[cfg_attr(miri, ignore)]").len(), 1);
    assert_eq!(ignored_tests("a.rs", "// #[ignore]\nlet ignore = 1;").len(), 0);
}

/// What may lie at the top; dot-files may as well.
const TOP: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md", "LICENSE", "src", "configs", "tests", "cross"];

fn strays<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // What cargo builds is the exception.
    let known = |name: &&str| name.starts_with('.') || TOP.contains(name) || *name == "target";
    names.into_iter().filter(|name| !known(name)).collect()
}

#[test]
fn the_top_level_is_tidy() {
    let entries = fs::read_dir(source::top()).expect("read the top");
    let names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(strays(names.iter().map(String::as_str)), Vec::<&str>::new());
    assert_eq!(strays(["src", "notes.txt", ".ci", "scripts"]), ["notes.txt", "scripts"]);
}

/// Paths that exist on one developer's machine only.
fn foreign_paths(file: &Source) -> Vec<String> {
    // Put together here, so that this file has none.
    let folders = ["work", "root", "home"].map(|name| format!("/{name}/"));
    let begins = |before: Option<char>| before.is_none_or(|c| c.is_whitespace() || "\"'`(=:<,[".contains(c));
    let is_foreign =
        |line: &str, folder: &str| line.match_indices(folder).any(|(at, _)| begins(line[..at].chars().next_back()));
    let lines = (1..).zip(file.text.lines());
    let bad = lines.filter(|(_, line)| folders.iter().any(|folder| is_foreign(line, folder)));
    bad.map(|(number, line)| format!("{}:{number}: a path of one machine: {}", file.path, line.trim())).collect()
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    report(&source::files(|_| true).iter().flat_map(foreign_paths).collect::<Vec<_>>());
    let file = |text: String| Source { path: "a".into(), text };
    for name in ["work", "root", "home"] {
        assert_eq!(foreign_paths(&file(format!("cd /{name}/x"))).len(), 1);
        assert_eq!(foreign_paths(&file(format!("\"/{name}/a\""))).len(), 1);
        assert_eq!(
            foreign_paths(&file(format!("/proc/1/{name}/x the frame/{name}/y ../{name}/z a:/{name}:b"))).len(),
            0
        );
    }
}
