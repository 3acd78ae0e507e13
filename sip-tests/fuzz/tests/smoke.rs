//! Every target, on seeds and on some thousand mutations of them, with every `cargo test`: the same ones in every run.
//!
//! `FUZZ_ITERATIONS=100000` runs longer, `FUZZ_SEED=7` elsewhere; a failure says how it is run again.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

#[path = "smoke/mutate.rs"]
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mutate::Random;

/// Mutations of each target in a usual run: all of them take some seconds in a debug build.
const ITERATIONS: u64 = 3_000;
const SEED: u64 = 0x5eed_0f51_9000_0001;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable}: not a number")),
        Err(_) => default,
    }
}

/// All files below a folder, in the same order everywhere; none if it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Published messages, where somebody put them; targets that take messages take them too.
fn published() -> Vec<Vec<u8>> {
    ["../torture", "../../../shared/torture"]
        .iter()
        .flat_map(|place| files(&folder().join(place)))
        .filter(|file| file.extension().is_some_and(|end| end == "dat"))
        .map(|file| std::fs::read(file).expect("readable"))
        .collect()
}

/// What mutations begin with: small files of our own, and what was published.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let own = files(&folder().join("seeds").join(target));
    assert!(own.len() > 2, "{target} has no seeds");
    let mut seeds: Vec<_> = own
        .iter()
        .map(|file| std::fs::read(file).expect("readable"))
        .collect();
    match target {
        "datagram" | "parse_print_parse" | "redaction" => seeds.extend(published()),
        "stream" => {
            let in_pieces = |bytes: Vec<u8>| [b"+0\n".to_vec(), bytes].concat();
            seeds.extend(published().into_iter().map(in_pieces));
        }
        _ => {}
    }
    seeds
}

/// Runs one input; a failure tells it, and how to run it again.
fn run(target: &str, check: fn(&[u8]), input: &[u8], which: &str) {
    if catch_unwind(AssertUnwindSafe(|| check(input))).is_err() {
        let place = std::env::temp_dir().join(format!("{target}.failed"));
        std::fs::write(&place, input).expect("writable");
        panic!(
            "target {target} fails, {which}\n\n{}\n\n\
             The input is in {place}. To keep it as a regression test:\n\
             cp {place} sip-tests/fuzz/regressions/{target}/NAME && cargo test -p sip-fuzz {target}",
            input.escape_ascii(),
            place = place.display()
        );
    }
}

fn smoke(target: &str) {
    let (_, check) = sip_fuzz::TARGETS
        .into_iter()
        .find(|(name, _)| *name == target)
        .expect("a target");
    run(target, check, b"", "the empty input");
    for file in files(&folder().join("regressions").join(target)) {
        let input = std::fs::read(&file).expect("readable");
        run(target, check, &input, &format!("file {}", file.display()));
    }
    let seeds = seeds(target);
    for seed in &seeds {
        run(target, check, seed, "a seed");
    }
    let (iterations, first) = (
        number("FUZZ_ITERATIONS", ITERATIONS),
        number("FUZZ_SEED", SEED),
    );
    for iteration in 0..iterations {
        // Each iteration has its own seed, so that one is run again without those before it.
        let seed = first.wrapping_add(iteration);
        let input = Random::new(seed).mutation(&seeds);
        let which = format!("run again with FUZZ_SEED={seed} FUZZ_ITERATIONS=1");
        run(target, check, &input, &which);
    }
}

#[test]
fn datagram() {
    smoke("datagram");
}

#[test]
fn stream() {
    smoke("stream");
}

#[test]
fn typed_values() {
    smoke("typed_values");
}

#[test]
fn multipart() {
    smoke("multipart");
}

#[test]
fn mc_info_document() {
    smoke("mc_info_document");
}

#[test]
fn parse_print_parse() {
    smoke("parse_print_parse");
}

#[test]
fn redaction() {
    smoke("redaction");
}

#[test]
fn foreign_capture() {
    smoke("foreign_capture");
}

#[test]
fn every_target_is_run_here_and_has_its_program() {
    let here = include_str!("smoke.rs");
    let manifest = include_str!("../Cargo.toml");
    for (target, _) in sip_fuzz::TARGETS {
        assert!(here.contains(&format!("smoke(\"{target}\")")), "{target}");
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
        let program = folder().join("fuzz_targets").join(format!("{target}.rs"));
        let program = std::fs::read_to_string(program).expect("a program");
        assert!(
            program.contains(&format!("sip_fuzz::{target}::run")),
            "{target}"
        );
    }
}
