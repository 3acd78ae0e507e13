//! The example programs `uas`, `uac` and `relay` of `mcx-node`, as processes.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Once;

use super::node::built;

/// An example program while it runs; it ends with this.
#[derive(Debug)]
pub struct Example {
    name: String,
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Example {
    /// Starts the example `name` and waits until its sockets are bound.
    #[must_use]
    pub fn start(name: &str, arguments: &[String]) -> Self {
        static BUILD: Once = Once::new();
        let program = built(&BUILD, &["--examples"]).join("examples").join(name);
        let mut child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}: run cargo build -p mcx-node --examples",
                    program.display()
                )
            });
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let mut example = Self {
            name: name.to_owned(),
            child,
            out,
        };
        if line != "ready\n" {
            panic!("{name} {arguments:?} did not start: {}", example.said());
        }
        example
    }

    /// Waits until the program is over, and panics with its own words when it failed; answers what it said.
    pub fn succeeds(mut self) -> String {
        let mut said = String::new();
        self.out.read_to_string(&mut said).expect("text");
        let status = self.child.wait().expect("it ends");
        let complaint = self.said();
        let name = &self.name;
        assert!(
            status.success(),
            "{name} failed with {status}: {said}{complaint}"
        );
        said
    }

    /// Ends the program, if it has not ended; answers what it said on standard error.
    fn said(&mut self) -> String {
        let _ = self.child.kill();
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        said
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
