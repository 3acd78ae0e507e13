//! A MESSAGE from another function: what it says, whether its sender may say it, and who deals
//! with it.

use sip_message::Request;

use super::{Answerable, ServiceServer};
use crate::document::ServiceDocument;
use crate::state::UserKey;
use crate::trust::{self, Sender};
use crate::{Decision, Effect, McId, MessageKind, Now, Refusal, RequestId};

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
        let [ServiceDocument { service, document }] = self
            .documents(request)?
            .try_into()
            .map_err(|_| Refusal::bad_request("More than one MC info document"))?;
        let profile = self.config.profile.of(service);
        let Some(kind) = document.kind else {
            return Err(match document.unknown_kind {
                Some(_) => Refusal::bad_request("Unknown kind of message"),
                None => Refusal::bad_request("Missing element req-type"),
            });
        };
        let primary_id = identity(&profile.primary_id, document.primary_id.as_deref())?
            .ok_or_else(|| missing(&profile.primary_id))?;
        let partner_id = identity(&profile.partner_id, document.partner_id.as_deref())?;
        let target = identity(&profile.request_uri, document.request_uri.as_deref())?;
        if target.is_some_and(|t| t != primary_id) {
            return Err(Refusal::bad_request(format!(
                "{} is another user than {}",
                profile.request_uri, profile.primary_id
            )));
        }
        if kind != MessageKind::DeauthorizationNotification && partner_id.is_none() {
            return Err(missing(&profile.partner_id));
        }
        let partner = trust::partner_entitled(
            &self.config.systems,
            sender,
            kind,
            &primary_id,
            partner_id.as_ref(),
        )?;
        let partner = partner.system.id.clone();
        out.push(Effect::Decide(
            Decision::new("L5", "trusted", format!("{kind} from {partner}, entitled"))
                .of(document.procedure())
                .about(&primary_id),
        ));
        let key = UserKey {
            service,
            primary_id: primary_id.clone(),
        };
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
                self.migration_request(now, message, key, partner, partner_id, out)
            }
            (MessageKind::AuthorizationResponse, Some(partner_id)) => {
                self.migration_response(now, message, key, partner, partner_id, document, out)
            }
            (_, None) => Err(missing(&self.config.profile.of(service).partner_id)),
        }
    }
}

/// The id in an element, if the element is there.
pub(super) fn identity(element: &str, value: Option<&str>) -> Result<Option<McId>, Refusal> {
    match value {
        None => Ok(None),
        Some(value) => McId::parse(value)
            .map(Some)
            .map_err(|error| Refusal::bad_request(format!("Element {element}: {error}"))),
    }
}

pub(super) fn missing(element: &str) -> Refusal {
    Refusal::bad_request(format!("Missing element {element}"))
}
