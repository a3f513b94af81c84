//! `turbo-engine resolve`: which candidates, from which rule, in which order,
//! and why.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::download::{NetworkArgs, SourceArgs};
use super::engine::{build, runtime};
use super::error::CliError;
use super::jobs::parse_url;
use super::output::Output;
use super::settings::{Flag, Settings};
use super::units::show_rate;
use crate::component::{Answer, Rules};
use crate::download::reason;
use crate::model::{ByteRange, DisplayUrl, ExitCode};
use crate::net::{Body, Get, Net, Trust, Wanted};
use crate::plan::rank;

/// Bytes that a probe asks each source for.
const PROBE_BYTES: u64 = 256 * 1024;
/// How long a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Show where else a URL's bytes are.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// URL to look up
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    url: String,
    /// Ask each source for its first 256 KiB and measure it
    #[arg(long)]
    probe: bool,
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

impl ResolveArgs {
    /// The settings that flags change.
    pub(super) fn flags(&self) -> Vec<Flag> {
        self.sources.flags().into_iter().chain(self.network.flags()).collect()
    }
}

/// One source as `resolve` shows it.
#[derive(Debug, Serialize)]
struct Row {
    rank: usize,
    url: String,
    rule: Option<String>,
    region: String,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Probe>,
    #[serde(skip)]
    address: (Url, Trust),
}

/// What a probe measured.
#[derive(Debug, Serialize)]
struct Probe {
    first_byte_ms: Option<f64>,
    bytes_per_s: Option<f64>,
    size: Option<u64>,
    ranges: bool,
    error: Option<String>,
}

/// Runs the verb.
pub(super) fn run(args: &ResolveArgs, settings: &Settings, output: &Output) -> Result<ExitCode, CliError> {
    let url = parse_url(&args.url)?;
    let engine = build(settings, args.network.resolve.clone())?;
    let answer = engine.rules.as_ref().map(|rules| rules.ask(&url, engine.options.region)).unwrap_or_default();
    let mut rows = rows(&url, &answer, engine.options.region);
    if args.probe {
        let runtime = runtime()?;
        runtime.block_on(probe_all(&engine.net, &mut rows));
        runtime.shutdown_background();
    }
    let left_out = engine.rules.iter().flat_map(Rules::faults);
    let faults: Vec<_> = left_out.chain(answer.faults.iter().cloned()).map(|fault| fault.to_string()).collect();
    let reaching = engine.rules.iter().flat_map(Rules::reaching).map(ToString::to_string);
    if output.json {
        output.json(&json!({
            "v": 1, "url": DisplayUrl(&url).to_string(), "region": engine.options.region.to_string(),
            "sources": rows, "asked": answer.asked, "advice": answer.advice, "faults": faults,
        }))?;
    } else {
        output.data(&table(&rows))?;
        for advice in &answer.advice {
            output.warning(&advice.to_string());
        }
        faults.iter().for_each(|fault| output.warning(fault));
        reaching.for_each(|text| output.warning(&text));
    }
    Ok(ExitCode::Done)
}

fn rows(url: &Url, answer: &Answer, region: crate::model::Region) -> Vec<Row> {
    let origin = Row {
        rank: 0,
        url: DisplayUrl(url).to_string(),
        rule: None,
        region: "world".into(),
        why: "the origin: always asked first".into(),
        probe: None,
        address: (url.clone(), Trust::Typed),
    };
    let ranked = rank(&answer.candidates, region).into_iter().enumerate().map(|(index, ranked)| {
        let url = ranked.candidate.url.to_url();
        Row {
            rank: index + 1,
            url: DisplayUrl(&url).to_string(),
            rule: Some(ranked.candidate.rule.to_string()),
            region: ranked.candidate.region.to_string(),
            why: ranked.why,
            probe: None,
            address: (url, Trust::Named),
        }
    });
    std::iter::once(origin).chain(ranked).collect()
}

async fn probe_all(net: &Net, rows: &mut [Row]) {
    let probes = join_all(rows.iter().map(|row| probe(net, &row.address.0, row.address.1))).await;
    for (row, probe) in rows.iter_mut().zip(probes) {
        row.probe = Some(probe);
    }
}

async fn probe(net: &Net, url: &Url, trust: Trust) -> Probe {
    let mut probe = Probe { first_byte_ms: None, bytes_per_s: None, size: None, ranges: false, error: None };
    let measured = tokio::time::timeout(PROBE_TIMEOUT, measure(net, url, trust, &mut probe)).await;
    match measured {
        Ok(Ok(())) => {}
        Ok(Err(error)) => probe.error = Some(reason(&error)),
        Err(_) => probe.error = Some(format!("no answer within {} s", PROBE_TIMEOUT.as_secs())),
    }
    probe
}

async fn measure(net: &Net, url: &Url, trust: Trust, probe: &mut Probe) -> Result<(), crate::net::NetError> {
    let begun = Instant::now();
    let mut answer = net.get(Get::new(url, trust, Wanted::Range(ByteRange::new(0, PROBE_BYTES)))).await?;
    (probe.size, probe.ranges) = match answer.body() {
        Body::Part { size, .. } => (Some(size), true),
        Body::Whole(size) => (size, false),
        Body::NotModified | Body::BeyondEnd(_) => (None, false),
    };
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await? {
        probe.first_byte_ms.get_or_insert(begun.elapsed().as_secs_f64() * 1e3);
        bytes += chunk.len() as u64;
        if bytes >= PROBE_BYTES {
            break;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = bytes as f64 / begun.elapsed().as_secs_f64();
    probe.bytes_per_s = Some(rate);
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let rule = |row: &Row| row.rule.clone().unwrap_or_else(|| "origin".into());
    let width = rows.iter().map(|row| rule(row).len()).max().unwrap_or(0);
    for row in rows {
        let measured = row.probe.as_ref().map(probe_text).unwrap_or_default();
        // A string takes any write.
        let _ = writeln!(
            text,
            "{:>2}  {:<width$}  {}\n    {:<width$}  {}{measured}",
            row.rank,
            rule(row),
            row.url,
            "",
            row.why
        );
    }
    text
}

fn probe_text(probe: &Probe) -> String {
    match probe {
        Probe { error: Some(error), .. } => format!("; failed: {error}"),
        Probe { first_byte_ms: Some(first), bytes_per_s: Some(rate), ranges, .. } => {
            let ranges = if *ranges { "" } else { ", no ranges" };
            format!("; {first:.0} ms, {}{ranges}", show_rate(*rate))
        }
        _ => "; no bytes".into(),
    }
}
