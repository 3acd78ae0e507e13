//! Faults of the storage under a running node: system calls that fail or take long, by strace, and small file systems.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{Lab, Node};

/// Whether strace is there and may look at other processes; says loudly when not.
#[must_use]
pub fn strace_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    let works = *WORKS.get_or_init(|| {
        let Ok(mut other) = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
        else {
            return false;
        };
        let attached = attach(other.id(), &["-e", "trace=fdatasync"]);
        let works = attached.is_ok();
        if let Ok(mut strace) = attached {
            detach(&mut strace);
        }
        drop(other.stdin.take());
        let _ = other.wait();
        works
    });
    if !works {
        eprintln!(
            "SKIPPED: strace is not installed (Debian package strace; sip-tests/run installs it) or may not attach to a process"
        );
    }
    works
}

/// System calls of a node that fail, or take long, until the end of this.
#[derive(Debug)]
pub struct Faults(Child);

impl Faults {
    /// From now on every call that `inject` names fails as it says: `fdatasync:error=EIO`, `pwrite64:error=ENOSPC`,
    /// `fdatasync:delay_exit=1000000`.
    #[must_use]
    pub fn begin(node: &Node, inject: &[&str]) -> Self {
        let calls: Vec<_> = inject.iter().filter_map(|i| i.split(':').next()).collect();
        let trace = format!("trace={}", calls.join(","));
        let mut arguments = vec!["-e".to_owned(), trace];
        for fault in inject {
            arguments.extend(["-e".to_owned(), format!("inject={fault}")]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        Self(attach(node.id(), &arguments).expect("strace attaches"))
    }

    /// From now on they are as they should be.
    pub fn end(mut self) {
        detach(&mut self.0);
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        detach(&mut self.0);
    }
}

/// Records the system calls of a node, with the time, into a file, until the end of this.
#[derive(Debug)]
pub struct Calls {
    strace: Child,
    file: PathBuf,
}

impl Calls {
    /// Begins to record those that `trace` names.
    #[must_use]
    pub fn of(lab: &Lab, node: &Node, trace: &str) -> Self {
        let file = lab.folder().join("calls");
        let (trace, out) = (format!("trace={trace}"), file.display().to_string());
        let arguments = ["-y", "-s", "64", "-o", &out, "-e", &trace];
        let strace = attach(node.id(), &arguments).expect("strace attaches");
        Self { strace, file }
    }

    /// What was recorded, a line a call.
    #[must_use]
    pub fn recorded(mut self) -> String {
        detach(&mut self.strace);
        std::fs::read_to_string(&self.file).expect("strace's file")
    }
}

/// Attaches strace to every thread of a process.
fn attach(process: u32, arguments: &[&str]) -> Result<Child, String> {
    let mut strace = Command::new("strace")
        .args(["-f", "-p", &process.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut said = BufReader::new(strace.stderr.take().expect("a pipe"));
    let mut line = String::new();
    let _ = said.read_line(&mut line);
    if !line.contains("attached") {
        let _ = said.read_to_string(&mut line);
        let _ = strace.wait();
        return Err(line);
    }
    // It goes on saying what it sees.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut said, &mut std::io::sink());
    });
    Ok(strace)
}

/// Ends strace such that the process goes on.
fn detach(strace: &mut Child) {
    if strace.try_wait().is_ok_and(|ended| ended.is_none()) {
        let end = format!("kill -TERM {}", strace.id());
        let _ = Command::new("sh").args(["-c", &end]).status();
        let _ = strace.wait();
    }
}

/// A small file system in a lab, gone in the end. It is to be kept for longer than the lab, whose folder it removes: as long as it
/// is mounted there the lab cannot.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// A file system of so many KiB at `nodes/NAME`; says loudly when this user may not mount one.
    #[must_use]
    pub fn mount(lab: &Lab, name: &str, kib: u32) -> Option<Self> {
        let at = lab.folder().join("nodes").join(name);
        std::fs::create_dir_all(&at).expect("a folder");
        let size = format!("size={kib}k");
        if mount(&["-t", "tmpfs", "-o", &size, "mcx-test"], &at) {
            return Some(Self(at));
        }
        eprintln!("SKIPPED: a small file system cannot be mounted: only root may");
        None
    }

    /// Makes it readable alone, when no file of it is open.
    pub fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], &self.0), "it is remounted");
    }

    /// Fills it to the last byte; answers the file that does.
    #[must_use]
    pub fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.0.join("filler");
        let mut filler = std::fs::File::create(&path).expect("a file");
        let mut step = 4096;
        while step > 0 {
            if filler.write(&vec![0; step]).is_err() {
                step /= 2;
            }
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        if std::env::var_os("MCX_KEEP_LABS").is_none()
            && !std::thread::panicking()
            && let Some(lab) = self.0.ancestors().nth(2)
        {
            let _ = std::fs::remove_dir_all(lab);
        }
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(at).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
