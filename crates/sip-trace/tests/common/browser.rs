//! A headless Chromium, driven by its DevTools protocol over two named pipes (`--remote-debugging-pipe`: JSON, each message
//! ended by a NUL). No port is opened.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};

pub struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    session: Option<String>,
    next: u64,
    /// Messages on the console and broken rules, in order.
    pub told: Vec<Value>,
    folder: PathBuf,
    /// What it makes in the folder for temporary files; its sockets want a short path.
    temporary: PathBuf,
}

impl Browser {
    /// `None`, loudly, where Chromium is not installed.
    pub fn start(name: &str) -> Option<Self> {
        let found = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find(|program| {
                let mut version = Command::new(program);
                version
                    .arg("--version")
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                version.status().is_ok_and(|status| status.success())
            });
        let Some(program) = found else {
            eprintln!(
                "SKIPPED: Chromium is not installed (Debian package chromium), so no page was looked at"
            );
            return None;
        };
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("browser-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let temporary = std::env::temp_dir().join(format!("browser-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&temporary).unwrap();
        let (to, from) = (folder.join("to"), folder.join("from"));
        assert!(
            Command::new("mkfifo")
                .arg(&to)
                .arg(&from)
                .status()
                .unwrap()
                .success()
        );
        let child = Command::new("sh")
            .args(["-c", "exec \"$0\" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                --window-size=1400,900 --user-data-dir=\"$3\" --remote-debugging-pipe about:blank 3<\"$1\" 4>\"$2\""])
            .arg(program)
            .args([&to, &from, &folder.join("profile")])
            .env("HOME", &folder)
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The shell opens its ends in this order too.
        let to = File::options().write(true).open(&to).unwrap();
        let from = BufReader::new(File::open(&from).unwrap());
        let mut browser = Self {
            child,
            to,
            from,
            session: None,
            next: 1,
            told: Vec::new(),
            folder,
            temporary,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attached);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Sends one command and waits for its answer.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut command = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.to.write_all(command.to_string().as_bytes()).unwrap();
        self.to.write_all(b"\0").unwrap();
        loop {
            let message = self.read();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        let read = self.from.read_until(0, &mut bytes).unwrap();
        assert!(read > 0, "the browser ended");
        bytes.pop();
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let method = message["method"].as_str().unwrap_or_default();
        if [
            "Log.entryAdded",
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
        ]
        .contains(&method)
        {
            self.told.push(message.clone());
        }
        message
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&mut self, path: &Path) {
        self.call(
            "Page.navigate",
            json!({"url": format!("file://{}", path.display())}),
        );
        let loaded = "new Promise(done => document.readyState === 'complete' && location.protocol === 'file:' \
            ? done(true) : addEventListener('load', () => done(true)))";
        assert_eq!(self.run(loaded), true);
    }

    /// The value of an expression in the page; promises are waited for.
    pub fn run(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {}",
            result["exceptionDetails"]
        );
        result["result"]["value"].clone()
    }

    /// Clicks in the middle of what a selector finds.
    pub fn click(&mut self, selector: &str) {
        let place = self.run(&format!(
            "(() => {{ const r = document.querySelector({selector:?}).getBoundingClientRect(); \
            return [r.x + r.width / 2, r.y + r.height / 2] }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Presses a key that types nothing.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    pub fn screenshot(&mut self, path: &Path) {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let png = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap());
        std::fs::write(path, png.unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_dir_all(&self.temporary);
    }
}
