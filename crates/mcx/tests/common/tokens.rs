//! Access tokens of a made-up identity management server.

use jsonwebtoken::{Algorithm as JwtAlgorithm, EncodingKey, Header};
use mcx::{Algorithm, Issuer, Tokens};
use serde_json::{Value, json};

use super::START;

pub const ISSUER: &str = "https://idms.a.mcx.example";
pub const AUDIENCE: &str = "mcx";
pub const IDMS_A_KEY: &[u8] = include_bytes!("../../../../docs/loopback/keys/idms-a.key.pem");
pub const IDMS_A_PEM: &[u8] = include_bytes!("../../../../docs/loopback/keys/idms-a.pub.pem");
pub const IDMS_B_KEY: &[u8] = include_bytes!("../../../../docs/loopback/keys/idms-b.key.pem");
pub const IDMS_B_PEM: &[u8] = include_bytes!("../../../../docs/loopback/keys/idms-b.pub.pem");

/// Accepts tokens of the one server.
pub fn idms() -> Tokens {
    Tokens::new(vec![
        Issuer::new(ISSUER, AUDIENCE, Algorithm::ES256, IDMS_A_PEM).unwrap(),
    ])
}

/// Claims about an MCPTT user, good for an hour.
pub fn claims(user: &str) -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": START / 1000 + 3600,
        "mcptt_id": user,
    })
}

pub fn sign(claims: &Value) -> String {
    sign_with(IDMS_A_KEY, claims)
}

pub fn sign_with(key: &[u8], claims: &Value) -> String {
    let key = EncodingKey::from_ec_pem(key).unwrap();
    jsonwebtoken::encode(&Header::new(JwtAlgorithm::ES256), claims, &key).unwrap()
}

/// A token that nobody signed (RFC 7519 §6).
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}.",
        base64url(&header.to_string()),
        base64url(&claims.to_string())
    )
}

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut block = [0; 3];
        block[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, block[0], block[1], block[2]]);
        for n in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * n)) & 63;
            out.push(char::from(ALPHABET[index as usize]));
        }
    }
    out
}
