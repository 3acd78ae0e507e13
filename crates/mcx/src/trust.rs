//! Who may say what about whom (L5): [`TABLE`].
//!
//! What it does not allow is answered 403 with 179 and changes nothing. "Comes from" is proven by the
//! certificate of the connection, by the source address where no certificate is wanted and none names
//! somebody else who is known, or by P-Asserted-Identity when the source is the trusted SIP core.

use sip_message::{Headers, Request};

use crate::{Core, McId, MessageKind, Origin, Partner, Peer, Refusal, Service, Systems, Weight};

/// Who sent a request, as far as it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The SIP core, with no identity asserted that is a known function's.
    Core,
    /// The function of this PSI.
    Function(String),
    /// Nobody known, or somebody known who claims to be somebody else.
    Unknown,
}

/// Establishes who sent `request` from `source`, among `peers`.
pub(crate) fn sender<'a>(
    source: &Origin,
    request: &Request,
    core: &Core,
    peers: impl Iterator<Item = &'a Peer> + Clone,
) -> Sender {
    let asserted = match asserted_identity(request.headers()) {
        Ok(asserted) => asserted,
        Err(()) => return Sender::Unknown,
    };
    // Whose certificate says who it is, is nobody else because of the address that it comes from.
    let is_named = peers.clone().any(|peer| peer.is_proven_by(source));
    let counts = |domain: &Option<String>| domain.is_some() || !is_named;
    if core.is_at(source) && counts(&core.domain) {
        return match asserted {
            None => Sender::Core,
            Some(psi) => peers
                .clone()
                .find(|p| same_uri(&p.psi, psi))
                .map_or(Sender::Core, |p| Sender::Function(p.psi.clone())),
        };
    }
    let mut at_source = peers.filter(|p| p.is_at(source) && counts(&p.domain));
    match asserted {
        // The address alone proves it, if it belongs to one function only.
        None => match (at_source.next(), at_source.next()) {
            (Some(peer), None) => Sender::Function(peer.psi.clone()),
            (Some(peer), Some(other)) if peer.psi == other.psi => {
                Sender::Function(peer.psi.clone())
            }
            _ => Sender::Unknown,
        },
        Some(psi) => at_source
            .find(|p| same_uri(&p.psi, psi))
            .map_or(Sender::Unknown, |p| Sender::Function(p.psi.clone())),
    }
}

/// The one SIP identity of P-Asserted-Identity (RFC 3325 §9.1 allows one SIP and one tel URI);
/// `Err` when it is malformed or there are two.
fn asserted_identity(headers: &Headers) -> Result<Option<&[u8]>, ()> {
    let mut found = None;
    for identity in headers.p_asserted_identities().map_err(|_| ())? {
        if identity.uri().scheme().eq_ignore_ascii_case(b"tel") {
            continue;
        }
        if found.replace(identity.uri_bytes()).is_some() {
            return Err(());
        }
    }
    Ok(found)
}

/// 403 for a sender who is nobody known, with what an engineer needs to see why.
pub(crate) fn unknown_sender(source: &Origin) -> Refusal {
    Refusal {
        detail: Some(
            format!(
                "{source} is no configured source, or P-Asserted-Identity is not its function's"
            )
            .into(),
        ),
        weight: Weight::Minor,
        ..Refusal::not_entitled()
    }
}

pub(crate) fn same_uri(configured: &str, received: &[u8]) -> bool {
    use sip_message::Uri;
    match (Uri::parse(configured.as_bytes()), Uri::parse(received)) {
        (Ok(a), Ok(b)) => a.equivalent(&b),
        _ => false,
    }
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// A service authorization, or its end: REGISTER and PUBLISH.
    Event,
    /// A MESSAGE.
    Message(MessageKind),
}

/// Who may say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    /// The SIP core, of whatever its clients' tokens prove.
    Core,
    /// The partner that gave the partner id, of a user of the own system.
    Partner,
    /// The system that gave the primary id, of a user of its own, not of ours.
    Primary,
}

/// Who may say what: everything that is allowed.
const TABLE: [(Statement, Voice); 5] = [
    (Statement::Event, Voice::Core),
    (
        Statement::Message(MessageKind::AuthorizationRequest),
        Voice::Partner,
    ),
    (
        Statement::Message(MessageKind::UserAuthorizationNotification),
        Voice::Partner,
    ),
    (
        Statement::Message(MessageKind::AuthorizationResponse),
        Voice::Primary,
    ),
    (
        Statement::Message(MessageKind::DeauthorizationNotification),
        Voice::Primary,
    ),
];

fn voices(statement: Statement) -> impl Iterator<Item = Voice> {
    let row = move |(said, voice): &(Statement, Voice)| (*said == statement).then_some(*voice);
    TABLE.iter().filter_map(row)
}

/// Whether who is at `source` may hand on a client's event: 403 with 179 when not.
pub(crate) fn event_entitled(source: &Origin, core: &Core) -> Result<(), Refusal> {
    if voices(Statement::Event).any(|voice| voice == Voice::Core) && core.is_at(source) {
        return Ok(());
    }
    Err(Refusal {
        detail: Some(format!("{source} is no source of the SIP core").into()),
        weight: Weight::Minor,
        ..Refusal::not_entitled()
    })
}

/// Whether `sender` may send `kind` about this user of that service. Answers the partner whose word it is.
pub(crate) fn partner_entitled<'a>(
    systems: &'a Systems,
    sender: &Sender,
    (kind, service): (MessageKind, Service),
    primary_id: &McId,
    partner_id: Option<&McId>,
) -> Result<&'a Partner, Refusal> {
    let own_user = systems.own.gave(primary_id);
    let of = |voice| match voice {
        Voice::Core => None,
        Voice::Partner if own_user => systems.partner_of(partner_id?, service),
        Voice::Primary if !own_user => systems.partner_of(primary_id, service),
        Voice::Partner | Voice::Primary => None,
    };
    let mut entitled = voices(Statement::Message(kind)).filter_map(of);
    let speaks =
        |partner: &&Partner| matches!(sender, Sender::Function(psi) if *psi == partner.peer.psi);
    entitled.find(speaks).ok_or_else(Refusal::not_entitled)
}
