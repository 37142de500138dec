//! Rows as CSV.

use serde::Serialize;

/// Rows as CSV with a header: one line for each, in order.
///
/// # Errors
/// If a row cannot be written as one line.
pub fn to_csv<T: Serialize>(rows: &[T]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Row;

    #[test]
    fn a_table_has_a_header_and_a_line_for_each_row() {
        let row = Row { setting: "a, b".into(), pod_seconds: 7, ..Row::default() };
        let text = to_csv(&[row.clone(), row]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("setting,over_target_seconds,pod_seconds,"));
        assert!(lines[1].starts_with("\"a, b\",0,7,"));
    }
}
