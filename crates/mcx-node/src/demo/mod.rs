//! `mcx demo`: three MC systems on loopback, both de-authorization procedures, every step shown.
//!
//! The nodes are processes of this same program (`mcx run`) with the example configurations;
//! what is simulated is the SIP core of each system, which sends the clients' events.

mod client;
mod core;
mod records;
mod scenario;
mod show;
mod tables;
mod world;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use show::Screen;
use world::World;

/// Arguments of `mcx demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the capture file, traces, databases and logs; a new one below the system's
    /// temporary folder when not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Width of the ladders in characters; the terminal's when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    width: Option<u16>,
    /// Seconds to wait between two steps: time to read, or to `kill -9` a node by hand.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=60))]
    pause: u8,
}

/// Runs the demo.
#[must_use]
pub fn demo(args: &Args) -> ExitCode {
    let begin = Instant::now();
    let mut screen = Screen::new(std::io::stdout().is_terminal(), args.width);
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("mcx-demo-{}", std::process::id())));
    let mut world = match World::start(&folder, &mut screen) {
        Ok(world) => world,
        Err(error) => {
            eprintln!("mcx demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let steps = scenario::run(
        &mut world,
        &mut screen,
        Duration::from_secs(args.pause.into()),
    );
    let capture = world.finish();
    screen.summary(&steps, &capture, &folder, begin.elapsed());
    let held = capture.is_ok() && steps.iter().all(|step| step.failed().is_none());
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
