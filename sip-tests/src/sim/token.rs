//! Access tokens as the identity management server of each simulated system issues them.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use mcx::{Issuer, Tokens};

const PRIVATE: &[u8] = include_bytes!("keys/idms.private.pem");
const PUBLIC: &[u8] = include_bytes!("keys/idms.public.pem");
const AUDIENCE: &str = "mcx";
/// End of every token's validity, in seconds: long after every simulation.
const EXPIRES: u64 = 4_000_000_000;

fn issuer_of(domain: &str) -> String {
    format!("https://idms.{domain}")
}

/// What a server of the system `domain` accepts.
///
/// # Panics
/// The embedded key is broken.
pub fn accepted(domain: &str) -> Tokens {
    let issuer = Issuer::new(&issuer_of(domain), AUDIENCE, mcx::Algorithm::ES256, PUBLIC);
    Tokens::new(vec![issuer.expect("the embedded public key")])
}

/// The token that the system `domain` gives a user whom it knows as `id`, for every service.
/// Signed once a process: signatures are what takes time here.
///
/// # Panics
/// The embedded key is broken.
pub fn issued(domain: &str, id: &str) -> String {
    static ISSUED: OnceLock<Mutex<HashMap<(String, String), String>>> = OnceLock::new();
    let issued = ISSUED.get_or_init(Mutex::default);
    let mut issued = issued.lock().unwrap_or_else(PoisonError::into_inner);
    issued
        .entry((domain.to_owned(), id.to_owned()))
        .or_insert_with(|| {
            let claims = serde_json::json!({
                "iss": issuer_of(domain),
                "aud": AUDIENCE,
                "exp": EXPIRES,
                "mcptt_id": id,
                "mcvideo_id": id,
                "mcdata_id": id,
            });
            let key = EncodingKey::from_ec_pem(PRIVATE).expect("the embedded private key");
            encode(&Header::new(Algorithm::ES256), &claims, &key).expect("claims that sign")
        })
        .clone()
}
