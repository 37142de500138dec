//! Filling in templates.

use super::compare::passes;
use super::{JsonPathError, Node, Slice};
use core::mem;
use serde_json::Value;
use wavetank_model::go_text::{self, sorted};

/// Most values that a template may visit.
const MAX_VISITS: usize = 2_000_000;
/// Longest text that a template may give, in bytes.
const MAX_LENGTH: usize = 64 << 20;
/// Most loops within loops.
const MAX_LOOPS: usize = 64;

/// A value that a template found: one of the given value's, or one of its own.
#[derive(Clone, Debug)]
pub(super) enum Found<'a> {
    Given(&'a Value),
    Own(Value),
}

impl Found<'_> {
    pub(super) fn value(&self) -> &Value {
        match self {
            Self::Given(value) => value,
            Self::Own(value) => value,
        }
    }
}

impl<'a> Found<'a> {
    /// What a value is made of: items, members by name, or the bytes of a text, as Go sees them.
    fn parts(&self) -> Vec<Self> {
        let value = match self {
            Self::Given(value) => value,
            // A template's own values are single ones.
            Self::Own(value) => return value.as_str().map(bytes).unwrap_or_default(),
        };
        match value {
            Value::Array(items) => items.iter().map(Found::Given).collect(),
            Value::Object(_) => sorted(value).into_iter().map(|(_, member)| Found::Given(member)).collect(),
            Value::String(text) => bytes(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        }
    }
}

fn bytes<'a>(text: &str) -> Vec<Found<'a>> {
    text.bytes().map(|byte| Found::Own(byte.into())).collect()
}

type Results<'a> = Result<Vec<Found<'a>>, JsonPathError>;

/// What each part of a template finds.
///
/// # Errors
/// If a value does not suit what is asked of it, or there are too many.
pub(super) fn results<'a>(
    nodes: &[Node],
    value: &'a Value,
    allow_missing: bool,
) -> Result<Vec<Vec<Found<'a>>>, JsonPathError> {
    Evaluation { allow_missing, ..Evaluation::default() }.block(nodes, 0, Found::Given(value))
}

/// Refuses texts that are too long.
pub(super) fn check_length(length: usize) -> Result<(), JsonPathError> {
    if length > MAX_LENGTH { Err(JsonPathError::new("the template gives too much text")) } else { Ok(()) }
}

#[derive(Default)]
struct Evaluation {
    allow_missing: bool,
    /// Loops that a `range` has asked for and that have not begun.
    beginning: usize,
    /// Loops that are running.
    running: usize,
    /// Loops that an `end` has asked to end.
    ending: usize,
    /// Where the last `end` stood.
    last_end: Option<usize>,
    visits: usize,
}

impl Evaluation {
    fn visit(&mut self, count: usize) -> Result<(), JsonPathError> {
        self.visits = self.visits.saturating_add(count.max(1));
        if self.visits > MAX_VISITS {
            return Err(JsonPathError::new("the template visits too many values"));
        }
        Ok(())
    }

    /// Fills in the nodes from a place to the `end` of their loop.
    fn block<'a>(
        &mut self,
        nodes: &[Node],
        from: usize,
        value: Found<'a>,
    ) -> Result<Vec<Vec<Found<'a>>>, JsonPathError> {
        let mut all = Vec::new();
        let mut at = from;
        let input = [value];
        while let Some(node) = nodes.get(at) {
            let results = self.walk(input.to_vec(), node)?;
            if self.ending > 0 && self.ending <= self.running {
                self.ending -= 1;
                self.last_end = Some(at);
                break;
            }
            if self.beginning > 0 {
                self.beginning -= 1;
                at = self.looped(nodes, at, results, &mut all)?;
                continue;
            }
            all.push(results);
            at += 1;
        }
        Ok(all)
    }

    /// Fills in the loop that begins at a place for each value; answers where to go on.
    fn looped<'a>(
        &mut self,
        nodes: &[Node],
        at: usize,
        values: Vec<Found<'a>>,
        all: &mut Vec<Vec<Found<'a>>>,
    ) -> Result<usize, JsonPathError> {
        self.running += 1;
        if self.running > MAX_LOOPS {
            return Err(JsonPathError::new("the template has too many loops within loops"));
        }
        if values.is_empty() {
            // Even a loop over nothing is read through, to find its end.
            self.block(nodes, at + 1, Found::Own(Value::Null))?;
        }
        for value in values {
            self.visit(1)?;
            all.extend(self.block(nodes, at + 1, value)?);
        }
        self.running -= 1;
        Ok(match self.last_end {
            Some(end) if end > at => end + 1,
            _ => at + 1,
        })
    }

    fn list<'a>(&mut self, input: Vec<Found<'a>>, nodes: &[Node]) -> Results<'a> {
        nodes.iter().try_fold(input, |values, node| self.walk(values, node))
    }

    fn walk<'a>(&mut self, input: Vec<Found<'a>>, node: &Node) -> Results<'a> {
        self.visit(input.len())?;
        let each = |value: Value| Ok(input.iter().map(|_| Found::Own(value.clone())).collect());
        match node {
            Node::List(nodes) => self.list(input, nodes),
            Node::Text(text) => Ok(vec![Found::Own(text.as_str().into())]),
            Node::Integer(number) => each((*number).into()),
            Node::Float(number) => each((*number).into()),
            Node::Boolean(flag) => each((*flag).into()),
            Node::Field(name) => self.field(input, name),
            Node::Slice(slice) => self.slice(&input, *slice),
            Node::Filter { left, operator, right } => self.filter(&input, left, operator, right),
            Node::Wildcard => {
                let parts: Vec<Found<'a>> = input.iter().flat_map(Found::parts).collect();
                self.visit(parts.len())?;
                Ok(parts)
            }
            Node::Recursive => {
                let mut all = Vec::new();
                self.descend(input, &mut all)?;
                Ok(all)
            }
            Node::Union(lists) => {
                let mut all = Vec::new();
                for nodes in lists {
                    all.extend(self.list(input.clone(), nodes)?);
                    self.visit(all.len())?;
                }
                Ok(all)
            }
            Node::Identifier(word) => match word.as_str() {
                "range" => {
                    self.beginning += 1;
                    Ok(input)
                }
                "end" if self.running > 0 => {
                    self.ending += 1;
                    Ok(Vec::new())
                }
                "end" => Err(JsonPathError::new("not in range, nothing to end")),
                word => Err(JsonPathError::new(format!("unrecognized identifier {word}"))),
            },
        }
    }

    fn field<'a>(&mut self, input: Vec<Found<'a>>, name: &str) -> Results<'a> {
        if input.is_empty() {
            return Ok(input);
        }
        let member = |found: Found<'a>| match found {
            Found::Given(value) => value.get(name).filter(|_| value.is_object()).map(Found::Given),
            Found::Own(_) => None,
        };
        let found: Vec<Found<'a>> = input.into_iter().filter_map(member).collect();
        if found.is_empty() && !self.allow_missing {
            return Err(JsonPathError::new(format!("{name} is not found")));
        }
        Ok(found)
    }

    fn slice<'a>(&mut self, input: &[Found<'a>], slice: Slice) -> Results<'a> {
        let mut taken = Vec::new();
        for found in input.iter().filter(|found| !found.value().is_null()) {
            let Found::Given(Value::Array(items)) = found else {
                return Err(JsonPathError::new(format!("{} is not array or slice", go_text::type_name(found.value()))));
            };
            let Some((start, end, step)) = bounds(slice, items.len())? else { return Ok(taken) };
            taken.extend(items[start..end].iter().step_by(step).map(Found::Given));
            self.visit(end - start)?;
        }
        Ok(taken)
    }

    fn filter<'a>(&mut self, input: &[Found<'a>], left: &[Node], operator: &str, right: &[Node]) -> Results<'a> {
        let mut passed = Vec::new();
        for found in input {
            let Found::Given(Value::Array(items)) = found else {
                let shown = go_text::plain(found.value());
                return Err(JsonPathError::new(format!("{shown} is not array or slice and cannot be filtered")));
            };
            for item in items {
                self.visit(1)?;
                let lefts = self.list(vec![Found::Given(item)], left);
                if operator == "exists" {
                    // Of what goes wrong here only running out of room counts.
                    if self.visits > MAX_VISITS {
                        return lefts;
                    }
                    if lefts.is_ok_and(|lefts| !lefts.is_empty()) {
                        passed.push(Found::Given(item));
                    }
                    continue;
                }
                let Some(left) = only(lefts?)? else { continue };
                let Some(right) = only(self.list(vec![Found::Given(item)], right)?)? else { continue };
                if passes(left.value(), operator, right.value())? {
                    passed.push(Found::Given(item));
                }
            }
        }
        Ok(passed)
    }

    /// Adds values that have parts, and those among their parts, depth first.
    fn descend<'a>(&mut self, input: Vec<Found<'a>>, all: &mut Vec<Found<'a>>) -> Result<(), JsonPathError> {
        // An explicit stack, since values may be nested deeper than calls should be.
        let mut waiting: Vec<Found<'a>> = input;
        waiting.reverse();
        while let Some(found) = waiting.pop() {
            self.visit(1)?;
            let mut parts = found.parts();
            if !parts.is_empty() {
                all.push(found);
                parts.reverse();
                waiting.append(&mut parts);
            }
        }
        Ok(())
    }
}

/// The one value to compare, if there is any.
fn only(mut values: Vec<Found<'_>>) -> Result<Option<Found<'_>>, JsonPathError> {
    if values.len() > 1 {
        return Err(JsonPathError::new("can only compare one element at a time"));
    }
    Ok(mem::take(&mut values).pop())
}

/// Start, end and step of a slice of a list, negative ones counted from its end; nothing if it takes no item.
fn bounds(slice: Slice, length: usize) -> Result<Option<(usize, usize, usize)>, JsonPathError> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let from_end = |number: i64| if number < 0 { number.saturating_add(length) } else { number };
    let start = from_end(slice.start.unwrap_or_default());
    let end = match slice.end {
        // The end of a single index -1 is 0, which means the end of the list.
        Some(0) if slice.single => length,
        Some(end) => from_end(end),
        None => length,
    };
    if start == end {
        return Ok(None);
    }
    let outside = |index: i64| JsonPathError::new(format!("array index out of bounds: index {index}, length {length}"));
    if start >= length || start < 0 {
        return Err(outside(start));
    }
    if end > length || end < 0 {
        return Err(outside(end.saturating_sub(1)));
    }
    if start > end {
        return Err(JsonPathError::new(format!("starting index {start} is greater than ending index {end}")));
    }
    let step = slice.step.unwrap_or(1);
    let [start, end, step] = [start, end, step].map(|number| usize::try_from(number).unwrap_or_default());
    if step == 0 { Err(JsonPathError::new("step must be > 0")) } else { Ok(Some((start, end, step))) }
}
