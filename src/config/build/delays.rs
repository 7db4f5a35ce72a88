//! `interface_up_down_delays`: how long an interface must be up or down to count so.

use super::Site;
use super::global::GlobalDraft;
use crate::config::keywords::value::Quoted;
use crate::config::model::{Config, InterfaceDelay};
use crate::config::printer::Printer;
use crate::config::syntax::{Statement, Word};
use crate::time::Duration;

/// The longest delay.
const MOST: Duration = Duration::from_secs(255);

/// Lines of `INTERFACE DOWN [UP]`, in seconds; without UP it counts as up at once.
pub fn interface_up_down_delays(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let [name, down, rest @ ..] = line.words.as_slice() else {
            let text = "interface_up_down_delays: a line is 'INTERFACE DOWN [UP]' in seconds; it is ignored";
            site.error(site.at(line), text);
            continue;
        };
        site.interface(name, "interface_up_down_delays");
        let Some(down) = delay(site, down) else { continue };
        let up = rest.first().map_or(Some(Duration::ZERO), |word| delay(site, word));
        let Some(up) = up else { continue };
        draft.global.interface_delays.push(InterfaceDelay { name: name.text.clone(), down, up });
    }
}

fn delay(site: &mut Site<'_>, word: &Word) -> Option<Duration> {
    let found = site.seconds(word, "interface_up_down_delays")?;
    if found > MOST {
        site.error(word.at, format!("interface_up_down_delays: {found} s is more than {MOST}; the line is ignored"));
        return None;
    }
    Some(found)
}

/// Says so where a link may be down for longer than it takes others to become master.
pub fn check(site: &mut Site<'_>, config: &Config) {
    for instance in &config.instances {
        let mine = |delay: &&InterfaceDelay| Some(&delay.name) == instance.interface.as_ref();
        let Some(delay) = config.global.interface_delays.iter().find(mine) else { continue };
        let adverts = u64::from(instance.down_timer_adverts.saturating_sub(1));
        if delay.down >= instance.advert_int.span().times(adverts) {
            let text = format!(
                "vrrp_instance {}: {} may be down for {} s before that counts: others become master before",
                instance.name, delay.name, delay.down
            );
            site.note(instance.at, text);
        }
    }
}

/// Prints it.
pub fn show(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    let line = |delay: &InterfaceDelay| format!("{} {} {}", Quoted(&delay.name), delay.down, delay.up);
    printer.lines("interface_up_down_delays", draft.global.interface_delays.iter().map(line).collect());
}
