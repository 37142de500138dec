//! Any text as a quantity: what is read can be reckoned with and reads back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavetank_model::Quantity;

fuzz_target!(|text: &str| {
    let _ = Quantity::from_json(text);
    let Ok(quantity) = Quantity::parse(text) else { return };
    let _ = (quantity.value(), quantity.milli_value(), quantity.as_int64(), quantity.approximate());
    let _ = (quantity.plus(&quantity), quantity.minus(&quantity), quantity.negated());
    // Above `E` there is no suffix, and upstream then loses the scale; so the value is not compared.
    let canonical = quantity.canonical();
    let exponent = canonical.split_once('e').map_or(0, |(_, exponent)| exponent.parse::<i64>().unwrap_or(i64::MAX));
    // What would take more than ten thousand zeros may be refused, if a zero more does not fit into 64 bits.
    if exponent.unsigned_abs() < 9_000 {
        Quantity::parse(&canonical).expect("a canonical quantity reads back");
    }
});
