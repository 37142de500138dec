//! How many cases of each suite pass: the lines `SUITE PASSED/TOTAL` that the runner prints and `--at-least` reads.

use core::fmt;

/// How many cases of a suite passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Name of the suite.
    pub suite: String,
    /// Cases that passed.
    pub passed: usize,
    /// Cases there are.
    pub total: usize,
}

impl Figure {
    /// Counts one more case.
    pub(crate) fn count(&mut self, passed: bool) {
        self.total = self.total.saturating_add(1);
        self.passed = self.passed.saturating_add(usize::from(passed));
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.suite, self.passed, self.total)
    }
}

/// A line that is not `SUITE PASSED/TOTAL`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: wanted SUITE PASSED/TOTAL, found {text:?}")]
pub struct FigureError {
    /// Number of the line, from 1.
    pub number: usize,
    /// The line.
    pub text: String,
}

/// Reads figures, one a line. Blank lines and lines that begin with `#` are skipped.
///
/// # Errors
/// The first line that is something else.
pub fn parse(text: &str) -> Result<Vec<Figure>, FigureError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            parse_line(line).ok_or_else(|| FigureError { number: index.saturating_add(1), text: line.to_owned() })
        })
        .collect()
}

fn parse_line(line: &str) -> Option<Figure> {
    let mut words = line.split_whitespace();
    let (suite, figure) = (words.next()?, words.next()?);
    let (passed, total) = figure.split_once('/')?;
    let figure = Figure { suite: suite.to_owned(), passed: passed.parse().ok()?, total: total.parse().ok()? };
    (words.next().is_none() && figure.passed <= figure.total).then_some(figure)
}

/// Complaints about suites that fell below the figures of `floor`.
///
/// With `partial`, figures without a suite in `now` are of no concern: only some suites were run.
#[must_use]
pub fn fallen(floor: &[Figure], now: &[Figure], partial: bool) -> Vec<String> {
    floor
        .iter()
        .filter_map(|wanted| match now.iter().find(|figure| figure.suite == wanted.suite) {
            None => {
                (!partial).then(|| format!("{}: wanted at least {}, the suite is missing", wanted.suite, wanted.passed))
            }
            Some(found) if found.passed < wanted.passed => {
                Some(format!("{}: wanted at least {}, {} passed", wanted.suite, wanted.passed, found.passed))
            }
            Some(found) if found.total < wanted.total => {
                Some(format!("{}: wanted {} cases, {} are there", wanted.suite, wanted.total, found.total))
            }
            Some(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(suite: &str, passed: usize, total: usize) -> Figure {
        Figure { suite: suite.to_owned(), passed, total }
    }

    #[test]
    fn what_is_printed_can_be_read_back() {
        let figures = [figure("quantities", 309, 309), figure("cron", 0, 241)];
        let text: String = figures.iter().map(|figure| format!("{figure}\n")).collect();
        assert_eq!(parse(&text), Ok(figures.to_vec()));
    }

    #[test]
    fn a_line_of_another_form_is_refused_with_its_number() {
        assert_eq!(parse("# floor\nquantities 3\n").map_err(|error| error.number), Err(2));
        assert_eq!(parse("quantities 4/3").map_err(|error| error.number), Err(1));
    }

    #[test]
    fn a_suite_that_passes_fewer_than_before_has_fallen() {
        let floor = [figure("a", 2, 3), figure("b", 1, 1)];
        assert_eq!(fallen(&floor, &[figure("a", 3, 3), figure("b", 1, 1)], false), Vec::<String>::new());
        assert_eq!(fallen(&floor, &[figure("a", 1, 3), figure("b", 1, 1)], false).len(), 1);
    }

    #[test]
    fn a_suite_without_data_has_fallen_unless_only_some_were_run() {
        let floor = [figure("a", 0, 3)];
        assert_eq!(fallen(&floor, &[], false).len(), 1);
        assert_eq!(fallen(&floor, &[], true), Vec::<String>::new());
    }

    #[test]
    fn cases_that_were_taken_away_are_missed() {
        assert_eq!(fallen(&[figure("a", 2, 3)], &[figure("a", 2, 2)], true).len(), 1);
    }
}
