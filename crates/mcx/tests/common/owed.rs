//! A's server with rows in its outbox.

use std::time::Duration;

use mcx::document::{Bounds, Document};
use mcx::state::{NewRow, Notice, OutboxRow, Rows as _, UserKey};
use mcx::{Effect, SendId, Service, ServiceServer, Timestamp};
use sip_message::{HeaderName, Request};

use super::world::*;
use super::{at, id, key, procedure, system};

pub const SECOND: Duration = Duration::from_secs(1);

pub fn user(name: &str) -> UserKey {
    key(Service::Mcptt, &format!("sip:{name}@a.mcx.example"))
}

/// Rows that de-authorize these stays: user, partner, number.
pub fn server(rows: &[(&str, &str, u64)]) -> (Bench<ServiceServer>, Vec<(SendId, Request)>) {
    with(server_a(), rows)
}

pub fn with(
    config: mcx::ServiceServerConfig,
    rows: &[(&str, &str, u64)],
) -> (Bench<ServiceServer>, Vec<(SendId, Request)>) {
    with_expiry(config, rows, |_| None)
}

/// The same, where nobody waits for the row of a user any more from when `expires` says.
pub fn with_expiry(
    config: mcx::ServiceServerConfig,
    rows: &[(&str, &str, u64)],
    expires: impl Fn(&str) -> Option<Timestamp>,
) -> (Bench<ServiceServer>, Vec<(SendId, Request)>) {
    let mut bench = Bench::server(config);
    let appended = rows
        .iter()
        .map(|(name, to, number)| {
            let row = NewRow {
                key: user(name),
                to: system(to),
                notice: Notice::Deauthorization {
                    partner_id: Some(id("sip:guest@b.mcx.example")),
                    number: *number,
                },
                procedure: procedure(1),
                created: at(0),
                expires: expires(name),
            };
            let Ok(row) = bench.rows.append(row);
            row.unwrap()
        })
        .collect();
    let out = bench.recover(appended);
    let sent = sent(&out);
    (bench, sent)
}

pub fn sent(effects: &[Effect]) -> Vec<(SendId, Request)> {
    let of = |(id, _, request)| (id, request);
    sends(effects).into_iter().map(of).collect()
}

/// User and number of a notification.
pub fn about(request: &Request) -> (String, u64) {
    let profile = super::profile(Service::Mcptt);
    let document = Document::read(request.body(), &profile, Bounds::default()).unwrap();
    let user = document.primary_id.as_deref().unwrap();
    let name = user.trim_start_matches("sip:").split('@').next().unwrap();
    (name.to_owned(), document.stay_number().unwrap())
}

pub fn one(rows: &Bench<ServiceServer>) -> &OutboxRow {
    assert_eq!(rows.rows.outbox.len(), 1);
    rows.rows.outbox.values().next().unwrap()
}

/// The fate of a row by one answer.
pub fn answered(
    status: u16,
    headers: &[(HeaderName, &str)],
) -> (Bench<ServiceServer>, Vec<Effect>) {
    let (mut bench, sent) = server(&[("alice", "b", 7)]);
    let (id, request) = &sent[0];
    let out = bench.answer(*id, &reply(request, status, headers));
    (bench, out)
}

pub fn decisions(effects: &[Effect]) -> String {
    let of = |e: &Effect| match e {
        Effect::Decide(d) => Some(format!("{} {} ", d.verdict, d.why)),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}
