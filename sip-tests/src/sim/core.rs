//! Users who move between systems, and the SIP core that tells the MC service server there.

use mcx::document::Document;
use mcx::{Profile, Service};
use sip_message::{HeaderName, Method, Request, Response};
use sip_transaction::{ClientId, Failure};

use super::node::Kind;
use super::{Dice, Place, User};

/// A user's way through systems: at each he authorizes for one service, and goes on when he was
/// told 200 or 403. Whatever else he is told, or when he is told nothing, he tries again.
pub struct Journey {
    /// Who.
    pub user: User,
    /// For which service.
    pub service: Service,
    /// Where.
    pub path: Vec<Place>,
    /// What he was told so far, one for each place that he left or is done with.
    pub stops: Vec<Stop>,
    /// Shortest and longest stay, in microseconds.
    pause: (u64, u64),
    pub(super) asking: Option<(Place, ClientId)>,
    /// Names his registration at the present place; a new one at each.
    registration: String,
    tries: u32,
}

/// What a user was told at a place.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Where.
    pub place: Place,
    /// When, in microseconds.
    pub at: u64,
    /// How often he asked.
    pub tries: u32,
    /// What he was told in the end.
    pub response: Response,
}

impl Stop {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }
}

/// What the answer to a REGISTER means for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// He goes on, or is where he wanted to be: what is next is due after that time.
    Next(u64),
    /// He tries again after that time.
    Again(u64),
    /// He is where he wanted to be.
    Arrived,
}

impl Journey {
    pub(super) fn new(user: User, service: Service, path: &[Place], pause: (u64, u64)) -> Self {
        Self {
            user,
            service,
            path: path.to_vec(),
            stops: Vec::new(),
            pause,
            asking: None,
            registration: String::new(),
            tries: 0,
        }
    }

    /// Whether he was everywhere.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stops.len() == self.path.len()
    }

    /// The last place that said 200.
    #[must_use]
    pub fn last_served(&self) -> Option<Place> {
        let served = self.stops.iter().rev().find(|stop| stop.status() == 200);
        served.map(|stop| stop.place)
    }

    /// The place that he is at and the third-party REGISTER of its core (TS 24.229 clause
    /// 5.4.1.7), which holds his own.
    pub(super) fn ask(&mut self, dice: &mut Dice) -> Option<(Place, Request)> {
        let place = *self.path.get(self.stops.len())?;
        if self.tries == 0 {
            self.registration = format!("{:016x}", dice.roll());
        }
        self.tries += 1;
        Some((place, self.third_party_register(place)))
    }

    pub(super) fn answered(
        &mut self,
        at: u64,
        answer: Result<Response, Failure>,
        dice: &mut Dice,
    ) -> Answered {
        let Some((place, _)) = self.asking.take() else {
            return Answered::Arrived;
        };
        if let Ok(response) = &answer
            && matches!(response.status().as_u16(), 200 | 403)
        {
            self.stops.push(Stop {
                place,
                at,
                tries: self.tries,
                response: response.clone(),
            });
            self.tries = 0;
            return if self.is_over() {
                Answered::Arrived
            } else {
                Answered::Next(dice.between(self.pause.0, self.pause.1))
            };
        }
        let asked = answer.ok().and_then(|r| r.headers().retry_after().ok()?);
        let least = asked.map_or(0, u64::from) * 1_000_000;
        Answered::Again(least + dice.between(200_000, 3_000_000))
    }

    fn third_party_register(&self, place: Place) -> Request {
        let profile = Profile::default();
        let profile = profile.of(self.service);
        let visiting = place != self.user.home;
        let document = Document {
            access_token: Some(self.user.token_of(place)),
            primary_id: visiting.then(|| self.user.primary_id().as_str().to_owned()),
            ..Document::default()
        };
        let domain = place.domain();
        let impu = format!("<sip:{}@{domain}>", self.user.name);
        let tag = self.registration.get(..8).unwrap_or_default();
        let own = Request::build(Method::Register, &format!("sip:{domain}"))
            .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKue")
            .header(HeaderName::MaxForwards, "70")
            .header(HeaderName::From, format!("{impu};tag={tag}"))
            .header(HeaderName::To, &impu)
            .header(
                HeaderName::CallId,
                format!("{}@192.0.2.7", self.registration),
            )
            .header(HeaderName::CSeq, format!("{} REGISTER", self.tries))
            .header(HeaderName::Contact, "<sip:192.0.2.7>")
            .header(HeaderName::Expires, "3600")
            .body(&profile.media_type(), document.write(profile))
            .finish()
            .expect("the client's REGISTER");
        let core = place.psi(Kind::Core);
        Request::build(Method::Register, &place.psi(Kind::Server))
            .header(HeaderName::MaxForwards, "70")
            .header(HeaderName::From, format!("<{core}>;tag={tag}"))
            .header(HeaderName::To, &impu)
            .header(
                HeaderName::CallId,
                format!("{}-{}", self.registration, self.tries),
            )
            .header(HeaderName::CSeq, "1 REGISTER")
            .header(HeaderName::Contact, format!("<{core}>"))
            .header(HeaderName::Expires, "3600")
            .body("message/sip", own.as_bytes().clone())
            .finish()
            .expect("the third-party REGISTER")
    }
}
