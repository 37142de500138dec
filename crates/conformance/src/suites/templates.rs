//! The suite `template-hash`: which `pod-template-hash` a pod template gets.

use super::answer::member;
use crate::Mismatch;
use serde_json::Value;

/// A case of `template-hash`.
pub(super) fn hash(_: &Value, case: &Value) -> Result<(), Mismatch> {
    let (input, expect) = (member(case, "input")?, member(case, "expect")?);
    let template = wavetank_manifest::pod_template(member(input, "template")?)
        .map_err(|error| Mismatch::not_run(error.to_string()))?;
    let collisions = Some(member(input, "collisionCount")?).filter(|count| !count.is_null());
    let collisions = collisions.map(|count| {
        let count = count.as_i64().and_then(|count| i32::try_from(count).ok());
        count.ok_or_else(|| Mismatch::not_run("collisionCount is not a number of 32 bits"))
    });
    let collisions = collisions.transpose()?;
    let hash = template.hash(collisions);
    same_text("expect.dumpFnv32a", member(expect, "dumpFnv32a")?, &Value::from(template.spelling))?;
    same_text("expect.hash", member(expect, "hash")?, &Value::from(hash.as_str()))?;
    same_text("expect.fnv32a", member(expect, "fnv32a")?, &sum_of(&hash))
}

fn same_text(path: &str, expected: &Value, got: &Value) -> Result<(), Mismatch> {
    if expected == got { Ok(()) } else { Err(Mismatch::differs(path, expected, got)) }
}

/// The sum that a hash spells: each letter stands for one decimal digit.
fn sum_of(hash: &str) -> Value {
    const LETTERS: &str = "456789bcdf";
    let mut digits = hash.chars().map(|letter| LETTERS.find(letter));
    let sum = digits.try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::try_from(digit?).ok()?));
    sum.map_or(Value::Null, Value::from)
}
