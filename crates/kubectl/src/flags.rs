//! Flags as pflag reads them, with its complaints.
//!
//! Source: `github.com/spf13/pflag`.

use core::time::Duration;
use std::collections::BTreeMap;

/// What a flag wants after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Nothing, or `=true` and `=false`.
    Switch,
    /// Any text.
    Text,
    /// A number.
    Number,
    /// A span of time such as `90s`.
    Span,
    /// A text after `=`, or nothing, which stands for `unchanged`.
    Choice,
}

/// One flag of a command.
#[derive(Clone, Copy, Debug)]
struct Flag {
    name: &'static str,
    short: Option<char>,
    takes: Takes,
}

/// Flags that every command knows.
const GLOBAL: &str = "namespace,n:s context:s server,s:s kubeconfig:s cluster:s user:s token:s as:s as-group:s \
                      as-uid:s request-timeout:s v,v:i vmodule:s cache-dir:s insecure-skip-tls-verify \
                      certificate-authority:s client-certificate:s client-key:s tls-server-name:s \
                      match-server-version profile:s profile-output:s warnings-as-errors log-flush-frequency:d \
                      disable-compression password:s username:s help,h";

/// Why arguments could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlagError(pub(crate) String);

/// Arguments of a command: what was set, and what is no flag.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments {
    set: BTreeMap<&'static str, Vec<String>>,
    /// All flags and their values, in the order in which they were given.
    order: Vec<(&'static str, String)>,
    /// Arguments that are no flags, in order.
    pub(crate) words: Vec<String>,
    /// How many of them stood before `--`, if that was there.
    pub(crate) before_dashes: Option<usize>,
}

/// The flag of one entry of a table: `name[,short][:kind]`.
fn flag_of(entry: &'static str) -> Flag {
    let (names, kind) = entry.split_once(':').unwrap_or((entry, ""));
    let (name, short) = names.split_once(',').unwrap_or((names, ""));
    let takes = match kind {
        "s" => Takes::Text,
        "i" => Takes::Number,
        "d" => Takes::Span,
        "o" => Takes::Choice,
        _ => Takes::Switch,
    };
    Flag { name, short: short.chars().next(), takes }
}

fn find(table: &'static str, fits: impl Fn(&Flag) -> bool) -> Option<Flag> {
    table.split_whitespace().chain(GLOBAL.split_whitespace()).map(flag_of).find(fits)
}

impl Flag {
    /// The flag as complaints about its argument name it.
    fn shown(&self) -> String {
        self.short.map_or_else(|| format!("--{}", self.name), |short| format!("-{short}, --{}", self.name))
    }

    /// Checks a value as setting the flag would.
    fn check(&self, value: &str) -> Result<(), FlagError> {
        let why = match self.takes {
            Takes::Text | Takes::Choice => return Ok(()),
            Takes::Switch => {
                const WORDS: [&str; 12] =
                    ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
                if WORDS.contains(&value) {
                    return Ok(());
                }
                format!("strconv.ParseBool: parsing {}: invalid syntax", quoted(value))
            }
            Takes::Number => match parse_number(value) {
                Ok(_) => return Ok(()),
                Err(why) => format!("strconv.ParseInt: parsing {}: {why}", quoted(value)),
            },
            Takes::Span => match parse_span(value) {
                Some(_) => return Ok(()),
                None => format!("time: invalid duration {}", quoted(value)),
            },
        };
        Err(FlagError(format!("invalid argument {} for \"{}\" flag: {why}", quoted(value), self.shown())))
    }
}

/// A text in double quotes, as Go's `%q` writes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// A whole number, in the notations that `strconv.ParseInt` takes with base 0.
fn parse_number(text: &str) -> Result<i64, &'static str> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(hex) = lower.strip_prefix("0x") {
        (16, hex)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (2, binary)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (8, octal)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err("invalid syntax");
    }
    let value = i64::from_str_radix(digits, radix).map_err(|_| "value out of range")?;
    let value = if negative { -value } else { value };
    if i32::try_from(value).is_err() { Err("value out of range") } else { Ok(value) }
}

/// A span as Go's `time.ParseDuration` reads it; negative ones answer no time at all.
pub(crate) fn parse_span(text: &str) -> Option<Duration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let length = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(length);
        let (unit, scale) = [
            ("ns", 1),
            ("us", 1_000),
            ("µs", 1_000),
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("m", 60_000_000_000),
            ("h", 3_600_000_000_000_u128),
        ]
        .into_iter()
        .filter(|(unit, _)| tail.starts_with(unit))
        .max_by_key(|(unit, _)| unit.len())?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.contains('.') {
            return None;
        }
        let fraction = &fraction[..fraction.len().min(9)];
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let divisor = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        nanos = nanos.checked_add(whole.checked_mul(scale)?)?.checked_add(part * scale / divisor)?;
        rest = &tail[unit.len()..];
    }
    let nanos = u64::try_from(nanos).ok().filter(|nanos| i64::try_from(*nanos).is_ok())?;
    Some(if negative { Duration::ZERO } else { Duration::from_nanos(nanos) })
}

impl Arguments {
    /// Reads the arguments of a command whose own flags are listed in `table`.
    ///
    /// An entry of the table is `name`, `name,n` with a one-letter form, or either with `:s` (text),
    /// `:i` (number), `:d` (span of time) or `:o` (a text after `=` or nothing at all).
    pub(crate) fn read(table: &'static str, arguments: &[String]) -> Result<Self, FlagError> {
        let mut read = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                read.before_dashes = Some(read.words.len());
                read.words.extend(rest.by_ref().cloned());
            } else if let Some(long) = argument.strip_prefix("--") {
                read.long(table, long, argument, &mut rest)?;
            } else if argument.len() > 1 && argument.starts_with('-') {
                read.short(table, &argument[1..], &mut rest)?;
            } else {
                read.words.push(argument.clone());
            }
        }
        Ok(read)
    }

    fn long<'a>(
        &mut self,
        table: &'static str,
        text: &str,
        whole: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), FlagError> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.starts_with('-') {
            return Err(FlagError(format!("bad flag syntax: {whole}")));
        }
        let flag = find(table, |flag| flag.name == name);
        let flag = flag.ok_or_else(|| FlagError(format!("unknown flag: --{name}")))?;
        let value = match (value, flag.takes) {
            (Some(value), _) => value.to_owned(),
            (None, Takes::Switch) => "true".to_owned(),
            (None, Takes::Choice) => "unchanged".to_owned(),
            (None, Takes::Text | Takes::Number | Takes::Span) => {
                rest.next().cloned().ok_or_else(|| FlagError(format!("flag needs an argument: --{name}")))?
            }
        };
        self.put(&flag, value)
    }

    fn short<'a>(
        &mut self,
        table: &'static str,
        cluster: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), FlagError> {
        let mut letters = cluster.char_indices();
        while let Some((at, letter)) = letters.next() {
            let flag = find(table, |flag| flag.short == Some(letter));
            let flag =
                flag.ok_or_else(|| FlagError(format!("unknown shorthand flag: '{letter}' in -{}", &cluster[at..])))?;
            let tail = letters.as_str();
            if let Some(value) = tail.strip_prefix('=') {
                return self.put(&flag, value.to_owned());
            }
            match flag.takes {
                Takes::Switch => self.put(&flag, "true".to_owned())?,
                Takes::Choice => self.put(&flag, "unchanged".to_owned())?,
                Takes::Text | Takes::Number | Takes::Span if !tail.is_empty() => {
                    return self.put(&flag, tail.to_owned());
                }
                Takes::Text | Takes::Number | Takes::Span => {
                    let missing = || FlagError(format!("flag needs an argument: '{letter}' in -{}", &cluster[at..]));
                    let value = rest.next().cloned().ok_or_else(missing)?;
                    return self.put(&flag, value);
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, flag: &Flag, value: String) -> Result<(), FlagError> {
        flag.check(&value)?;
        self.order.push((flag.name, value.clone()));
        self.set.entry(flag.name).or_default().push(value);
        Ok(())
    }

    /// All flags as they were given, each as `--name=value`.
    pub(crate) fn spelled(&self) -> impl Iterator<Item = String> {
        self.order.iter().map(|(name, value)| format!("--{name}={value}"))
    }

    /// Whether a flag was given at all.
    pub(crate) fn given(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// The last value of a flag.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.set.get(name)?.last().map(String::as_str)
    }

    /// All values of a flag that may be repeated, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.set.get(name).into_iter().flatten().map(String::as_str)
    }

    /// Whether a switch is on.
    pub(crate) fn on(&self, name: &str) -> bool {
        self.switch(name) == Some(true)
    }

    /// How a switch was set, if it was.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value.starts_with(['1', 't', 'T']))
    }

    /// The value of a number.
    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.text(name).and_then(|text| parse_number(text).ok()).and_then(|value| i32::try_from(value).ok())
    }

    /// The value of a span of time.
    pub(crate) fn span(&self, name: &str) -> Option<Duration> {
        self.text(name).and_then(parse_span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "filename,f:s replicas:i watch,w dry-run:o timeout:d";

    fn read(line: &str) -> Result<Arguments, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Arguments::read(TABLE, &words).map_err(|error| error.0)
    }

    #[test]
    fn long_and_short_forms_mean_the_same() {
        for line in ["-f x -w", "-fx -w=true", "--filename=x --watch", "--filename x -w", "-wf x"] {
            let read = read(line).unwrap();
            assert_eq!((read.text("filename"), read.on("watch")), (Some("x"), true), "{line}");
        }
    }

    #[test]
    fn a_dry_run_takes_a_value_only_after_an_equals_sign() {
        let read = read("--dry-run client").unwrap();
        assert_eq!((read.text("dry-run"), read.words.as_slice()), (Some("unchanged"), &["client".to_owned()][..]));
    }

    #[test]
    fn complaints_are_those_of_pflag() {
        let complaint = |line| read(line).unwrap_err();
        assert_eq!(complaint("--foo"), "unknown flag: --foo");
        assert_eq!(complaint("-wx"), "unknown shorthand flag: 'x' in -x");
        assert_eq!(complaint("-f"), "flag needs an argument: 'f' in -f");
        assert_eq!(complaint("--filename"), "flag needs an argument: --filename");
        assert_eq!(
            complaint("--replicas=x"),
            "invalid argument \"x\" for \"--replicas\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"
        );
        assert_eq!(
            complaint("--timeout=5"),
            "invalid argument \"5\" for \"--timeout\" flag: time: invalid duration \"5\""
        );
    }

    #[test]
    fn spans_are_read_as_go_reads_them() {
        assert_eq!(parse_span("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_span("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_span("0"), Some(Duration::ZERO));
        assert_eq!(parse_span("5"), None);
        assert_eq!(parse_span(""), None);
    }
}
