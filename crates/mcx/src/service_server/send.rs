//! Writes documents into MESSAGE requests and sends them.

use bytes::Bytes;

use super::{Sending, ServiceServer};
use crate::document::Document;
use crate::marking;
use crate::outgoing::{MAX_FORWARDS, Outgoing, new_session_id};
use crate::{Effect, Peer, SendId, Service};

impl ServiceServer {
    /// Writes a document into a MESSAGE and sends it, marked to be logged or not.
    pub(super) fn send(
        &mut self,
        peer: &Peer,
        service: Service,
        document: &Document,
        in_reply_to: Option<&str>,
        (sending, marked): (Sending, bool),
        out: &mut Vec<Effect>,
    ) -> Option<SendId> {
        let profile = self.config.profile.of(service);
        let charging_vector = format!(
            "icid-value={};orig-ioi={}",
            self.random.hex(16),
            self.config.systems.own.id
        );
        let mut session_id = new_session_id(&mut self.random);
        if marked {
            session_id = marking::marked(session_id);
        }
        let outgoing = Outgoing {
            from_psi: &self.config.psi,
            to: peer,
            profile,
            max_forwards: MAX_FORWARDS,
            charging_vector,
            session_id,
            in_reply_to,
        };
        let body = Bytes::from(document.write(profile));
        let request = outgoing
            .request(&mut self.random, &profile.media_type(), body)
            .ok()?;
        self.next_id += 1;
        let id = SendId(self.next_id);
        self.sends.insert(id, sending);
        out.push(Effect::Send {
            id,
            next_hop: peer.next_hop.clone(),
            request,
        });
        Some(id)
    }
}
