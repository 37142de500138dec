//! `-o custom-columns`: a table whose columns are headers and paths.

use crate::jsonpath::{JsonPathError, Template};
use crate::tab_writer::{Stops, escape_terminal};
use serde_json::Value;
use wavetank_model::go_text::plain;

/// Columns, ready to be filled.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomColumns {
    columns: Vec<(String, Template)>,
    no_headers: bool,
}

/// Why a text is no list of columns, or why they cannot be filled; the text is kubectl's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomColumnsError {
    /// There is no column.
    #[error("custom-columns format specified but no custom columns given")]
    NoColumns,
    /// A column has no header or no path.
    #[error("unexpected custom-columns spec: {0}, expected <header>:<json-path-expr>")]
    Column(String),
    /// A file of columns has not two lines.
    #[error(
        "invalid template, missing {0} line. Expected format is one line of space separated headers, one line of \
         space separated column specs."
    )]
    Line(&'static str),
    /// A file of columns has not as many paths as headers.
    #[error("number of headers ({headers}) and field specifications ({paths}) don't match")]
    Number {
        /// How many headers there are.
        headers: usize,
        /// How many paths there are.
        paths: usize,
    },
    /// A path is none, or does not suit an object.
    #[error(transparent)]
    Path(#[from] JsonPathError),
}

impl CustomColumns {
    /// Reads columns such as `NAME:.metadata.name,IMAGE:.spec.containers[0].image`.
    ///
    /// # Errors
    /// If the text is no list of columns.
    pub fn parse(text: &str, no_headers: bool) -> Result<Self, CustomColumnsError> {
        if text.is_empty() {
            return Err(CustomColumnsError::NoColumns);
        }
        let column = |part: &str| {
            let (header, path) = part.split_once(':').ok_or_else(|| CustomColumnsError::Column(part.into()))?;
            Ok((header.to_owned(), Template::parse_relaxed(path)?))
        };
        let columns = text.split(',').map(column).collect::<Result<_, CustomColumnsError>>()?;
        Ok(Self { columns, no_headers })
    }

    /// Reads a file of columns: a line of headers and a line of paths.
    ///
    /// # Errors
    /// If the text has no such lines.
    pub fn parse_file(text: &str) -> Result<Self, CustomColumnsError> {
        let mut lines = text.lines();
        let mut line = |which| lines.next().ok_or(CustomColumnsError::Line(which));
        // Upstream names the header line in both cases.
        let (headers, paths) = (line("header")?, line("header")?);
        let headers: Vec<&str> = headers.split_whitespace().collect();
        let paths: Vec<&str> = paths.split_whitespace().collect();
        if headers.len() != paths.len() {
            return Err(CustomColumnsError::Number { headers: headers.len(), paths: paths.len() });
        }
        let column = |(header, path): (&str, &str)| Ok((header.to_owned(), Template::parse_relaxed(path)?));
        let columns = headers.into_iter().zip(paths).map(column).collect::<Result<_, CustomColumnsError>>()?;
        Ok(Self { columns, no_headers: false })
    }

    /// The table of objects.
    ///
    /// # Errors
    /// If a path does not suit an object.
    pub fn render<'a>(&self, objects: impl IntoIterator<Item = &'a Value>) -> Result<String, CustomColumnsError> {
        let mut out = String::new();
        if !self.no_headers {
            let headers: Vec<&str> = self.columns.iter().map(|(header, _)| header.as_str()).collect();
            out.push_str(&headers.join("\t"));
            out.push('\n');
        }
        for object in objects {
            let cells = self.columns.iter().map(|(_, path)| cell(path, object));
            out.push_str(&cells.collect::<Result<Vec<_>, _>>()?.join("\t"));
            out.push('\n');
        }
        Ok(Stops::TABLE.align(&out))
    }
}

/// All that a path finds in an object; `<none>` if the path finds nothing.
fn cell(path: &Template, object: &Value) -> Result<String, JsonPathError> {
    let found = path.find(object)?;
    let none = found.first().is_none_or(Vec::is_empty).then(|| "<none>".to_owned());
    let values = found.iter().flatten().map(|value| escape_terminal(&plain(value)));
    Ok(none.into_iter().chain(values).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods() -> [Value; 2] {
        [
            json!({"metadata": {"name": "a", "labels": {"app": "web"}}, "spec": {"containers": [{"image": "x"}, {"image": "y"}]}}),
            json!({"metadata": {"name": "long-name"}}),
        ]
    }

    #[test]
    fn what_is_missing_is_none_and_lists_are_joined() {
        let columns =
            CustomColumns::parse("NAME:.metadata.name,IMG:{.spec.containers[*].image},L:metadata.labels", false);
        assert_eq!(
            columns.unwrap().render(&pods()).unwrap(),
            "NAME        IMG      L\na           x,y      map[app:web]\nlong-name   <none>   <none>\n"
        );
    }

    #[test]
    fn columns_come_from_files_too() {
        let columns = CustomColumns::parse_file("NAME  APP\nmetadata.name .metadata.labels.app\n").unwrap();
        assert_eq!(columns.render(&pods()[..1]).unwrap(), "NAME   APP\na      web\n");
        let error = CustomColumns::parse_file("A B\n.a\n").unwrap_err().to_string();
        assert_eq!(error, "number of headers (2) and field specifications (1) don't match");
    }

    #[test]
    fn what_is_no_column_is_refused() {
        let error = |text| CustomColumns::parse(text, false).unwrap_err().to_string();
        assert_eq!(error(""), "custom-columns format specified but no custom columns given");
        assert_eq!(error("NAME"), "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>");
        assert!(error("A:{.a}{.b}").starts_with("unexpected path string"));
    }

    #[test]
    fn headers_can_be_left_out() {
        let text = CustomColumns::parse("N:.metadata.name", true).unwrap().render(&pods()).unwrap();
        assert_eq!(text, "a\nlong-name\n");
    }
}
