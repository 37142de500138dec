//! The text that upstream hashes for `pod-template-hash`: a full print of a Go value.
//!
//! Source: `pkg/util/hash`, `DeepHashObject`, which prints with type names, sorted map keys and
//! without methods. Every field is printed, absent or not, so the text follows from the schema.

use crate::schema::{self, Declaration, Type};
use core::fmt::{self, Write};
use serde_json::Value;
use wavetank_model::Quantity;
use wavetank_model::quantity::Held;

/// Prints the value of a named struct as Go's printer would.
///
/// # Errors
/// If the writer fails.
pub(crate) fn print(out: &mut impl Write, kind: &Type, value: Option<&Value>) -> fmt::Result {
    Printer { out }.value(kind, value.filter(|value| !value.is_null()), true)
}

struct Printer<'a, W> {
    out: &'a mut W,
}

/// A type's name in Go: of the import path only the last part is left.
pub(crate) fn name(kind: &Type, out: &mut impl Write) -> fmt::Result {
    match kind {
        Type::Basic(name) => out.write_str(name),
        Type::Named(name) => out.write_str(name.rsplit('/').next().unwrap_or(name)),
        Type::Pointer(inner) => {
            out.write_char('*')?;
            name(inner, out)
        }
        Type::Slice(inner) => {
            out.write_str("[]")?;
            name(inner, out)
        }
        Type::Map(key, value) => {
            out.write_str("map[")?;
            name(key, out)?;
            out.write_char(']')?;
            name(value, out)
        }
    }
}

impl<W: Write> Printer<'_, W> {
    /// Prints a value, with its type in front unless it is an item of a list or map.
    fn value(&mut self, kind: &Type, value: Option<&Value>, typed: bool) -> fmt::Result {
        let value = value.filter(|value| !value.is_null());
        if typed {
            self.out.write_char('(')?;
            name(kind, self.out)?;
            self.out.write_char(')')?;
        }
        self.bare(kind, value)
    }

    fn bare(&mut self, kind: &Type, value: Option<&Value>) -> fmt::Result {
        match kind {
            Type::Basic(name) => self.basic(name, value),
            Type::Pointer(inner) => match value {
                None => self.out.write_str("<nil>"),
                some => self.bare(inner, some),
            },
            Type::Slice(inner) => self.list(inner, value),
            Type::Map(_, inner) => self.map(inner, value),
            Type::Named(name) => match schema::declaration(name) {
                Some(Declaration::Struct(_)) => self.fields(name, value),
                Some(Declaration::Alias(under)) => self.bare(under, value),
                Some(Declaration::Opaque) => self.opaque(name, value),
                None => Ok(()),
            },
        }
    }

    fn basic(&mut self, name: &str, value: Option<&Value>) -> fmt::Result {
        match (name, value) {
            ("string", Some(Value::String(text))) => self.out.write_str(text),
            ("string", _) => Ok(()),
            ("bool", value) => write!(self.out, "{}", value.and_then(Value::as_bool).unwrap_or_default()),
            (_, Some(Value::Number(number))) => write!(self.out, "{number}"),
            (_, _) => self.out.write_char('0'),
        }
    }

    fn list(&mut self, inner: &Type, value: Option<&Value>) -> fmt::Result {
        let Some(Value::Array(items)) = value else { return self.out.write_str("<nil>") };
        self.out.write_char('[')?;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.write_char(' ')?;
            }
            self.value(inner, Some(item), false)?;
        }
        self.out.write_char(']')
    }

    fn map(&mut self, inner: &Type, value: Option<&Value>) -> fmt::Result {
        let Some(Value::Object(map)) = value else { return self.out.write_str("<nil>") };
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        self.out.write_str("map[")?;
        for (index, (key, item)) in entries.into_iter().enumerate() {
            if index > 0 {
                self.out.write_char(' ')?;
            }
            write!(self.out, "{key}:")?;
            self.value(inner, Some(item), false)?;
        }
        self.out.write_char(']')
    }

    fn fields(&mut self, name: &str, value: Option<&Value>) -> fmt::Result {
        self.out.write_char('{')?;
        for (index, field) in schema::fields(name).iter().enumerate() {
            if index > 0 {
                self.out.write_char(' ')?;
            }
            write!(self.out, "{}:", field.go)?;
            let inner = if field.is_inline() { value } else { value.and_then(|value| value.get(field.json)) };
            self.value(&field.kind, inner, true)?;
        }
        self.out.write_char('}')
    }

    fn opaque(&mut self, name: &str, value: Option<&Value>) -> fmt::Result {
        match name {
            "resource.Quantity" => self.quantity(value),
            "intstr.IntOrString" => {
                let text = value.and_then(Value::as_str);
                let number = value.and_then(Value::as_i64).unwrap_or_default();
                let form = i32::from(text.is_some());
                let text = text.unwrap_or_default();
                write!(self.out, "{{Type:(intstr.Type){form} IntVal:(int32){number} StrVal:(string){text}}}")
            }
            "meta/v1.Time" => {
                self.out.write_str("{Time:")?;
                self.instant(value)?;
                self.out.write_char('}')
            }
            "meta/v1.FieldsV1" => self.out.write_str("{Raw:([]uint8)<nil>}"),
            _ => self.instant(value),
        }
    }

    /// A time. Upstream's text of one that is not zero depends on the zone data of the process;
    /// here it is in UTC.
    fn instant(&mut self, value: Option<&Value>) -> fmt::Result {
        let stamp: Option<jiff::Timestamp> = value.and_then(Value::as_str).and_then(|text| text.parse().ok());
        let (wall, ext) = stamp.map_or((0, 0), |stamp| {
            // Go counts seconds from the year 1.
            (stamp.subsec_nanosecond(), stamp.as_second().saturating_add(62_135_596_800))
        });
        write!(self.out, "(time.Time){{wall:(uint64){wall} ext:(int64){ext} loc:(*time.Location)<nil>}}")
    }

    fn quantity(&mut self, value: Option<&Value>) -> fmt::Result {
        let text = match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let quantity = Quantity::parse(text.trim()).ok();
        let held = quantity.as_ref().map(Quantity::held);
        let (value, scale) = match &held {
            Some(Held::Small { value, scale }) => (*value, *scale),
            Some(Held::Exact { .. }) | None => (0, 0),
        };
        write!(self.out, "{{i:(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}} ")?;
        self.out.write_str("d:(resource.infDecAmount){Dec:(*inf.Dec)")?;
        match &held {
            Some(Held::Exact { negative, digits, scale }) => {
                let words: Vec<String> = words(digits).iter().map(ToString::to_string).collect();
                write!(self.out, "{{unscaled:(big.Int){{neg:(bool){negative} abs:(big.nat)[{}]}} ", words.join(" "))?;
                write!(self.out, "scale:(inf.Scale){scale}}}")?;
            }
            Some(Held::Small { .. }) | None => self.out.write_str("<nil>")?,
        }
        let cached = quantity.as_ref().and_then(Quantity::spelled).unwrap_or_default();
        let format = quantity.as_ref().map_or("", |quantity| quantity.format().as_str());
        write!(self.out, "}} s:(string){cached} Format:(resource.Format){format}}}")
    }
}

/// A number of decimal digits in words of 64 bits, the lowest first, as Go holds it.
fn words(digits: &str) -> Vec<u64> {
    let mut words: Vec<u64> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u128::from(digit - b'0');
        for word in &mut words {
            let product = u128::from(*word) * 10 + carry;
            *word = low(product);
            carry = product >> 64;
        }
        if carry > 0 {
            words.push(low(carry));
        }
    }
    words
}

/// The lowest 64 bits of a number.
fn low(number: u128) -> u64 {
    u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default()
}
