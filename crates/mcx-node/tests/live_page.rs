//! `/live` of a running node, in a real browser: the ladder follows what happens, names nobody, opens a message by a click, narrows
//! by a filter, and stays fluent with ten thousand messages. The browser's part is skipped, loudly, where Chromium is not
//! installed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../sip-trace/tests/common/browser.rs"]
#[allow(dead_code)]
mod browser;
#[path = "common/check.rs"]
mod check;
#[path = "common/half_sent.rs"]
mod half_sent;
#[path = "common/http.rs"]
mod http;
#[path = "common/running.rs"]
mod running;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use browser::Browser;
use check::example;
use half_sent::HalfSent;
use http::{ask, get};
use running::Running;
use serde_json::{Value, json};

const HTTP: &str = "\n[http]\nlisten = \"127.0.0.1:0\"\n";
const ROWS: &str = "document.querySelectorAll('.row').length";
const COUNT: &str = "document.getElementById('count').value";

fn request(call: &str) -> String {
    format!(
        "OPTIONS sip:mc-gateway@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{call}\r\n\
        From: <sip:alice@a.mcx.example>;tag=1\r\nTo: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: {call}\r\n\
        CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn watched() -> (Running, SocketAddr) {
    let node = Running::start("a-gateway", &(example("gateways/a-gateway.toml") + HTTP));
    let at = node.http.unwrap();
    (node, at)
}

/// Follows the events of a page that has seen this much; the data of each that has any.
fn events(at: SocketAddr, path: &str, last: Option<u64>) -> impl Iterator<Item = (u64, Value)> {
    let mut stream = TcpStream::connect(at).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\n{last}\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    std::iter::from_fn(move || {
        let mut id = 0;
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.parse().unwrap();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some((id, serde_json::from_str(data).unwrap()));
            }
        }
        None
    })
}

fn labels(data: &Value) -> Vec<String> {
    let rows = data["rows"].as_array().unwrap().iter();
    rows.map(|row| row["label"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_is_recorded_is_told_without_identities_and_goes_on_where_a_page_was() {
    let (node, at) = watched();
    node.asked(&request("alice-one"));
    let mut all = events(at, "/live/events", None);
    let (mut said, mut last) = (Vec::new(), 0);
    while said.len() < 2 {
        let (id, data) = all.next().unwrap();
        assert!(!data.to_string().contains("alice"), "{data}");
        said.extend(labels(&data));
        last = id;
    }
    assert_eq!(said, ["OPTIONS", "200 OK"]);
    node.asked(&request("two"));
    let more: Vec<String> = all.flat_map(|(_, data)| labels(&data)).take(2).collect();
    assert_eq!(more, ["OPTIONS", "200 OK"]);
    let (id, again) = events(at, "/live/events", Some(last)).next().unwrap();
    let first = again["rows"][0]["text"].as_str().unwrap();
    assert!(id > last && first.contains("Call-ID: two"), "{again}");
    let details = events(at, "/live/events?details", None);
    let mut details = details.flat_map(|(_, data)| labels(&data));
    assert!(details.any(|label| label.contains("Completed")));
}

#[test]
fn partners_go_by_their_service_identities() {
    let partner = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = example("gateways/a-gateway.toml") + HTTP;
    let hop = "psi = \"sip:mc-gateway@b.mcx.example\", next-hop = \"sip:";
    let (before, after) = config.split_once(hop).unwrap();
    let (_, after) = after.split_once('"').unwrap();
    let own = partner.local_addr().unwrap();
    let node = Running::start("a-gateway", &format!("{before}{hop}{own}\"{after}"));
    partner
        .send_to(request("one").as_bytes(), node.address)
        .unwrap();
    let columns = events(node.http.unwrap(), "/live/events", None)
        .flat_map(|(_, data)| data["columns"].as_array().unwrap().clone());
    let columns: Vec<Value> = columns.take(2).collect();
    assert!(
        columns.contains(&json!("mc-gateway@b.mcx.example")),
        "{columns:?}"
    );
}

/// Pages have a bound of their own: they take no probe's place, and do not go for one.
#[test]
fn pages_stay_open_whoever_comes() {
    let (node, at) = watched();
    node.asked(&request("before"));
    let follow = |_| {
        let mut page = events(at, "/live/events", None);
        page.next().unwrap();
        page
    };
    let mut pages: Vec<_> = (0..4).map(follow).collect();
    let mut others = HalfSent::start(at, 200);
    others.closes(500);
    node.asked(&request("after"));
    for page in &mut pages {
        assert!(page.any(|(_, data)| data.to_string().contains("Call-ID: after")));
    }
    others.end();
}

#[test]
fn it_is_there_for_this_machine_alone_and_for_as_many_as_may() {
    let (_node, at) = watched();
    let (status, header, page) = ask(at, "GET", "/live");
    assert_eq!(status, 200);
    assert!(
        header.contains("text/html") && header.contains("no-store"),
        "{header}"
    );
    assert!(page.contains("connect-src 'self'") && page.contains("/live/events"));
    assert_eq!(get(at, "/live/other").0, 404);
    // A page of somebody else, whose name leads here.
    let mut stream = TcpStream::connect(at).unwrap();
    write!(
        stream,
        "GET /live/events HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    )
    .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 403 "), "{line}");
    let begin = |_| {
        let mut stream = TcpStream::connect(at).unwrap();
        write!(
            stream,
            "GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        .unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap())
            .read_line(&mut line)
            .unwrap();
        (stream, line)
    };
    let looking: Vec<_> = (0..5).map(begin).collect();
    assert!(
        looking[..4]
            .iter()
            .all(|(_, line)| line.starts_with("HTTP/1.1 200 "))
    );
    assert!(
        looking[4].1.starts_with("HTTP/1.1 503 "),
        "{}",
        looking[4].1
    );
    drop(looking);
    // Who went away makes room.
    let begun = (0..10_000)
        .map(begin)
        .any(|(_, line)| line.starts_with("HTTP/1.1 200 "));
    assert!(begun);
}

/// Runs an expression until it gives that.
fn until(browser: &mut Browser, expression: &str, expected: &Value) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let now = browser.run(expression);
        if now == *expected {
            return;
        }
        assert!(Instant::now() < end, "{expression}: {now}, not {expected}");
    }
}

#[test]
fn a_browser_follows_opens_narrows_and_stays_fluent() {
    let Some(mut browser) = Browser::start("live") else {
        return;
    };
    let (node, at) = watched();
    node.asked(&request("before"));
    browser.call(
        "Page.navigate",
        json!({ "url": format!("http://{at}/live") }),
    );
    until(
        &mut browser,
        "document.getElementById('count')?.value",
        &json!("2 of 2"),
    );
    // What happens while somebody looks.
    node.asked(&request("alice-while"));
    until(&mut browser, COUNT, &json!("4 of 4"));
    assert_eq!(browser.run("document.getElementById('live').value"), "live");
    browser.click("#row-2 .label");
    let text = browser.run("document.querySelector('#detail pre').textContent");
    let text = text.as_str().unwrap();
    assert!(
        text.starts_with("OPTIONS sip:mc-gateway@a.mcx.example SIP/2.0"),
        "{text}"
    );
    assert!(
        !text.contains("alice") && text.contains("Call-ID: "),
        "{text}"
    );
    browser.run("document.querySelector('#detail button').click()");

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut datagram = [0; 65_536];
    for number in 0..4_998 {
        socket
            .send_to(request(&format!("n{number}")).as_bytes(), node.address)
            .unwrap();
        socket.recv_from(&mut datagram).unwrap();
    }
    until(&mut browser, COUNT, &json!("10000 of 10000"));
    let drawn = browser.run(ROWS).as_u64().unwrap();
    assert!(
        (10..200).contains(&drawn),
        "{drawn} rows are in the document"
    );
    // One who follows is at the end.
    let last = "document.querySelector('.row:last-of-type, .row') && \
        [...document.querySelectorAll('.row')].some(r => r.getAttribute('aria-posinset') === '10000')";
    assert_eq!(browser.run(last), true);
    // Frames while it scrolls through all of it, and while more comes.
    let frames = "new Promise(done => { const v = document.getElementById('view'), times = []; let n = 0, before; \
        const step = (now) => { if (before !== undefined) times.push(now - before); before = now; \
        v.scrollTop = v.scrollHeight * (n % 60) / 60; \
        if (++n < 120) requestAnimationFrame(step); else done(times.sort((a, b) => a - b)) }; requestAnimationFrame(step) })";
    let times = browser.run(frames);
    let times: Vec<f64> = times
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_f64().unwrap())
        .collect();
    let (median, p95) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    eprintln!("10,000 messages, a frame while scrolling: median {median:.1} ms, p95 {p95:.1} ms");
    assert!(median < 50.0, "median {median} ms");

    let typed = "(() => { const s = document.getElementById('search'); s.value = 'cseq: 1 options\\nmax'; s.value = 'options sip:'; \
        s.dispatchEvent(new Event('input')); return new Promise(r => setTimeout(r, 400)) })()";
    browser.run(typed);
    until(&mut browser, COUNT, &json!("5000 of 10000"));
    browser.screenshot(&PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("live-page.png"));
    assert!(browser.told.is_empty(), "{:?}", browser.told);
}
