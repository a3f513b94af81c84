//! The figures: a plain table for people, JSON for programs.

use std::fmt;

use serde_json::{Value, json};

use super::contestant::{Contestant, OURS};
use super::measure::Sample;
use super::scenario::Name;

/// What one contestant did.
pub struct Row {
    pub name: String,
    pub samples: Vec<Sample>,
    /// Why it has no figures.
    pub failure: Option<String>,
}

/// A number that the rows add up to, and the most that it should be.
pub struct Figure {
    pub name: &'static str,
    /// None where it could not be measured.
    pub value: Option<f64>,
    pub asked: f64,
}

/// What one scenario showed.
pub struct Outcome {
    pub name: Name,
    pub title: String,
    pub rows: Vec<Row>,
    pub figures: Vec<Figure>,
}

impl Row {
    pub fn new(contestant: &Contestant) -> Self {
        Self { name: contestant.name.clone(), samples: Vec::new(), failure: contestant.absent.clone() }
    }

    /// Adds a run; a failed one ends the contestant's part.
    pub fn add(&mut self, sample: Result<Sample, String>) {
        match sample {
            Ok(sample) => self.samples.push(sample),
            Err(why) => self.failure = Some(format!("failed: {why}")),
        }
    }

    /// The median of what `read` gives for each run; none unless all gave it.
    pub fn median(&self, read: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.samples.iter().map(read).collect::<Option<_>>()?;
        if self.failure.is_some() || values.is_empty() {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        Some(if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) })
    }

    pub fn seconds(&self) -> Option<f64> {
        self.median(|sample| Some(sample.seconds))
    }

    #[expect(clippy::cast_precision_loss, reason = "memory is far below 52 bits")]
    pub fn peak_mib(&self) -> Option<f64> {
        self.median(|sample| sample.peak_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)))
    }

    fn json(&self) -> Value {
        let runs: Vec<f64> = self.samples.iter().map(|sample| sample.seconds).collect();
        json!({
            "name": self.name,
            "seconds": self.seconds(),
            "peak_mib": self.peak_mib(),
            "runs": runs,
            "failure": self.failure,
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.failure {
            return write!(out, "  {:26} {why}", self.name);
        }
        let figure = |value: Option<f64>, unit| value.map_or("n/a".to_owned(), |value| format!("{value:.2} {unit}"));
        let ends = self.samples.iter().map(|sample| sample.seconds);
        let (least, most) = ends.fold((f64::MAX, 0.0), |(least, most), s| (f64::min(least, s), f64::max(most, s)));
        let (wall, peak) = (figure(self.seconds(), "s"), figure(self.peak_mib(), "MiB"));
        write!(out, "  {:26} {wall:>10}  ({least:.2} to {most:.2})  {peak:>12}", self.name)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.map_or("n/a".to_owned(), |value| format!("{value:.3}"));
        write!(out, "  {}: {value}, asked at most {:.2}", self.name, self.asked)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.rows.iter().map(|row| row.samples.len()).max().unwrap_or(0);
        writeln!(out, "{}: {}; median of {runs}", self.name, self.title)?;
        self.rows.iter().try_for_each(|row| writeln!(out, "{row}"))?;
        self.figures.iter().try_for_each(|figure| writeln!(out, "{figure}"))
    }
}

/// Everything measured, as one object.
pub fn json(outcomes: &[Outcome]) -> String {
    let scenarios = outcomes.iter().map(|outcome| {
        let figures = outcome
            .figures
            .iter()
            .map(|figure| json!({ "name": figure.name, "value": figure.value, "asked_at_most": figure.asked }));
        json!({
            "scenario": outcome.name.to_string(),
            "title": outcome.title,
            "rows": outcome.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "figures": figures.collect::<Vec<_>>(),
        })
    });
    format!("{:#}\n", json!({ "v": 1, "scenarios": scenarios.collect::<Vec<_>>() }))
}

/// Our time over the best peer's.
pub fn beside_the_best(rows: &[Row]) -> Vec<Figure> {
    let (ours, peers): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.name == OURS);
    let best = peers.iter().filter_map(|row| row.seconds()).min_by(f64::total_cmp);
    let value = ours.first().and_then(|row| row.seconds()).zip(best).map(|(ours, best)| ours / best);
    vec![Figure { name: "time over the best peer's", value, asked: 1.0 }]
}

/// The largest peak over the smallest.
pub fn flatness(rows: &[Row]) -> Vec<Figure> {
    let ours = rows.iter().filter(|row| row.name.starts_with(OURS));
    let peaks: Option<Vec<f64>> = ours.map(Row::peak_mib).collect();
    let value = peaks.map(|peaks| {
        let most = peaks.iter().copied().fold(0.0, f64::max);
        most / peaks.iter().copied().fold(f64::MAX, f64::min)
    });
    vec![Figure { name: "largest peak over the smallest", value, asked: 1.1 }]
}

/// What hashing adds after the last byte, as a share of the whole time.
pub fn hash_tail(rows: &[Row]) -> Vec<Figure> {
    let share = |sample: &Sample| {
        let receipt = sample.receipt.as_ref()?;
        Some(receipt["hash_tail_seconds"].as_f64()? / receipt["seconds"].as_f64()?)
    };
    let value = rows.iter().find(|row| row.name == OURS).and_then(|row| row.median(share));
    vec![Figure { name: "share of the time after the last byte", value, asked: 0.03 }]
}
