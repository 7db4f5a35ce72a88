//! Environment variables -> the text of a configuration with one virtual router, for containers that get no
//! file: `HOLDFAST_*`, and the `KEEPALIVED_*` names of a widespread image beside them.
//!
//! What a variable holds is checked where the text is read, as if somebody had written it; here it is only
//! kept from being anything but words.

/// A variable of ours, and the other image's name for it.
struct Variable(&'static str, &'static str);

const VIPS: Variable = Variable("HOLDFAST_VIPS", "KEEPALIVED_VIRTUAL_IPS");
const PEERS: Variable = Variable("HOLDFAST_PEERS", "KEEPALIVED_UNICAST_PEERS");
const PASSWORD: Variable = Variable("HOLDFAST_PASSWORD", "KEEPALIVED_PASSWORD");
const NOTIFY: Variable = Variable("HOLDFAST_NOTIFY", "KEEPALIVED_NOTIFY");

/// The variables that are a keyword's value, and what holds without them.
const VALUES: &[(&str, Variable, &str)] = &[
    ("state", Variable("HOLDFAST_STATE", "KEEPALIVED_STATE"), "BACKUP"),
    ("interface", Variable("HOLDFAST_INTERFACE", "KEEPALIVED_INTERFACE"), "eth0"),
    ("virtual_router_id", Variable("HOLDFAST_VRID", "KEEPALIVED_ROUTER_ID"), "51"),
    ("priority", Variable("HOLDFAST_PRIORITY", "KEEPALIVED_PRIORITY"), "100"),
    ("advert_int", Variable("HOLDFAST_ADVERT_INT", ""), ""),
    ("version", Variable("HOLDFAST_VERSION", ""), ""),
];

/// The configuration the environment describes; none if it names no virtual addresses.
///
/// The error is one line that says which variable is wrong.
pub fn text(environment: fn(&str) -> Option<String>) -> Option<Result<String, String>> {
    let read = |variable: &Variable| value(environment, variable);
    match read(&VIPS) {
        Ok(None) => None,
        Ok(Some(vips)) => Some(write(&vips, read)),
        Err(text) => Some(Err(text)),
    }
}

fn write(vips: &str, read: impl Fn(&Variable) -> Result<Option<String>, String>) -> Result<String, String> {
    let mut text = String::new();
    let notify = read(&NOTIFY)?;
    if notify.is_some() {
        text.push_str("global_defs {\n    script_user root\n    enable_script_security\n}\n");
    }
    text.push_str("vrrp_instance VI_1 {\n");
    for (keyword, variable, default) in VALUES {
        let value = read(variable)?.unwrap_or_else(|| String::from(*default));
        if !value.is_empty() {
            text.push_str(&format!("    {keyword} \"{value}\"\n"));
        }
    }
    if let Some(password) = read(&PASSWORD)? {
        text.push_str(&format!(
            "    authentication {{\n        auth_type PASS\n        auth_pass \"{password}\"\n    }}\n"
        ));
    }
    block(&mut text, "virtual_ipaddress", vips);
    if let Some(peers) = read(&PEERS)? {
        block(&mut text, "unicast_peer", &peers);
    }
    if let Some(notify) = notify {
        text.push_str(&format!("    notify \"{notify}\"\n"));
    }
    text.push_str("}\n");
    Ok(text)
}

/// A block with a line for each word. Lists may be written as `a,b`, `a b`, or as the other image has it:
/// `#PYTHON2BASH:['a','b']`.
fn block(text: &mut String, keyword: &str, list: &str) {
    let list = list.strip_prefix("#PYTHON2BASH:").unwrap_or(list);
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '\'');
    text.push_str(&format!("    {keyword} {{\n"));
    for word in list.split(between).filter(|word| !word.is_empty()) {
        text.push_str(&format!("        \"{word}\"\n"));
    }
    text.push_str("    }\n");
}

/// The first of the two that is set and not empty.
fn value(environment: fn(&str) -> Option<String>, variable: &Variable) -> Result<Option<String>, String> {
    let Variable(ours, theirs) = *variable;
    for name in [ours, theirs].into_iter().filter(|name| !name.is_empty()) {
        let Some(value) = environment(name).filter(|value| !value.trim().is_empty()) else { continue };
        let value = value.trim();
        if value.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '$')) {
            return Err(format!("{name} must be one line without quotation marks, backslashes and $: use a file"));
        }
        return Ok(Some(String::from(value)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Context, Severity, build, load};

    fn config(environment: fn(&str) -> Option<String>) -> Config {
        let text = text(environment).expect("addresses are named").expect("it can be written");
        let (block, mut diagnostics) = load::read_text("environment", text.as_bytes(), &load::Options::default());
        let config = build(&block, &mut diagnostics, &Context::default());
        let bad: Vec<String> = diagnostics.list.iter().map(|found| diagnostics.show(found).to_string()).collect();
        assert_eq!(bad, Vec::<String>::new(), "{text}");
        config
    }

    #[test]
    fn a_list_of_addresses_is_enough() {
        let config = config(|name| (name == "HOLDFAST_VIPS").then(|| "192.0.2.1/24, 192.0.2.2/24".into()));
        let [instance] = config.instances.as_slice() else { panic!("{config:?}") };
        assert_eq!(
            (instance.interface.as_deref().unwrap_or_default(), instance.vrid, instance.priority),
            ("eth0", 51, 100)
        );
        assert_eq!((instance.addresses.len(), instance.peers.len()), (2, 0));
    }

    #[test]
    fn the_other_image_has_its_own_names_and_lists() {
        let config = config(|name| {
            let value = match name {
                "KEEPALIVED_INTERFACE" => "ens3",
                "KEEPALIVED_VIRTUAL_IPS" => "#PYTHON2BASH:['192.168.1.231','192.168.1.232']",
                "KEEPALIVED_UNICAST_PEERS" => "#PYTHON2BASH:['192.168.1.10', '192.168.1.11']",
                "KEEPALIVED_PASSWORD" => "d0cker",
                "KEEPALIVED_PRIORITY" => "150",
                "KEEPALIVED_ROUTER_ID" => "77",
                "KEEPALIVED_STATE" => "MASTER",
                _ => return None,
            };
            Some(value.into())
        });
        let [instance] = config.instances.as_slice() else { panic!("{config:?}") };
        assert_eq!(
            (instance.interface.as_deref().unwrap_or_default(), instance.vrid, instance.priority),
            ("ens3", 77, 150)
        );
        assert_eq!((instance.addresses.len(), instance.peers.len()), (2, 2));
    }

    #[test]
    fn our_names_come_first() {
        let config = config(|name| {
            let value = match name {
                "HOLDFAST_VIPS" | "KEEPALIVED_VIRTUAL_IPS" => "192.0.2.1",
                "HOLDFAST_PRIORITY" => "30",
                "KEEPALIVED_PRIORITY" => "40",
                "HOLDFAST_VRID" => " ",
                "KEEPALIVED_ROUTER_ID" => "7",
                _ => return None,
            };
            Some(value.into())
        });
        let found = config.instances.first().map(|instance| (instance.priority, instance.vrid));
        assert_eq!(found, Some((30, 7)), "an empty one is none");
    }

    #[test]
    fn without_addresses_there_is_no_configuration() {
        assert_eq!(text(|_| None), None);
        assert_eq!(text(|name| (name == "HOLDFAST_PRIORITY").then(|| "1".into())), None);
    }

    #[test]
    fn a_value_cannot_become_anything_else() {
        for bad in ["192.0.2.1\n}", "\"", "a\\", "$A", "\u{7}"] {
            fn is(name: &str, value: &str) -> Option<String> {
                (name == "KEEPALIVED_VIRTUAL_IPS").then(|| value.into())
            }
            let outcome = match bad {
                "\"" => text(|name| is(name, "\"")),
                "a\\" => text(|name| is(name, "a\\")),
                "$A" => text(|name| is(name, "$A")),
                "\u{7}" => text(|name| is(name, "a\u{7}b")),
                _ => text(|name| is(name, "192.0.2.1\n}")),
            };
            let error = outcome.expect("it is set").expect_err(bad);
            assert!(error.starts_with("KEEPALIVED_VIRTUAL_IPS "), "{error}");
        }
        // A brace in quotes is a word, and no address.
        let text = text(|name| (name == "HOLDFAST_VIPS").then(|| "} virtual_server {".into()));
        let text = text.expect("it is set").expect("it can be written");
        let (block, mut diagnostics) = load::read_text("environment", text.as_bytes(), &load::Options::default());
        let config = build(&block, &mut diagnostics, &Context::default());
        assert!(diagnostics.worst() >= Some(Severity::Error), "{config:?}");
        assert_eq!(block.statements.len(), 1);
    }
}
