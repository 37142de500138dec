use super::*;
use serde_json::json;

#[track_caller]
fn check(value: &Value, expected: &str) {
    assert_eq!(to_yaml(value), expected);
    assert_eq!(wavetank_manifest::parse_yaml(expected).expect("YAML"), core::slice::from_ref(value));
}

#[test]
fn lists_begin_in_the_column_of_their_key() {
    check(
        &json!({"spec": {"ports": [{"port": 80, "name": "http"}, 5, [1, ["a"]], [{"x": {}}]], "none": [], "n": null}}),
        "spec:\n  \"n\": null\n  none: []\n  ports:\n  - name: http\n    port: 80\n  - 5\n  - - 1\n    - - a\n  - - x: {}\n",
    );
}

#[test]
fn texts_that_read_as_something_else_are_quoted() {
    check(
        &json!({"a": "1", "b": "true", "c": "", "d": "5467844fd9", "e": "2026-01-15T12:00:00Z", "1": "x", "f": "25%"}),
        "\"1\": x\na: \"1\"\nb: \"true\"\nc: \"\"\nd: 5467844fd9\ne: \"2026-01-15T12:00:00Z\"\nf: 25%\n",
    );
    check(
        &json!({"a": "x: y", "b": "- x", "c": " x", "d": "it's", "e": "'"}),
        "a: 'x: y'\nb: '- x'\nc: ' x'\nd: it's\ne: ''''\n",
    );
}

#[test]
fn long_texts_are_folded_past_column_eighty() {
    let message = "the HPA was unable to compute the replica count: failed to get cpu utilization: \
                   did not receive metrics for targeted pods (pods might be unready)";
    check(
        &json!({"status": {"conditions": [{"message": message}]}}),
        "status:\n  conditions:\n  - message: 'the HPA was unable to compute the replica count: failed to get cpu utilization:\n      did not receive metrics for targeted pods (pods might be unready)'\n",
    );
}

#[test]
fn several_lines_are_literal() {
    check(
        &json!({"a": {"x": "{\"k\":1}\n", "y": "one\n\n  two"}, "b": "end\n\n", "c": " lead\n", "d": "tab\tbed", "e": "trail \n"}),
        "a:\n  x: |\n    {\"k\":1}\n  \"y\": |-\n    one\n\n      two\nb: |+\n  end\n\nc: |2\n   lead\nd: \"tab\\tbed\"\ne: \"trail \\n\"\n",
    );
    check(&json!(["a\n", "b"]), "- |\n  a\n- b\n");
}

#[test]
fn what_cannot_be_printed_is_escaped() {
    assert_eq!(
        to_yaml(&json!({"a": "\u{1F600}", "b": "é", "c": "\u{85}", "d": "\u{1}"})),
        "a: \"\\U0001F600\"\nb: é\nc: \"\\N\"\nd: \"\\x01\"\n"
    );
}

#[test]
fn documents_need_not_be_objects() {
    check(&json!("x"), "x\n");
    check(&json!([]), "[]\n");
    check(&json!([1, 2]), "- 1\n- 2\n");
}
