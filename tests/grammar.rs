//! Our reading of the language beside keepalived's own, each given the same text. Needs root, network
//! namespaces and an installed keepalived; everything runs in namespaces of its own.
//!
//! Where we differ on purpose, the unit tests of `config::load` say so; such text does not stand here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast::config::load::{Options, read};
use holdfast::config::shell;
use holdfast::config::syntax::{Block, Statement};

const CONFIG_ID: &str = "me";

/// A directory of its own for a test's files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("holdfast-grammar-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn ours(&self) -> Block {
        let options = Options { config_id: CONFIG_ID.into(), ..Options::default() };
        read(&self.0.join("main.conf"), &options).0
    }

    /// Runs a line of shell in this folder, in namespaces with an interface `t0`; gives what it printed.
    fn in_namespace(&self, script: &str) -> String {
        let prepare = "mount -t tmpfs none /run && ip link add t0 type veth peer name t1 && ip link set t1 up && \
                       ip link set t0 up && ip addr add 192.0.2.9/24 dev t0 || exit 99\n\
                       command -v keepalived > found || exit 98\n";
        let output = Command::new("unshare")
            .args(["-n", "-m", "-p", "-f", "--mount-proc", "sh", "-c", &format!("{prepare}{script}")])
            .current_dir(&self.0)
            .output()
            .expect("unshare(1) must be there");
        let code = output.status.code();
        assert_ne!(code, Some(98), "keepalived is not installed: this test compares with it");
        assert_ne!(code, Some(99), "no namespace with a veth pair: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What `keepalived -t` says.
    fn config_test(&self) -> String {
        self.in_namespace(&format!("keepalived -t -i {CONFIG_ID} -f main.conf 2>&1; exit 0"))
    }

    /// What keepalived dumps of the configuration when it runs.
    fn dump(&self) -> String {
        let script = format!(
            "keepalived -P -n -l -d -G -i {CONFIG_ID} -f main.conf > dump 2>&1 &\n\
             n=0; until grep -q '< Interfaces >' dump; do n=$((n+1)); [ $n = 100 ] && break; sleep 0.05; done\n\
             cat dump; exit 0"
        );
        self.in_namespace(&script)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const INSTANCE: &str =
    "vrrp_instance ZZ {\n interface t0\n virtual_router_id 99\n virtual_ipaddress {\n 192.0.2.1\n }\n";

/// All words of a block and the blocks in it, in their order.
fn words(block: &Block) -> Vec<String> {
    let of = |statement: &Statement| {
        let inside = statement.block.as_ref().map(words).unwrap_or_default();
        statement.words.iter().map(|word| word.text.clone()).chain(inside).collect::<Vec<_>>()
    };
    block.statements.iter().flat_map(of).collect()
}

/// The word lists of a block whose elements keepalived dumps one by one.
#[test]
fn words_are_those_that_keepalived_reads() {
    let before = "@me $X=2\n@no $X=3\n$M= \\\n m1 m2 \\\n m3 m4\n$T=abc \\\n def ghi\n$A=one\n$B=$A two\n$C=${B}x\n\
                  $E= lead trail  \n$Q=\"quoted val\"\n$R=$A\n$S=${A}\n$D=\n$O= \\\n o1 \\\n $I \\\n # none \\\n @no o2 \\\n o3\n\
                  $I= \\\n i1 \\\n i2\n";
    let lines = [
        "$A $Ax ${A}x $A) ($A) $A, $A; $A/24 $A.x \"$A\" '$A' $A\"b\" $A$A ${A}${A} \\$A $A\\ $A]",
        "$B ${C} [$E] [${E}] $Q x${Q}y",
        "$Rx ${R}x ${S}x $S [${D}] $D x",
        "~SEQ(K1,1,$X) s1 ${K1}\n~SEQ(K2,1,${X}) s2 ${K2}",
        "$M\nx $M\n$M y\n${M}\nx $T\n$O",
        "${_INSTANCE} ${_PWD} ${_PWD}/x $_PWD \"${_HASH}\" \"${_BANG}a\" ${_RANDOM 5 5}",
        r#"a\#b c\!d e\f "g\h" 'k l' m'n "o'p q'r" x\\#y"#,
        "x\"y z\"w \"\" \"a b\"c a\"#\"b \"a\\#b\" \"a!b\" x\\",
        "a # b\nc ! d\n#e\n!f\ng#h\ni!j",
        "~LST(L1,a,b) [${L1}] $L1 $L1",
        "~LST({L2,L3},{1,2},{3,4}) ${L2}-${L3}",
        "~SEQx(L4,8,11) ${L4}\n~SEQ(L5,010,012) ${L5}\n~SEQx(L6,0x90,0x10,0xb0) ${L6}",
        "~SEQ(L7,3) ${L7}\n~SEQ(L8,-3) ${L8}\n~SEQ(L9,3,1) ${L9}\n~SEQ(N1,1,2,6) ${N1}\n~SEQ(N2,0) ${N2}",
        "~SEQ(N3,1,2) ~SEQ(N4,1,2) ${N3} ${N4}\n~SEQ(N5,1,2) ~LST(N6,x,y) ${N5} ${N6}",
        "~SEQ(N7,1,2) @me ${N7}\n~SEQ(N8,1,2) @no ${N8}\n@me ~SEQ(N9,1,2) ${N9}",
        "~SEQ (P1, 1 , 2)p${P1}\n~SEQ(P2,1,2) $P3=${P2}\n$P3",
        "x ~SEQ(P4,1,2)\n~SEQ(P5,1,2)\n~LST(P6,) [${P6}]",
        "@me a1\n@no a2\n@^me a3\n@^no a4\n@ me a5\n@mex a6\n@ME a7\n@me\ta8\na9 @me",
        "@me $U=u\n@no $U=v\n$U",
        "$V=1 2 \n${V}3 x$V\n$V=4\n$V ${V}",
        "c1\tc2   c3\r",
        "caf\u{e9} \u{65e5}\u{672c}",
    ];
    let mut text = format!(
        "{before}global_defs {{\n smtp_server 192.0.2.1\n notification_email_from z@z\n notification_email {{\n"
    );
    for (number, line) in lines.iter().enumerate() {
        text.push_str(&format!("MARK{number}\n{line}\n"));
    }
    text.push_str(&format!("}}\n}}\n{INSTANCE}}}\n"));
    let folder = Folder::new("words", &[("main.conf", &text)]);

    let dump = folder.dump();
    let theirs: Vec<&str> = dump
        .lines()
        .filter_map(|line| line.split_once(": ").map(|(_, text)| text))
        .skip_while(|text| !text.contains("Email notification to:"))
        .skip(1)
        .take_while(|text| !text.contains("Default smtp_alert"))
        .filter_map(|text| text.strip_prefix("   "))
        .collect();
    assert!(theirs.contains(&"MARK21"), "keepalived dumped nothing of use:\n{dump}");

    let block = folder.ours();
    let globals = block.statements.iter().find(|one| one.words[0].text == "global_defs").unwrap();
    let list = globals.block.as_ref().unwrap().statements.iter().find(|one| one.words[0].text == "notification_email");
    let ours = words(list.unwrap().block.as_ref().unwrap());
    for (number, line) in lines.iter().enumerate() {
        let (from, to) = (format!("MARK{number}"), format!("MARK{}", number + 1));
        let theirs: Vec<&str> =
            theirs.iter().copied().skip_while(|word| *word != from).skip(1).take_while(|word| *word != to).collect();
        let ours: Vec<&str> = ours
            .iter()
            .map(String::as_str)
            .skip_while(|word| *word != from)
            .skip(1)
            .take_while(|word| *word != to)
            .collect();
        assert_eq!(ours, theirs, "{line}");
    }
}

/// Script lines, and the arguments keepalived would run them with.
#[test]
fn scripts_have_the_arguments_that_keepalived_gives_them() {
    let lines = [
        r#"/usr/bin/echo a b # c"#,
        r#""/usr/bin/echo" "b c" d"#,
        r#""/usr/bin/echo 'a # b' c""#,
        r#""/usr/bin/echo \"a # b\" c""#,
        r#""/usr/bin/ec"ho" a" root"#,
        r#"/usr/bin/echo a\ b "c"'d'"e f""#,
        r#""/usr/bin/sh -c 'echo $HOME ${HOME} \"x\"'""#,
        r#""/usr/bin/sh -c "echo a"""#,
        r#""/usr/bin/echo a\# b""#,
        r#""/usr/bin/echo a\ b""#,
        r#""/usr/bin/echo a\\ b""#,
        r#""/usr/bin/echo 'a\\ b' c""#,
        r#""/usr/bin/echo a'b c'd\"e f\"g""#,
        r#""/usr/bin/echo \x41\101\\x41\\101 \x4041""#,
        r#""/usr/bin/echo '' \"\" x""#,
        r#""/usr/bin/echo \q\z x""#,
        r#"/usr/bin/e\143ho root"#,
        r#"/usr/bin/echo\ a\ b root"#,
        r#""  /usr/bin/echo   a  ""#,
        r#""/usr/bin/echo %s ~ * $x `id` ; | &""#,
        r#""/usr/bin/echo {a} } { b""#,
        r#"/usr/bin/echo 'it''s' "it's" \'x"#,
    ];
    let mut text = String::new();
    let mut tracks = String::new();
    for (number, line) in lines.iter().enumerate() {
        text.push_str(&format!("vrrp_script s{number} {{\n script {line}\n}}\n"));
        tracks.push_str(&format!("  s{number}\n"));
    }
    text.push_str(&format!("{INSTANCE} track_script {{\n{tracks} }}\n}}\n"));
    let folder = Folder::new("scripts", &[("main.conf", &text)]);
    let dump = folder.dump();
    let block = folder.ours();
    for (number, line) in lines.iter().enumerate() {
        let theirs = dump
            .lines()
            .skip_while(|text| !text.ends_with(&format!("VRRP Script = s{number}")))
            .find_map(|text| text.split_once("Command = "))
            .map(|(_, command)| command);
        let script = block.statements[number].block.as_ref().unwrap();
        let command = shell::command(&script.statements[0].rest).unwrap();
        let ours = command.arguments.iter().map(|argument| format!("'{argument}'")).collect::<Vec<_>>().join(" ");
        assert_eq!(Some(ours.as_str()), theirs, "{line}\n{dump}");
    }
}

/// The keywords of a tree in their order, each with its line.
fn keywords(block: &Block, into: &mut Vec<(u32, String)>) {
    for statement in &block.statements {
        if let Some(word) = statement.words.first() {
            into.push((word.at.line, word.text.clone()));
        }
        if let Some(block) = &statement.block {
            keywords(block, into);
        }
    }
}

/// Where statements begin: keepalived names every keyword it does not know, and its line.
#[test]
fn statements_begin_where_keepalived_sees_them_begin() {
    for text in [
        "k1 {\n k2 a b\n k3 {\n k4\n }\n}\nk5\n",
        "k1\n{\n k2\n}\n",
        "k1{ k2 a\n k3\n}\nk4\n",
        "k1 a{b\n}\n",
        "k1 { k2 } k3\nk4 { k5 { k6 x } k7 y } k8\n",
        "k1 \"{\" k\nk2 \"}\"\nk3 \"a { b\" {\n k4 }\n",
        "k1 'a { k2\n}\n",
        "k1 x # {\nk2 ! }\nk3 \\# {\n k4\n}\n",
        "$M= \\\nk1 { \\\n k2 x \\\n}\n\nk3\n$M\nk4\n",
        "$M=k1 a \\\n k2\n$M\n~SEQ(A,1,2) $M\n",
        "@me k1 {\n@no k2 {\n k3\n@me }\n@no }\nk4\n",
        "~SEQ(A,1,2) k1 { k2 ${A} }\nk3\n",
        "~SEQ(A,1,0,2) k1\n~SEQ(B,a,b) k2\n~LST(C) k3\n~SEQx(D,-1,3) k4\nk5\n",
        "include sub/one.conf\nk3\ninclude sub/*.inc\nk4 # last\n",
        "k1 {\ninclude sub/open.conf\nk4\n}\nk5\n",
        "k1\n{\n}\n{ k2 }\n",
        "k1 \"a b\" c\nk2 \"\"\n k3\tx\r\n\tk4\r\n",
    ] {
        let files = [
            ("main.conf", text),
            ("sub/one.conf", "i1\n include two.conf\ni2\n"),
            ("sub/two.conf", "j1 {\nj2\n}\n"),
            ("sub/2.inc", "x2\n"),
            ("sub/1.inc", "x1\n"),
            ("sub/open.conf", "o1 {\no2\n}\n"),
        ];
        let folder = Folder::new("statements", &files);
        let said = folder.config_test();
        let unknown = said.lines().filter_map(|line| {
            let (_, line) = line.split_once("Line ")?;
            let (number, rest) = line.split_once(')')?;
            let keyword = rest.strip_prefix(" Unknown keyword '")?.strip_suffix('\'')?;
            (keyword != "}").then(|| (number.parse().unwrap(), keyword.to_owned()))
        });
        let mut theirs: Vec<(u32, String)> = unknown.collect();
        // It reads everything once in each of its processes.
        let once = theirs.len() / passes(&theirs);
        theirs.truncate(once);
        let mut ours = Vec::new();
        keywords(&folder.ours(), &mut ours);
        assert_eq!(ours, theirs, "{text}\n{said}");
    }
}

/// How often the whole sequence is repeated.
fn passes(all: &[(u32, String)]) -> usize {
    (1..=4)
        .rev()
        .find(|passes| {
            all.len().is_multiple_of(*passes) && all.chunks(all.len() / passes).all(|chunk| all.starts_with(chunk))
        })
        .unwrap_or(1)
}

/// Whether braces are found to be unbalanced.
#[test]
fn braces_are_missed_where_keepalived_misses_them() {
    for (text, balanced) in [
        ("global_defs {\n router_id a\n}\n", true),
        ("global_defs { router_id a }\n", true),
        ("global_defs {\n router_id a\n", false),
        ("global_defs {\n router_id a\n}\n}\n", false),
        ("global_defs\n{\n router_id a }\n", true),
        ("global_defs {\n router_id \"a}\"\n}\n", true),
        ("global_defs {\n router_id a # }\n}\n", true),
        ("global_defs {\n notification_email {\n a@b\n}\n", false),
        ("global_defs {\n notification_email { a@b }\n}\n", true),
        ("global_defs {\n notification_email { a@b\n c@d } router_id x }\n", true),
        ("global_defs {\n router_id '{'\n}\n", false),
        ("vrrp_sync_group G { group { A B } }\n", true),
        ("vrrp_sync_group G { group { A B }\n", false),
    ] {
        let folder = Folder::new("braces", &[("main.conf", text)]);
        let said = folder.config_test();
        let theirs = !(said.contains("missing '}'") || said.contains("Extra '}'"));
        let options = Options { config_id: CONFIG_ID.into(), ..Options::default() };
        let (_, found) = read(Path::new(&folder.0.join("main.conf")), &options);
        let ours = !found.list.iter().any(|one| one.text.contains("closed") || one.text.contains("closes"));
        assert_eq!((ours, theirs), (balanced, balanced), "{text}\n{said}\n{found:?}");
    }
}
