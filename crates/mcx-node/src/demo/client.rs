//! What an MC service client sends: its REGISTER with an MC info document, as the SIP core wraps
//! it into a third-party REGISTER (TS 24.229 clause 5.4.1.7).

use bytes::Bytes;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use mcx::document::Document;
use mcx::{Profile, Random, Service};
use sip_message::{HeaderName, Method, Request};

use crate::clock;

/// One user's wish to be authorized in a system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// The id in the system where he registers: the token's.
    pub id: &'static str,
    /// The id in his primary system, when that is another one.
    pub primary_id: Option<&'static str>,
}

/// The identity management server of a system: signs access tokens.
pub(super) struct TokenSigner {
    issuer: String,
    key: EncodingKey,
}

impl TokenSigner {
    pub fn new(system: &str, pem: &[u8]) -> Result<Self, String> {
        Ok(Self {
            issuer: format!("https://idms.{system}"),
            key: EncodingKey::from_ec_pem(pem).map_err(|e| e.to_string())?,
        })
    }

    fn token(&self, id: &str) -> Result<String, String> {
        let claims = serde_json::json!({
            "iss": self.issuer,
            "aud": "mcx",
            "exp": clock::wall_us() / 1_000_000 + 3600,
            "mcptt_id": id,
        });
        encode(&Header::new(Algorithm::ES256), &claims, &self.key).map_err(|e| e.to_string())
    }
}

/// The third-party REGISTER that carries a client's wish to the service server.
pub(super) fn third_party_register(
    system: &str,
    wish: Wish,
    signer: &TokenSigner,
    random: &mut Random,
) -> Result<Request, String> {
    let profile = Profile::default();
    let names = profile.of(Service::Mcptt);
    let document = Document {
        access_token: Some(signer.token(wish.id)?),
        primary_id: wish.primary_id.map(str::to_owned),
        ..Document::default()
    };
    let public_identity = format!("<sip:{}@ims.{system}>", user_of(wish.id));
    let inner = Request::build(Method::Register, &format!("sip:ims.{system}"))
        .header(
            HeaderName::Via,
            format!(
                "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{}",
                random.hex(8)
            ),
        )
        .header(HeaderName::MaxForwards, "70")
        .header(
            HeaderName::From,
            format!("{public_identity};tag={}", random.hex(4)),
        )
        .header(HeaderName::To, &public_identity)
        .header(HeaderName::CallId, format!("{}@192.0.2.10", random.hex(8)))
        .header(HeaderName::CSeq, "1 REGISTER")
        .header(
            HeaderName::Contact,
            format!("<sip:192.0.2.10:5060>;+{}", names.feature_tag),
        )
        .header(HeaderName::Expires, "3600")
        .body(&names.media_type(), Bytes::from(document.write(names)))
        .finish()
        .map_err(|e| e.to_string())?;
    Request::build(Method::Register, &format!("sip:mc-server@{system}"))
        .header(HeaderName::MaxForwards, "70")
        .header(
            HeaderName::From,
            format!("<sip:scscf@{system}>;tag={}", random.hex(4)),
        )
        .header(HeaderName::To, &public_identity)
        .header(HeaderName::CallId, format!("{}@{system}", random.hex(8)))
        .header(HeaderName::CSeq, "1 REGISTER")
        .header(HeaderName::Contact, format!("<sip:scscf@{system}>"))
        .header(HeaderName::Expires, "3600")
        .body("message/sip", inner.as_bytes().clone())
        .finish()
        .map_err(|e| e.to_string())
}

fn user_of(id: &str) -> &str {
    id.trim_start_matches("sip:")
        .split('@')
        .next()
        .unwrap_or(id)
}
