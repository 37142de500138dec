//! YAML text to JSON values.

use serde_json::Value;

/// Text that is not YAML, or YAML that asks for too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing YAML: {message}")]
pub struct YamlError {
    /// What is wrong and where.
    pub message: String,
}

/// Deepest nesting that is followed; the API server's own limit is far higher, our stack is not.
const MAX_DEPTH: usize = 100;

/// Reads all documents of a text; empty ones are left out.
///
/// Numbers with a leading zero are octal, as the tools of Kubernetes read them. Of a key given twice
/// the last one counts, as it does for kubectl. Depth, aliases and what they expand to are bounded,
/// so that a small text cannot become a huge value.
///
/// # Errors
/// If the text is not YAML or passes a bound.
pub fn parse_yaml(text: &str) -> Result<Vec<Value>, YamlError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_aliases: 1_000,
            max_anchors: 1_000,
            // These grow with the text alone, so they need no bound: a cluster's pods may be one list.
            max_documents: usize::MAX,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        legacy_octal_numbers: true,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| YamlError { message: error.to_string() })
}

/// Reads all objects of a text: documents, and the items of documents that are lists.
///
/// # Errors
/// As [`parse_yaml`].
pub fn parse_objects(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut objects = Vec::new();
    for document in parse_yaml(text)? {
        flatten(document, &mut objects);
    }
    Ok(objects)
}

/// The items of a document, if it is a list: if its kind ends so and it has items.
fn items_of(document: &mut Value) -> Option<Vec<Value>> {
    let fields = document.as_object_mut()?;
    let is_list = fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match fields.get_mut("items").filter(|_| is_list).map(Value::take) {
        Some(Value::Array(items)) => Some(items),
        Some(other) => {
            fields.insert("items".to_owned(), other);
            None
        }
        None => None,
    }
}

/// Depth is bounded by how the text was read.
fn flatten(mut document: Value, objects: &mut Vec<Value>) {
    let Some(items) = items_of(&mut document) else {
        objects.push(document);
        return;
    };
    let kind = document.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"));
    let kind = kind.filter(|kind| !kind.is_empty());
    for mut item in items {
        // The items of a list of one kind need not say again what they are.
        if let (Value::Object(item), Some(kind)) = (&mut item, kind) {
            item.entry("kind").or_insert_with(|| Value::from(kind));
            item.entry("apiVersion").or_insert_with(|| document.get("apiVersion").cloned().unwrap_or(Value::Null));
        }
        flatten(item, objects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_come_in_order_and_empty_ones_are_left_out() {
        let documents = parse_yaml("---\na: 1\n---\n---\nb: [x, \"2\"]\n").unwrap();
        assert_eq!(documents, [json!({"a": 1}), json!({"b": ["x", "2"]})]);
    }

    #[test]
    fn lists_give_their_items() {
        let text = "kind: List\napiVersion: v1\nitems:\n- {kind: Pod, apiVersion: v1}\n---\nkind: PodList\n\
                    apiVersion: v1\nitems: [{metadata: {name: a}}]\n---\n{kind: Pod}\n";
        let objects = parse_objects(text).unwrap();
        assert_eq!(objects[0], json!({"kind": "Pod", "apiVersion": "v1"}));
        assert_eq!(objects[1], json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}}));
        assert_eq!(objects[2], json!({"kind": "Pod"}));
    }

    #[test]
    fn leading_zeros_are_octal() {
        assert_eq!(parse_yaml("mode: 0644").unwrap(), [json!({"mode": 420})]);
    }

    #[test]
    fn many_documents_are_no_bomb() {
        assert_eq!(parse_yaml(&"---\na: 1\n".repeat(2_000)).unwrap().len(), 2_000);
        let long = format!("[{}]", "x, ".repeat(300_000));
        assert_eq!(parse_yaml(&long).unwrap()[0].as_array().map(Vec::len), Some(300_000));
    }

    #[test]
    fn depth_and_aliases_are_bounded() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse_yaml(&deep).is_err());
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let last = level - 1;
            bomb.push_str(&format!(
                "a{level}: &a{level} [*a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}]\n"
            ));
        }
        assert!(parse_yaml(&bomb).is_err());
        assert!(parse_yaml("a: [1").is_err());
    }
}
