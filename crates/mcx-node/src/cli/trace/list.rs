//! `mcx trace list`.

use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use sip_trace::correlate::{Procedure, procedures};
use sip_trace::ladder::{Arrow, Options, Row, build};
use sip_trace::{Record, What};

use crate::cli::out::{printable, sayln};
use crate::cli::table;

/// One procedure, as it is listed.
#[derive(Serialize)]
struct Line {
    /// From 1; the same as long as the files are.
    number: usize,
    id: String,
    /// When its first record was made, µs since the Unix epoch.
    wall_us: u64,
    messages: usize,
    decisions: usize,
    nodes: Vec<String>,
    /// What began it.
    first: String,
    /// The last answer, or the last verdict where there was none.
    last: String,
}

/// Prints these procedures, by their numbers; `records` are redacted, their indices those of what was recorded.
pub(super) fn print(
    found: &[(usize, Procedure)],
    records: &[Record],
    json: bool,
) -> Result<(), String> {
    let lines = found
        .iter()
        .map(|(number, procedure)| line(*number, procedure, records));
    let lines: Vec<Line> = lines.collect();
    if json {
        for line in &lines {
            let text = serde_json::to_string(line).map_err(|error| error.to_string())?;
            sayln!("{text}");
        }
        return Ok(());
    }
    let heading = [
        "NO",
        "ID",
        "BEGAN",
        "FIRST",
        "LAST",
        "MESSAGES",
        "DECISIONS",
        "NODES",
    ];
    let mut table = vec![heading.map(str::to_owned)];
    table.extend(lines.iter().map(cells));
    table::say(&table);
    Ok(())
}

fn cells(line: &Line) -> [String; 8] {
    let began = UNIX_EPOCH + Duration::from_micros(line.wall_us);
    [
        line.number.to_string(),
        or_dash(&line.id),
        humantime::format_rfc3339_millis(began).to_string(),
        or_dash(&line.first),
        or_dash(&line.last),
        line.messages.to_string(),
        line.decisions.to_string(),
        line.nodes.join(","),
    ]
}

fn line(number: usize, procedure: &Procedure, records: &[Record]) -> Line {
    let own = procedure
        .records
        .iter()
        .filter_map(|index| records.get(*index));
    let own: Vec<Record> = own.cloned().collect();
    let ladder = build(&own, &Options::default());
    let arrows: Vec<&Arrow> = ladder.rows.iter().filter_map(arrow).collect();
    let repeats: usize = arrows
        .iter()
        .map(|arrow| usize::try_from(arrow.repeats).unwrap_or(0))
        .sum();
    let verdicts = own.iter().rev().filter_map(|record| match &record.what {
        What::Decision(decision) if !decision.detail => Some(decision.verdict.clone()),
        What::Decision(_) | What::Message(_) => None,
    });
    let answer = arrows
        .iter()
        .rev()
        .find(|arrow| arrow.label.starts_with(|c: char| c.is_ascii_digit()));
    Line {
        number,
        // As it is without identities.
        id: procedures(&own)
            .first()
            .map(|redacted| printable(&redacted.id))
            .unwrap_or_default(),
        wall_us: own.first().map_or(0, |record| record.wall_us),
        messages: arrows.len() + repeats,
        decisions: ladder.rows.len() - arrows.len(),
        nodes: ladder
            .columns
            .iter()
            .map(|column| printable(&column.name))
            .collect(),
        first: arrows
            .first()
            .map_or_else(String::new, |arrow| printable(&arrow.label)),
        last: answer.map_or_else(
            || {
                verdicts
                    .take(1)
                    .map(|verdict| printable(&verdict))
                    .collect()
            },
            |arrow| printable(&arrow.label),
        ),
    }
}

fn arrow(row: &Row) -> Option<&Arrow> {
    match row {
        Row::Arrow(arrow) => Some(arrow),
        Row::Note(_) => None,
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "-".into()
    } else {
        text.into()
    }
}
