//! Clients by the thousand, from one socket: what each does next, sent when its time has come, and sent again until it is answered
//! (RFC 3261 §17.1.2).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::systems::Systems;

/// How long a registration and a token last.
pub const REGISTERED_FOR: Duration = Duration::from_secs(7_200);
/// A migration to B, a migration to C with B's de-authorization, C's de-authorization: four procedures of three events.
pub const EVENTS_OF_PROCEDURES: f64 = 0.75;

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// Timer F.
const GIVEN_UP: Duration = Duration::from_secs(32);
/// How long the socket is listened to before what is due is looked for.
const TURN: Duration = Duration::from_millis(1);
/// When one who was refused comes again: Retry-After of our nodes.
const LATER: Duration = Duration::from_secs(5);
const COOKIE: &str = "z9hG4bKsoak-";

/// Where a user is after each of his three events.
const STAGES: [&str; 3] = ["b", "c", "a"];

/// What a user does: a method, at the stage of his journey, and who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    method: &'static str,
    stage: usize,
    user: usize,
}

/// A request that is not answered.
struct Open {
    event: Event,
    bytes: Vec<u8>,
    to: SocketAddr,
    since: Instant,
    interval: Duration,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Went {
    /// Events that were answered 200, by the system where the user is with them.
    by_stage: [u64; 3],
    pub events: u64,
    /// Refused with 503; they came again.
    pub refused: u64,
    pub again: u64,
    pub longest: Duration,
    /// Events that failed for good, by what was answered and what was asked.
    pub failed: BTreeMap<String, u64>,
}

impl Went {
    fn failed(&mut self, event: Option<Event>, answer: &str) {
        let Some(event) = event else { return };
        let what = format!("{answer} to {} at {}", event.method, STAGES[event.stage]);
        *self.failed.entry(what).or_default() += 1;
    }

    /// Migrations that began.
    pub fn migrations(&self) -> f64 {
        (self.by_stage[0] + self.by_stage[1]) as f64
    }

    /// De-authorizations that began: of B by those who moved on to C, of C by those who came home.
    pub fn deauthorizations(&self) -> f64 {
        (self.by_stage[1] + self.by_stage[2]) as f64
    }
}

pub struct Travellers {
    socket: UdpSocket,
    cores: [SocketAddr; 3],
    /// By stage and user.
    tokens: [Vec<String>; 3],
    users: usize,
    events_a_second: f64,
    /// Since when they travel, and the first event since.
    began: Option<(Instant, usize)>,
    /// The next in the order of everybody's events.
    next: usize,
    sent: u64,
    open: HashMap<u64, Open>,
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    refused: BinaryHeap<Reverse<(Instant, Event)>>,
    went: Went,
}

impl Travellers {
    pub fn new(systems: &Systems, users: usize, procedures_a_second: f64) -> Self {
        let ip = systems.lab.address("client").ip();
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(TURN)).unwrap();
        let seconds = i64::try_from(REGISTERED_FOR.as_secs()).unwrap();
        let tokens = STAGES.map(|system| {
            let token = |user| {
                let id = id_at(system, user);
                systems.lab.token(system, &[("mcptt_id", &id)], seconds)
            };
            (0..users).map(token).collect()
        });
        Self {
            socket,
            cores: STAGES.map(|system| systems.core(system)),
            tokens,
            users,
            events_a_second: procedures_a_second * EVENTS_OF_PROCEDURES,
            began: None,
            next: 0,
            sent: 0,
            open: HashMap::new(),
            due: BinaryHeap::new(),
            refused: BinaryHeap::new(),
            went: Went::default(),
        }
    }

    /// Does what is due until then.
    pub fn travel_until(&mut self, end: Instant) {
        let next = self.next;
        let (begin, first) = *self.began.get_or_insert_with(|| (Instant::now(), next));
        loop {
            let now = Instant::now();
            if now >= end {
                return;
            }
            let due = (now - begin).as_secs_f64() * self.events_a_second;
            while ((self.next - first) as f64) < due {
                self.next_event(now);
                self.next += 1;
            }
            self.turn(now);
        }
    }

    /// What was done so far.
    pub fn went(&self) -> &Went {
        &self.went
    }

    /// Everything that is open is answered; what was done since they began or arrived last.
    pub fn arrive(&mut self, patience: Duration) -> Went {
        let limit = Instant::now() + patience;
        while !self.open.is_empty() || !self.refused.is_empty() {
            let now = Instant::now();
            let (open, refused) = (self.open.len(), self.refused.len());
            assert!(now < limit, "{open} have no answer, {refused} were refused");
            self.turn(now);
        }
        let answered: u64 = self.went.by_stage.iter().sum();
        let failed: u64 = self.went.failed.values().sum();
        assert_eq!(answered + failed, self.went.events);
        self.began = None;
        std::mem::take(&mut self.went)
    }

    /// The next event: everybody moves once, then once more. A third of them began one move later, another two: at any time all moves
    /// are made.
    fn next_event(&mut self, now: Instant) {
        let (round, user) = (self.next / self.users, self.next % self.users);
        let Some(moves) = round.checked_sub(user % STAGES.len()) else {
            return;
        };
        let stage = moves % STAGES.len();
        let method = match moves / STAGES.len() {
            0 => "REGISTER",
            _ => "PUBLISH",
        };
        self.went.events += 1;
        let event = Event {
            method,
            stage,
            user,
        };
        self.send(now, event);
    }

    fn send(&mut self, now: Instant, event: Event) {
        let stage = event.stage;
        self.sent += 1;
        let open = Open {
            event,
            bytes: self.request(event),
            to: self.cores[stage],
            since: now,
            interval: T1,
        };
        self.socket.send_to(&open.bytes, open.to).unwrap();
        let number = self.sent * 3 + stage as u64;
        self.open.insert(number, open);
        self.due.push(Reverse((now + T1, number)));
    }

    fn request(&self, event: Event) -> Vec<u8> {
        let Event {
            method,
            stage,
            user,
        } = event;
        let system = STAGES[stage];
        let token = &self.tokens[stage][user];
        let home = match system {
            "a" => String::new(),
            _ => format!(
                "<anyExt><primary-mcptt-id type=\"Normal\"><mcpttURI>{}</mcpttURI></primary-mcptt-id></anyExt>",
                id_at("a", user)
            ),
        };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params>\
             <mcptt-access-token type=\"Normal\"><mcpttString>{token}</mcpttString></mcptt-access-token>{home}\
             </mcptt-Params></mcpttinfo>"
        );
        let domain = format!("{system}.mcx.example");
        let address = format!("sip:phone-{user}@{domain}");
        let (target, event) = match method {
            "REGISTER" => (format!("sip:{domain}"), ""),
            _ => (address.clone(), "Event: poc-settings\r\n"),
        };
        let own = self.socket.local_addr().unwrap();
        let (n, expires) = (self.sent, REGISTERED_FOR.as_secs());
        let number = n * 3 + stage as u64;
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch={COOKIE}{number}\r\nMax-Forwards: 70\r\n\
             From: <{address}>;tag={n}\r\nTo: <{address}>\r\nCall-ID: soak-{n}@{own}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:phone-{user}@{own}>;+g.3gpp.mcptt\r\n{event}Expires: {expires}\r\n\
             Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Takes what comes, and sends again what is not answered in time.
    fn turn(&mut self, now: Instant) {
        while let Some(Reverse((at, number))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            let Some(open) = self.open.get_mut(&number) else {
                continue;
            };
            if now - open.since >= GIVEN_UP {
                let lost = self.open.remove(&number);
                self.went.failed(lost.map(|lost| lost.event), "no answer");
                continue;
            }
            self.socket.send_to(&open.bytes, open.to).unwrap();
            open.interval = T2.min(open.interval * 2);
            self.went.again += 1;
            self.due.push(Reverse((now + open.interval, number)));
        }
        while let Some(Reverse((at, event))) = self.refused.peek().copied()
            && at <= now
        {
            self.refused.pop();
            self.send(now, event);
        }
        let mut datagram = [0; 65_536];
        loop {
            match self.socket.recv(&mut datagram) {
                Ok(length) => self.answer(&datagram[..length]),
                Err(error) => {
                    let nothing = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                    assert!(nothing.contains(&error.kind()), "{error}");
                    return;
                }
            }
            // As long as something comes, what is due waits no longer than it may.
            if now.elapsed() > TURN {
                return;
            }
        }
    }

    fn answer(&mut self, datagram: &[u8]) {
        let text = String::from_utf8_lossy(datagram);
        let status = text.get(8..11).unwrap_or_default();
        if status.starts_with('1') {
            return;
        }
        let (_, rest) = text.split_once(COOKIE).expect("the own Via");
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
        let number: u64 = rest[..end].parse().unwrap();
        // It may be answered twice, having been sent twice.
        let Some(open) = self.open.remove(&number) else {
            return;
        };
        if status == "503" {
            let again = (Instant::now() + LATER, open.event);
            self.refused.push(Reverse(again));
            self.went.refused += 1;
            return;
        }
        if status != "200" {
            self.went.failed(Some(open.event), status);
            return;
        }
        let stage = usize::try_from(number % 3).unwrap();
        self.went.by_stage[stage] += 1;
        self.went.longest = self.went.longest.max(open.since.elapsed());
    }
}

/// The MC service ID of a user in a system.
fn id_at(system: &str, user: usize) -> String {
    format!("sip:user-{user}@{system}.mcx.example")
}
