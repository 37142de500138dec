use super::*;
use proptest::prelude::*;

fn labels(pairs: &[(&str, &str)]) -> StringMap {
    pairs.iter().copied().collect()
}

fn parse(text: &str) -> Selector {
    Selector::parse(text).expect("the test's selector is valid")
}

#[track_caller]
fn refuse(text: &str, expected: &str) {
    assert_eq!(Selector::parse(text).map_err(|error| error.to_string()), Err(expected.into()));
}

#[test]
fn an_absent_selector_matches_nothing_and_an_empty_one_everything() {
    assert!(Selector::default().matches(&labels(&[])) && Selector::default().is_empty());
    assert!(!Selector::nothing().matches(&labels(&[])) && !Selector::nothing().is_empty());
}

#[test]
fn requirements_are_shown_by_key_and_values_sorted() {
    assert_eq!(parse("tier in (web, db),app!=x,!canary,n>3").to_string(), "app!=x,!canary,n>3,tier in (db,web)");
}

#[test]
fn a_negative_requirement_holds_without_the_key() {
    assert!(parse("app!=web").matches(&labels(&[])));
    assert!(parse("app notin (web)").matches(&labels(&[])));
    assert!(!parse("app notin (web)").matches(&labels(&[("app", "web")])));
}

#[test]
fn comparisons_need_integers_on_both_sides() {
    assert!(parse("n>9").matches(&labels(&[("n", "10")])));
    assert!(!parse("n<9").matches(&labels(&[("n", "x")])));
    assert!(!parse("n<9").matches(&labels(&[])));
    let fault = "for 'Gt', 'Lt' operators, the value must be an integer";
    refuse("n>x", &format!("unable to parse requirement: values[0]: Invalid value: \"x\": {fault}"));
}

#[test]
fn in_and_notin_are_words_where_no_operator_can_stand() {
    assert_eq!(parse("in in (in,notin),notin").to_string(), "in in (in,notin),notin");
}

#[test]
fn empty_parentheses_hold_the_empty_value() {
    assert!(parse("a in ()").matches(&labels(&[("a", "")])));
    assert_eq!(parse("a in (,b)").to_string(), "a in (,b)");
}

#[test]
fn what_was_found_is_named() {
    refuse("a in b", "unable to parse requirement: found 'b' expected: '('");
    refuse("a in (b", "unable to parse requirement: found '', expected: ',' or ')'");
    refuse("a in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier");
    refuse("a,", "found '', expected: identifier after ','");
    refuse("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
}

#[test]
fn several_faults_of_one_requirement_are_listed_together() {
    let values = ["-".into(), "-".into()];
    let error = Requirement::new("", Operator::Exists, &values).expect_err("everything is wrong").to_string();
    assert!(error.starts_with("[key: Invalid value: \"\": name part must be non-empty; "), "{error}");
    assert!(error.contains(", values: Invalid value: [\"-\",\"-\"]: values set must be empty"), "{error}");
    assert!(error.contains(", values[1][]: Invalid value: \"-\": a valid label"), "{error}");
}

#[test]
fn tables_show_none_and_error() {
    let mut selector = LabelSelector::default();
    assert_eq!(selector.format(), "<none>");
    selector.match_labels.set("app", "not valid");
    assert_eq!(selector.format(), "<error>");
}

#[test]
fn field_values_keep_their_escapes() {
    let selector = FieldSelector::parse(r"b!=1,,a=x\,y\\").expect("valid");
    assert_eq!(selector.to_string(), r"a=x\,y\\,b!=1");
    assert_eq!(selector.required("a"), Some(r"x,y\"));
    assert!(selector.matches(|field| if field == "a" { r"x,y\" } else { "" }));
}

fn any_selector() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec!["app", "tier", "in", "example.com/role"]);
    let value = prop::sample::select(vec!["", "a", "b", "in", "12", "A-1.x"]);
    let values = prop::collection::vec(value.clone(), 1..4).prop_map(|values| values.join(","));
    let requirement = prop_oneof![
        key.clone().prop_map(String::from),
        key.clone().prop_map(|key| format!("! {key}")),
        (key.clone(), prop::sample::select(vec!["=", "==", "!="]), value).prop_map(|(k, o, v)| format!("{k} {o} {v}")),
        (key.clone(), prop::sample::select(vec!["in", "notin"]), values).prop_map(|(k, o, v)| format!("{k} {o} ({v})")),
        (key, prop::sample::select(vec![">", "<"]), -0_i32..99).prop_map(|(k, o, v)| format!("{k}{o}{v}")),
    ];
    prop::collection::vec(requirement, 0..5).prop_map(|requirements| requirements.join(", "))
}

proptest! {
    #[test]
    fn a_selector_reads_back_from_its_own_text(text in any_selector()) {
        // Of two commas in a row the second one needs a value behind it.
        prop_assume!(!text.contains("(,,") && !text.contains(",,)"));
        let selector = Selector::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn the_form_of_objects_means_the_same(text in any_selector(), app in "[ab]?", tier in "[ab]?") {
        let Ok(selector) = Selector::parse(&text) else { return Ok(()) };
        let Ok(object) = LabelSelector::parse(&text) else { return Ok(()) };
        // An object has one value for each key of its labels.
        let equal = |key| selector.requirements().iter().filter(|one| one.key() == key && one.values().len() == 1).count();
        prop_assume!(["app", "tier", "in", "example.com/role"].into_iter().all(|key| equal(key) < 2));
        let compiled = object.compile().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let labels = labels(&[("app", &app), ("tier", &tier)]);
        prop_assert_eq!(compiled.matches(&labels), selector.matches(&labels));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\u{0}é]{0,20}|.*") {
        let _ = Selector::parse(&text).map_err(|error| error.to_string());
        let _ = FieldSelector::parse(&text).map(|selector| selector.to_string());
    }
}
