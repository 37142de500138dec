//! Elastic tab stops: cells that end in a tab line up with the cells above and below.
//!
//! The rules are those of Go's `text/tabwriter`. A column is a run of lines that all have a tab-terminated
//! cell at its place; it is as wide as its widest cell and the padding. The text after a line's last tab
//! belongs to no column.

/// How wide columns are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stops {
    /// Least width of a column.
    pub(crate) least: usize,
    /// Spaces after the widest cell.
    pub(crate) padding: usize,
}

impl Stops {
    /// Those of tables.
    pub(crate) const TABLE: Self = Self { least: 6, padding: 3 };
    /// Those of `describe` and of the history of a rollout.
    pub(crate) const DESCRIBE: Self = Self { least: 0, padding: 2 };

    /// Lays out a text whose cells end in tabs.
    pub(crate) fn align(self, text: &str) -> String {
        self.lay_out(text, None)
    }

    /// Lays out a text with columns at least as wide as those seen so far, which grow along.
    pub(crate) fn align_at_least(self, text: &str, seen: &mut Vec<usize>) -> String {
        self.lay_out(text, Some(seen))
    }

    fn lay_out(self, text: &str, seen: Option<&mut Vec<usize>>) -> String {
        let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
        let mut layout = Layout { stops: self, lines: &lines, widths: Vec::new(), seen, out: String::new() };
        layout.block(0, lines.len());
        let mut out = layout.out;
        // Splitting made an empty last line of what follows the last line feed.
        out.pop();
        out
    }
}

struct Layout<'a> {
    stops: Stops,
    lines: &'a [Vec<&'a str>],
    /// Widths of the columns that the present block lies in.
    widths: Vec<usize>,
    /// Widths of columns so far, if they are to be kept.
    seen: Option<&'a mut Vec<usize>>,
    out: String,
}

impl Layout<'_> {
    /// Lays out lines, whose columns so far are `widths`.
    fn block(&mut self, from: usize, to: usize) {
        let column = self.widths.len();
        let mut written = from;
        let mut line = from;
        while line < to {
            if !self.has(line, column) {
                line += 1;
                continue;
            }
            self.write(written, line);
            let start = line;
            let mut width = self.stops.least;
            while line < to && self.has(line, column) {
                let cell = self.cell(line, column).chars().count();
                width = width.max(cell.saturating_add(self.stops.padding));
                line += 1;
            }
            if let Some(seen) = self.seen.as_deref_mut() {
                seen.resize(seen.len().max(column + 1), 0);
                width = width.max(seen[column]);
                seen[column] = width;
            }
            self.widths.push(width);
            self.block(start, line);
            self.widths.pop();
            written = line;
        }
        self.write(written, to);
    }

    /// Whether a line has a cell at a column that ends in a tab.
    fn has(&self, line: usize, column: usize) -> bool {
        self.lines.get(line).is_some_and(|cells| column + 1 < cells.len())
    }

    fn cell(&self, line: usize, column: usize) -> &str {
        self.lines.get(line).and_then(|cells| cells.get(column)).copied().unwrap_or_default()
    }

    fn write(&mut self, from: usize, to: usize) {
        for line in self.lines.get(from..to).unwrap_or_default() {
            for (column, cell) in line.iter().enumerate() {
                self.out.push_str(cell);
                if let Some(width) = self.widths.get(column) {
                    let gap = width.saturating_sub(cell.chars().count());
                    self.out.extend(core::iter::repeat_n(' ', gap));
                }
            }
            self.out.push('\n');
        }
    }
}

/// Control characters that a terminal would obey, written out.
pub(crate) fn escape_terminal(text: &str) -> String {
    text.replace('\x1b', "^[").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_ends_where_a_line_lacks_its_cell() {
        let text = "a\tb\nlong cell\tb\nno cells\nx\ty\n";
        assert_eq!(Stops::DESCRIBE.align(text), "a          b\nlong cell  b\nno cells\nx  y\n");
    }

    #[test]
    fn the_text_after_the_last_tab_widens_nothing() {
        let text = "NAME\tAGE\na\tvery long\n";
        assert_eq!(Stops::TABLE.align(text), "NAME   AGE\na      very long\n");
    }

    #[test]
    fn columns_nest_in_the_columns_before_them() {
        let text = "a\tbbb\tc\na\tb\naaa\tb\tc\n";
        assert_eq!(Stops::DESCRIBE.align(text), "a    bbb  c\na    b\naaa  b  c\n");
    }

    #[test]
    fn widths_are_kept_for_the_next_lines() {
        let mut seen = Vec::new();
        assert_eq!(Stops::TABLE.align_at_least("EVENT\tlonger\tx\n", &mut seen), "EVENT   longer   x\n");
        assert_eq!(Stops::TABLE.align_at_least("a\tb\tc\n", &mut seen), "a       b        c\n");
    }

    #[test]
    fn a_text_without_a_last_line_feed_gets_none() {
        assert_eq!(Stops::TABLE.align("a\tb"), "a     b");
    }
}
