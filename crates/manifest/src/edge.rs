//! What one cluster's objects are translated with: its calendar and the spellings of its uids.

use crate::Error;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::{Calendar, Time};
use wavetank_model::Uid;

/// The calendar and the identities by which JSON objects and model objects speak of the same things.
///
/// A uid met as text keeps its text; one that only the model knows is rendered by its ordinal.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    calendar: Calendar,
    ordinals: BTreeMap<Arc<str>, Uid>,
    spellings: BTreeMap<Uid, Arc<str>>,
}

impl Edge {
    /// An edge with a calendar and no identities.
    #[must_use]
    pub fn new(calendar: Calendar) -> Self {
        Self { calendar, ..Self::default() }
    }

    /// The calendar.
    #[must_use]
    pub const fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// The ordinal of a uid's text, given out on first sight.
    ///
    /// New texts get ascending ordinals, so a caller to whom the order of texts matters registers
    /// them all in that order first. The empty text is [`Uid`] 0.
    pub fn uid(&mut self, text: &str) -> Uid {
        if text.is_empty() {
            return Uid(0);
        }
        if let Some(known) = self.ordinals.get(text) {
            return *known;
        }
        let uid = canonical_ordinal(text)
            .filter(|uid| !self.spellings.contains_key(uid))
            .unwrap_or_else(|| Uid(self.spellings.last_key_value().map_or(0, |(last, _)| last.0).saturating_add(1)));
        self.bind(text, uid);
        uid
    }

    /// Declares that a text spells an ordinal.
    pub fn bind(&mut self, text: &str, uid: Uid) {
        let text: Arc<str> = text.into();
        self.ordinals.insert(Arc::clone(&text), uid);
        self.spellings.insert(uid, text);
    }

    /// The text of an ordinal: as it was met, or made from the number.
    #[must_use]
    pub fn spell(&self, uid: Uid) -> String {
        self.spellings.get(&uid).map_or_else(|| uid.to_string(), ToString::to_string)
    }

    /// The instant of an RFC 3339 text, fractions included.
    ///
    /// # Errors
    /// If the text is no such time.
    pub fn time(&self, text: &str) -> Result<Time, Error> {
        let stamp: Timestamp = text.parse().map_err(|_| Error::time(text))?;
        Ok(self.calendar.time(stamp.as_second(), i64::from(stamp.subsec_nanosecond())))
    }

    /// An instant as API objects spell it: RFC 3339, UTC, cut to the second.
    #[must_use]
    pub fn spell_time(&self, time: Time) -> String {
        let (seconds, _) = self.calendar.unix(time);
        Timestamp::from_second(seconds).map_or_else(|_| String::new(), |stamp| stamp.to_string())
    }

    /// An instant in full, with as many digits of the second as it needs.
    #[must_use]
    pub fn spell_time_in_full(&self, time: Time) -> String {
        let (seconds, nanos) = self.calendar.unix(time);
        let nanos = i32::try_from(nanos).unwrap_or_default();
        Timestamp::new(seconds, nanos).map_or_else(|_| String::new(), |stamp| stamp.to_string())
    }
}

/// The ordinal in a text that [`Uid`]'s own rendering could have made.
fn canonical_ordinal(text: &str) -> Option<Uid> {
    let digits = text.strip_prefix("00000000-0000-4000-8000-")?;
    let uid = Uid(u64::from_str_radix(digits, 16).ok()?);
    (uid.to_string() == text).then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_uid_keeps_its_text_and_an_unknown_one_is_rendered_by_number() {
        let mut edge = Edge::default();
        let first = edge.uid("uid-a");
        let second = edge.uid("uid-b");
        assert!(first < second);
        assert_eq!(edge.uid("uid-a"), first);
        assert_eq!(edge.spell(second), "uid-b");
        assert_eq!(edge.spell(Uid(255)), "00000000-0000-4000-8000-0000000000ff");
        assert_eq!(edge.uid("00000000-0000-4000-8000-0000000000ff"), Uid(255));
    }

    #[test]
    fn times_keep_their_fractions_inside_and_lose_them_in_objects() {
        let edge = Edge::default();
        let time = edge.time("2026-01-01T00:00:01.25Z").unwrap();
        assert_eq!(time, Time::from_millis(1_250));
        assert_eq!(edge.spell_time(time), "2026-01-01T00:00:01Z");
        assert_eq!(edge.spell_time_in_full(time), "2026-01-01T00:00:01.25Z");
        assert_eq!(edge.time("2025-12-31T23:59:59.5Z").unwrap(), Time::from_millis(-500));
        assert!(edge.time("yesterday").is_err());
    }
}
