//! Writing texts: the style that each can have, and where its lines are folded.

use super::resolve::is_ambiguous;
use core::fmt::Write;

/// Column past which a text is folded at its next space.
const WIDTH: usize = 80;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// Where a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In front of a colon, on one line.
    Key,
    /// Where it may go on in the next line, at a column.
    Value { indent: usize },
}

impl Style {
    /// The style that a text asks for; what it holds may forbid it.
    pub(super) fn of(text: &str) -> Self {
        if text.contains('\n') {
            Self::Literal
        } else if is_ambiguous(text) {
            Self::DoubleQuoted
        } else {
            Self::Plain
        }
    }

    /// The style that a text gets.
    fn allowed(self, text: &str, place: Place) -> Self {
        let facts = Facts::of(text);
        match self {
            Self::Literal if place == Place::Key || !facts.literal => Self::DoubleQuoted,
            Self::Plain | Self::SingleQuoted if place == Place::Key && facts.multiline => Self::DoubleQuoted,
            Self::Plain if facts.plain => Self::Plain,
            Self::Plain | Self::SingleQuoted if facts.single_quoted => Self::SingleQuoted,
            Self::Plain | Self::SingleQuoted | Self::DoubleQuoted => Self::DoubleQuoted,
            Self::Literal => Self::Literal,
        }
    }
}

/// Whether a text has a line break of any kind.
pub(super) fn is_multiline(text: &str) -> bool {
    text.chars().any(is_break)
}

fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character may stand unescaped. Those past 16 bits may not.
fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && letter != '\u{feff}'
}

/// Which styles can hold a text.
struct Facts {
    plain: bool,
    single_quoted: bool,
    literal: bool,
    multiline: bool,
}

impl Facts {
    fn of(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let (Some(&first), Some(&last)) = (letters.first(), letters.last()) else {
            return Self { plain: true, single_quoted: true, literal: false, multiline: false };
        };
        let pairs = || letters.windows(2).map(|pair| (pair[0], pair[1]));
        let break_then_space = pairs().any(|(a, b)| is_break(a) && b == ' ');
        let space_then_break = pairs().any(|(a, b)| a == ' ' && is_break(b));
        let special = !letters.iter().copied().all(is_printable);
        let multiline = letters.iter().copied().any(is_break);
        let at_the_ends = |test: fn(char) -> bool| test(first) || test(last);
        let blank_ends = at_the_ends(|letter| letter == ' ' || is_break(letter));
        let unbroken = !space_then_break && !special;
        Self {
            plain: unbroken && !break_then_space && !multiline && !blank_ends && !has_indicator(&letters),
            single_quoted: unbroken && !break_then_space,
            literal: unbroken && last != ' ',
            multiline,
        }
    }
}

/// Whether a text would be read as structure.
fn has_indicator(letters: &[char]) -> bool {
    let is_blank =
        |letter: Option<&char>| letter.is_none_or(|letter| matches!(letter, ' ' | '\t') || is_break(*letter));
    if letters.starts_with(&['-', '-', '-']) || letters.starts_with(&['.', '.', '.']) {
        return true;
    }
    letters.iter().enumerate().any(|(index, letter)| {
        let before_blank = is_blank(letters.get(index + 1));
        match letter {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                if index == 0 =>
            {
                true
            }
            '?' | '-' if index == 0 => before_blank,
            ':' => before_blank,
            '#' => is_blank(letters.get(index.wrapping_sub(1))),
            _ => false,
        }
    })
}

/// Writes, and knows its column.
#[derive(Debug, Default)]
pub(super) struct Pen {
    out: String,
    column: usize,
    /// Whether the last line has ended already, as it has after most literals.
    ended: bool,
}

impl Pen {
    pub(super) fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column = self.column.saturating_add(text.chars().count());
        self.ended = false;
    }

    fn letter(&mut self, letter: char) {
        self.out.push(letter);
        self.column = self.column.saturating_add(1);
        self.ended = false;
    }

    fn end_line(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.ended = true;
    }

    /// Begins a line at a column.
    pub(super) fn indent(&mut self, column: usize) {
        if !self.ended {
            self.end_line();
        }
        self.out.extend(core::iter::repeat_n(' ', column));
        self.column = column;
        self.ended = false;
    }

    /// The whole text, its last line ended.
    pub(super) fn finish(mut self) -> String {
        if !self.ended {
            self.end_line();
        }
        self.out
    }

    /// Writes a text in a style, or in the next best that can hold it.
    pub(super) fn text(&mut self, text: &str, style: Style, place: Place) {
        match style.allowed(text, place) {
            Style::Plain => self.folded(text, place, false),
            Style::SingleQuoted => {
                self.put("'");
                self.folded(text, place, true);
                self.put("'");
            }
            Style::DoubleQuoted => self.double_quoted(text, place),
            Style::Literal => self.literal(text, place),
        }
    }

    /// Writes a text without escapes, folded at single spaces.
    fn folded(&mut self, text: &str, place: Place, quoted: bool) {
        let letters: Vec<char> = text.chars().collect();
        let (mut after_space, mut after_break) = (false, false);
        for (index, &letter) in letters.iter().enumerate() {
            if letter == ' ' {
                let inner = !quoted || (index > 0 && index + 1 < letters.len());
                let single = !after_space && letters.get(index + 1) != Some(&' ');
                match place {
                    Place::Value { indent } if inner && single && self.column > WIDTH => self.indent(indent),
                    Place::Key | Place::Value { .. } => self.letter(letter),
                }
                after_space = true;
                continue;
            }
            if is_break(letter) {
                self.out.push(letter);
                self.column = 0;
                after_break = true;
                continue;
            }
            if let (true, Place::Value { indent }) = (core::mem::take(&mut after_break), place) {
                self.out.extend(core::iter::repeat_n(' ', indent));
                self.column = indent;
            }
            if quoted && letter == '\'' {
                self.letter(letter);
            }
            self.letter(letter);
            after_space = false;
        }
    }

    fn double_quoted(&mut self, text: &str, place: Place) {
        self.put("\"");
        let letters: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (index, &letter) in letters.iter().enumerate() {
            if !is_printable(letter) || is_break(letter) || matches!(letter, '"' | '\\') {
                self.put(&escape(letter));
                after_space = false;
            } else if letter == ' ' {
                let inner = index > 0 && index + 1 < letters.len();
                match place {
                    Place::Value { indent } if inner && !after_space && self.column > WIDTH => {
                        self.indent(indent);
                        if letters.get(index + 1) == Some(&' ') {
                            self.put("\\");
                        }
                    }
                    Place::Key | Place::Value { .. } => self.letter(letter),
                }
                after_space = true;
            } else {
                self.letter(letter);
                after_space = false;
            }
        }
        self.put("\"");
    }

    /// Writes a text line by line. What it begins and ends with is told in front of it.
    fn literal(&mut self, text: &str, place: Place) {
        let indent = match place {
            Place::Key => 0,
            Place::Value { indent } => indent,
        };
        let begins_blank = text.starts_with(|letter: char| letter == ' ' || is_break(letter));
        let mut backwards = text.chars().rev();
        let (last, before) = (backwards.next(), backwards.next());
        let ends_in_break = |letter: Option<char>| letter.is_some_and(is_break);
        self.put(if begins_blank { "|2" } else { "|" });
        if !ends_in_break(last) {
            self.put("-");
        } else if before.is_none() || ends_in_break(before) {
            self.put("+");
        }
        self.end_line();
        let mut starts_line = true;
        for letter in text.chars() {
            if letter == '\n' {
                self.end_line();
                starts_line = true;
            } else if is_break(letter) {
                self.out.push(letter);
                self.column = 0;
                self.ended = true;
                starts_line = true;
            } else {
                if core::mem::take(&mut starts_line) {
                    self.ended = true;
                    self.indent(indent);
                }
                self.letter(letter);
            }
        }
    }
}

/// A character as an escape of a double-quoted text.
fn escape(letter: char) -> String {
    let short = match letter {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(letter);
            let mut long = String::from("\\");
            // Writing to a string cannot fail.
            let _ = match code {
                0..=0xff => write!(long, "x{code:02X}"),
                0x100..=0xffff => write!(long, "u{code:04X}"),
                _ => write!(long, "U{code:08X}"),
            };
            return long;
        }
    };
    format!("\\{short}")
}
