//! What is written, and where.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sip_trace::ladder::{self, Ladder, Options, html, mermaid, svg, text};
use sip_trace::{Record, ndjson, pcapng};

use crate::cli::out::{complainln, say, sayln};
use crate::private_file;

/// Width where no terminal says another.
const DEFAULT_WIDTH: u16 = 110;

#[derive(Debug, Args)]
pub(super) struct Output {
    /// The form; text for ladders and NDJSON for exports when not given.
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// File to write; standard output when not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Width of a ladder in text, in characters.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    width: Option<u16>,
    /// A ladder in text of ASCII characters alone.
    #[arg(long)]
    ascii: bool,
    /// In a ladder, the steps that every message takes too: transactions, documents, batches of the store.
    #[arg(long)]
    details: bool,
    /// Nodes in the order of their columns, with commas between them; others follow.
    #[arg(long, value_name = "NODE,NODE", value_delimiter = ',')]
    order: Vec<String>,
}

/// Forms of what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Ladder for a terminal.
    Text,
    /// Ladder for a document in Markdown.
    Mermaid,
    /// Ladder as a picture.
    Svg,
    /// Ladder as a page in which every message can be opened.
    Html,
    /// The records, one JSON object a line.
    Ndjson,
    /// A capture file for packet tools.
    Pcapng,
}

impl Output {
    pub(super) fn is_text(&self) -> bool {
        matches!(self.form, None | Some(Form::Text))
    }

    /// Writes all records in the wanted form, or in `default`.
    pub(super) fn write(
        &self,
        records: &[Record],
        default: Form,
        title: &str,
    ) -> Result<(), String> {
        let mut bytes = Vec::new();
        match self.form.unwrap_or(default) {
            Form::Text => bytes = self.text(records).into_bytes(),
            Form::Mermaid => bytes = mermaid::render(&self.ladder(records, false)).into_bytes(),
            Form::Svg => bytes = svg::render(&self.ladder(records, false)).into_bytes(),
            Form::Html => bytes = html::render(&self.ladder(records, true), title).into_bytes(),
            Form::Ndjson => {
                let written = records
                    .iter()
                    .try_for_each(|record| ndjson::write(record, &mut bytes));
                written.map_err(|error| error.to_string())?;
            }
            Form::Pcapng => {
                pcapng::write_merged(records, &mut bytes).map_err(|error| error.to_string())?;
                if self.out.is_none() && io::stdout().is_terminal() {
                    return Err("a capture file is nothing for a terminal: write --out FILE".into());
                }
            }
        }
        self.put(&bytes)
    }

    /// Writes one ladder in text after the other, each under its title.
    pub(super) fn write_each(&self, all: &[(String, Vec<Record>)]) -> Result<(), String> {
        let mut text = String::new();
        for (title, records) in all {
            let title = if title.is_empty() {
                "without an id"
            } else {
                title
            };
            text.push_str(&format!("━━ {title}\n\n{}\n", self.text(records)));
        }
        self.put(text.as_bytes())
    }

    fn text(&self, records: &[Record]) -> String {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let style = text::Style {
            colour: self.out.is_none() && io::stdout().is_terminal(),
            width: self.width.or(columns).unwrap_or(DEFAULT_WIDTH).into(),
            ascii: self.ascii,
        };
        text::render(&self.ladder(records, false), &style)
    }

    fn ladder(&self, records: &[Record], keep_repeats: bool) -> Ladder {
        let options = Options {
            order: self.order.clone(),
            keep_repeats,
            details: self.details,
            ..Options::default()
        };
        let ladder = ladder::build(records, &options);
        let takes_part = |name: &String| ladder.columns.iter().any(|column| column.name == *name);
        for name in self.order.iter().filter(|name| !takes_part(name)) {
            complainln!("--order: {name} takes no part in this ladder");
        }
        ladder
    }

    fn put(&self, bytes: &[u8]) -> Result<(), String> {
        match &self.out {
            Some(path) => {
                let written = private_file::create(path).and_then(|mut file| file.write_all(bytes));
                written.map_err(|error| format!("{}: {error}", path.display()))?;
                sayln!("{}", path.display());
            }
            None => match std::str::from_utf8(bytes) {
                Ok(text) => say(format_args!("{text}")),
                Err(_) => {
                    let written = io::stdout().write_all(bytes);
                    written.map_err(|error| error.to_string())?;
                }
            },
        }
        Ok(())
    }
}
