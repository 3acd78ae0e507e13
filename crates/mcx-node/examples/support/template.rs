//! A request whose bytes are made once; for each one only digits change.
//!
//! In the text stand `{branch}` (once, in the topmost Via), `{n}` (the number of the request, ten digits), `{user}` (the
//! number of the user, six digits), `{stay}` (a number of ten digits that rises with every request), `{from}` and
//! `{to}` (the addresses of both ends) and `{length}` (of what stands behind the empty line).

use std::net::SocketAddr;

/// What stands before the number in a branch.
const COOKIE: &str = "z9hG4bKl";
/// Digits of a number.
const DIGITS: usize = 10;
/// How far into an answer its branch is looked for.
const HEAD: usize = 400;

/// An MCX MESSAGE as a SIP core passes it on: three Via, two Route.
pub const OWN: &str = r#"MESSAGE sip:user{user}@192.0.2.7:5060;ob SIP/2.0
Via: SIP/2.0/UDP {from};branch={branch};rport
Via: SIP/2.0/UDP 192.0.2.9:5080;branch=z9hG4bKb{n}
Via: SIP/2.0/TCP as1.ims.example.org;branch=z9hG4bKa{n}
Route: <sip:scscf.ims.example.org;lr>
Route: <sip:pcscf1.ims.example.org:5060;lr>
Max-Forwards: 67
From: <sip:mcptt-server@ims.example.org>;tag=f{n}
To: <sip:user{user}@ims.example.org>
Call-ID: {branch}
CSeq: 1 MESSAGE
P-Asserted-Identity: <sip:mcptt-server@ims.example.org>
P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt
Accept-Contact: *;+g.3gpp.mcptt;require;explicit
Content-Type: application/vnd.3gpp.mcptt-info+xml
Content-Length: {length}

<?xml version="1.0" encoding="UTF-8"?>
<mcpttinfo xmlns="urn:3gpp:ns:mcpttInfo:1.0">
 <mcptt-Params>
  <mcptt-request-uri type="Normal"><mcpttURI>sip:mcptt.user{user}@ims.mnc001.mcc001.3gppnetwork.org</mcpttURI></mcptt-request-uri>
  <mcptt-calling-user-id type="Normal"><mcpttURI>sip:mcptt.ctrl7@ims.mnc002.mcc001.3gppnetwork.org</mcpttURI></mcptt-calling-user-id>
  <anyExt><req-type type="Normal"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type></anyExt>
 </mcptt-Params>
</mcpttinfo>
"#;

#[derive(Clone, Copy)]
enum Digits {
    Number,
    User,
    Stay,
}

/// The bytes, and where digits change in them.
pub struct Template {
    bytes: Vec<u8>,
    places: Vec<(usize, Digits)>,
    users: u64,
    /// The first stay's number.
    stays: u64,
    /// A branch up to its number.
    branch: Vec<u8>,
}

impl Template {
    /// Reads the text, for the run of that number, between those two ends.
    pub fn new(
        text: &str,
        run: u32,
        (from, to): (SocketAddr, SocketAddr),
        (users, stays): (u64, u64),
    ) -> Result<Self, String> {
        let branch = format!("{COOKIE}{run:08x}");
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").ok_or("no empty line")?;
        let text = format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n"));
        let text = text
            .replace("{branch}", &format!("{branch}{{n}}"))
            .replace("{from}", &from.to_string())
            .replace("{to}", &to.to_string());
        let names = [
            ("{n}", Digits::Number, DIGITS),
            ("{user}", Digits::User, 6),
            ("{stay}", Digits::Stay, DIGITS),
        ];
        let sized = |text: &str| {
            names.iter().fold(text.len(), |length, (name, _, digits)| {
                length - text.matches(name).count() * name.len()
                    + text.matches(name).count() * digits
            })
        };
        let text = text.replace("{length}", &sized(body).to_string());
        let (mut bytes, mut places, mut rest) = (Vec::new(), Vec::new(), text.as_str());
        while let Some(at) = rest.find('{') {
            let (before, name) = rest.split_at(at);
            let known = names.iter().find(|(known, ..)| name.starts_with(known));
            let (known, kind, digits) = known.ok_or_else(|| format!("what is `{name:.10}`?"))?;
            bytes.extend_from_slice(before.as_bytes());
            places.push((bytes.len(), *kind));
            bytes.resize(bytes.len() + digits, b'0');
            rest = name.get(known.len()..).unwrap_or_default();
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(Self {
            bytes,
            places,
            users: users.max(1),
            stays: stays + 1_000_000_000,
            branch: branch.into_bytes(),
        })
    }

    /// The request of that number.
    pub fn number(&mut self, number: u64) -> &[u8] {
        for (at, kind) in &self.places {
            let (value, digits) = match kind {
                Digits::Number => (number, DIGITS),
                Digits::User => (number % self.users, 6),
                Digits::Stay => (number + self.stays, DIGITS),
            };
            if let Some(place) = self.bytes.get_mut(*at..at + digits) {
                write(place, value);
            }
        }
        &self.bytes
    }

    /// Of which request this is an answer.
    pub fn number_of(&self, answer: &[u8]) -> Option<u64> {
        let head = answer.get(..HEAD).unwrap_or(answer);
        let branch = self.branch.as_slice();
        let at = head.windows(branch.len()).position(|part| part == branch)?;
        let digits = head.get(at + branch.len()..)?.get(..DIGITS)?;
        let digit = |number: u64, digit: &u8| {
            let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
            Some(number * 10 + u64::from(digit))
        };
        digits.iter().try_fold(0, digit)
    }
}

fn write(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
}
