//! "Did you mean": the nearest of the words that would have been possible.

/// The word of `words` nearest to `word`, if it is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    words
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(apart, _)| *apart <= limit)
        .min_by_key(|(apart, _)| *apart)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be changed, added, dropped or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    // No keyword is longer; what is, is no slip of one.
    const LONGEST: usize = 48;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > LONGEST || b.len() > LONGEST {
        return LONGEST;
    }
    let cell = |row: &[usize], column: Option<usize>| column.and_then(|at| row.get(at)).copied().unwrap_or(LONGEST * 2);
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, &from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut last_b = None;
        for (j, &to) in b.iter().enumerate() {
            let changed = cell(&above, Some(j)) + usize::from(from != to);
            let mut best = changed.min(cell(&above, Some(j + 1)) + 1).min(cell(&row, Some(j)) + 1);
            if last_a == Some(to) && last_b == Some(from) {
                best = best.min(cell(&before, j.checked_sub(1)) + 1);
            }
            row.push(best);
            last_b = Some(to);
        }
        before = core::mem::replace(&mut above, row);
        last_a = Some(from);
    }
    above.last().copied().unwrap_or(b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let words = ["priority", "preempt", "preempt_delay", "interface"];
        assert_eq!(nearest("prioritiy", words.into_iter()), Some("priority"));
        assert_eq!(nearest("interfcae", words.into_iter()), Some("interface"));
        assert_eq!(nearest("prempt", words.into_iter()), Some("preempt"));
        assert_eq!(nearest("banana", words.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(10_000), words.into_iter()), None);
    }
}
