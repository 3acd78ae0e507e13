//! What an operator wants of a watch.

use std::time::Duration;

use mcx::{ProcedureId, System};
use serde::{Deserialize, Serialize};
use sip_trace::watch::{Answer, Selection};

use super::requirements;

/// How long a watch lasts where nothing is said, in seconds.
const DEFAULT_SECONDS: u64 = 3600;
/// How long a watch lasts at most, in seconds: a week.
const MOST_SECONDS: u64 = 7 * 86_400;
/// What its files hold where nothing is said, in MiB.
const DEFAULT_MIB: u64 = 64;
/// What its files may hold, in MiB. At least four: the longest line has room in each of four files.
const MIB: std::ops::RangeInclusive<u64> = 4..=4096;

/// What a watch is to look for, and its bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wish {
    /// An MC service ID, as a whole.
    pub user: Option<String>,
    /// A partner of the configuration.
    pub partner: Option<String>,
    /// A Call-ID.
    pub call_id: Option<String>,
    /// Half of a Session-ID.
    pub session_id: Option<String>,
    /// A procedure id, as a whole.
    pub procedure: Option<String>,
    /// `4xx`, `404`.
    pub answer: Option<String>,
    /// What is in the verdict of a decision.
    pub verdict: Option<String>,
    /// The requirement behind a decision.
    pub requirement: Option<String>,
    /// How long it lasts, in seconds.
    pub seconds: Option<u64>,
    /// Most that its files hold, in MiB.
    pub size_mib: Option<u64>,
    /// Whether it begins with what the ring has, and not with what comes.
    pub past: bool,
}

/// Whether a scheme stands before a colon, and something behind it.
pub(crate) fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let is_scheme = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
        is_scheme && !rest.is_empty()
    })
}

/// Half of a Session-ID (RFC 7989 §5).
fn is_half(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Wish {
    /// What is to be looked for.
    ///
    /// # Errors
    /// It can match nothing, or everything.
    pub(super) fn selection(&self, partners: &[System]) -> Result<Selection, String> {
        let kinds = self.all();
        if kinds.is_empty() {
            return Err(
                "what is to be looked for? Name a user, a partner, an id, an answer or a decision"
                    .into(),
            );
        }
        if let Some((kind, _)) = kinds.iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(format!("{kind}: nothing is written there"));
        }
        if self.answer.is_some() && (self.verdict.is_some() || self.requirement.is_some()) {
            return Err("an answer and a decision are never one record: watch one of them".into());
        }
        // What can stand nowhere is a slip, and nothing would ever be copied.
        if let Some(text) = self.user.as_deref().filter(|text| !is_uri(text)) {
            return Err(format!(
                "`{text}` is no URI: write one such as sip:alice@a.mcx.example"
            ));
        }
        if let Some(text) = self.session_id.as_deref().filter(|text| !is_half(text)) {
            return Err(format!(
                "`{text}` is no half of a Session-ID: write its 32 hexadecimal digits"
            ));
        }
        let is_call = |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if let Some(text) = self.call_id.as_deref().filter(|text| !is_call(text)) {
            return Err(format!("`{text}` is no Call-ID: none has a blank in it"));
        }
        self.requirement
            .as_deref()
            .map_or(Ok(()), requirements::check)?;
        let procedure = self.procedure.as_deref().map(|text| {
            let wrong = || {
                format!(
                    "`{text}` is no procedure id: write its 36 characters, such as 0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d"
                )
            };
            ProcedureId::parse(text).ok_or_else(wrong)
        });
        let answer = self.answer.as_deref().map(|text| {
            let wrong = || format!("`{text}` is no answer: write 4xx or 404");
            Answer::from_text(text).ok_or_else(wrong)
        });
        let domains = self.partner.as_deref().map(|name| {
            let mut systems = partners.iter();
            let system = systems.find(|system| system.id.as_str() == name);
            let unknown = || format!("{name} is no partner of this node");
            system.map(|s| s.domains.clone()).ok_or_else(unknown)
        });
        Ok(Selection {
            user: self.user.clone(),
            domains: domains.transpose()?.unwrap_or_default(),
            call: self.call_id.clone(),
            session: self.session_id.clone(),
            procedure: procedure.transpose()?.map(|id| id.to_string()),
            answer: answer.transpose()?,
            verdict: self.verdict.clone(),
            requirement: self.requirement.clone(),
        })
    }

    /// How long it lasts, and how many MiB it may write.
    ///
    /// # Errors
    /// They are out of range.
    pub(super) fn bounds(&self) -> Result<(Duration, u64), String> {
        let seconds = self.seconds.unwrap_or(DEFAULT_SECONDS);
        if !(1..=MOST_SECONDS).contains(&seconds) {
            return Err("a watch lasts a second to 7 days".into());
        }
        let size = self.size_mib.unwrap_or(DEFAULT_MIB);
        if !MIB.contains(&size) {
            return Err(format!(
                "the files of a watch hold {} to {} MiB",
                MIB.start(),
                MIB.end()
            ));
        }
        Ok((Duration::from_secs(seconds), size))
    }

    /// The kinds of what is looked for.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.all().into_iter().map(|(kind, _)| kind).collect()
    }

    /// What is looked for in words. Who it is about is not among them, and neither are ids that may have a name in them.
    pub(super) fn words(&self) -> Vec<String> {
        let word = |(kind, text): (&str, &str)| match kind {
            "user" | "call-id" => kind.to_owned(),
            _ => format!("{kind} {text}"),
        };
        self.all().into_iter().map(word).collect()
    }

    fn all(&self) -> Vec<(&'static str, &str)> {
        [
            ("user", &self.user),
            ("partner", &self.partner),
            ("call-id", &self.call_id),
            ("session-id", &self.session_id),
            ("procedure", &self.procedure),
            ("answer", &self.answer),
            ("verdict", &self.verdict),
            ("requirement", &self.requirement),
        ]
        .into_iter()
        .filter_map(|(kind, text)| Some((kind, text.as_deref()?)))
        .collect()
    }
}
