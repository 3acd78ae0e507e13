//! `/metrics`: what the node measures, in the text format of Prometheus.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::{Response, StatusCode};
use mcx::state::Owed;
use mcx_store::Store;
use sip_trace::Recorder;

use super::{Body, Told, of_type, text};
use crate::clock;
use crate::life::Life;
use crate::metrics::{Kind, Measured, Text};
use crate::transport::tls::Tls;
use crate::transport::tls::remark::validity;

/// How long functions may take to say what they measured.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is believed what is owed: every row of the outbox is looked at, and there may be a million.
const OWED_FOR: Duration = Duration::from_secs(10);
/// The media type of the format.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is measured elsewhere than in functions.
pub(super) struct Sources {
    recorder: Recorder,
    tls: Option<Arc<Tls>>,
    started: f64,
    owed: Mutex<Option<(Instant, Vec<Owed>)>>,
}

impl Sources {
    pub fn new(recorder: Recorder, tls: Option<Arc<Tls>>) -> Self {
        Self {
            recorder,
            tls,
            started: Duration::from_micros(clock::wall_us()).as_secs_f64(),
            owed: Mutex::default(),
        }
    }

    /// What is owed now, or was a moment ago.
    async fn owed(&self, store: &Arc<dyn Store>) -> Vec<Owed> {
        let store = store.clone();
        let kept = || self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, owed)) = &*kept()
            && at.elapsed() < OWED_FOR
        {
            return owed.clone();
        }
        let read = tokio::task::spawn_blocking(move || store.owed()).await;
        let Ok(Ok(owed)) = read else {
            return Vec::new();
        };
        *kept() = Some((Instant::now(), owed.clone()));
        owed
    }
}

/// Everything that is measured.
pub(super) async fn metrics(told: &Told) -> Response<Body> {
    let Ok(functions) = tokio::time::timeout(PATIENCE, told.pulse.measured()).await else {
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "a function does not answer\n",
        );
    };
    let store = told.lives.iter().find_map(Life::store);
    let owed = match store {
        Some(store) => told.metrics.owed(store).await,
        None => Vec::new(),
    };
    let mut out = Text::default();
    of_process(&mut out, told, &functions);
    of_requests(&mut out, &functions);
    of_transactions(&mut out, &functions);
    of_procedures(&mut out, &functions);
    of_overload(&mut out, &functions);
    of_partners(&mut out, &functions, &owed);
    of_store(&mut out, store.map(|store| &**store));
    of_certificates(&mut out, told.metrics.tls.as_deref());
    of_type(StatusCode::OK, MEDIA_TYPE, out.finish())
}

fn of_process(out: &mut Text, told: &Told, functions: &[Measured]) {
    out.metric("mcx_build_info", Kind::Gauge, "The program; always 1.");
    out.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    out.metric(
        "mcx_ready",
        Kind::Gauge,
        "Whether the function takes requests.",
    );
    for life in &told.lives {
        let ready = life.trouble().is_none();
        out.count(&[("function", life.kind)], ready.into());
    }
    out.metric(
        "mcx_recorder_dropped_records_total",
        Kind::Counter,
        "Records that a reader of the flight recorder did not get in time.",
    );
    out.count(&[], told.metrics.recorder.missed());
    out.metric(
        "mcx_collector_dropped_records_total",
        Kind::Counter,
        "Records that the collector of HEP3 did not get.",
    );
    out.count(&[], told.metrics.recorder.untold());
    out.metric(
        "process_start_time_seconds",
        Kind::Gauge,
        "When the process started, since the Unix epoch.",
    );
    out.sample(&[], told.metrics.started);
    if let Some(bytes) = resident_bytes() {
        out.metric(
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Memory that the process occupies.",
        );
        out.count(&[], bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        out.metric("process_open_fds", Kind::Gauge, "Files that are open.");
        out.count(&[], u64::try_from(open.count()).unwrap_or_default());
    }
    out.metric(
        "mcx_runtime_tasks",
        Kind::Gauge,
        "Tasks that have not ended: a few, and a few for each connection.",
    );
    let beside = tokio::runtime::Handle::current().metrics();
    let of_functions = functions.iter().map(|of| of.tasks);
    let tasks = of_functions.fold(beside.num_alive_tasks(), usize::saturating_add);
    let tasks = u64::try_from(tasks).unwrap_or(u64::MAX);
    out.count(&[], tasks);
}

/// VmRSS of `/proc/self/status`, which is in kB.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

fn of_requests(out: &mut Text, functions: &[Measured]) {
    out.metric(
        "mcx_sip_requests_total",
        Kind::Counter,
        "Requests that were new and valid, by method.",
    );
    for of in functions {
        for (method, count) in &of.measures.requests {
            out.count(&[("function", of.kind), ("method", method)], *count);
        }
    }
    out.metric(
        "mcx_sip_answers_total",
        Kind::Counter,
        "Final answers given, by method, class, status and 3GPP warning code.",
    );
    for of in functions {
        for ((method, status, code), count) in &of.measures.answers {
            let class = format!("{}xx", status / 100);
            let (status, code) = (status.to_string(), code.to_string());
            let labels = [
                ("function", of.kind),
                ("method", *method),
                ("class", class.as_str()),
                ("status", status.as_str()),
                ("reason", code.as_str()),
            ];
            out.count(&labels, *count);
        }
    }
    out.metric(
        "mcx_sip_request_duration_seconds",
        Kind::Histogram,
        "From a request to its answer, what is stored for it included.",
    );
    for of in functions {
        for (method, seconds) in &of.measures.seconds {
            out.histogram(&[("function", of.kind), ("method", method)], seconds);
        }
    }
    out.metric(
        "mcx_sip_sent_requests_total",
        Kind::Counter,
        "Requests of the function's own by outcome: class of the answer, or why there was none.",
    );
    for of in functions {
        for (outcome, count) in &of.measures.outcomes {
            out.count(&[("function", of.kind), ("outcome", outcome)], *count);
        }
    }
}

fn of_transactions(out: &mut Text, functions: &[Measured]) {
    out.metric(
        "mcx_sip_retransmissions_total",
        Kind::Counter,
        "Messages sent again, and requests that came again.",
    );
    for of in functions {
        let counted = &of.totals.transactions;
        for (what, count) in [
            ("request", counted.retransmitted),
            ("answer", counted.answers_retransmitted),
            ("received", counted.absorbed),
        ] {
            out.count(&[("function", of.kind), ("what", what)], count);
        }
    }
    out.metric(
        "mcx_sip_transactions",
        Kind::Gauge,
        "Transactions that are not forgotten yet.",
    );
    for of in functions {
        for (side, count) in [("client", of.clients), ("server", of.servers)] {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            out.count(&[("function", of.kind), ("side", side)], count);
        }
    }
    out.metric("mcx_connections", Kind::Gauge, "Connections that are open.");
    for of in functions {
        let count = u64::try_from(of.connections).unwrap_or(u64::MAX);
        out.count(&[("function", of.kind)], count);
    }
    out.metric(
        "mcx_counted_total",
        Kind::Counter,
        "What sockets and transactions count beside, bounds that were met among it.",
    );
    for of in functions {
        for (what, count) in of.sockets.iter().copied().chain(of.totals.all()) {
            out.count(&[("function", of.kind), ("what", what)], count);
        }
    }
}

fn of_procedures(out: &mut Text, functions: &[Measured]) {
    out.metric(
        "mcx_procedure_results_total",
        Kind::Counter,
        "Decisions by requirement and verdict.",
    );
    for of in functions {
        for ((requirement, verdict), count) in &of.measures.decisions {
            let labels = [
                ("function", of.kind),
                ("requirement", *requirement),
                ("verdict", verdict.as_str()),
            ];
            out.count(&labels, *count);
        }
    }
    out.metric(
        "mcx_procedure_duration_seconds",
        Kind::Histogram,
        "From the event that began a procedure until it came so far, by the clocks of both systems.",
    );
    for of in functions {
        for (step, seconds) in &of.measures.procedures {
            out.histogram(&[("function", of.kind), ("step", step)], seconds);
        }
    }
}

fn of_overload(out: &mut Text, functions: &[Measured]) {
    out.metric(
        "mcx_overload_refused_requests_total",
        Kind::Counter,
        "New requests refused for overload.",
    );
    for of in functions {
        out.count(&[("function", of.kind)], of.totals.transactions.refused);
    }
    out.metric(
        "mcx_overload_refused_ratio",
        Kind::Gauge,
        "Share of new requests that is refused for overload now.",
    );
    for of in functions {
        let share = f64::from(of.refused_percent) / 100.0;
        out.sample(&[("function", of.kind)], share);
    }
    out.metric(
        "mcx_waiting_messages",
        Kind::Gauge,
        "Messages that arrived and wait for their turn.",
    );
    for of in functions {
        let count = u64::try_from(of.waiting).unwrap_or(u64::MAX);
        out.count(&[("function", of.kind)], count);
    }
}

fn of_partners(out: &mut Text, functions: &[Measured], owed: &[Owed]) {
    out.metric(
        "mcx_partner_up",
        Kind::Gauge,
        "Whether the partner answered when it was asked last; 0 after several requests without an answer.",
    );
    for of in functions {
        for (partner, up) in &of.partners {
            let labels = [("function", of.kind), ("partner", partner.as_str())];
            out.count(&labels, u64::from(*up));
        }
    }
    let of = |out: &mut Text, name, help, value: &dyn Fn(Option<&Owed>) -> f64| {
        out.metric(name, Kind::Gauge, help);
        let servers = functions.iter().filter(|of| of.kind == "service-server");
        let mut partners: Vec<_> = servers
            .flat_map(|of| of.partners.iter().map(|(partner, _)| partner.as_str()))
            .chain(owed.iter().map(|owed| owed.to.as_str()))
            .collect();
        partners.sort_unstable();
        partners.dedup();
        for partner in partners {
            let owed = owed.iter().find(|owed| owed.to.as_str() == partner);
            out.sample(&[("partner", partner)], value(owed));
        }
    };
    let count = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    of(
        out,
        "mcx_outbox_waiting",
        "Messages owed to the partner that are sent when their time comes.",
        &|owed| owed.map_or(0.0, |owed| count(owed.waiting)),
    );
    of(
        out,
        "mcx_outbox_oldest_age_seconds",
        "How long the oldest of them waits.",
        &|owed| {
            let oldest = owed.and_then(|owed| owed.oldest);
            oldest.map_or(0.0, |at| clock::now().wall.since(at).as_secs_f64())
        },
    );
    of(
        out,
        "mcx_outbox_parked",
        "Messages that the partner refused and that wait for an operator.",
        &|owed| owed.map_or(0.0, |owed| count(owed.parked)),
    );
}

fn of_store(out: &mut Text, store: Option<&dyn Store>) {
    let Some(store) = store else { return };
    out.metric(
        "mcx_store_usable",
        Kind::Gauge,
        "Whether the store can commit.",
    );
    out.count(&[], store.usable().is_ok().into());
    let Some(commits) = store.commits() else {
        return;
    };
    out.metric(
        "mcx_store_commit_duration_seconds",
        Kind::Histogram,
        "A commit, its sync included.",
    );
    out.histogram(&[], &commits.seconds);
    out.metric(
        "mcx_store_commit_batches",
        Kind::Histogram,
        "Batches that one commit made durable.",
    );
    out.histogram(&[], &commits.batches);
    out.metric(
        "mcx_store_failed_commits_total",
        Kind::Counter,
        "Commits that failed.",
    );
    out.count(&[], commits.failed);
}

fn of_certificates(out: &mut Text, tls: Option<&Tls>) {
    let Some(tls) = tls else { return };
    let (own, roots) = tls.certificates();
    out.metric(
        "mcx_certificate_not_after_timestamp_seconds",
        Kind::Gauge,
        "Until when certificates are valid, the first of them to end; since the Unix epoch.",
    );
    for (which, certificates) in [("own", own), ("roots", roots)] {
        let ends = certificates.iter().filter_map(validity);
        if let Some(end) = ends.map(|(_, end)| end).min() {
            out.count(&[("certificate", which)], end);
        }
    }
}
