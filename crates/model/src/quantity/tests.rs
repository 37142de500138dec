use super::*;
use proptest::prelude::*;

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).expect("the test's quantity is valid")
}

#[track_caller]
fn check(text: &str, shown: &str, value: i64, milli: i64) {
    let one = quantity(text);
    assert_eq!((one.to_string().as_str(), one.value(), one.milli_value()), (shown, value, milli));
}

#[test]
fn values_are_rounded_up() {
    check("1001m", "1001m", 2, 1001);
    check("0.0001", "100u", 1, 1);
    check("1.5Gi", "1536Mi", 1_610_612_736, 1_610_612_736_000);
    check("-1500m", "-1500m", -2, -1500);
}

#[test]
fn spellings_that_look_canonical_are_kept() {
    check("+1", "+1", 1, 1000);
    check("001.500", "001.500", 2, 1500);
    check("1000", "1k", 1000, 1_000_000);
    check("128Mi", "128Mi", 134_217_728, 134_217_728_000);
}

#[test]
fn what_is_too_fine_becomes_a_billionth_even_below_zero() {
    check("1e-100", "1e-9", 1, 1);
    // Upstream's rounding of long negative numbers.
    check("-0.1n", "-1n", 1, 1);
}

#[test]
fn binary_quantities_stop_at_the_largest_integer() {
    assert_eq!(quantity("16Ei").to_string(), "9223372036854775807");
    assert_eq!(quantity("-16Ei").to_string(), "-9223372036854775807");
}

#[test]
fn the_left_format_is_kept_unless_left_is_zero() {
    assert_eq!(quantity("1Gi").plus(&quantity("1Mi")).to_string(), "1025Mi");
    assert_eq!(quantity("0").minus(&quantity("1Gi")).to_string(), "-1Gi");
    assert_eq!(quantity("1e6").minus(&quantity("500k")).to_string(), "500e3");
}

#[test]
fn sums_outgrow_64_bits() {
    let sum = quantity("1n").plus(&quantity("1E"));
    assert_eq!(sum.to_string(), "1000000000000000000000000001n");
    assert_eq!(sum.minus(&quantity("1E")).to_string(), "1n");
    assert_eq!(Quantity::new(i64::MIN, Format::DecimalSi).negated().to_string(), "9223372036854775808");
}

#[test]
fn faults_are_named_as_upstream_does() {
    for (text, error) in [
        ("", QuantityError::Format),
        ("1.2.3", QuantityError::Format),
        ("1K", QuantityError::Suffix),
        ("1e99999999999999999999", QuantityError::Suffix),
        (".e-20", QuantityError::Numeric),
    ] {
        assert_eq!(Quantity::parse(text).map(|one| one.to_string()), Err(error), "{text:?}");
    }
}

#[test]
fn it_is_stored_as_a_text_and_read_from_numbers_too() {
    assert_eq!(serde_json::to_string(&quantity("1.5")).expect("stored"), "\"1500m\"");
    for (json, shown) in [("\" 1\"", "1"), ("1.5", "1500m"), ("1024", "1024"), ("null", "0")] {
        let read: Quantity = serde_json::from_str(json).expect("read");
        assert_eq!(read.to_string(), shown);
        assert_eq!(Quantity::from_json(json), Ok(read));
    }
}

#[test]
fn exponents_that_nobody_means_are_quick() {
    let huge = quantity("1e2000000000");
    assert_eq!(huge.plus(&quantity("1")), huge);
    assert!(quantity("9E") < huge);
    assert_eq!(huge.value(), i64::MAX);
    assert_eq!(Quantity::parse("12345678901234567890e2000000000"), Err(QuantityError::Numeric));
}

fn any_quantity() -> impl Strategy<Value = Quantity> {
    let suffixes = vec!["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "e3", "e-2", "E6"];
    ("[+-]?[0-9]{1,12}", "(\\.[0-9]{0,9})?", prop::sample::select(suffixes))
        .prop_map(|(whole, fraction, suffix)| quantity(&format!("{whole}{fraction}{suffix}")))
}

proptest! {
    #[test]
    fn the_canonical_text_reads_back_as_the_same_number(one in any_quantity()) {
        // Upstream has no suffix for a thousand of its largest unit.
        prop_assume!(one.format() == Format::DecimalExponent || powers_of_1000(&one.amount.exact()).1 <= 18);
        prop_assert_eq!(Quantity::parse(&one.canonical()), Ok(one.clone()));
        prop_assert_eq!(Quantity::parse(&one.to_string()), Ok(one));
    }

    #[test]
    fn sums_and_order_agree(a in any_quantity(), b in any_quantity(), c in any_quantity()) {
        prop_assert_eq!(a.plus(&b), b.plus(&a));
        prop_assert_eq!(a.plus(&b).plus(&c), a.plus(&b.plus(&c)));
        prop_assert_eq!(&a.plus(&b).minus(&b), &a);
        prop_assert_eq!(a.cmp(&b), a.minus(&b).signum().cmp(&0));
        prop_assert_eq!(a.cmp(&b), b.negated().cmp(&a.negated()));
    }

    #[test]
    fn rounding_goes_away_from_zero_by_less_than_a_unit(one in any_quantity(), scale in -9_i32..9) {
        let (rounded, exact) = one.rounded_up(scale);
        prop_assert_eq!(exact, rounded == one);
        let away = if one.signum() < 0 { one.minus(&rounded) } else { rounded.minus(&one) };
        let unit = quantity(&format!("1e{scale}"));
        prop_assert!(away.signum() >= 0 && away < unit);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-+]?[0-9.]{0,25}[eEinumkKMGTP]{0,2}[-+]?[0-9]{0,12}|.*", scale: i32) {
        if let Ok(one) = Quantity::parse(&text) {
            let _ = (one.to_string(), one.canonical(), one.scaled_value(scale), one.as_int64(), one.approximate());
            let _ = one.plus(&quantity("1n")).minus(&quantity("1E")).rounded_up(scale).0.to_string();
        }
    }
}
