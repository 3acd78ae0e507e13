//! The SIPp pack, run as an interop tester runs it: the scenarios untouched, everything else by `-key` and `-inf`.

use mcx::Service;

use super::{Lab, Over, Sipp, project};

/// A scenario of `sip-tests/sipp` with what it is run with.
#[derive(Clone, Debug)]
pub struct Scenario {
    name: &'static str,
    service: Service,
    rows: Option<String>,
    calls: u32,
    keys: Vec<(&'static str, String)>,
}

impl Scenario {
    /// The scenario `sip-tests/sipp/NAME.xml` for a service; one call.
    #[must_use]
    pub fn new(name: &'static str, service: Service) -> Self {
        Self {
            name,
            service,
            rows: None,
            calls: 1,
            keys: Vec::new(),
        }
    }

    /// `-key NAME VALUE`; the last one of a name counts.
    #[must_use]
    pub fn key(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.keys.retain(|(other, _)| *other != name);
        self.keys.push((name, value.into()));
        self
    }

    /// `-inf FILE`, a file below `sip-tests/sipp` without its `.csv`, and a call for each of its lines.
    #[must_use]
    pub fn rows(mut self, file: &str) -> Self {
        let path = project().join(format!("sip-tests/sipp/{file}.csv"));
        let lines = std::fs::read_to_string(&path).expect("a file of rows");
        self.calls = u32::try_from(lines.lines().count() - 1).expect("a handful");
        self.rows = Some(path.display().to_string());
        self
    }

    /// Runs it at the address of `at`, towards `to` when it begins.
    #[must_use]
    pub fn run(&self, lab: &Lab, at: &str, to: Option<&str>) -> Sipp {
        let file = project().join(format!("sip-tests/sipp/{}.xml", self.name));
        let (file, calls) = (file.display().to_string(), self.calls.to_string());
        let mut arguments = vec!["-sf", &file, "-s", self.service.as_str()];
        arguments.extend(["-m", &calls, "-l", "1"]);
        if let Some(rows) = &self.rows {
            arguments.extend(["-inf", rows]);
        }
        for (name, value) in &self.keys {
            arguments.extend(["-key", name, value]);
        }
        let run = super::sipp::run_name(self.name, at);
        Sipp::run(lab, run, at, to, Over::Udp, &arguments)
    }
}
