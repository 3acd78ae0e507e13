//! Access tokens of many users, for measurements, as lines that SIPp reads with `-inf`: 000000;TOKEN is of
//! sip:user000000@a.mcx.example.
//!
//!     cargo run --release -p mcx-node --example tokens -- docs/loopback/keys/idms-a.key.pem 10000 > tokens.csv

use std::error::Error;
use std::io::{BufWriter, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

/// How long they are valid.
const VALIDITY: Duration = Duration::from_secs(3_600);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(key), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("write: tokens KEY-FILE COUNT".into());
    };
    let key = EncodingKey::from_ec_pem(&std::fs::read(key)?)?;
    let expires = SystemTime::now().duration_since(UNIX_EPOCH)? + VALIDITY;
    let count: u64 = count.parse()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "SEQUENTIAL")?;
    for number in 0..count {
        let claims = json!({
            "iss": "https://idms.a.mcx.example",
            "aud": "mcx",
            "exp": expires.as_secs(),
            "mcptt_id": format!("sip:user{number:06}@a.mcx.example"),
        });
        let token = encode(&Header::new(Algorithm::ES256), &claims, &key)?;
        writeln!(out, "{number:06};{token}")?;
    }
    out.flush()?;
    Ok(())
}
