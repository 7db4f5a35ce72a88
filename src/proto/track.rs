//! What interfaces, scripts and files do to a virtual router: faults and priority.
//!
//! A condition is something that is true, false or not yet known (an interface is up, a script
//! succeeds), or a number that counts itself (a file's). A link ties a condition to a router, with
//! keepalived's arithmetic: weight 0 makes a false condition, or a number other than 0, a fault; another
//! weight is added to the priority while the condition is true (positive) or false (negative), and a
//! number is multiplied by it. `reverse` turns a weight-0 condition around, and the sign of what any other adds.

use super::vrrp::OWNER;

/// Ties a condition to a virtual router or a sync group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Index of the condition.
    pub condition: u16,
    /// -253 to 253; 0 is a fault when false.
    pub weight: i16,
    /// The condition counts the other way round.
    pub reverse: bool,
}

/// What is known of something that a router depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Condition {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It is good, or it is not.
    Is(bool),
    /// A number; 0 is good.
    Value(i32),
}

impl From<Option<bool>> for Condition {
    fn from(known: Option<bool>) -> Self {
        known.map_or(Self::Unknown, Self::Is)
    }
}

/// A number that says this much or less is a fault whatever its weight, as for keepalived.
pub const FAULT: i32 = -254;

/// What one link says about its condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Effect {
    Pending,
    Fault,
    /// Added to the priority.
    Adds(i32),
}

impl Link {
    fn effect(self, condition: Condition) -> Effect {
        let sign = if self.reverse { -1 } else { 1 };
        let weight = i32::from(self.weight);
        match condition {
            Condition::Unknown if weight == 0 => Effect::Pending,
            Condition::Unknown => Effect::Adds(0),
            Condition::Is(good) if weight == 0 => Self::decides(good != self.reverse),
            Condition::Is(good) => Effect::Adds(if good == (weight > 0) { weight * sign } else { 0 }),
            Condition::Value(value) if weight == 0 => Self::decides((value == 0) != self.reverse),
            Condition::Value(value) => match value.saturating_mul(weight).saturating_mul(sign) {
                ..=FAULT => Effect::Fault,
                adds => Effect::Adds(adds),
            },
        }
    }

    fn decides(good: bool) -> Effect {
        if good { Effect::Adds(0) } else { Effect::Fault }
    }

    /// Whether this link alone makes a fault of what is known.
    pub fn is_fault(self, condition: Condition) -> bool {
        self.effect(condition) == Effect::Fault
    }
}

/// What all conditions together say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// How many conditions are faults.
    pub faults: u16,
    /// How many weight-0 conditions are not known yet: the router waits in Initialize.
    pub pending: u16,
    /// The sum of the weights that apply.
    pub weight: i32,
}

impl Verdict {
    /// Adds what `links` say about `conditions`.
    pub fn add(&mut self, links: &[Link], conditions: &[Condition]) {
        for link in links {
            match link.effect(conditions.get(usize::from(link.condition)).copied().unwrap_or_default()) {
                Effect::Pending => self.pending = self.pending.saturating_add(1),
                Effect::Fault => self.faults = self.faults.saturating_add(1),
                Effect::Adds(weight) => self.weight = self.weight.saturating_add(weight),
            }
        }
    }

    /// The effective priority: 1 to 254, but an owner stays an owner.
    pub fn priority(&self, base: u8) -> u8 {
        if base == OWNER {
            return OWNER;
        }
        i32::from(base).saturating_add(self.weight).clamp(1, 254) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_faults() {
        let link = |weight, reverse| Link { condition: 0, weight, reverse };
        let (good, bad) = (Condition::Is(true), Condition::Is(false));
        // weight, reverse, condition -> faults, pending, weight
        let table = [
            (0, false, good, (0, 0, 0)),
            (0, false, bad, (1, 0, 0)),
            (0, false, Condition::Unknown, (0, 1, 0)),
            (0, true, good, (1, 0, 0)),
            (0, true, bad, (0, 0, 0)),
            (10, false, good, (0, 0, 10)),
            (10, false, bad, (0, 0, 0)),
            (10, false, Condition::Unknown, (0, 0, 0)),
            (-10, false, good, (0, 0, 0)),
            (-10, false, bad, (0, 0, -10)),
            (-10, false, Condition::Unknown, (0, 0, 0)),
            (10, true, good, (0, 0, -10)),
            (10, true, bad, (0, 0, 0)),
            (-10, true, good, (0, 0, 0)),
            (-10, true, bad, (0, 0, 10)),
            (0, false, Condition::Value(0), (0, 0, 0)),
            (0, false, Condition::Value(-3), (1, 0, 0)),
            (0, true, Condition::Value(0), (1, 0, 0)),
            (0, true, Condition::Value(7), (0, 0, 0)),
            (2, false, Condition::Value(30), (0, 0, 60)),
            (2, true, Condition::Value(30), (0, 0, -60)),
            (1, false, Condition::Value(-253), (0, 0, -253)),
            (1, false, Condition::Value(-254), (1, 0, 0)),
            (-2, false, Condition::Value(127), (1, 0, 0)),
            (2, true, Condition::Value(127), (1, 0, 0)),
            (253, false, Condition::Value(i32::MIN), (1, 0, 0)),
            (253, false, Condition::Value(i32::MAX), (0, 0, i32::MAX)),
        ];
        for (weight, reverse, condition, (faults, pending, sum)) in table {
            let mut verdict = Verdict::default();
            verdict.add(&[link(weight, reverse)], &[condition]);
            assert_eq!(verdict, Verdict { faults, pending, weight: sum }, "{weight} {reverse} {condition:?}");
        }
    }

    #[test]
    fn a_condition_that_does_not_exist_is_not_known() {
        let mut verdict = Verdict::default();
        verdict.add(&[Link { condition: 9, weight: 0, reverse: false }], &[Condition::Is(true)]);
        assert_eq!(verdict.pending, 1);
    }

    #[test]
    fn priority_stays_in_range_and_owners_stay_owners() {
        let with = |weight| Verdict { weight, ..Verdict::default() };
        assert_eq!(with(200).priority(100), 254);
        assert_eq!(with(-200).priority(100), 1);
        assert_eq!(with(-200).priority(255), 255);
        assert_eq!(with(0).priority(100), 100);
    }
}
