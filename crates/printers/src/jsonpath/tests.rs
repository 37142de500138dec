use super::*;
use serde_json::json;

/// Two pods, the second with two conditions.
fn pods() -> Value {
    json!({
        "kind": "List",
        "items": [
            {"kind": "Pod", "metadata": {"name": "a", "labels": {"app": "web", "x.y/z": "1"}},
             "status": {"restarts": 3, "load": 1.5}},
            {"kind": "Pod", "metadata": {"name": "b", "labels": {}}, "status": {"restarts": 0, "gone": null,
             "conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "False"}]}},
        ],
    })
}

#[track_caller]
fn check(template: &str, expected: &str) {
    let rendered = Template::parse(template).and_then(|template| template.render(&pods()));
    assert_eq!(rendered, Ok(expected.into()), "{template}");
}

#[track_caller]
fn refused(template: &str, expected: &str) {
    let rendered = Template::parse(template).and_then(|template| template.render(&pods()));
    assert_eq!(rendered.map_err(|error| error.to_string()), Err(expected.into()), "{template}");
}

#[test]
fn paths_find_fields_and_items() {
    check("{.kind}", "List");
    check("{.items[*].metadata.name}", "a b");
    check("{.items[0].metadata.labels}", "{\"app\":\"web\",\"x.y/z\":\"1\"}");
    check("{.items[0].metadata.labels.x\\.y/z} {.items[0]['metadata'].name}", "1 a");
    check("{$.items[1].status.gone}|{.none}|{.items[*].status.none}", "<nil>||");
    check("{.items[*]['metadata.name', 'status.restarts']}", "a b 3 0");
    check("{..name}", "a b");
    check("{.items[0].status.*}", "1.5 3");
    check("{@.items[0].kind}", "Pod");
}

#[test]
fn slices_count_from_either_end() {
    check("{.items[-1].metadata.name}", "b");
    check("{.items[-1:].metadata.name}{.items[:1].metadata.name}", "ba");
    check("{.items[0:2:2].metadata.name}", "a");
    check("{.items[1:1].metadata.name}", "");
    refused("{.items[5]}", "array index out of bounds: index 5, length 2");
    refused("{.items[0:5]}", "array index out of bounds: index 4, length 2");
    refused("{.items[-3]}", "array index out of bounds: index -1, length 2");
    refused("{.items[1:0]}", "starting index 1 is greater than ending index 0");
    refused("{.items[0:2:0]}", "step must be > 0");
    refused("{.kind[0]}", "string is not array or slice");
}

#[test]
fn loops_nest_and_skip_to_their_end() {
    check("{range .items[*]}{.metadata.name}{\"\\t\"}{.status.restarts}{'\\n'}{end}.", "a\t3\nb\t0\n.");
    check(
        "{range .items[*]}{.metadata.name}:{range .status.conditions[*]} {.type}={.status}{end};{end}",
        "a:;b: Ready=True Initialized=False;",
    );
    check("{range .none[*]}{.x}{end}after", "after");
    refused("{end}", "not in range, nothing to end");
    // A loop without an end is gone on from right behind its beginning, as upstream does.
    check("{range .items[*]}{.kind}", "PodPodList");
}

#[test]
fn filters_compare_values_of_one_kind() {
    check("{.items[?(@.status.restarts>1)].metadata.name}", "a");
    check("{.items[?(@.metadata.name==\"b\")].status.restarts}", "0");
    check("{.items[*].status.conditions[?(@.type=='Ready')].status}", "True");
    check("{.items[?(@.status.conditions)].metadata.name}", "b");
    check("{.items[?(@.status.restarts!=3)].metadata.name}", "b");
    check("{.items[?(@.status.restarts<=3)].metadata.name}", "a b");
    check("{.items[?(@.status.load>=1.5)].metadata.name}", "a");
    refused("{.items[?(@.status.restarts==\"x\")]}", "incompatible types for comparison");
    refused("{.items[?(@.metadata==\"x\")]}", "invalid type for comparison");
    refused("{.items[?(@.status.restarts===3)]}", "unrecognized filter operator ===");
    refused("{.metadata[?(@.a)]}{.kind[?(@.a)]}", "List is not array or slice and cannot be filtered");
}

#[test]
fn what_is_no_template_is_refused_in_kubectls_words() {
    refused("{.kind", "unclosed action");
    refused("{.items[0}", "unterminated array");
    refused("{.items[x]}", "invalid array index x");
    refused("{.items[1:2:3:4]}", "invalid array index 1:2:3:4");
    refused("{\"x}", "unterminated quoted string");
    refused("{.items[?(@.x}", "unterminated filter");
    refused("{.items[?(@.x)}", "unclosed array expect ]");
    refused("{*}", "unrecognized character in action: U+002A '*'");
    refused("{foo}", "unrecognized identifier foo");
    refused("{1.2.3}", "cannot parse number 1.2.3");
    refused("{\"\\q\"}", "unquote string \"\\q\" error invalid syntax");
    refused("{.items[99999999999999999999]}", "array index 99999999999999999999 is not a number");
}

#[test]
fn strict_templates_miss_what_is_not_there() {
    let template = Template::parse("{.none.x}").unwrap();
    assert_eq!(template.render_strictly(&pods()).unwrap_err().to_string(), "none is not found");
}

#[test]
fn paths_may_be_given_without_braces_and_dots() {
    for path in ["kind", ".kind", "{kind}", "{.kind}"] {
        assert_eq!(Template::parse_relaxed(path).and_then(|path| path.render(&pods())), Ok("List".into()));
    }
    assert!(
        Template::parse_relaxed("{.a}{.b}").unwrap_err().to_string().starts_with("unexpected path string, expected")
    );
}

#[test]
fn json_output_shows_all_that_was_found() {
    let template = Template::parse("{.items[*].metadata.name}").unwrap();
    assert_eq!(template.render_json(&pods()).unwrap(), "[\n    \"a\",\n    \"b\"\n]\n");
}

#[test]
fn loops_within_loops_do_not_run_away() {
    let wide = json!({"a": (0..100).collect::<Vec<i32>>()});
    let text = format!("{}{}", "{range $...*}{range @...*}".repeat(20), "{end}".repeat(40));
    assert_eq!(Template::parse(&text).and_then(|template| template.render(&wide)), Ok(String::new()));
    let deep = (0..60).fold(json!("x"), |inner, _| json!({"a": inner, "b": [1]}));
    let text = format!("{{{}}}", "...*".repeat(30));
    let error = Template::parse(&text).and_then(|template| template.render(&deep)).unwrap_err();
    assert_eq!(error.to_string(), "the template visits too many values");
}

#[test]
fn a_complaint_names_the_template_and_the_object() {
    let error = Template::parse("{.a[1]}").unwrap().render(&json!({"a": ["x"]})).unwrap_err();
    assert_eq!(
        Template::complaint("{.a[1]}", &error, &json!({"a": ["x"]})),
        "Error executing template: array index out of bounds: index 1, length 1. \
         Printing more information for debugging the template:\n\ttemplate was:\n\t\t{.a[1]}\n\tobject given to jsonpath \
         engine was:\n\t\tmap[string]interface {}{\"a\":[]interface {}{\"x\"}}\n\n\n"
    );
}
