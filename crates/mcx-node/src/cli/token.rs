//! `mcx token`: signs an access token for tests.

use std::path::PathBuf;
use std::process::ExitCode;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value};

use super::out::{complainln, sayln};
use crate::clock;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Private key of the issuer, PEM (PKCS#8).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Signature algorithm: RS256, ES256 or EdDSA.
    #[arg(long, default_value = "ES256", value_name = "NAME")]
    algorithm: String,
    /// Claim `iss`: as configured at the server.
    #[arg(long, value_name = "TEXT")]
    issuer: String,
    /// Claim `aud`: as configured at the server.
    #[arg(long, value_name = "TEXT")]
    audience: String,
    /// Claim `mcptt_id`: the user in MCPTT.
    #[arg(long, value_name = "URI")]
    mcptt_id: Option<String>,
    /// Claim `mcvideo_id`: the user in MCVideo.
    #[arg(long, value_name = "URI")]
    mcvideo_id: Option<String>,
    /// Claim `mcdata_id`: the user in MCData.
    #[arg(long, value_name = "URI")]
    mcdata_id: Option<String>,
    /// Validity from now, in seconds; negative for an expired token.
    #[arg(
        long,
        default_value_t = 3600,
        value_name = "SECONDS",
        allow_hyphen_values = true
    )]
    expires_in: i64,
}

pub(super) fn token(args: &Args) -> ExitCode {
    match sign(args) {
        Ok(token) => {
            sayln!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            complainln!("mcx: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sign(args: &Args) -> Result<String, String> {
    let pem = std::fs::read(&args.key)
        .map_err(|error| format!("key file {}: {error}", args.key.display()))?;
    let unfit = |_| {
        format!(
            "key file {}: no PEM private key for {}",
            args.key.display(),
            args.algorithm
        )
    };
    let (algorithm, key) = match args.algorithm.as_str() {
        "RS256" => (
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(&pem).map_err(unfit)?,
        ),
        "ES256" => (
            Algorithm::ES256,
            EncodingKey::from_ec_pem(&pem).map_err(unfit)?,
        ),
        "EdDSA" => (
            Algorithm::EdDSA,
            EncodingKey::from_ed_pem(&pem).map_err(unfit)?,
        ),
        other => {
            return Err(format!(
                "`{other}` is no algorithm: write RS256, ES256 or EdDSA"
            ));
        }
    };
    let now = i64::try_from(clock::wall_us() / 1_000_000).unwrap_or(i64::MAX);
    let mut claims = Map::new();
    claims.insert("iss".into(), args.issuer.as_str().into());
    claims.insert("aud".into(), args.audience.as_str().into());
    claims.insert("exp".into(), now.saturating_add(args.expires_in).into());
    for (name, id) in [
        ("mcptt_id", &args.mcptt_id),
        ("mcvideo_id", &args.mcvideo_id),
        ("mcdata_id", &args.mcdata_id),
    ] {
        if let Some(id) = id {
            claims.insert(name.into(), id.as_str().into());
        }
    }
    encode(&Header::new(algorithm), &Value::Object(claims), &key).map_err(|e| e.to_string())
}
