//! Clients: sipsak registers and publishes.

use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sip_tests::lab::{ALICE, ALICE_AT_B};

use super::systems::Systems;

/// Whether sipsak is there; says loudly when it is not.
pub fn sipsak_installed() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| Command::new("sipsak").arg("--version").output().is_ok());
    if !there {
        eprintln!(
            "SKIPPED: sipsak is not installed (Debian package sipsak); sip-tests/run installs it"
        );
    }
    there
}

/// A user's device in a system: the identity that he registers there, his MC service ID there and at home.
#[derive(Clone, Copy)]
pub struct Client {
    pub system: &'static str,
    pub id_here: &'static str,
    pub primary_id: &'static str,
}

pub const AT_HOME: Client = Client {
    system: "a",
    id_here: ALICE,
    primary_id: ALICE,
};
pub const AT_B: Client = Client {
    system: "b",
    id_here: ALICE_AT_B,
    primary_id: ALICE,
};

impl Client {
    /// The identity that he registers.
    pub fn address(&self) -> String {
        format!("sip:phone@{}.mcx.example", self.system)
    }

    fn document(&self, systems: &Systems) -> String {
        let token = systems
            .lab
            .token(self.system, &[("mcptt_id", self.id_here)], 3600);
        let home = match self.id_here == self.primary_id {
            true => String::new(),
            false => format!(
                "<anyExt><primary-mcptt-id type=\"Normal\"><mcpttURI>{}</mcpttURI></primary-mcptt-id></anyExt>",
                self.primary_id
            ),
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params>\
             <mcptt-access-token type=\"Normal\"><mcpttString>{token}</mcpttString></mcptt-access-token>{home}\
             </mcptt-Params></mcpttinfo>"
        )
    }

    /// A request of his with his contact and the document, `extra` being header lines.
    pub fn request(&self, systems: &Systems, method: &str, extra: &str) -> String {
        let contact = "Contact: <sip:phone@127.0.0.1:5099>;+g.3gpp.mcptt\r\n";
        self.request_with(systems, method, &format!("{contact}{extra}"))
    }

    /// The same with no other header lines than `fields`.
    pub fn request_with(&self, systems: &Systems, method: &str, fields: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let (n, pid) = (COUNT.fetch_add(1, Ordering::Relaxed), std::process::id());
        let (address, body) = (self.address(), self.document(systems));
        let target = match method {
            "REGISTER" => format!("sip:{}.mcx.example", self.system),
            _ => address.clone(),
        };
        format!(
            "{method} {target} SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <{address}>;tag={n}\r\nTo: <{address}>\r\n\
             Call-ID: client-{pid}-{n}\r\nCSeq: {n} {method}\r\n{fields}\
             Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// sipsak sends a request of his to his core, and answers what it heard.
    pub fn sends(&self, systems: &Systems, request: &str) -> Output {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = systems.file(&format!("request-{n}.sip"));
        std::fs::write(&file, request).unwrap();
        Command::new("sipsak")
            .args(["-v", "-v", "-L", "-f"])
            .arg(&file)
            .args(["-s", &format!("sip:phone@{}", systems.core(self.system))])
            .output()
            .unwrap()
    }

    /// He registers, and his core answers 200.
    pub fn registers(&self, systems: &Systems) -> String {
        let request = self.request(systems, "REGISTER", "Expires: 3600\r\n");
        let output = self.sends(systems, &request);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("SIP/2.0 200 "), "{said}");
        said
    }
}
