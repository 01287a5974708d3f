//! Randomised experiments through the built program: reference values, looks, refusals, examples.

mod examples; // every example, and what is true of it
mod faults; // kinds of wrong answers that a review found
mod init; // a plan to start from
mod looks; // peeking is on record; what was added later is exploratory
mod more_units; // what a hold waits for
mod parity; // the numbers of reference packages, from plan to results.json
mod refusals; // a comparison that chance did not make
mod saved; // a fit that was saved answers as the rows do
mod told; // what is left out or cannot be answered is told

use crate::cli::{Ran, oci_agent};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// A folder with the reference tables, or any other, and a plan.
pub struct World {
    pub dir: TempDir,
}

impl World {
    pub fn empty() -> World {
        World { dir: tempfile::tempdir().expect("temporary directory") }
    }

    /// With the tables of the reference values.
    pub fn reference() -> World {
        let world = World::empty();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/causal/tests/fixtures/experiments");
        for file in ["units.csv", "panel.csv"] {
            std::fs::copy(fixtures.join(file), world.dir.path().join(file)).expect("a table");
        }
        world
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.dir.path().join(file), text).expect("a file");
    }

    pub fn run(&self, plan: &str, extra: &[&str]) -> Ran {
        self.write("plan.yaml", plan);
        oci_agent(self.dir.path(), &[&["run", "plan.yaml", "--out", "runs/out"][..], extra].concat())
    }

    pub fn json(&self, file: &str) -> Value {
        let bytes = std::fs::read(self.dir.path().join("runs/out").join(file)).expect(file);
        serde_json::from_slice(&bytes).expect("JSON")
    }

    pub fn git(&self, args: &[&str]) -> String {
        let out = self.dir.path().join("runs/out");
        let output = std::process::Command::new("git").arg("-C").arg(out).args(args).output().expect("git");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// The row of an effect.
pub fn effect<'a>(results: &'a Value, list: &str, keys: &[(&str, &str)]) -> &'a Value {
    let rows = results[list].as_array().expect("rows");
    let found = rows.iter().find(|row| keys.iter().all(|key| row[key.0] == key.1));
    found.unwrap_or_else(|| panic!("no {keys:?} in {rows:#?}"))
}

/// The severity of a check.
pub fn severity(health: &Value, code: &str) -> String {
    let checks = health["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["code"] == code).expect(code);
    found["severity"].as_str().expect("a word").to_owned()
}
