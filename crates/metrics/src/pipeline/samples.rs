//! What scrapes measured of pods.
//!
//! A sample is worked out when somebody asks, and the same each time: what is drawn for it follows from the
//! pod, the scrape and the usage.

use super::{Pipeline, Sample, Scrape, Scraped};
use crate::usage::{Subject, Usage};
use wavetank_engine::chance::{Draws, Purpose, below, happens, keyed};
use wavetank_engine::{Seed, Time};
use wavetank_model::Uid;

const MISSING: Purpose = Purpose::new("missing metric sample");
const JITTER: Purpose = Purpose::new("jitter of a metric sample");

/// A usage at a scrape.
struct Reading<'a> {
    usage: &'a Usage,
    scrape: &'a Scrape,
    /// The value of the curve, if it is the same for all pods.
    whole: Option<Option<i64>>,
    /// What pods use that are ready, and that are not, where nothing else makes a difference.
    alike: Option<[Spread; 2]>,
    /// What is drawn for the jitter of pods.
    jitter: Draws,
    /// Scrapes before the first that gives a sample.
    unsampled: u32,
    seed: Seed,
    /// Of draws for the scrape and the usage.
    salt: u64,
    /// So many of a thousand samples go missing.
    lost: u64,
}

/// A value, and the range around it that one is drawn from.
#[derive(Clone, Copy, Debug)]
struct Spread {
    milli: i64,
    /// The lowest, and how many there are; absent if the value is not off, or too large to be.
    drawn: Option<(i64, u64)>,
}

impl Spread {
    /// A value that may be off by so many thousandths of itself; none if the range has no end.
    fn new(milli: i64, jitter_per_mille: u32) -> Option<Self> {
        let most = match milli.checked_mul(i64::from(jitter_per_mille)) {
            Some(product) => product / 1000,
            None => i64::try_from(i128::from(milli) * i128::from(jitter_per_mille) / 1000).unwrap_or(i64::MAX),
        };
        if most == 0 {
            return Some(Self { milli, drawn: None });
        }
        let span = most.unsigned_abs().saturating_mul(2).saturating_add(1);
        Some(Self { milli, drawn: Some((milli.checked_sub(most.checked_abs()?)?, span)) })
    }

    #[inline]
    fn draw(self, draws: Draws, object: u64) -> Option<i64> {
        let Some((lowest, span)) = self.drawn else { return Some(self.milli) };
        lowest.checked_add(i64::try_from(below(draws.draw(object), span)).unwrap_or(i64::MAX))
    }
}

impl Pipeline {
    /// A sample for each pod from the last scrapes that show; and whether none of them was measured at all.
    pub(super) fn samples<S>(
        &self,
        now: Time,
        groups: &[usize],
        pods: &[Uid],
        is_asked: impl Fn(&Subject) -> bool,
        form: impl Fn(Sample) -> S,
    ) -> (Vec<Option<S>>, bool) {
        let (mut first, mut others, mut is_empty) = (None, Vec::new(), true);
        for group in groups {
            self.read(now, *group, &is_asked, |reading| match &first {
                None => first = Some(reading),
                Some(_) => others.push(reading),
            });
        }
        let Some(first) = first else { return (pods.iter().map(|_| None).collect(), is_empty) };
        let sample_at = |reading: &Reading<'_>, milli| Sample {
            milli,
            timestamp: reading.scrape.time,
            window: self.settings.window,
        };
        if others.is_empty() {
            // Mostly there is one usage: its samples are what is asked for.
            let samples = first.samples(pods, &mut is_empty);
            let samples = samples.map(|milli| milli.map(|milli| form(sample_at(&first, milli)))).collect();
            return (samples, is_empty);
        }
        let mut samples: Vec<Option<Sample>> = vec![None; pods.len()];
        for reading in core::iter::once(first).chain(others) {
            for (sample, milli) in samples.iter_mut().zip(reading.samples(pods, &mut is_empty)) {
                let Some(milli) = milli else { continue };
                *sample = Some(match *sample {
                    Some(known) => Sample { milli: known.milli.saturating_add(milli), ..known },
                    None => sample_at(&reading, milli),
                });
            }
        }
        (samples.into_iter().map(|sample| sample.map(&form)).collect(), is_empty)
    }

    /// Tells the usages of a group that are asked for, at its last scrape that shows.
    fn read<'a>(
        &'a self,
        now: Time,
        group: usize,
        is_asked: &impl Fn(&Subject) -> bool,
        mut tell: impl FnMut(Reading<'a>),
    ) {
        let shown = self.shown(now);
        let scrape = self.scrapes.get(group).and_then(|scrapes| scrapes.iter().rfind(|scrape| scrape.time <= shown));
        let (Some(scrape), Some(numbers)) = (scrape, self.usages_of.get(group)) else { return };
        for number in numbers {
            if let Some((_, usage)) = self.usages.get(*number).filter(|(_, usage)| is_asked(&usage.subject)) {
                tell(self.reading(*number, usage, scrape));
            }
        }
    }

    fn reading<'a>(&'a self, number: usize, usage: &'a Usage, scrape: &'a Scrape) -> Reading<'a> {
        let whole = usage.whole(scrape.time);
        let alike = whole.flatten().and_then(|whole| {
            let [ready, unready] = usage.alike(whole, scrape.ready)?;
            let spread = |milli| Spread::new(milli, usage.jitter_per_mille);
            Some([spread(ready)?, spread(unready)?])
        });
        Reading {
            usage,
            scrape,
            whole,
            alike,
            jitter: Draws::new(self.seed, JITTER),
            unsampled: self.settings.scrapes_before_first_sample.saturating_sub(1),
            seed: self.seed,
            salt: u64::try_from(scrape.time.as_millis()).unwrap_or_default()
                ^ u64::try_from(number).unwrap_or_default().rotate_left(56),
            lost: u64::from(self.settings.missing_per_mille),
        }
    }
}

impl Reading<'_> {
    /// What was measured of each pod. `is_empty` tells whether none was looked at.
    fn samples(&self, pods: &[Uid], is_empty: &mut bool) -> impl Iterator<Item = Option<i64>> {
        let mut place = 0;
        pods.iter().map(move |uid| {
            let scraped = self.scrape.find(*uid, &mut place)?;
            if self.scrape.number.saturating_sub(scraped.first) < self.unsampled {
                return None;
            }
            *is_empty = false;
            self.measured(scraped)
        })
    }

    /// What the scrape measured of a pod, unless it went missing.
    #[inline]
    fn measured(&self, scraped: &Scraped) -> Option<i64> {
        let pod = &scraped.pod;
        let object = pod.uid.0.rotate_left(32) ^ self.salt;
        if self.lost > 0 && happens(keyed(self.seed, object, MISSING), self.lost, 1000) {
            return None;
        }
        match self.alike {
            Some([ready, unready]) => if pod.ready { ready } else { unready }.draw(self.jitter, object),
            None => self.measured_by_itself(scraped, object),
        }
    }

    /// The same where it makes a difference which pod it is.
    fn measured_by_itself(&self, scraped: &Scraped, object: u64) -> Option<i64> {
        let pod = &scraped.pod;
        let (time, ready, rate) = (self.scrape.time, self.scrape.ready, scraped.milli_requests_per_second);
        let milli = match self.whole {
            Some(whole) => self.usage.part(whole?, time, pod, ready, rate),
            None => self.usage.of_pod(time, pod, ready, rate)?,
        };
        Spread::new(milli, self.usage.jitter_per_mille)?.draw(self.jitter, object)
    }
}
