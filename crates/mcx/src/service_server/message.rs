//! A MESSAGE from another function: what it says, whether its sender may say it, and who deals
//! with it.

use sip_message::Request;

use super::{Answerable, ServiceServer};
use crate::incoming::{self, Said, missing};
use crate::marking;
use crate::state::UserKey;
use crate::trust::{self, Sender};
use crate::{Decision, Effect, MessageKind, Now, Refusal, RequestId};

impl ServiceServer {
    /// A MESSAGE: its document, whether its sender may say that, and then by its kind.
    pub(super) fn message(
        &mut self,
        now: Now,
        id: RequestId,
        sender: &Sender,
        request: &Request,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let config = &self.config;
        let accept = || self.accept();
        let said = incoming::message(
            (request.headers(), request.body()),
            &config.profile,
            (&config.limits, config.bounds),
            accept,
        )?;
        out.push(Effect::Decide(said.decision()));
        let Said {
            service,
            kind,
            primary_id,
            partner_id,
            document,
            ..
        } = said;
        if !config.services.contains(&service) {
            return Err(incoming::other_type(accept()));
        }
        let partner = trust::partner_entitled(
            &self.config.systems,
            sender,
            (kind, service),
            &primary_id,
            partner_id.as_ref(),
        )?;
        let logme = partner.logme;
        let partner = partner.system.id.clone();
        // It did not answer, perhaps, and is back.
        self.schedule.heard(now, &partner);
        let key = UserKey {
            service,
            primary_id: primary_id.clone(),
        };
        let answers = kind == MessageKind::AuthorizationResponse;
        let awaited = answers && self.pending.of(&key).is_some();
        self.availability.check(awaited)?;
        out.push(Effect::Decide(
            Decision::new("L5", "trusted", format!("{kind} from {partner}, entitled"))
                .of(document.procedure())
                .about(&primary_id),
        ));
        if marking::is_marked(request.headers()) {
            let procedure = document.procedure();
            let decision = marking::decision(logme, partner.as_str(), procedure, &primary_id);
            out.push(Effect::Decide(decision));
        }
        let message = Answerable {
            id,
            request: request.clone(),
            user: primary_id,
            procedure: document.procedure(),
        };
        match (kind, partner_id) {
            (MessageKind::DeauthorizationNotification, partner_id) => {
                self.deauthorization(now, message, key, partner, partner_id, document, out);
                Ok(())
            }
            (MessageKind::UserAuthorizationNotification, Some(partner_id)) => {
                self.user_authorization(now, message, key, partner, partner_id, document, out);
                Ok(())
            }
            (MessageKind::AuthorizationRequest, Some(partner_id)) => {
                let index = document.profile_index;
                self.migration_request(now, message, key, partner, partner_id, index, out)
            }
            (MessageKind::AuthorizationResponse, Some(partner_id)) => {
                self.migration_response(now, message, key, partner, partner_id, document, out)
            }
            (_, None) => Err(missing(&self.config.profile.of(service).partner_id)),
        }
    }
}
