use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::config::syntax::{Statement, Word};

fn options() -> Options {
    Options { config_id: String::from("me"), ..Options::default() }
}

/// The tree without positions: words joined by `,`, statements by `;`, blocks in braces.
fn shape(block: &Block) -> String {
    let statements = block.statements.iter().map(|statement| {
        let words: Vec<&str> = statement.words.iter().map(|word| word.text.as_str()).collect();
        let block = statement.block.as_ref().map(|block| format!("{{{}}}", shape(block)));
        format!("{}{}", words.join(","), block.unwrap_or_default())
    });
    statements.collect::<Vec<_>>().join(";")
}

fn load(text: &str) -> (Block, Vec<String>) {
    let (block, found) = read_text("t.conf", text.as_bytes(), &options());
    (block, found.list.iter().map(|one| found.show(one).to_string()).collect())
}

/// That the texts give these trees, and not one finding.
#[track_caller]
fn all_read(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let (block, found) = load(text);
        assert_eq!((shape(&block).as_str(), found), (*expected, vec![]), "{text}");
    }
}

/// That the texts give these trees, and findings that begin so.
#[track_caller]
fn all_found(cases: &[(&str, &str, &[&str])]) {
    for (text, expected, findings) in cases {
        let (block, found) = load(text);
        assert_eq!(shape(&block).as_str(), *expected, "{text}");
        assert_eq!(found.len(), findings.len(), "{text}: {found:?}");
        for (found, begins) in found.iter().zip(*findings) {
            assert!(found.starts_with(begins), "{text}: {found} does not begin with {begins}");
        }
    }
}

#[test]
fn braces_open_and_close_blocks_wherever_they_stand() {
    all_read(&[
        ("a {\n b\n}", "a{b}"),
        ("a\n{\n b }", "a{b}"),
        ("a\n\n# between\n{\n b\n}", "a{b}"),
        ("a { b { c d } e }", "a{b{c,d};e}"),
        ("a{b}c", "a{b};c"),
        ("a {}\nb", "a{};b"),
        ("g { i }", "g{i}"),
        ("t { l } p 77", "t{l};p,77"),
        ("a \"{\" \"}\" {\n b\n}", "a,{,}{b}"),
        ("m { a b\n c d }", "m{a,b;c,d}"),
        ("", ""),
    ]);
}

#[test]
fn unbalanced_braces_are_found_where_they_stand_and_lose_nothing() {
    all_found(&[
        ("a {\n b {\n c\n}\nd", "a{b{c};d}", &["t.conf:1:3: the { of a is never closed"]),
        (
            "a x {\n  b {\n c",
            "a,x{b{c}}",
            &["t.conf:2:5: the { of b is never closed", "t.conf:1:5: the { of a x is never closed"],
        ),
        ("a }\nb", "a;b", &["t.conf:1:3: this } closes nothing"]),
        ("a { b }\n}\nc", "a{b};c", &["t.conf:2:1: this } closes nothing"]),
        ("a { b } { c }\nd", "a{b};{c};d", &["t.conf:1:9: this { follows no keyword"]),
        ("a\n\nb { c }\n{ d }", "a;b{c};{d}", &["t.conf:4:1: this { follows no keyword"]),
    ]);
}

#[test]
fn comments_begin_anywhere_but_in_quotes() {
    all_read(&[
        ("a#b", "a"),
        ("a b!c", "a,b"),
        ("# a\n! b\n  c", "c"),
        ("a \"b # c\" d ! e", "a,b # c,d"),
        (r"a \# b \! c\#d", "a,#,b,!,c#d"),
        (r"a \\# b", r"a,\\"),
        ("a 'b # c'", "a,'b"),
        ("a \"x \\\" # y\" z # w", "a,x \" # y,z"),
        ("a { # }\n}", "a{}"),
    ]);
}

#[test]
fn double_quotes_alone_join_words_and_end_them() {
    all_read(&[
        ("a \"b c\" d", "a,b c,d"),
        ("a x\"y z\"w", "a,x,y z,w"),
        ("a \"\" b", "a,,b"),
        ("a 'b c'", "a,'b,c'"),
        (r#"a "b\nc" d\e"#, r"a,b\nc,d\e"),
        (r#"a "C:\" b"#, r"a,C:\,b"),
    ]);
    all_found(&[("a b \"c d\ne", "a,b;e", &["t.conf:1:5: the quote of \"c d is never closed"])]);
}

#[test]
fn conditionals_hold_for_one_word() {
    all_read(&[
        ("@me a\n@no b\n@^me c\n@^no d", "a;d"),
        ("@ me a\n@ b\n@^ c\n@mex d\n@ME e", "c"),
        ("@me\tx", "x"),
        ("@me @me a\n@me @no b", "a"),
        ("@me\na\n@no {\n b @me c", "a;b,@me,c"),
        ("@me a {\n@no b {\n c\n@no }\n}", "a{c}"),
        ("@no $A=1\n@me $A=2\nx $A", "x,2"),
        ("@no $A= \\\n gone \\\n gone too\nx $A", "x,$A"),
    ]);
}

#[test]
fn definitions_are_replaced_where_they_are_used() {
    all_read(&[
        ("$A=one\nx $A ${A} ${A}y $Ay", "x,one,one,oney,$Ay"),
        ("$A=1\nx $A) ($A) $A, [$A] $A; $A/2 '$A'", "x,1),(1),1,,[$A],$A;,$A/2,'$A'"),
        ("$A=1\nx \"$A ${A}\" $A\"b\"", "x,1 1,$A,b"),
        ("$A=1\nx $A$A ${A}${A} \\$A", "x,$A1,11,\\1"),
        ("$A=1\n$B=$A 2\n$C=${B}x\ny $B $C", "y,1,2,1,2x"),
        ("$R=$A\n$S=${A}\n$A=1\ny ${R}x ${S}x $R", "y,$Ax,1x,1"),
        ("$A=1\n$B=${A}0\n$A=2\nx ${B}", "x,20"),
        ("$E=\nx [${E}] $E y", "x,[],y"),
        ("$Q=\"a b\"\nx $Q y${Q}", "x,a b,y,a b"),
        ("$A=five # not this\nx $A", "x,five"),
        ("$1=a\n$A-B=2\nx $1", "$1=a;$A-B=2;x,$1"),
        ("x $A $ $$", "x,$A,$,$$"),
        ("$I=@no\n$J=@me\n$I a\n$J b", "b"),
        ("$V=1 2\nx ${V}3", "x,1,23"),
    ]);
    all_found(&[
        ("a ${A}b {\n c\n}", "a,${A}b{c}", &["t.conf:1:3: ${A}b uses a name that is not defined"]),
        ("x\n$L=$L\ny $L\nz", "x;z", &["t.conf:3:3: $L is replaced again and again"]),
        ("$P=${Q}x\n$Q=${P}y\na ${P}\nz", "z", &["t.conf:3:3: $"]),
    ]);
}

#[test]
fn definitions_of_several_lines_are_read_where_they_are_used() {
    all_read(&[
        ("$M= \\\n v1 a \\\n v2 b${N} \\\n $N=9 \\\n v3 c${N}\n\n$N=1\n$M\nz", "v1,a;v2,b1;v3,c9;z"),
        ("$M= \\\n a \\\n\n b\nc\n$M", "b;c;a"),
        ("$M= \\\n a \\\n # gone \\\n @no b \\\n @me c\n$M", "a;c"),
        ("$M=a \\\n b\nx $M\ny", "x,a;b;y"),
        ("$M= \\\n a \\\n b\nx $M y", "x,$M,y"),
        ("$O= \\\n o1 \\\n $I \\\n o2\n$I= \\\n i1 \\\n i2\n$O", "o1;i1;i2;o2"),
        ("$M= \\\nx ${N} { \\\n y \\\n}\n$N=1\n$M\n$N=2\n$M", "x,1{y};x,2{y}"),
        ("$X=d \\\n e\n$L= \\\n a\\\n c $X \\\n f\nz $L", "z;a;c,d;e;f"),
    ]);
    all_found(&[("$M= \\\n a \\", "", &["t.conf:2:2: the definition of $M goes on behind the end"])]);
    let (block, found) = load("$M= \\\n a \\\n $M\n$M\nz");
    assert!(shape(&block).starts_with("a;a;a") && shape(&block).ends_with(";z"));
    assert!(found.iter().any(|text| text.contains("must not use itself")), "{found:?}");
}

#[test]
fn generators_repeat_the_rest_of_their_line() {
    all_read(&[
        ("~SEQ(A,1,3) x $A ${A}y", "x,1,1y;x,2,2y;x,3,3y"),
        ("~SEQ(A,3,1) x $A", "x,3;x,2;x,1"),
        ("~SEQ(A,2) x $A\n~SEQ(B,-2) y $B\n~SEQ(C,0) z $C", "x,1;x,2;y,-1;y,-2;z,1;z,0"),
        ("~SEQ(A,1,2,6) x $A\n~SEQ(A,5,5) y $A", "x,1;x,3;x,5;y,5"),
        ("~SEQx(A,8,11) x${A}\n~SEQx(A,0x90,0x10,0xa0) y${A}", "x8;x9;xa;xb;y90;ya0"),
        ("~SEQx(A,0x12,-1,0x10) x${A}\n~SEQ(A,010,012) y$A", "x12;x11;x10;y8;y9;y10"),
        ("~SEQ (A, 1 , 2)x${A}", "x1;x2"),
        ("~LST(A,a, b,) x[${A}]", "x[a];x[b];x[]"),
        ("~LST({A,B},{1,2}, {3,4}) x ${A}-${B}", "x,1-2;x,3-4"),
        ("~SEQ(A,1,2) ~LST(B,x,y) v ${A} ${B}", "v,1,x;v,1,y;v,2,x;v,2,y"),
        ("~LST({I,J},{1,2},{3,4}) ~SEQ(K,168,2,170) ${K}.${I}.${J}", "168.1.2;170.1.2;168.3.4;170.3.4"),
        ("x ~SEQ(A,1,2)\n~seq(A,1,2)\n~SEQ(A,1,2)", "x,~SEQ(A,1,2);~seq(A,1,2)"),
        ("@me ~SEQ(A,1,2) x\n~SEQ(A,1,2) @me y\n~SEQ(A,1,2) @no z", "x;x;y;y"),
        ("$N=2\n~SEQ(A,1,$N) x$N\n~SEQ(A,1,${N}) y", "x2;x2;y;y"),
        ("~SEQ(A,1,2) $Z=${A}\nx $Z", "x,2"),
        ("$G=~SEQ(A,1,2)\n$G x ${A}", "x,1;x,2"),
        ("$M= \\\n x ${N} { \\\n y \\\n }\n~SEQ(N,1,2) $M", "x,1{y};x,2{y}"),
        ("~SEQ(A,1,2) ~SEQ(A,3,4) x ${A}", "x,3;x,4;x,3;x,4"),
    ]);
}

#[test]
fn generators_without_meaning_are_found_and_lose_their_line_only() {
    for line in [
        "~SEQ(A,1,0,2)",
        "~SEQ(A,1,-1,3)",
        "~SEQ(A,a,b)",
        "~SEQ(A,0x,1)",
        "~SEQ(A,99999999999,1)",
        "~SEQ(A)",
        "~SEQ()",
        "~SEQ(1A,1,2)",
        "~SEQ(A,1,2,3,4)",
        "~SEQx(A,-1,3)",
        "~LST(A)",
        "~LST({A,B},{1,2},{3})",
        "~LST({A,B",
        "~LST({A,B,{1,2})",
        "~LST({A}x,1)",
        "~SEQ(A,1,2",
    ] {
        let (block, found) = load(&format!("{line} x\ny"));
        assert_eq!(shape(&block), "y", "{line}");
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(found[0].starts_with("t.conf:1:1: ") && found[0].ends_with("the line is ignored"), "{found:?}");
    }
}

#[test]
fn names_that_are_always_defined() {
    fn home(name: &str) -> Option<String> {
        (name == "HOME").then(|| String::from("/h $A"))
    }
    let options = Options { environment: home, ..options() };
    let text =
        "$A=1\nx ${_PWD} ${_INSTANCE} ${_HASH}a ${_BANG}b \"${_HASH}c\" ${_ENV HOME} [${_ENV NONE}] ${_RANDOM 7 7}";
    let (block, found) = read_text("/etc/some/t.conf", text.as_bytes(), &options);
    assert_eq!(shape(&block), "x,/etc/some,me,#a,!b,#c,/h,$A,[],7");
    assert!(found.list.is_empty());
    all_found(&[("x ${_RANDOM 2 1}\ny", "y", &["t.conf:1:3: expected ${_RANDOM"])]);
}

#[test]
fn random_numbers_stay_in_their_range_and_repeat_with_their_seed() {
    let text = "random_seed 5\n~SEQ(A,1,200) ${_RANDOM 3 5} ${_RANDOM} ${_RANDOM 32767}";
    let (first, _) = load(text);
    assert_eq!(shape(&first), shape(&load(text).0));
    assert_ne!(shape(&first), shape(&load(&text.replace("seed 5", "seed 6")).0));
    let numbers = |index: usize| -> Vec<u32> {
        let lines = first.statements.iter().skip(1);
        lines.map(|statement| statement.words[index].text.parse().unwrap()).collect()
    };
    let small = numbers(0);
    assert!((3..=5).all(|value| small.contains(&value)) && small.iter().all(|value| (3..=5).contains(value)));
    assert!(numbers(1).iter().all(|&value| value <= 32767));
    assert!(numbers(2).iter().all(|&value| value == 32767));
}

#[test]
fn encodings_and_line_ends() {
    let read = |bytes: &[u8]| {
        let (block, found) = read_text("t.conf", bytes, &options());
        (shape(&block), found.list.iter().map(|one| found.show(one).to_string()).collect::<Vec<_>>())
    };
    assert_eq!(read(b"\xef\xbb\xbfa\tb\r\n{\r\n c }\r\n"), (String::from("a,b{c}"), vec![]));
    assert_eq!(read("naïve 値".as_bytes()), (String::from("naïve,値"), vec![]));
    let (tree, found) = read(b"a b\xff\xfe c\nd \xff");
    assert_eq!(tree, "a,b\u{fffd}\u{fffd},c;d,\u{fffd}");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("t.conf:1:4: this is not UTF-8"));
    let (tree, found) = read(b"a\nb\0c\nd");
    assert_eq!(tree, "a;d");
    assert!(found.len() == 1 && found[0].starts_with("t.conf:2:1: the line holds a NUL byte"));
}

#[test]
fn lines_are_read_up_to_their_limit() {
    let fits = format!("a {}\nb", "x".repeat(limits::CONFIG_LINE - 2));
    let (block, found) = load(&fits);
    assert_eq!((block.statements.len(), found.len()), (2, 0));
    let (block, found) = load(&format!("x{fits}"));
    assert_eq!((shape(&block).as_str(), found.len()), ("b", 1));
    assert!(found[0].contains("is longer than"));
    let (block, found) = load(&format!("$A={}\nb $A $A c\nd", "x".repeat(limits::CONFIG_LINE - 10)));
    assert_eq!((shape(&block).as_str(), found.len()), ("d", 1));
    assert!(found[0].starts_with("t.conf:2:1: with its definitions replaced"));
}

#[test]
fn words_know_where_they_were_written() {
    let (block, _) = load("$A=one two\n\n  @me  key $A \"q\" ${A}x { in\n}\n");
    let outer = &block.statements[0];
    let places: Vec<_> = outer.words.iter().map(|word| (word.text.as_str(), word.at.line, word.at.column)).collect();
    let expected = [("key", 3, 8), ("one", 3, 12), ("two", 3, 12), ("q", 3, 15), ("one", 3, 19), ("twox", 3, 19)];
    assert_eq!(places, expected);
    assert_eq!(outer.rest, "one two \"q\" one twox");
    let inner = outer.block.as_ref().unwrap();
    assert_eq!((inner.open.line, inner.open.column, inner.close.line, inner.close.column), (3, 25, 4, 1));
    assert_eq!((inner.statements[0].words[0].at.line, inner.statements[0].words[0].at.column), (3, 27));
}

#[test]
fn what_follows_the_first_word_is_kept_as_written() {
    let (block, _) = load("script  \"/a 'b  c'\"  \"d\\\"\" e  # f\nx\nnotify { y \"z\" }");
    assert_eq!(block.statements[0].rest, "\"/a 'b  c'\"  \"d\\\"\" e");
    assert_eq!(block.statements[1].rest, "");
    assert_eq!(block.statements[2].rest, "");
    assert_eq!(block.statements[2].block.as_ref().unwrap().statements[0].rest, "\"z\"");
}

/// A directory of its own for each test that needs files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("holdfast-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
        }
        Self(path)
    }

    /// The tree and the findings of `main.conf` in it, the folder's own path taken out.
    fn read(&self, options: &Options) -> (String, Vec<String>) {
        let (block, found) = read(&self.0.join("main.conf"), options);
        let own = format!("{}/", self.0.display());
        let texts = found.list.iter().map(|one| format!("{:?} {}", one.severity, found.show(one)).replace(&own, ""));
        (shape(&block).replace(&own, ""), texts.collect())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn includes_are_read_in_place_from_the_directory_of_their_file() {
    let folder = Folder::new(
        "include",
        &[
            (
                "main.conf",
                "a {\n include sub/one.conf # here\n}\n}\ninclude sub/*.inc\n include {x,sub/{z,y}}.br\n$D=sub\ninclude ${D}/1.inc\n@no include sub/1.inc\nend ${_PWD}",
            ),
            ("sub/one.conf", "b ${_PWD}\ninclude two.conf\n{ d\n"),
            ("sub/two.conf", "c"),
            ("sub/2.inc", "two"),
            ("sub/1.inc", "one"),
            ("sub/10.inc", "ten"),
            ("sub/.hidden.inc", "hidden"),
            ("sub/y.br", "y"),
            ("sub/z.br", "z"),
            ("x.br", "x"),
        ],
    );
    let (tree, found) = folder.read(&options());
    let own = folder.0.display().to_string();
    assert_eq!(tree.replace(&own, "DIR"), "a{b,sub;c{d}};one;ten;two;x;z;y;one;end,DIR");
    assert_eq!(found, [""; 0]);
}

#[test]
fn includes_that_cannot_be_read_are_found() {
    let folder = Folder::new(
        "bad-include",
        &[
            ("main.conf", "include none\ninclude n*\ninclude run.conf\ninclude d\ninclude me.conf\ninclude\nz\n"),
            ("run.conf", "x"),
            ("d/x", ""),
            ("me.conf", "q\ninclude me.conf\ninclude main.conf\nr"),
        ],
    );
    fs::set_permissions(folder.0.join("run.conf"), fs::Permissions::from_mode(0o755)).unwrap();
    let (tree, found) = folder.read(&options());
    assert_eq!(tree, "q;r;include;z");
    let begins = [
        "Note main.conf:1:9: no file matches none",
        "Note main.conf:2:9: no file matches n*",
        "Note main.conf:3:9: run.conf is executable",
        "Note main.conf:4:9: d is a directory",
        "Error me.conf:2:9: me.conf is being read already",
        "Error me.conf:3:9: main.conf is being read already",
    ];
    assert_eq!(found.len(), begins.len(), "{found:?}");
    for (found, begins) in found.iter().zip(begins) {
        assert!(found.starts_with(begins), "{found} does not begin with {begins}");
    }
    let strict = Options { strict_includes: true, ..options() };
    let fatal = folder.read(&strict).1.iter().filter(|text| text.starts_with("Fatal")).count();
    assert_eq!(fatal, 4);
}

/// Which includes keepalived 2.2.7 refuses to start with, and which it passes over.
#[test]
fn include_checks_decide_what_is_fatal() {
    let files = [("b.conf", "b"), ("x.conf", "x"), ("main.conf", "")];
    let folder = Folder::new("checks", &files);
    fs::set_permissions(folder.0.join("x.conf"), fs::Permissions::from_mode(0o755)).unwrap();
    for (line, severity) in [
        ("include none", Some("Note")),
        ("includer none", Some("Note")),
        ("includem none", Some("Fatal")),
        ("includew none", Some("Fatal")),
        ("includeb none", Some("Note")),
        ("includea none", Some("Fatal")),
        ("includer n*", Some("Note")),
        ("includem n*", Some("Note")),
        ("includeb n*", Some("Note")),
        ("includew n*", Some("Fatal")),
        ("includea n*", Some("Fatal")),
        ("include x.conf", Some("Note")),
        ("includer x.conf", Some("Fatal")),
        ("includem x.conf", Some("Fatal")),
        ("include {b,none}.conf", Some("Note")),
        ("includem {b,none}.conf", Some("Note")),
        ("includeb {b,none}.conf", Some("Fatal")),
        ("includea {b,none}.conf", Some("Fatal")),
        ("includea {b,n*ere}.conf", None),
        ("includem {no,n*ere}", Some("Note")),
        ("includeb {no,nope}", Some("Fatal")),
        ("include_check match\ninclude none", Some("Fatal")),
        ("include_check\ninclude n*", Some("Fatal")),
        ("include_check match -match\ninclude none", Some("Note")),
        ("include_check\ninclude_check -match -wildcard_match\ninclude none", Some("Note")),
        ("include_check bogus", Some("Error")),
        ("includea b.conf", None),
    ] {
        fs::write(folder.0.join("main.conf"), line).unwrap();
        let (_, found) = folder.read(&options());
        let got = found.first().map(|text| text.split(' ').next().unwrap());
        assert_eq!(got, severity, "{line}: {found:?}");
    }
}

#[test]
fn include_checks_hold_in_included_files_but_do_not_leave_them() {
    let folder = Folder::new(
        "scope",
        &[
            ("main.conf", "include_check match\ninclude a.conf\ninclude none\n"),
            ("a.conf", "include none\ninclude_check -match\ninclude none\n"),
        ],
    );
    let (_, found) = folder.read(&options());
    let severities: Vec<&str> = found.iter().map(|text| text.split(' ').next().unwrap()).collect();
    assert_eq!(severities, ["Fatal", "Note", "Fatal"]);
}

#[test]
fn chains_of_includes_end() {
    let mut files: Vec<(String, String)> =
        (1..40).map(|n| (format!("{n}.conf"), format!("x{n}\ninclude {}.conf\n", n + 1))).collect();
    files.push((String::from("main.conf"), String::from("include 1.conf\nz")));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (tree, found) = Folder::new("chain", &files).read(&options());
    assert!(tree.starts_with("x1;x2;") && tree.ends_with("x15;z"), "{tree}");
    assert!(found.len() == 1 && found[0].starts_with("Error 15.conf:2:9: more than 16 files"), "{found:?}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_fatal_and_says_what_to_do() {
    let folder = Folder::new("fatal", &[("x.conf", "a"), ("c.d/1.conf", "one"), ("c.d/2.conf", "two")]);
    fs::set_permissions(folder.0.join("x.conf"), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, text) in [
        ("none.conf", "cannot be read (No such file or directory (os error 2)): check the path"),
        ("c.d", "is a directory"),
        ("x.conf", "is executable"),
    ] {
        let (block, found) = read(&folder.0.join(name), &options());
        assert_eq!(block.statements, []);
        assert_eq!(found.worst(), Some(Severity::Fatal), "{name}");
        assert!(found.list[0].text.starts_with(&format!("the configuration {text}")), "{:?}", found.list);
    }
    let (_, found) = read(Path::new("/dev/zero"), &options());
    assert!(found.list[0].text.contains("is not a regular file"));
    let (block, found) = read(&folder.0.join("c.d/*.conf"), &options());
    assert_eq!((shape(&block).as_str(), found.list.len()), ("one;two", 0));
}

#[test]
fn what_could_grow_without_end_is_bounded() {
    let long = "x".repeat(60_000);
    let many = "~SEQ(A,1,2000000000) ~SEQ(B,1,2000000000) x";
    let bomb: String = (0..40)
        .map(|n| format!("$A{n}=${{A{}}}${{A{}}}\n", n + 1, n + 1))
        .chain([String::from("x ${A0}\ny")])
        .collect();
    let braces = "{".repeat(limits::CONFIG_LINE / 2);
    let deep = format!("{braces}\n}}");
    let dollars = format!("$A=1\n$M= \\\n a \\\n b\nx {}", "${A $M ${".repeat(7000));
    let nodes = "a b c d e f g h\n".repeat(limits::CONFIG_NODES / 8);
    let errors = "}\n".repeat(200_000);
    let doubling: String =
        (0..30).map(|n| format!("$D{n}= \\\n $D{} \\\n $D{}\n", n + 1, n + 1)).collect::<String>() + "$D0\ny";
    let wide = format!("$W={long}\n~SEQ(A,1,2000000000) x ${{W}}");
    let quotes = "a \"\\".repeat(16_000) + "\"";
    for (name, text) in [
        ("generators", many),
        ("bomb", &bomb),
        ("deep", &deep),
        ("dollars", &dollars),
        ("nodes", &nodes),
        ("errors", &errors),
        ("doubling", &doubling),
        ("wide", &wide),
        ("quotes", &quotes),
    ] {
        let start = Instant::now();
        let (_, found) = load(text);
        let took = start.elapsed();
        assert!(!found.is_empty(), "{name}");
        assert!(found.len() <= limits::CONFIG_DIAGNOSTICS, "{name}: {}", found.len());
        assert!(took < Duration::from_secs(10), "{name}: {took:?}");
    }
}

/// Real configurations, and what keepalived says of their braces.
#[test]
fn real_configurations_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let Ok(corpus) = fs::read_dir(&folder) else { return };
    let oracle = fs::read_to_string(folder.join("oracle-2.4.3.tsv")).unwrap_or_default();
    let mut read = 0;
    for path in
        corpus.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "conf"))
    {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let (block, found) = read_text("t.conf", &bytes, &options());
        assert!(!block.statements.is_empty(), "{name}");
        let judged = oracle.lines().find(|line| line.starts_with(&name)).unwrap_or_default();
        let ours = found.list.iter().find(|one| one.text.contains("closed") || one.text.contains("closes"));
        let theirs = judged.contains("Extra '}'") || judged.contains("missing '}'");
        assert_eq!(ours.is_some(), theirs, "{name}: {ours:?}");
        reads_back(&block);
        read += 1;
    }
    assert!(read > 0, "the folder is there, but no configuration in it");
}

/// The tree without what depends on the place.
fn bare(block: &Block) -> Block {
    let statements = block.statements.iter().map(|statement| Statement {
        words: statement.words.iter().map(|word| Word { at: Position::default(), ..word.clone() }).collect(),
        rest: statement.rest.clone(),
        block: statement.block.as_ref().map(bare),
    });
    Block { statements: statements.collect(), ..Block::default() }
}

/// That the printed tree reads as the same tree.
#[track_caller]
fn reads_back(block: &Block) {
    let printed = block.to_string();
    let again = read_text("printed.conf", printed.as_bytes(), &options()).0;
    assert_eq!(bare(block), bare(&again), "{printed}");
    assert_eq!(printed, again.to_string());
}

#[test]
fn the_printed_form_is_canonical() {
    let (block, _) = load("a{b  \"c d\"  \\#x\n!gone\n}\ne\n{\n}\nf \\${_HASH}");
    assert_eq!(block.to_string(), "a {\n    b \"c d\"  \\#x\n}\ne {\n}\nf \\${_HASH}\n");
    reads_back(&block);
}

proptest! {
    #[test]
    fn any_bytes_are_read_in_no_time(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let start = Instant::now();
        let (_, found) = read_text("t.conf", &bytes, &options());
        for one in &found.list {
            prop_assert!(!found.show(one).to_string().contains('\n'));
        }
        prop_assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn any_text_of_the_language_is_read_in_no_time(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("{"), Just("}"), Just("\n"), Just(" "), Just("\""), Just("'"), Just("\\"), Just("#"), Just("!"),
                Just("@me "), Just("@^"), Just("$A="), Just("$A"), Just("${A}"), Just("${"), Just("~SEQ("), Just("~SEQx(A,1,9)"),
                Just("~LST({A,B},{1,2})"), Just("A"), Just(","), Just("1"), Just(")"), Just("include "), Just("*"), Just("\r\n"),
                Just("${_RANDOM "), Just("${_HASH}"), Just(" \\\n"), Just("\0"), Just("\u{e9}"), Just("key word"),
            ],
            0..80,
        )
    ) {
        let text: String = parts.concat();
        let start = Instant::now();
        let (block, _) = read_text("/nonexistent/t.conf", text.as_bytes(), &options());
        prop_assert!(start.elapsed() < Duration::from_secs(5));
        drop(block.to_string());
    }

    #[test]
    fn printed_trees_read_back(block in blocks()) {
        reads_back(&block);
    }
}

/// Trees as a configuration could give them: the text of a few random statements, read.
fn blocks() -> impl Strategy<Value = Block> {
    let word = prop_oneof![
        "[a-z0-9_./:-]{1,8}",
        "\"[a-z {}#!@$~;']{0,8}\"",
        "\\\\[#!]",
        Just(String::from("\"a \\\" b\"")),
        Just(String::from("\\${_HASH}")),
        Just(String::from("${_BANG}")),
    ];
    let line = proptest::collection::vec(word, 1..5).prop_map(|words| words.join(" "));
    let leaf = line.clone().prop_map(|line| format!("{line}\n"));
    let tree = leaf.prop_recursive(4, 40, 5, move |inner| {
        (line.clone(), proptest::collection::vec(inner, 0..5))
            .prop_map(|(head, inside)| format!("{head} {{\n{}}}\n", inside.concat()))
    });
    proptest::collection::vec(tree, 0..6).prop_map(|parts| read_text("t.conf", parts.concat().as_bytes(), &options()).0)
}
