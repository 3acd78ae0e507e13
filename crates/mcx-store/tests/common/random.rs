//! Random commands over few users, so that they meet.

use mcx::state::{ClockAnchor, Command, Heard, OutboxRow, Parked, UserKey};
use mcx::{Random, Service, Timestamp};

use super::{allow, at, authorization, end, id, map, procedure, returns, system, user};

fn key(random: &mut Random) -> UserKey {
    let service = Service::ALL[random.below(3) as usize];
    UserKey {
        service,
        ..user(random.below(3))
    }
}

fn heard(n: u8) -> Option<Heard> {
    (n > 1).then(|| Heard {
        call_id: "registration".to_owned(),
        cseq: n.into(),
    })
}

fn number(random: &mut Random) -> Option<u64> {
    match random.below(8) {
        0 => None,
        n => Some(n),
    }
}

fn partner(random: &mut Random) -> &'static str {
    ["b", "c"][random.below(2) as usize]
}

/// One command; those about rows of the outbox mostly name one that is there.
pub fn command(random: &mut Random, rows: &[OutboxRow]) -> Command {
    let key = key(random);
    let n = random.below(12) as u8;
    let row = match rows.len() {
        0 => 1,
        many => rows[random.below(many as u64) as usize].id,
    };
    match random.below(23) {
        0 | 1 => returns(key, n),
        2 => Command::EndHomeAuthorization {
            key,
            if_match: None,
            at: at(1),
        },
        3..=5 => allow(key, partner(random), n),
        6 => {
            let Command::AllowMigration {
                key,
                system,
                partner_id,
                procedure,
                in_reply_to,
                at,
                expires,
            } = allow(key, partner(random), n)
            else {
                unreachable!();
            };
            Command::RefuseMigration {
                key,
                system,
                partner_id,
                procedure,
                in_reply_to,
                at,
                expires,
            }
        }
        7 | 8 => {
            let from = partner(random);
            Command::UserMoved {
                key,
                system: system(from),
                partner_id: id(&format!("sip:guest@{from}.mcx.example")),
                number: number(random),
                procedure: procedure(n),
                at: at(2),
            }
        }
        9 => match map(key, number(random)) {
            Command::StoreMapping {
                key,
                primary,
                partner_id,
                number,
                procedure,
                authorization,
                at,
                ..
            } => Command::StoreMapping {
                key,
                primary,
                partner_id,
                number,
                procedure,
                authorization,
                heard: heard(n),
                at,
            },
            other => other,
        },
        10 => Command::RefreshVisitor {
            heard: heard(n),
            key,
            partner_id: id("sip:guest@b.mcx.example"),
            authorization: authorization(Some(["t1", "t2"][random.below(2) as usize])),
            if_match: (random.below(2) == 0).then(|| "t1".to_owned()),
            at: at(random.below(2) * 4000),
        },
        11 => Command::EndVisitorAuthorization {
            key,
            partner_id: id("sip:guest@b.mcx.example"),
            if_match: None,
            at: at(1),
        },
        12 => end(key, number(random), at(20 + random.below(20))),
        13 if random.below(4) == 0 => Command::Expire {
            at: at(15 + random.below(20)),
            limit: 1000,
        },
        15 => Command::EndStay {
            key,
            partner_id: None,
            number: number(random),
            procedure: None,
            at: at(5),
            stop_at: at(5 + random.below(30)),
            purge_at: Timestamp(at(35).0 + random.below(3) * (1 << 61)),
        },
        16 => Command::SessionsEnded {
            key,
            at: at(random.below(30)),
        },
        17 => Command::ClockStepped {
            by: i64::try_from(random.below(40_000)).unwrap() - 20_000,
            at: at(random.below(40)),
        },
        18 if random.below(4) == 0 => Command::ClockAnchored {
            anchor: ClockAnchor {
                boot: ["first", "second"][random.below(2) as usize].into(),
                offset: i64::try_from(random.below(20_000)).unwrap(),
            },
            at: at(random.below(40)),
        },
        20 => Command::OutboxRelease { id: row, at: at(9) },
        21 => Command::OutboxDrop { id: row },
        22 => Command::EndStays {
            key,
            procedure: procedure(n),
            at: at(3),
        },
        18 => match random.below(3) {
            0 => Command::EventSinks {
                names: vec![
                    ["file", "webhook"][random.below(2) as usize].into(),
                    "all".into(),
                ],
            },
            1 => Command::EventsDelivered {
                sink: ["file", "webhook", "all"][random.below(3) as usize].into(),
                seq: random.below(100),
            },
            _ => Command::TrimEvents {
                keep: random.below(10),
                limit: random.below(5) as usize,
            },
        },
        13 | 14 => Command::OutboxDone { id: row },
        _ if random.below(2) == 0 => Command::OutboxRetry {
            id: row,
            attempts: n.into(),
            next_at: at(u64::from(n)),
            failure: format!("failure {n}"),
        },
        _ => Command::OutboxPark {
            id: row,
            parked: Parked {
                status: 400 + u16::from(n),
                text: format!("reason {n}"),
                since: at(3),
            },
        },
    }
}
