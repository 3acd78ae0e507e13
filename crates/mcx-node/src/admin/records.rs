//! What a node records, told to those who ask: from a place on, and following if they want to.
//!
//! Nothing waits for an asker. What he has not read is in the ring, and in one buffer; where the ring has moved on he is told
//! how many records he lost.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sip_trace::ndjson;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::OwnedWriteHalf;

use super::{Asked, End, written};

/// Most who follow at once.
pub const MOST_FOLLOWERS: usize = 8;

/// Bytes of lines that are written at once; the last line may go beyond.
const BUFFER: usize = 64 * 1024;

/// How often somebody who follows is told what came.
const LOOK: Duration = Duration::from_millis(50);

/// What of the records is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TraceFilter {
    /// Where to begin.
    #[serde(default)]
    pub from: Place,
    /// Whether to go on with what comes; otherwise the answer ends with what there was when it was asked for.
    #[serde(default)]
    pub follow: bool,
}

/// A place in the order of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The oldest that there is.
    #[default]
    Oldest,
    /// What comes from now on.
    Now,
    /// The record of this number (`seq`).
    Seq(u64),
}

/// A line of the answer in the place of records that the ring had no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// How many.
    pub lost: u64,
}

impl Asked {
    /// Answers with records, until the asker closes his end (`read`) where he follows.
    pub(super) async fn trace(
        &self,
        filter: &TraceFilter,
        read: &mut (impl AsyncRead + Unpin),
        write: &mut OwnedWriteHalf,
    ) -> Option<End> {
        let Some(mut reader) = self.trace.clone() else {
            let why = "nothing is recorded: ring-mib in [trace] is 0";
            return Some(End::Error(why.into()));
        };
        match filter.from {
            Place::Oldest => {}
            Place::Now => reader.skip_to_end(),
            Place::Seq(seq) => reader.seek(seq),
        }
        let room = filter.follow.then(|| self.followers.try_acquire());
        if let Some(Err(_)) = room {
            let why = format!("{MOST_FOLLOWERS} follow already: end one of them");
            return Some(End::Error(why));
        }
        let end = if filter.follow {
            u64::MAX
        } else {
            reader.end()
        };
        let mut told = 0;
        let mut buffer = Vec::new();
        while reader.next_seq() < end {
            let records = reader.try_take();
            let lost = reader.missed().saturating_sub(told);
            if lost > 0 {
                told = reader.missed();
                let line = serde_json::to_vec(&Lost { lost }).unwrap_or_default();
                buffer.extend(line);
                buffer.push(b'\n');
            }
            if records.is_empty() {
                if reader.closed() {
                    break;
                }
                tokio::select! {
                    // Who asked has nothing more to say.
                    _ = read.read_u8() => return None,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            for record in records.iter().take_while(|record| record.seq < end) {
                // Writing to memory does not fail.
                let _ = ndjson::write(record, &mut buffer);
                if buffer.len() >= BUFFER {
                    lines(write, &mut buffer, filter.follow).await?;
                }
            }
            lines(write, &mut buffer, filter.follow).await?;
        }
        Some(End::All)
    }
}

/// Writes what is in the buffer. Who follows may stop reading as long as he likes: it is he who loses records.
async fn lines(write: &mut OwnedWriteHalf, buffer: &mut Vec<u8>, follows: bool) -> Option<()> {
    if follows {
        write.write_all(buffer).await.ok()?;
    } else {
        written(write, buffer).await?;
    }
    buffer.clear();
    Some(())
}
