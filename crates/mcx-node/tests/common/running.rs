//! A node as a process, with `mcx` commands that ask it.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::check::Folder;

/// A node that runs, killed in the end.
pub struct Running {
    process: Child,
    pub config: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it answers HTTP, if it does.
    pub http: Option<SocketAddr>,
    folder: Folder,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    /// Runs a node of this name on this configuration, with one listener of UDP.
    pub fn start(name: &str, config: &str) -> Self {
        Self::prepared(name, config, |_| {})
    }

    /// The same, in a folder that was prepared.
    pub fn prepared(name: &str, text: &str, prepare: impl FnOnce(&Path)) -> Self {
        Self::with_environment(name, text, prepare, &[])
    }

    /// The same with these variables in its environment.
    pub fn with_environment(
        name: &str,
        text: &str,
        prepare: impl FnOnce(&Path),
        environment: &[(&str, &str)],
    ) -> Self {
        let folder = Folder::new();
        let config = folder.0.join(format!("nodes/{name}.toml"));
        std::fs::write(&config, text).unwrap();
        prepare(&folder.0.join("nodes"));
        let mut process = Command::new(env!("CARGO_BIN_EXE_mcx"))
            .args(["run", "--config"])
            .arg(&config)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (mut address, mut http) = (None, None);
        let ready = lines.any(|line| {
            let line = line.unwrap();
            let udp = line.split_once("udp:").map(|(_, at)| at);
            address = udp.and_then(|at| at.trim().parse().ok()).or(address);
            let of_http = line.split_once(" http ").map(|(_, at)| at);
            http = of_http.and_then(|at| at.parse().ok()).or(http);
            line.ends_with(" ready")
        });
        if !ready {
            let mut why = String::new();
            let mut log = process.stderr.take().unwrap();
            log.read_to_string(&mut why).unwrap();
            panic!("the node does not start: {why}");
        }
        Self {
            process,
            config,
            address: address.expect("a listener of UDP"),
            http,
            folder,
        }
    }

    /// The folder of the configuration.
    pub fn folder(&self) -> PathBuf {
        self.folder.0.join("nodes")
    }

    /// A command with `--config`.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcx"));
        command.args(args).arg("--config").arg(&self.config);
        command
    }

    /// Runs a command; exit code, standard output and error.
    pub fn mcx(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// What a command says that succeeds.
    pub fn says(&self, args: &[&str]) -> String {
        let (code, out, error) = self.mcx(args);
        assert_eq!((code, error.as_str()), (0, ""), "{args:?}: {out}");
        out
    }

    /// Sends a request, and waits for the answer to it.
    pub fn asked(&self, request: &str) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wait = Some(Duration::from_secs(20));
        socket.set_read_timeout(wait).unwrap();
        socket.send_to(request.as_bytes(), self.address).unwrap();
        let mut datagram = [0; 65_536];
        loop {
            let (length, _) = socket.recv_from(&mut datagram).unwrap();
            let answer = String::from_utf8(datagram[..length].to_vec()).unwrap();
            // On a busy machine a provisional one may come first.
            if !answer.starts_with("SIP/2.0 100 ") {
                return answer;
            }
        }
    }

    /// Sends it a signal, `TERM` or `HUP`.
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.process.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{kill}");
    }

    /// Waits for a line of its log with these words. What came before is not heard of again.
    pub fn logs(&mut self, words: &str) {
        let stderr = self.process.stderr.as_mut().unwrap();
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !(byte == *b"\n" && String::from_utf8_lossy(&line).contains(words)) {
            if byte == *b"\n" {
                line.clear();
            }
            stderr.read_exact(&mut byte).expect(words);
            line.extend(byte);
        }
    }

    /// Waits until it ends by itself; its exit code, and what it logged.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        let mut stderr = self.process.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (self.process.wait().unwrap().code(), log)
    }

    /// Kills it; what it logged.
    pub fn killed(mut self) -> String {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let mut log = String::new();
        let mut stderr = self.process.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        log
    }
}
