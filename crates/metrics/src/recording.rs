//! Recorded series: a column of times, and a column for each pod or workload.

use crate::curve::{Curve, Point};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;

/// Why a text is no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The text is no CSV, or its rows are not equally long.
    #[error("not a table: {0}")]
    Table(#[from] csv::Error),
    /// The first column of a row is no time.
    #[error("row {row}: {text:?} is no number of seconds")]
    Time {
        /// Which row, the header not counted, from 1.
        row: usize,
        /// What is there.
        text: String,
    },
    /// A time is not after the one before.
    #[error("row {row}: times must rise")]
    Order {
        /// Which row, the header not counted, from 1.
        row: usize,
    },
}

/// Series by the names of their columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    columns: BTreeMap<String, Arc<[Point]>>,
}

impl Recording {
    /// Reads a table with a header: seconds since the start in the first column, values in the others.
    ///
    /// What is no finite number, such as an empty cell or `NaN`, is a gap: no sample is taken there.
    ///
    /// ```
    /// use wavetank_engine::Time;
    /// use wavetank_metrics::Recording;
    ///
    /// let recording = Recording::read("seconds,web\n0,0.25\n60,NaN\n120,1.5\n")?;
    /// let web = recording.column("web").unwrap();
    /// assert_eq!(web.at(Time::from_seconds(59)), Some(250));
    /// assert_eq!(web.at(Time::from_seconds(60)), None);
    /// # Ok::<(), wavetank_metrics::RecordingError>(())
    /// ```
    ///
    /// # Errors
    /// If the text is no such table.
    pub fn read(text: &str) -> Result<Self, RecordingError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let names: Vec<String> = reader.headers()?.iter().skip(1).map(ToOwned::to_owned).collect();
        let mut columns: Vec<Vec<Point>> = vec![Vec::new(); names.len()];
        let mut last = None;
        for (row, record) in reader.records().enumerate() {
            let (record, row) = (record?, row.saturating_add(1));
            let text = record.get(0).unwrap_or_default();
            let milli = thousandths(text).ok_or_else(|| RecordingError::Time { row, text: text.to_owned() })?;
            let at = Time::from_millis(milli);
            if last.is_some_and(|last| at <= last) {
                return Err(RecordingError::Order { row });
            }
            last = Some(at);
            for (column, cell) in columns.iter_mut().zip(record.iter().skip(1)) {
                column.push(Point { at, milli: thousandths(cell) });
            }
        }
        let columns = names.into_iter().zip(columns).map(|(name, points)| (name, points.into()));
        Ok(Self { columns: columns.collect() })
    }

    /// Names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// The values of a column, each holding until the next.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<Curve> {
        self.columns.get(name).map(|points| Curve::Steps(Arc::clone(points)))
    }

    /// The points of a column.
    #[must_use]
    pub fn points(&self, name: &str) -> Option<&[Point]> {
        self.columns.get(name).map(AsRef::as_ref)
    }
}

/// Thousandths of a decimal number, read digit by digit so that no rounding of doubles enters.
fn thousandths(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        // Such as 1e3: rare, and exact enough.
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        return format!("{:.0}", number * 1000.0).parse().ok();
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: i64 = fraction.chars().chain("000".chars()).take(3).collect::<String>().parse().ok()?;
    whole.checked_mul(1000)?.checked_add(fraction)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_to_the_thousandth() {
        let cases = [("1", 1000), ("0.25", 250), ("-1.5", -1500), (".5", 500), ("1e3", 1_000_000), ("2.0009", 2000)];
        for (text, milli) in cases {
            assert_eq!(thousandths(text), Some(milli), "{text}");
        }
        for text in ["", "NaN", "inf", "x", "99999999999999999999"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }

    #[test]
    fn tables_that_are_none_are_refused_with_the_row() {
        assert!(matches!(Recording::read("t,a\n1,2,3\n"), Err(RecordingError::Table(_))));
        assert!(matches!(Recording::read("t,a\nnow,2\n"), Err(RecordingError::Time { row: 1, .. })));
        assert!(matches!(Recording::read("t,a\n1,2\n1,3\n"), Err(RecordingError::Order { row: 2 })));
    }

    #[test]
    fn every_column_is_a_series_of_its_own() {
        let recording = Recording::read("t,b,a\n0,1,2\n10,3,\n").unwrap();
        assert_eq!(recording.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(recording.column("b").unwrap().at(Time::from_seconds(10)), Some(3000));
        assert_eq!(recording.column("a").unwrap().at(Time::from_seconds(10)), None);
        assert!(recording.column("c").is_none());
    }
}
