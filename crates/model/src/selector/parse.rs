//! Reads selectors in the form of command lines.
//!
//! A selector is a list of requirements with commas between them: `key`, `!key`, `key=value` (also `==`
//! and `!=`), `key in (a,b)`, `key notin (a,b)`, `key>1`, `key<1`. `in` and `notin` are also good keys and
//! values, so the meaning of a word depends on where it stands.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a parser names the tokens that it expects, and all others are errors, future ones too"
)]

use super::requirement::check_key;
use super::{Operator, Requirement, SelectorError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The requirements of a text, in its order.
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    let mut parser = Parser { tokens: tokens(text), next: 0 };
    let mut requirements = Vec::new();
    loop {
        match parser.peek() {
            Token::End => return Ok(requirements),
            Token::Word(_) | Token::Not => {}
            other => return Err(found(other, ", expected: !, identifier, or 'end of string'")),
        }
        let requirement = parser.requirement();
        requirements
            .push(requirement.map_err(|error| SelectorError::Syntax(format!("unable to parse requirement: {error}")))?);
        match parser.take() {
            Token::End => return Ok(requirements),
            Token::Comma => {}
            other => return Err(found(other, ", expected: ',' or 'end of string'")),
        }
        if !matches!(parser.peek(), Token::Word(_) | Token::Not) {
            return Err(found(parser.peek(), ", expected: identifier after ','"));
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Open,
    Close,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    End,
}

impl Token<'_> {
    /// The symbols, longer ones before those that they start with.
    const SYMBOLS: [Token<'static>; 9] = [
        Token::DoubleEquals,
        Token::NotEquals,
        Token::Equals,
        Token::Not,
        Token::Open,
        Token::Close,
        Token::Comma,
        Token::Greater,
        Token::Less,
    ];

    const fn as_str(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
            Self::Not => "!",
            Self::Equals => "=",
            Self::DoubleEquals => "==",
            Self::NotEquals => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::End => "",
        }
    }
}

/// Splits a text into words and symbols; a word goes on to the next blank or symbol.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        // Upstream takes a NUL for the end of the text.
        if rest.is_empty() || rest.starts_with('\0') {
            return tokens;
        }
        let symbol = Token::SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol.as_str()));
        let token = symbol.unwrap_or_else(|| {
            let ends =
                |letter| matches!(letter, '\0' | ' ' | '\t' | '\r' | '\n' | '=' | '!' | '(' | ')' | ',' | '>' | '<');
            Token::Word(rest.find(ends).map_or(rest, |end| &rest[..end]))
        });
        rest = &rest[token.as_str().len()..];
        // Looking for the end of a token, upstream swallows a NUL without a trace.
        rest = rest.strip_prefix('\0').unwrap_or(rest);
        tokens.push(token);
    }
}

fn found(token: Token<'_>, expected: &str) -> SelectorError {
    SelectorError::Syntax(format!("found '{}'{expected}", token.as_str()))
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.next).copied().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let negated = self.peek() == Token::Not;
        if negated {
            self.take();
        }
        let key = match self.take() {
            Token::Word(key) => key,
            other => return Err(found(other, ", expected: identifier")),
        };
        check_key(key)?;
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, &[]);
        }
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Requirement::new(key, Operator::Exists, &[]);
        }
        let operator = self.operator()?;
        let values: Vec<Arc<str>> = match operator {
            Operator::In | Operator::NotIn => self.values()?.into_iter().map(Arc::from).collect(),
            Operator::Equals
            | Operator::DoubleEquals
            | Operator::NotEquals
            | Operator::GreaterThan
            | Operator::LessThan
            | Operator::Exists
            | Operator::DoesNotExist => vec![self.value()?.into()],
        };
        Requirement::new(key, operator, &values)
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        match self.take() {
            Token::Word("in") => Ok(Operator::In),
            Token::Word("notin") => Ok(Operator::NotIn),
            Token::Equals => Ok(Operator::Equals),
            Token::DoubleEquals => Ok(Operator::DoubleEquals),
            Token::NotEquals => Ok(Operator::NotEquals),
            Token::Greater => Ok(Operator::GreaterThan),
            Token::Less => Ok(Operator::LessThan),
            other => Err(found(other, ", expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    /// The one value behind `=` and the like, which may be empty.
    fn value(&mut self) -> Result<&'a str, SelectorError> {
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Ok("");
        }
        match self.take() {
            Token::Word(value) => Ok(value),
            other => Err(found(other, ", expected: identifier")),
        }
    }

    /// The values in parentheses; nothing around a comma is an empty value.
    fn values(&mut self) -> Result<BTreeSet<&'a str>, SelectorError> {
        let open = self.take();
        if open != Token::Open {
            return Err(found(open, " expected: '('"));
        }
        let mut values = BTreeSet::new();
        match self.peek() {
            Token::Word(_) | Token::Comma => self.list(&mut values)?,
            Token::Close => {
                values.insert("");
            }
            other => return Err(found(other, ", expected: ',', ')' or identifier")),
        }
        // The list ends in front of the closing parenthesis.
        self.take();
        Ok(values)
    }

    fn list(&mut self, values: &mut BTreeSet<&'a str>) -> Result<(), SelectorError> {
        loop {
            match self.take() {
                Token::Word(value) => {
                    values.insert(value);
                    match self.peek() {
                        Token::Comma => {}
                        Token::Close => return Ok(()),
                        other => return Err(found(other, ", expected: ',' or ')'")),
                    }
                }
                Token::Comma => {
                    if values.is_empty() {
                        values.insert("");
                    }
                    match self.peek() {
                        Token::Close => {
                            values.insert("");
                            return Ok(());
                        }
                        Token::Comma => {
                            self.take();
                            values.insert("");
                        }
                        _ => {}
                    }
                }
                other => return Err(found(other, ", expected: ',', or identifier")),
            }
        }
    }
}
