//! Migration service authorization at the primary (L1, TS 23.280 clause 10.6.3.2.1): a partner
//! asks, configuration allows or refuses.

use std::time::Duration;

use super::{Answerable, Continuation, ServiceServer};
use crate::state::{Command, UserKey};
use crate::{Decision, Effect, McId, MessageKind, Now, ProcedureId, Refusal, SystemId};

/// How long a response is worth sending: the partner's client gives up at 64·T1 (RFC 3261
/// §17.1.2.2).
const RESPONSE_VALIDITY: Duration = Duration::from_secs(32);

impl ServiceServer {
    /// Primary: a partner asks whether an own user may migrate to it.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn migration_request(
        &mut self,
        now: Now,
        mut message: Answerable,
        key: UserKey,
        partner: SystemId,
        partner_id: McId,
        profile_index: Option<u32>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let in_reply_to = message
            .request
            .headers()
            .call_id()
            .map(|v| String::from_utf8_lossy(v).into_owned())
            .map_err(|_| Refusal::bad_request("Malformed Call-ID"))?;
        // A copy of the request that comes late opens no other stay (L2).
        let unnamed = || ProcedureId::of_request(&partner, &in_reply_to);
        let procedure = message.procedure.unwrap_or_else(unnamed);
        message.procedure = Some(procedure);
        let known = self.config.systems.partner(&partner);
        let policy = known.map(|known| known.migration(key.service));
        let allowed = policy.map_or(Err("it is no partner"), |policy| {
            policy.allows(&key.primary_id, profile_index)
        });
        if let Err(why) = allowed {
            let decision = Decision::new("L1", "refuses", why);
            out.push(Effect::Decide(
                decision.of(Some(procedure)).about(&key.primary_id),
            ));
        }
        let expires = now.wall.after(RESPONSE_VALIDITY);
        let at = now.wall;
        let command = if allowed.is_ok() {
            Command::AllowMigration {
                key,
                system: partner,
                partner_id,
                procedure,
                in_reply_to,
                at,
                expires,
            }
        } else {
            Command::RefuseMigration {
                key,
                system: partner,
                partner_id,
                procedure,
                in_reply_to,
                at,
                expires,
            }
        };
        let kind = MessageKind::AuthorizationRequest;
        self.store(vec![command], Continuation::Message { message, kind }, out);
        Ok(())
    }
}
