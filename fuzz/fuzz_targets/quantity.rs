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
    Quantity::parse(&quantity.canonical()).expect("a canonical quantity reads back");
});
