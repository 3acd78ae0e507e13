//! `mcx demo`: three MC systems on loopback, both de-authorization procedures, every step shown.
//!
//! The nodes are processes of this same program (`mcx run`) with the example configurations;
//! what is simulated is the SIP core of each system, which sends the clients' events.

mod client;
mod core;
mod folder;
mod records;
mod scenario;
mod show;
mod tables;
mod world;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::cli::out::complainln;
use folder::Folder;
use show::Screen;
use world::World;

/// Arguments of `mcx demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the capture file, traces, databases and logs: a new or empty one, or one of an
    /// earlier demo, whose files are replaced. A new one below the system's temporary folder when
    /// not given.
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
    let folder = match args.out.as_deref() {
        Some(path) => Folder::take(path, &world::files()),
        None => Folder::fresh(),
    };
    let started = folder.and_then(|folder| {
        let world = World::start(folder.path(), &mut screen)?;
        Ok((folder, world))
    });
    let (folder, mut world) = match started {
        Ok(started) => started,
        Err(error) => {
            complainln!("mcx demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let steps = scenario::run(
        &mut world,
        &mut screen,
        Duration::from_secs(args.pause.into()),
    );
    let capture = world.finish();
    screen.summary(&steps, &capture, folder.path(), begin.elapsed());
    let held = capture.is_ok() && steps.iter().all(|step| step.failed().is_none());
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
