//! The suite `selectors`: label selectors in both forms, and field selectors.

use super::answer::{Answer, answered, member, text};
use crate::Mismatch;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use wavetank_model::selector::{FieldSelector, LabelSelectorRequirement, SelectorError};
use wavetank_model::{LabelSelector, Selector, StringMap};

/// A case of `selectors`.
pub(super) fn case(notes: &Value, case: &Value) -> Result<(), Mismatch> {
    answered(case, |op, input| match op {
        "parse" => parse(notes, input),
        "labelSelector" => label_selector(notes, input),
        "parseToLabelSelector" => Ok(Answer::of(
            LabelSelector::parse(text(input, "selector")?).map(|selector| json!({"labelSelector": render(&selector)})),
        )),
        "fromSet" => from_set(input),
        "parseField" => parse_field(notes, input),
        _ => Err(Mismatch::not_run(format!("unknown op {op}"))),
    })
}

fn parse(notes: &Value, input: &Value) -> Result<Answer, Mismatch> {
    let sets = label_sets(notes, input, "labelSets")?;
    Ok(Answer::of(Selector::parse(text(input, "selector")?).map(|selector| {
        let requirements = selector.requirements().iter().map(|requirement| {
            let mut row = Map::new();
            row.insert("key".to_owned(), requirement.key().into());
            row.insert("operator".to_owned(), requirement.operator().as_str().into());
            row.insert("values".to_owned(), requirement.values().iter().map(|value| &**value).collect());
            Value::Object(row)
        });
        json!({
            "empty": selector.is_empty(),
            "matches": sets.iter().map(|set| selector.matches(set)).collect::<Vec<_>>(),
            "requirements": requirements.collect::<Vec<_>>(),
            "selectable": !selector.is_nothing(),
            "string": selector.to_string(),
        })
    })))
}

fn label_selector(notes: &Value, input: &Value) -> Result<Answer, Mismatch> {
    let sets = label_sets(notes, input, "labelSets")?;
    let object = read(member(input, "labelSelector")?)?;
    let (compiled, format) = match &object {
        Some(selector) => (selector.compile(), selector.format()),
        None => (Ok::<_, SelectorError>(Selector::nothing()), "<none>".to_owned()),
    };
    Ok(Answer::Gives(match compiled {
        Err(error) => json!({"error": error.to_string(), "format": format}),
        Ok(selector) => json!({
            "empty": selector.is_empty(),
            "format": format,
            "matches": sets.iter().map(|set| selector.matches(set)).collect::<Vec<_>>(),
            "string": selector.to_string(),
        }),
    }))
}

fn from_set(input: &Value) -> Result<Answer, Mismatch> {
    let set = labels(member(input, "set")?)?;
    let validated = LabelSelector { match_labels: set.clone(), ..LabelSelector::default() }.compile();
    let pairs: Vec<String> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Ok(Answer::Gives(json!({
        "selectorFromSet": Selector::from_labels(&set).to_string(),
        "set": pairs.join(","),
        "validated": validated.as_ref().map(ToString::to_string).unwrap_or_default(),
        "validatedError": validated.err().map(|error| error.to_string()).unwrap_or_default(),
    })))
}

fn parse_field(notes: &Value, input: &Value) -> Result<Answer, Mismatch> {
    let sets = label_sets(notes, input, "fieldSets")?;
    Ok(Answer::of(FieldSelector::parse(text(input, "selector")?).map(|selector| {
        let matches = sets.iter().map(|set| selector.matches(|field| set.get(field).unwrap_or_default()));
        json!({
            "empty": selector.is_empty(),
            "matches": matches.collect::<Vec<_>>(),
            "string": selector.to_string(),
        })
    })))
}

/// The sets that a case matches against: a list, or the name of one in the notes.
fn label_sets(notes: &Value, input: &Value, key: &str) -> Result<Vec<StringMap>, Mismatch> {
    let named = member(input, key)?;
    let list = named.as_str().map_or(Some(named), |name| notes.get(name)).and_then(Value::as_array);
    list.ok_or_else(|| Mismatch::not_run(format!("no list of sets under {named}")))?.iter().map(labels).collect()
}

fn labels(value: &Value) -> Result<StringMap, Mismatch> {
    let fail = || Mismatch::not_run("labels are no map of strings");
    match value {
        Value::Null => Ok(StringMap::default()),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| value.as_str().map(|value| (key, value)));
            pairs.collect::<Option<Vec<_>>>().map(StringMap::from_iter).ok_or_else(fail)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Err(fail()),
    }
}

fn read(value: &Value) -> Result<Option<LabelSelector>, Mismatch> {
    if value.is_null() {
        return Ok(None);
    }
    let match_labels = labels(value.get("matchLabels").unwrap_or(&Value::Null))?;
    let expressions = value.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    let match_expressions = expressions.map(|expression| {
        let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
        let word = |key| expression.get(key).and_then(Value::as_str).unwrap_or_default();
        LabelSelectorRequirement {
            key: word("key").into(),
            operator: word("operator").into(),
            values: values.filter_map(Value::as_str).map(Arc::from).collect(),
        }
    });
    Ok(Some(LabelSelector { match_labels, match_expressions: match_expressions.collect() }))
}

fn render(selector: &LabelSelector) -> Value {
    let mut object = Map::new();
    if !selector.match_labels.is_empty() {
        let pairs = selector.match_labels.iter().map(|(key, value)| (key.to_owned(), Value::from(value)));
        object.insert("matchLabels".to_owned(), Value::Object(pairs.collect()));
    }
    if !selector.match_expressions.is_empty() {
        let expressions = selector.match_expressions.iter().map(|expression| {
            let mut row = json!({"key": &*expression.key, "operator": &*expression.operator});
            if !expression.values.is_empty() {
                row["values"] = expression.values.iter().map(|value| &**value).collect();
            }
            row
        });
        object.insert("matchExpressions".to_owned(), expressions.collect());
    }
    Value::Object(object)
}
