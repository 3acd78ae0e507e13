//! Names that hosts of the inside have outside, in documents that pass a gateway.

use mcx::{HostAlias, System};
use sip_message::Host;

use super::file::{self, Text};
use super::load::Loader;

impl Loader<'_, '_> {
    /// The aliases, each side of them unique, and none of the names one that identities are given under: those would be
    /// renamed on their way in.
    pub fn host_aliases(
        &mut self,
        file: &file::File,
        said: &[file::HostAlias],
        own: &System,
    ) -> Vec<HostAlias> {
        let mut systems = vec![own.clone()];
        for partner in &file.partner {
            let partner = partner.get_ref();
            systems.push(self.system(&partner.system, partner.domains.as_deref()));
        }
        let mut aliases: Vec<HostAlias> = Vec::new();
        for alias in said {
            let (inside, outside) = (self.host(&alias.inside), self.host(&alias.outside));
            if let Some(system) = systems.iter().find(|s| s.domains.contains(&outside)) {
                let message = format!(
                    "`{outside}` is where {} has its identities: write a name that stands for this host alone",
                    system.id
                );
                self.report.wrong(alias.outside.span(), message);
            }
            for other in &aliases {
                for (text, host) in [(&alias.inside, &inside), (&alias.outside, &outside)] {
                    if other.inside == *host || other.outside == *host {
                        let message = format!(
                            "`{host}` is written twice: write each host once, with a name of its own"
                        );
                        self.report.wrong(text.span(), message);
                    }
                }
            }
            if outside.contains(&inside) {
                let message = format!(
                    "`{outside}` tells the host's own name: write the name that partners see instead"
                );
                self.report.wrong(alias.outside.span(), message);
            }
            aliases.push(HostAlias { inside, outside });
        }
        aliases
    }

    fn host(&mut self, text: &Text) -> String {
        let value = text.get_ref();
        if Host::parse(value.as_bytes()).is_err() {
            let message = format!(
                "`{value}` is no host: write a name or an address, an IPv6 address in brackets"
            );
            self.report.wrong(text.span(), message);
        }
        value.to_ascii_lowercase()
    }
}
