//! Small directories in the official layout: the 58 covariates, a treatment and outcomes that depend on two of them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Units of a made dataset.
pub const UNITS: usize = 400;

/// Numbers that look random and are the same everywhere.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Noise {
        Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995)
    }

    /// Uniform on [0, 1).
    pub fn uniform(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn covariates() -> (String, Vec<f64>) {
    let names: Vec<String> = (1..=58).map(|j| format!("x_{j}")).collect();
    let mut text = names.join(",") + "\n";
    let (mut noise, mut first) = (Noise::new(1), Vec::new());
    for _ in 0..UNITS {
        let row: Vec<String> = (1..=58)
            .map(|j| match j {
                2 | 21 | 24 => ["A", "B", "C"][(noise.uniform() * 3.0) as usize].to_owned(),
                _ => format!("{:.3}", noise.uniform()),
            })
            .collect();
        first.push(row[0].parse().expect("a number"));
        text.push_str(&(row.join(",") + "\n"));
    }
    (text, first)
}

/// The text of a response. `spoil` changes everything that an analyst does not see, and nothing else.
pub fn response(x: &[f64], seed: u64, spoil: bool) -> String {
    let mut noise = Noise::new(seed);
    let mut text = String::from("\"z\",\"y0\",\"y1\",\"mu0\",\"mu1\"\n");
    for x in x {
        let z = noise.uniform() < 0.3 + 0.3 * x;
        let (mu0, mu1) = (x * 2.0, x * 3.0 + 1.0);
        let (y0, y1) = (mu0 + noise.uniform() - 0.5, mu1 + noise.uniform() - 0.5);
        let wrong = if spoil { 1e3 } else { 0.0 };
        let (hidden0, hidden1) = if z { (wrong, 0.0) } else { (0.0, wrong) };
        let z = u8::from(z);
        let _ = writeln!(text, "{z},{},{},{},{}", y0 + hidden0, y1 + hidden1, mu0 + wrong, mu1 - wrong);
    }
    text
}

/// A directory with settings 1 to `settings` and `responses` files each.
pub struct Made {
    pub dir: tempfile::TempDir,
    pub x: Vec<f64>,
}

impl Made {
    pub fn new(settings: u64, responses: u64, spoil: bool) -> Made {
        let dir = tempfile::tempdir().expect("tempdir");
        let (text, x) = covariates();
        let made = Made { dir, x };
        std::fs::create_dir(made.data()).expect("data");
        std::fs::write(made.data().join("x.csv"), text).expect("x.csv");
        for setting in 1..=settings {
            for response in 1..=responses {
                made.write(setting, response, &self::response(&made.x, 100 * setting + response, spoil));
            }
        }
        made
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn write(&self, setting: u64, response: u64, text: &str) {
        let folder = self.data().join(setting.to_string());
        std::fs::create_dir_all(&folder).expect("folder");
        std::fs::write(folder.join(format!("zymu_{response}.csv")), text).expect("response");
    }

    /// `acic run` on it, with a quick estimator.
    pub fn run(&self, out: &str, extra: &[&str]) -> crate::cli::Ran {
        let mut args = vec!["acic", "run", "--data", "data", "--estimators", "aipw", "--out", out];
        args.extend(extra);
        crate::cli::oci_agent(self.dir.path(), &args)
    }

    /// `acic score` on it.
    pub fn score(&self, out: &str, extra: &[&str]) -> crate::cli::Ran {
        let mut args = vec!["acic", "score", "--data", "data", "--out", out];
        args.extend(extra);
        crate::cli::oci_agent(self.dir.path(), &args)
    }

    pub fn text(&self, path: &str) -> String {
        text(&self.dir.path().join(path))
    }
}

pub fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
