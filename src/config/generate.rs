//! Generators: `~SEQ(NAME, [START, [STEP,]] END)`, `~SEQx(..)` and `~LST(NAME, VALUE, ..)` repeat the
//! rest of their line with a definition that changes.

/// What a generator will define, value after value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Generator {
    /// Numbers.
    Sequence {
        /// The definition's name.
        name: String,
        /// The next value, none if there is no more.
        next: Option<i64>,
        /// Added each time.
        step: i64,
        /// The last value, if it is met.
        end: i64,
        /// Written in base 16.
        hexadecimal: bool,
    },
    /// Values as written.
    List {
        /// The definitions' names.
        names: Vec<String>,
        /// A value for each of the names, in the order of use.
        rows: std::collections::VecDeque<Vec<String>>,
    },
}

/// Where in a line a generator's parts end, if it begins with one: offset of its `(`, and of the byte
/// behind its `)` (none: never closed).
pub(super) fn extent(text: &str) -> Option<(usize, Option<usize>)> {
    let keyword = ["~SEQx", "~SEQ", "~LST"].into_iter().find(|keyword| text.starts_with(keyword))?;
    let rest = text.get(keyword.len()..)?;
    let blank = rest.len().saturating_sub(rest.trim_start().len());
    rest.trim_start().starts_with('(').then_some(())?;
    let open = keyword.len().saturating_add(blank);
    let close = text.get(open..)?.find(')').map(|offset| open.saturating_add(offset).saturating_add(1));
    Some((open, close))
}

impl Generator {
    /// Reads `~SEQ(..)` or `~LST(..)`, the whole of it and nothing else, definitions already replaced.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (keyword, inside) = text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or(SHAPE)?;
        match keyword.trim_end() {
            "~LST" => list(inside),
            "~SEQx" => sequence(inside, true),
            _ => sequence(inside, false),
        }
        .map_err(String::from)
    }

    /// The next round's definitions.
    pub(super) fn next(&mut self) -> Option<Vec<(String, String)>> {
        match self {
            Self::Sequence { name, next, step, end, hexadecimal } => {
                let value = (*next)?;
                *next = value.checked_add(*step).filter(
                    |&following| {
                        if *step > 0 { following <= *end } else { following >= *end }
                    },
                );
                let value = if *hexadecimal { format!("{value:x}") } else { value.to_string() };
                Some(vec![(name.clone(), value)])
            }
            Self::List { names, rows } => {
                let row = rows.pop_front()?;
                Some(names.iter().cloned().zip(row).collect())
            }
        }
    }
}

const SHAPE: &str = "expected ~SEQ(NAME, START, STEP, END), START and STEP optional, or ~LST(NAME, VALUE, VALUE ..)";
const NAME: &str = "a name is made of letters, digits and _ and does not begin with a digit";
const NUMBER: &str = "expected whole numbers: ~SEQ(NAME, START, STEP, END)";

fn checked_name(text: &str) -> Result<String, &'static str> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let starts = text.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if plain && starts { Ok(text.to_owned()) } else { Err(NAME) }
}

fn sequence(inside: &str, hexadecimal: bool) -> Result<Generator, &'static str> {
    let mut parts = inside.split(',').map(str::trim);
    let name = checked_name(parts.next().unwrap_or_default())?;
    let numbers: Vec<i64> = parts.map(|part| number(part).ok_or(NUMBER)).collect::<Result<_, _>>()?;
    let from = |start: i64, end: i64| (start, if start <= end { 1 } else { -1 }, end);
    let (start, step, end) = match *numbers.as_slice() {
        // Without a start it is 1, or -1 towards a negative end: `~SEQ(N, 0)` gives 1 and 0.
        [end] => from(if end < 0 { -1 } else { 1 }, end),
        [start, end] => from(start, end),
        [start, step, end] => (start, step, end),
        _ => return Err(SHAPE),
    };
    if step == 0 || (step > 0 && start > end) || (step < 0 && start < end) {
        return Err("END cannot be reached from START by STEP");
    }
    if hexadecimal && (start < 0 || end < 0) {
        return Err("~SEQx counts from 0 upwards only: no negative numbers");
    }
    Ok(Generator::Sequence { name, next: Some(start), step, end, hexadecimal })
}

/// Decimal, `0x` hexadecimal or `0` octal, signed; the range of 32 bits.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    digits.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, 'x' | 'X')).then_some(())?;
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let value = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => i64::from_str_radix(digits, 16).ok()?,
        (None, Some(octal)) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok()?,
        (None, _) => digits.parse().ok()?,
    };
    let value = if negative { value.checked_neg()? } else { value };
    i32::try_from(value).ok().map(i64::from)
}

fn list(inside: &str) -> Result<Generator, &'static str> {
    let mut parts = fields(inside)?.into_iter();
    let names = match parts.next().ok_or(SHAPE)? {
        Field::One(name) => vec![checked_name(&name)?],
        Field::Several(names) => names.iter().map(|name| checked_name(name)).collect::<Result<_, _>>()?,
    };
    let rows = parts
        .map(|part| {
            let row = match part {
                Field::One(value) => vec![value],
                Field::Several(values) => values,
            };
            if row.len() == names.len() { Ok(row) } else { Err("each entry needs as many values as there are names") }
        })
        .collect::<Result<std::collections::VecDeque<_>, _>>()?;
    if rows.is_empty() {
        Err("expected at least one value: ~LST(NAME, VALUE, VALUE ..)")
    } else {
        Ok(Generator::List { names, rows })
    }
}

enum Field {
    One(String),
    Several(Vec<String>),
}

/// Parts between commas; `{a,b}` is one part.
fn fields(inside: &str) -> Result<Vec<Field>, &'static str> {
    let mut found = Vec::new();
    let mut rest = inside;
    loop {
        let trimmed = rest.trim_start();
        if let Some(group) = trimmed.strip_prefix('{') {
            let (values, behind) = group.split_once('}').ok_or("a { in a ~LST is never closed")?;
            found.push(Field::Several(values.split(',').map(|value| value.trim().to_owned()).collect()));
            match behind.trim_start().strip_prefix(',') {
                Some(more) => rest = more,
                None if behind.trim().is_empty() => return Ok(found),
                None => return Err("expected a comma behind the } of a ~LST"),
            }
        } else {
            match rest.split_once(',') {
                Some((value, more)) => {
                    found.push(Field::One(value.trim().to_owned()));
                    rest = more;
                }
                None => {
                    found.push(Field::One(rest.trim().to_owned()));
                    return Ok(found);
                }
            }
        }
    }
}
