//! What is taken out of everything that `mcx trace` shows, and who may see it all the same.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use sip_trace::{DecisionRecord, Record, Redactor, What, ndjson};

use crate::clock;
use crate::config::{self, Config};
use crate::private_file;
use crate::pseudonym_key;
use crate::watches::is_uri;

#[derive(Debug, Args)]
pub(super) struct Redaction {
    /// File with the key of the pseudonyms, 64 hexadecimal digits: exports under one key have the same pseudonyms.
    /// Without it, each has its own.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Configuration file of a node whose records these are: public service identities in it stay. Where no file and no
    /// --socket is named, the running node is asked for its records. May be given again.
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// URI that stays as it is, as a public service identity; may be given again.
    #[arg(long, value_name = "URI", value_parser = uri)]
    keep: Vec<String>,
    /// Leaves identities as they are; tokens, keys and credentials are masked all the same. Needs `raw-audit` in the
    /// section [trace] of a --config, and is written down there.
    #[arg(long)]
    raw: bool,
}

fn uri(text: &str) -> Result<String, String> {
    match is_uri(text) {
        true => Ok(text.to_owned()),
        false => Err("no URI: write one such as sip:mc-server@a.mcx.example".into()),
    }
}

impl Redaction {
    /// The records without identities and secrets. `what` and `files` are for the audit of raw exports.
    pub(super) fn apply(
        &self,
        records: &[Record],
        what: &str,
        files: &[PathBuf],
    ) -> Result<Vec<Record>, String> {
        let many = format!("{} records", records.len());
        self.allowed_by(records.iter().map(|record| &*record.node))?;
        let mut redactor = self.redactor(&many, what, files)?;
        let redacted = redactor.all(records);
        match redactor.forgotten() {
            0 => Ok(redacted),
            more => Err(format!(
                "{more} identities more than can be looked for: name fewer files, or one procedure"
            )),
        }
    }
}

impl Redaction {
    /// Whether each of these nodes allows that its records are shown raw, where they are to be: its own configuration says so. Hosts
    /// in captures of others are called by their addresses, and are nobody's node.
    pub(super) fn allowed_by<'a>(
        &self,
        nodes: impl Iterator<Item = &'a str>,
    ) -> Result<(), String> {
        if !self.raw {
            return Ok(());
        }
        let configs = self.configs()?;
        let allows = |node: &str| {
            let of_node = |config: &&Config| config.name == node && config.raw_audit.is_some();
            node.parse::<SocketAddr>().is_ok() || configs.iter().any(|config| of_node(&config))
        };
        let nodes: BTreeSet<&str> = nodes.collect();
        match nodes.into_iter().find(|node| !allows(node)) {
            None => Ok(()),
            Some(node) => Err(format!(
                "--raw is not allowed for records of {node}: name its configuration with --config, with raw-audit = \"FILE\" in the \
                 section [trace]"
            )),
        }
    }

    /// What takes identities out. `many` records are shown by it, for the audit as `what` and `files` are.
    pub(super) fn redactor(
        &self,
        many: &str,
        what: &str,
        files: &[PathBuf],
    ) -> Result<Redactor, String> {
        let configs = self.configs()?;
        if self.raw {
            audit(&configs, many, what, files)?;
            return Ok(Redactor::secrets_only());
        }
        let psis = configs.iter().flat_map(Config::service_identities);
        let keep = self.keep.iter().map(String::as_str).chain(psis);
        Ok(Redactor::new(&pseudonym_key::of(self.key.as_deref())?).keeping(keep))
    }

    /// The files of configurations that are named.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.config
    }

    /// The configurations that are named.
    pub(super) fn configs(&self) -> Result<Vec<Config>, String> {
        self.config.iter().map(|file| load(file)).collect()
    }
}

fn load(file: &Path) -> Result<Config, String> {
    config::load(file).map_err(|problems| problems.to_string())
}

/// Writes down who sees what; nothing is shown when that cannot be done.
fn audit(configs: &[Config], many: &str, what: &str, files: &[PathBuf]) -> Result<(), String> {
    let allowing: Vec<&Config> = configs
        .iter()
        .filter(|config| config.raw_audit.is_some())
        .collect();
    if allowing.is_empty() {
        let how = "--raw is not allowed: write raw-audit = \"FILE\" into the section [trace] of the node's configuration, \
            and name that with --config";
        return Err(how.into());
    }
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let uid = nix::unistd::getuid();
    for config in allowing {
        let Some(path) = &config.raw_audit else {
            continue;
        };
        let record = Record {
            seq: 0,
            wall_us: clock::wall_us(),
            mono_us: None,
            node: config.name.as_str().into(),
            what: What::Decision(DecisionRecord {
                requirement: "".into(),
                verdict: "shown raw".into(),
                why: format!(
                    "uid {uid}: mcx trace {what}, {many} of {}",
                    files.join(", ")
                )
                .into(),
                ..DecisionRecord::default()
            }),
        };
        let mut line = Vec::new();
        let written = ndjson::write(&record, &mut line)
            .and_then(|()| private_file::append(path)?.write_all(&line));
        written.map_err(|error| format!("audit {}: {error}; nothing is shown", path.display()))?;
    }
    Ok(())
}
