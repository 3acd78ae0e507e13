//! The steps of the demo, and what must hold after each.

use std::time::{Duration, Instant};

use bytes::Bytes;
use mcx::state::{StayPhase, UserKey, VisitorPhase};
use mcx::{McId, Service};
use sip_message::{HeaderName, Message, Response};
use sip_trace::{Direction, Record, What};

use super::client::Wish;
use super::show::Screen;
use super::tables::Stored;
use super::world::{PATIENCE, TIMER_J, World};
use crate::clock;

/// alice at home.
const ALICE: Wish = Wish {
    id: "sip:alice@a.mcx.example",
    primary_id: None,
};
/// alice as a visitor of B.
const ALICE_AT_B: Wish = Wish {
    id: "sip:visitor-4711@b.mcx.example",
    primary_id: Some(ALICE.id),
};
/// alice as a visitor of C.
const ALICE_AT_C: Wish = Wish {
    id: "sip:guest-17@c.mcx.example",
    primary_id: Some(ALICE.id),
};
/// bob, whom A's policy lets migrate nowhere, as a visitor of B.
const BOB_AT_B: Wish = Wish {
    id: "sip:visitor-4712@b.mcx.example",
    primary_id: Some("sip:bob@a.mcx.example"),
};

/// A step and what came of it.
pub(super) struct Step {
    pub title: &'static str,
    pub took: Duration,
    /// What must hold, and whether it did.
    pub checks: Vec<(String, bool)>,
    /// What kept the step from being done.
    pub error: Option<String>,
}

impl Step {
    /// What did not hold, if anything.
    pub fn failed(&self) -> Option<&str> {
        let unmet = self.checks.iter().find(|(_, held)| !held);
        self.error
            .as_deref()
            .or(unmet.map(|(check, _)| check.as_str()))
    }
}

/// Where a step's checks go.
type Checks = Vec<(String, bool)>;

/// Runs every step, the failed ones included.
///
/// `pause` is waited between two steps, for whoever wants to read along, or to end a node by hand.
pub(super) fn run(world: &mut World, screen: &mut Screen, pause: Duration) -> Vec<Step> {
    let mut run = Run {
        world,
        screen,
        steps: Vec::new(),
        late: None,
        pause,
    };
    run.step(
        "L1: alice migrates from A to B, and A allows it",
        Run::migrate_to_b,
    );
    run.step(
        "L1: bob wants to migrate to B, and A's policy refuses",
        Run::bob_refused,
    );
    run.step(
        "P1: alice returns to A, and A de-authorizes B",
        Run::return_home,
    );
    run.step("L1: alice migrates to B again", Run::migrate_to_b);
    run.step(
        "L2: the notification of step 3 comes once more, late",
        Run::late_notification,
    );
    run.step(
        "P2: alice migrates on to C, and A de-authorizes B",
        Run::migrate_on_to_c,
    );
    run.step(
        "P2: alice migrates back to B, and A de-authorizes C",
        Run::migrate_back_to_b,
    );
    run.step(
        "L4: alice returns to A while B's server is down",
        Run::return_while_b_is_down,
    );
    run.step(
        "P1.N1: A and B without topology hiding, alice migrates to B",
        Run::migrate_direct,
    );
    run.step(
        "P1: alice returns to A, and A de-authorizes B directly",
        Run::return_direct,
    );
    run.steps
}

struct Run<'a> {
    world: &'a mut World,
    screen: &'a mut Screen,
    steps: Vec<Step>,
    /// The first de-authorization that reached B's gateway, to be sent again.
    late: Option<(Instant, Bytes)>,
    pause: Duration,
}

impl Run<'_> {
    fn step(
        &mut self,
        title: &'static str,
        act: impl FnOnce(&mut Self, &mut Checks) -> Result<(), String>,
    ) {
        if !self.steps.is_empty() && !self.pause.is_zero() {
            let begin = Instant::now();
            let pause = self.pause;
            let over = |_: &mut World| begin.elapsed() >= pause;
            self.world
                .wait(self.screen, "the next step", pause * 2, over);
        }
        self.screen.step(self.steps.len() + 1, title);
        let before = Stored::now(self.world);
        let (begin, from_us) = (Instant::now(), clock::wall_us());
        let mut checks = Checks::new();
        let error = act(self, &mut checks).err();
        self.world.settle(self.screen);
        let step = Step {
            title,
            took: begin.elapsed(),
            checks,
            error,
        };
        let records = self.world.records(from_us);
        let after = Stored::now(self.world);
        let addresses = self.world.addresses().to_vec();
        self.screen
            .step_done(&step, &records, &addresses, &before, &after);
        self.steps.push(step);
    }

    /// Sends a client's event and checks its answer.
    fn register(
        &mut self,
        system: char,
        wish: Wish,
        expected: u16,
        checks: &mut Checks,
    ) -> Result<Response, String> {
        let response = self.world.register(system, wish, self.screen)?;
        let status = response.status().as_u16();
        let text = if status == expected {
            format!("the client was answered {expected}")
        } else {
            format!("the client was answered {expected} (it was {status})")
        };
        checks.push((text, status == expected));
        Ok(response)
    }

    /// Waits until the mapping of alice at `system` is in `phase`, and nothing is owed.
    fn settled(&mut self, what: &str, system: char, migrated: bool, checks: &mut Checks) {
        let alice = alice();
        let held = self.world.wait(self.screen, what, PATIENCE, |world| {
            let stored = world.stored(system);
            let phase = stored.visitors.iter().find(|(key, _)| *key == alice);
            let phase = phase.map(|(_, visitor)| visitor.phase);
            let there = match phase {
                Some(VisitorPhase::Migrated) => migrated,
                Some(VisitorPhase::Stopping { .. } | VisitorPhase::WasMigrated { .. }) => !migrated,
                None => false,
            };
            there && world.nothing_owed()
        });
        let state = if migrated { "migrated" } else { "was-migrated" };
        let system = system.to_ascii_uppercase();
        checks.push((
            format!("{system}'s mapping of alice is {state}, and nothing is owed"),
            held,
        ));
    }

    fn open_stay(&self, checks: &mut Checks, at: Option<&str>) {
        let stored = self.world.stored('a');
        let home = stored.homes.iter().find(|(key, _)| *key == alice());
        let open: Vec<&str> = home
            .iter()
            .flat_map(|(_, home)| &home.stays)
            .filter(|stay| stay.phase == StayPhase::Open)
            .map(|stay| stay.system.as_str())
            .collect();
        let text = match at {
            Some(system) => format!("A knows alice at {system} and nowhere else"),
            None => "A knows alice at no partner".to_owned(),
        };
        checks.push((text, open == at.into_iter().collect::<Vec<_>>()));
    }

    fn migrate_to_b(&mut self, checks: &mut Checks) -> Result<(), String> {
        self.register('b', ALICE_AT_B, 200, checks)?;
        self.settled("B's notification to A", 'b', true, checks);
        self.open_stay(checks, Some("b.mcx.example"));
        Ok(())
    }

    fn bob_refused(&mut self, checks: &mut Checks) -> Result<(), String> {
        let response = self.register('b', BOB_AT_B, 403, checks)?;
        let warning = response.headers().first(&HeaderName::Warning);
        let warning = String::from_utf8_lossy(warning.unwrap_or_default()).into_owned();
        checks.push((
            "with the Warning 101 service authorisation failed".into(),
            warning.contains("101 service authorisation failed"),
        ));
        let world = &mut *self.world;
        world.wait(self.screen, "A's response", PATIENCE, |world| {
            world.nothing_owed()
        });
        let bob = user("sip:bob@a.mcx.example");
        let stored = ['a', 'b', 'c'].map(|system| self.world.stored(system));
        let known = stored
            .iter()
            .any(|s| s.visitors.iter().any(|(key, _)| *key == bob));
        checks.push(("no system has a mapping of bob".into(), !known));
        Ok(())
    }

    fn return_home(&mut self, checks: &mut Checks) -> Result<(), String> {
        let from_us = clock::wall_us();
        self.register('a', ALICE, 200, checks)?;
        self.settled("the de-authorization", 'b', false, checks);
        self.open_stay(checks, None);
        self.world.settle(self.screen);
        let gateway = self.world.address("b-gateway");
        let records = self.world.records(from_us);
        let sent = records.iter().find_map(|r| sent_message_to(r, gateway));
        self.late = sent.map(|bytes| (Instant::now(), bytes));
        checks.push((
            "the notification went through both gateways".into(),
            self.late.is_some() && path(&records) == ["a-server", "a-gateway", "b-gateway"],
        ));
        Ok(())
    }

    fn late_notification(&mut self, checks: &mut Checks) -> Result<(), String> {
        let (sent, bytes) = self.late.clone().ok_or("step 3 sent no notification")?;
        // Until Timer J a copy is a retransmission, which B's gateway absorbs; it is to be late.
        self.world.wait(
            self.screen,
            "B's gateway to forget the transaction (Timer J)",
            PATIENCE,
            |_| sent.elapsed() > TIMER_J,
        );
        let before = Stored::now(self.world);
        let from_us = clock::wall_us();
        let to = self.world.address("b-gateway");
        let answer = self.world.replay("a-gateway", to, &bytes, self.screen)?;
        let status = answer.and_then(|a| Message::parse_datagram(a, &Default::default()).ok());
        let ok = matches!(&status, Some(Message::Response(r)) if r.status().as_u16() == 200);
        checks.push(("it was answered 200".into(), ok));
        self.world.settle(self.screen);
        let stale = self.world.records(from_us).iter().any(|record| {
            matches!(&record.what, What::Decision(d) if &*record.node == "b-server"
                && d.requirement == "L2" && d.verdict == "stale")
        });
        checks.push((
            "B's server found it stale: of an earlier stay".into(),
            stale,
        ));
        let unchanged = ['a', 'b', 'c']
            .iter()
            .all(|s| before.of(*s) == self.world.stored(*s));
        checks.push(("nothing changed in any system".into(), unchanged));
        self.open_stay(checks, Some("b.mcx.example"));
        Ok(())
    }

    fn migrate_on_to_c(&mut self, checks: &mut Checks) -> Result<(), String> {
        self.register('c', ALICE_AT_C, 200, checks)?;
        let mapping = self.world.stored('c').visitors;
        self.settled("the de-authorization", 'b', false, checks);
        checks.push((
            "C's mapping is untouched".into(),
            !mapping.is_empty() && mapping == self.world.stored('c').visitors,
        ));
        self.open_stay(checks, Some("c.mcx.example"));
        Ok(())
    }

    fn migrate_back_to_b(&mut self, checks: &mut Checks) -> Result<(), String> {
        self.register('b', ALICE_AT_B, 200, checks)?;
        self.settled("the de-authorization", 'c', false, checks);
        self.settled("B's mapping", 'b', true, checks);
        self.open_stay(checks, Some("b.mcx.example"));
        Ok(())
    }

    fn return_while_b_is_down(&mut self, checks: &mut Checks) -> Result<(), String> {
        self.world.node("b-server")?.kill();
        self.register('a', ALICE, 200, checks)?;
        let kept = self
            .world
            .wait(self.screen, "A to miss an answer", PATIENCE, |world| {
                let outbox = world.stored('a').outbox;
                outbox.iter().any(|row| row.attempts > 0)
            });
        checks.push((
            "A keeps the notification that B did not answer".into(),
            kept,
        ));
        self.world.node("b-server")?.start()?;
        self.settled("the notification to be sent again", 'b', false, checks);
        self.open_stay(checks, None);
        Ok(())
    }

    fn migrate_direct(&mut self, checks: &mut Checks) -> Result<(), String> {
        self.world.hide_no_more()?;
        let from_us = clock::wall_us();
        self.migrate_to_b(checks)?;
        self.no_gateway(from_us, checks);
        Ok(())
    }

    fn return_direct(&mut self, checks: &mut Checks) -> Result<(), String> {
        let from_us = clock::wall_us();
        self.register('a', ALICE, 200, checks)?;
        self.settled("the de-authorization", 'b', false, checks);
        self.open_stay(checks, None);
        self.no_gateway(from_us, checks);
        Ok(())
    }

    fn no_gateway(&mut self, from_us: u64, checks: &mut Checks) {
        self.world.settle(self.screen);
        let records = self.world.records(from_us);
        // Transactions of earlier steps come to their end there.
        let is_message = |r: &&Record| matches!(r.what, What::Message(_));
        let mut messages = records.iter().filter(is_message);
        let gateways = messages.any(|r| r.node.ends_with("gateway"));
        checks.push(("no gateway took part".into(), !gateways));
    }
}

/// The nodes that sent a MESSAGE request, in order, each once.
fn path(records: &[Record]) -> Vec<&str> {
    let mut nodes: Vec<&str> = Vec::new();
    for record in records {
        let message = matches!(&record.what, What::Message(m)
            if m.direction == Direction::Sent && m.bytes.starts_with(b"MESSAGE "));
        if message && !nodes.contains(&&*record.node) {
            nodes.push(&record.node);
        }
    }
    nodes
}

fn sent_message_to(record: &Record, to: std::net::SocketAddr) -> Option<Bytes> {
    match &record.what {
        What::Message(m)
            if m.direction == Direction::Sent
                && m.peer == to
                && m.bytes.starts_with(b"MESSAGE ") =>
        {
            Some(m.bytes.clone())
        }
        _ => None,
    }
}

fn alice() -> UserKey {
    user(ALICE.id)
}

fn user(id: &str) -> UserKey {
    UserKey {
        service: Service::Mcptt,
        primary_id: McId::parse(id).unwrap_or_else(|_| unreachable!("a constant of this file")),
    }
}
