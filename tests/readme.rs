//! The README says what the code says: its keyword table is the code's.

use holdfast::config::keywords::markdown_table;

const BEGIN: &str = "<!-- keywords: made by `HOLDFAST_BLESS=1 cargo test --test readme` -->\n";
const END: &str = "<!-- end of keywords -->";

#[test]
fn the_keyword_table_is_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).expect("README.md");
    let (before, rest) = readme.split_once(BEGIN).expect("the mark before the table");
    let (table, after) = rest.split_once(END).expect("the mark behind the table");
    if std::env::var_os("HOLDFAST_BLESS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", markdown_table())).expect("written");
        return;
    }
    assert_eq!(table, markdown_table(), "run: HOLDFAST_BLESS=1 cargo test --test readme");
}
