//! Whose tokens count.

use mcx::{Issuer, Service, Tokens};

use super::file::{Text, TokenIssuer};
use super::load::Loader;

impl Loader<'_, '_> {
    /// Whose tokens count, and the keys as they were read.
    pub fn tokens(&mut self, issuers: &[TokenIssuer]) -> (Tokens, Vec<(String, String)>) {
        let mut known = Vec::new();
        let mut read: Vec<(&TokenIssuer, Vec<u8>)> = Vec::new();
        for issuer in issuers {
            self.named(&issuer.issuer, "no token is of nobody", "issuer", "iss");
            self.named(
                &issuer.audience,
                "no token is for nobody",
                "audience",
                "aud",
            );
            let Some(pem) = self.key_of(issuer) else {
                continue;
            };
            let (name, audience) = (issuer.issuer.get_ref(), issuer.audience.get_ref());
            // One who changes his key has two for a while.
            let is_there = read.iter().any(|(other, key)| {
                let is_same =
                    other.issuer.get_ref() == name && other.audience.get_ref() == audience;
                is_same && *key == pem && overlap(&other.services, &issuer.services)
            });
            if is_there {
                self.report.wrong(
                    issuer.issuer.span(),
                    "issuer, audience and key are there already: write each once, with all its services",
                );
            }
            match Issuer::new(name, audience, issuer.algorithm, &pem) {
                Ok(known_issuer) => known.push(known_issuer.for_services(issuer.services.clone())),
                Err(error) => self.report.wrong(
                    issuer.key_file.span(),
                    format!(
                        "key file {}: {error}: write the path of a public key that fits `algorithm`",
                        self.path(&issuer.key_file).display()
                    ),
                ),
            }
            read.push((issuer, pem));
        }
        let keys = read.into_iter().map(|(issuer, pem)| {
            let key = String::from_utf8_lossy(&pem).into_owned();
            (issuer.issuer.get_ref().clone(), key)
        });
        (Tokens::new(known), keys.collect())
    }

    fn named(&mut self, text: &Text, why: &str, key: &str, claim: &str) {
        if text.get_ref().is_empty() {
            let message = format!("{why}: write {key} = \"TEXT\", as in the tokens' claim {claim}");
            self.report.wrong(text.span(), message);
        }
    }

    fn key_of(&mut self, issuer: &TokenIssuer) -> Option<Vec<u8>> {
        let path = self.path(&issuer.key_file);
        match std::fs::read(&path) {
            Ok(pem) => Some(pem),
            Err(error) => {
                self.report.wrong(
                    issuer.key_file.span(),
                    format!(
                        "key file {} cannot be read ({error}): write the path of the issuer's public key in PEM",
                        path.display()
                    ),
                );
                None
            }
        }
    }
}

/// Whether both count for some service; without a word, for all.
fn overlap(one: &[Service], other: &[Service]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|service| other.contains(service))
}
