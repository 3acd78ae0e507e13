//! A node as a process of its own: started, watched, killed, started again.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;

/// A node's process.
#[derive(Debug)]
pub struct NodeProcess {
    /// Its name.
    pub name: String,
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    lines: Option<Sender<String>>,
    running: Option<(Child, Option<ChildStdin>)>,
}

impl NodeProcess {
    /// A node that is not started yet: `program` is `mcx`; its log goes to `folder`.
    #[must_use]
    pub fn new(program: PathBuf, name: &str, config: PathBuf, folder: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program,
            config,
            log: folder.join(format!("{name}.log")),
            lines: None,
            running: None,
        }
    }

    /// Also hands every line that the process logs to `lines`, as it is logged.
    pub fn follow_log(&mut self, lines: Sender<String>) {
        self.lines = Some(lines);
    }

    /// Starts the process; [`NodeProcess::wait_ready`] says when it is usable.
    ///
    /// # Errors
    /// Says why the process cannot be started.
    pub fn spawn(&mut self) -> Result<(), String> {
        let of = |error: std::io::Error| format!("{} cannot be started: {error}", self.name);
        let log = File::options()
            .append(true)
            .create(true)
            .open(&self.log)
            .map_err(of)?;
        let mut child = Command::new(&self.program)
            .args(["run", "--until-stdin-closes", "--config"])
            .arg(&self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(match self.lines {
                None => Stdio::from(log.try_clone().map_err(of)?),
                Some(_) => Stdio::piped(),
            })
            .spawn()
            .map_err(of)?;
        if let (Some(lines), Some(stderr)) = (self.lines.clone(), child.stderr.take()) {
            std::thread::spawn(move || copy_lines(stderr, log, &lines));
        }
        let stdin = child.stdin.take();
        self.running = Some((child, stdin));
        Ok(())
    }

    /// Waits until the process says that it is ready.
    ///
    /// # Errors
    /// It ended before it was; the end of its log says why.
    pub fn wait_ready(&mut self) -> Result<(), String> {
        let failed = format!("{} did not start: see {}", self.name, self.log.display());
        let stdout = self
            .running
            .as_mut()
            .and_then(|(child, _)| child.stdout.take())
            .ok_or_else(|| failed.clone())?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        match lines.find(|line| line.ends_with(" ready")) {
            Some(_) => Ok(()),
            None => Err(format!("{failed}\n{}", self.log_tail())),
        }
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    /// Says why it did not start.
    pub fn start(&mut self) -> Result<(), String> {
        self.spawn()?;
        self.wait_ready()
    }

    /// Ends the process at once, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends the process in order.
    pub fn stop(&mut self) {
        if let Some((mut child, stdin)) = self.running.take() {
            drop(stdin);
            let _ = child.wait();
        }
    }

    /// Waits until the process ends by itself; its exit code, if it has one.
    pub fn wait(&mut self) -> Option<i32> {
        // Standard input stays open until then.
        let (mut child, _stdin) = self.running.take()?;
        child.wait().ok()?.code()
    }

    /// The process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|(child, _)| child.id())
    }

    /// How the process ended, if it ended without being told to.
    pub fn ended(&mut self) -> Option<String> {
        let (child, _) = self.running.as_mut()?;
        let status = child.try_wait().ok().flatten()?;
        self.running = None;
        Some(match (status.signal(), status.code()) {
            (Some(signal), _) => format!("was ended by signal {signal}"),
            (_, code) => format!("ended with exit code {}", code.unwrap_or(-1)),
        })
    }

    /// What the process logged so far, over all its starts.
    #[must_use]
    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.logged();
        let lines: Vec<&str> = log.lines().collect();
        lines
            .get(lines.len().saturating_sub(5)..)
            .unwrap_or_default()
            .join("\n")
    }
}

fn copy_lines(from: ChildStderr, mut log: File, lines: &Sender<String>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        let _ = writeln!(log, "{line}");
        let _ = lines.send(line);
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
