//! Reading templates, with the errors that kubectl gives.

use super::unquote::unquote;
use super::{JsonPathError, Node, Slice};
use wavetank_model::strconv::parse_integer;

/// Deepest nesting of filters and unions that is followed.
const MAX_DEPTH: usize = 16;

type Nodes = Result<Vec<Node>, JsonPathError>;

fn error<T>(message: impl Into<String>) -> Result<T, JsonPathError> {
    Err(JsonPathError::new(message))
}

/// Reads a whole template: text and, in braces, actions.
pub(super) fn template(text: &str) -> Nodes {
    let mut nodes = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            nodes.push(Node::Text(rest[..open].into()));
        }
        let mut reader = Reader { rest: &rest[open + 1..], depth: 0 };
        nodes.push(Node::List(reader.action()?));
        rest = reader.rest;
    }
    if !rest.is_empty() {
        nodes.push(Node::Text(rest.into()));
    }
    Ok(nodes)
}

/// Reads a text as if it stood in braces; only the first action counts, as upstream has it.
fn inner_action(text: &str, depth: usize) -> Nodes {
    if depth > MAX_DEPTH {
        return error("the template is nested too deeply");
    }
    let closed = format!("{text}}}");
    let mut reader = Reader { rest: &closed, depth };
    let nodes = reader.action()?;
    // What follows a brace in the text is read for its faults alone.
    let mut rest = reader.rest;
    while let Some(open) = rest.find('{') {
        let mut reader = Reader { rest: &rest[open + 1..], depth };
        reader.action()?;
        rest = reader.rest;
    }
    Ok(nodes)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    /// Takes what comes before a place.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Reads up to the closing brace.
    fn action(&mut self) -> Nodes {
        let mut nodes = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                return Ok(nodes);
            }
            if let Some(rest) = self.rest.strip_prefix("[?(") {
                self.rest = rest;
                nodes.push(self.filter()?);
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix("..") {
                self.rest = rest;
                nodes.push(Node::Recursive);
                if self.peek().is_some_and(is_word) {
                    nodes.push(self.field());
                }
                continue;
            }
            let before = self.rest;
            match self.next() {
                None | Some('\r' | '\n') => return error("unclosed action"),
                // The present object is where paths begin anyway.
                Some(' ' | '@' | '$') => {}
                Some('[') => self.array(&mut nodes)?,
                Some(quote @ ('"' | '\'')) => {
                    self.rest = before;
                    nodes.push(self.quoted(quote)?);
                }
                Some('.') => nodes.push(self.field()),
                Some(letter) if matches!(letter, '+' | '-') || letter.is_numeric() => {
                    self.rest = before;
                    nodes.push(self.number()?);
                }
                Some(letter) if is_word(letter) => {
                    self.rest = before;
                    nodes.push(self.identifier());
                }
                Some(letter) => {
                    let code = u32::from(letter);
                    let shown = if letter.is_control() { String::new() } else { format!(" '{letter}'") };
                    return error(format!("unrecognized character in action: U+{code:04X}{shown}"));
                }
            }
        }
    }

    fn field(&mut self) -> Node {
        let mut escaped = false;
        let end = self.rest.find(|letter| {
            let ends = !escaped && is_terminator(letter);
            escaped = !escaped && letter == '\\';
            ends
        });
        match self.take(end.unwrap_or(self.rest.len())) {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn identifier(&mut self) -> Node {
        let end = self.rest.find(is_terminator).unwrap_or(self.rest.len());
        match self.take(end) {
            "true" => Node::Boolean(true),
            "false" => Node::Boolean(false),
            word => Node::Identifier(word.into()),
        }
    }

    fn number(&mut self) -> Result<Node, JsonPathError> {
        let sign = usize::from(self.rest.starts_with(['+', '-']));
        let digits = self.rest[sign..].find(|letter: char| letter != '.' && !letter.is_numeric());
        let text = self.take(digits.map_or(self.rest.len(), |digits| sign + digits));
        if let Ok(integer) = parse_integer(text) {
            return Ok(Node::Integer(integer));
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() && text.contains(|letter: char| letter.is_ascii_digit()) => {
                Ok(Node::Float(float))
            }
            Ok(_) | Err(_) => error(format!("cannot parse number {text}")),
        }
    }

    /// Reads a quoted text; the reader stands at the opening quote.
    fn quoted(&mut self, quote: char) -> Result<Node, JsonPathError> {
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        loop {
            match bytes.get(at) {
                None | Some(b'\n') => return error("unterminated quoted string"),
                // Only the byte right before counts, even if it is escaped itself.
                Some(byte) if char::from(*byte) == quote && bytes.get(at - 1) != Some(&b'\\') => break,
                Some(_) => at += 1,
            }
        }
        let text = self.take(at + 1);
        match unquote(text) {
            Some(text) => Ok(Node::Text(text)),
            None => error(format!("unquote string {text} error invalid syntax")),
        }
    }

    /// Reads what follows an opening bracket: a union, a key or a slice.
    fn array(&mut self, nodes: &mut Vec<Node>) -> Result<(), JsonPathError> {
        let end = self.rest.find([']', '\n']).filter(|end| self.rest[*end..].starts_with(']'));
        let Some(end) = end else { return error("unterminated array") };
        let text = self.take(end);
        self.rest = &self.rest[1..];
        if text.contains(',') {
            let parts =
                text.split(',').map(|part| inner_action(&format!("[{}]", part.trim_matches(' ')), self.depth + 1));
            nodes.push(Node::Union(parts.collect::<Result<_, _>>()?));
            return Ok(());
        }
        let key = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).filter(|key| !key.contains('\''));
        if let Some(key) = key {
            nodes.extend(inner_action(&format!(".{key}"), self.depth + 1)?);
            return Ok(());
        }
        nodes.push(Node::Slice(slice(if text == "*" { ":" } else { text })?));
        Ok(())
    }

    /// Reads what follows `[?(` up to the closing bracket.
    fn filter(&mut self) -> Result<Node, JsonPathError> {
        let bytes = self.rest.as_bytes();
        let (mut opened, mut closed) = (None, false);
        let mut at = 0;
        loop {
            match bytes.get(at) {
                None | Some(b'\n') => return error("unterminated filter"),
                Some(quote @ (b'"' | b'\'')) => match opened {
                    None => opened = Some(*quote),
                    // As upstream: a quote counts as the end if it matches, however many there were.
                    Some(first) => closed |= first == *quote && at > 0 && bytes[at - 1] != b'\\',
                },
                Some(b')') if opened.is_some() == closed => break,
                Some(_) => {}
            }
            at += 1;
        }
        let text = self.take(at);
        self.rest = &self.rest[1..];
        if self.next() != Some(']') {
            return error("unclosed array expect ]");
        }
        let depth = self.depth + 1;
        match comparison(text) {
            None => Ok(Node::Filter { left: inner_action(text, depth)?, operator: "exists".into(), right: Vec::new() }),
            Some((left, operator, right)) => Ok(Node::Filter {
                left: inner_action(left, depth)?,
                operator: operator.into(),
                right: inner_action(right, depth)?,
            }),
        }
    }
}

/// Two sides and the operator between them, if there are all three on one line.
fn comparison(text: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |letter: char| matches!(letter, '!' | '<' | '>' | '=');
    let start = text.find(is_operator).filter(|start| *start > 0)?;
    let (left, rest) = text.split_at(start);
    let mut length = rest.find(|letter| !is_operator(letter)).unwrap_or(rest.len());
    if length == rest.len() {
        // Something must be left for the right side.
        length = length.checked_sub(1).filter(|length| *length > 0)?;
    }
    let (operator, right) = rest.split_at(length);
    (!right.contains('\n')).then_some((left, operator, right))
}

/// Reads `start:end:step`.
fn slice(text: &str) -> Result<Slice, JsonPathError> {
    let invalid = || JsonPathError::new(format!("invalid array index {text}"));
    let parts: Vec<&str> = text.split(':').collect();
    let is_number = |part: &str| part.strip_prefix('-').unwrap_or(part).bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(|part| is_number(part)) {
        return Err(invalid());
    }
    let number = |index: usize| match parts.get(index).copied() {
        None | Some("") => Ok(None),
        Some(part) => match parse_integer(part) {
            Ok(number) => Ok(Some(number)),
            Err(_) => error(format!("array index {part} is not a number")),
        },
    };
    let start = number(0)?;
    let single = parts.len() == 1;
    let end = if single { Some(start.unwrap_or_default().saturating_add(1)) } else { number(1)? };
    Ok(Slice { start, end, step: number(2)?, single })
}

fn is_word(letter: char) -> bool {
    letter == '_' || letter.is_alphabetic() || letter.is_numeric()
}

/// Whether a character ends a name.
fn is_terminator(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}
