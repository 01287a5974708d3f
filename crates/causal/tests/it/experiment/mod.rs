//! Randomised experiments against values of statsmodels, linearmodels, pyfixest, estimatr, clubSandwich, avlm and others.
//!
//! `tests/fixtures/experiments/README.md` says where each value comes from. A value passes at 1e-8.

mod adjusted; // A/B: dummies, Welch, ANCOVA, Lin, CUPED, lift, several metrics
mod anytime; // e-values, confidence sequences, tuning
mod clustered; // cluster-robust variances, degrees of freedom, weights, everything at once
mod coverage; // simulated coverage, and type-I error under peeking
mod encouragement; // two-stage least squares, first stage, Anderson–Rubin, LATE to ATE
mod logged; // values of policies and credits of steps from logged decisions
mod refusals; // invariances, and what is refused
mod segments; // delta vectors, projection weights, time, compression's numbers
mod traps; // numbers that must not come out

use causal::experiment::linear_model::{Contrast, Estimated};
use causal::experiment::{ExperimentRows, Fit, Model, TermValues, VarianceKind};
use ndarray::{Array2, ShapeBuilder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Absolute, or relative to values larger than 1.
const TOLERANCE: f64 = 1e-8;

pub const COVARIATES: [&str; 6] = ["x_pre", "x_age", "mobile", "tablet", "holiday", "weak"];

fn fixture(name: &str) -> PathBuf {
    fixture_of("experiments", name)
}

/// A file of a folder of fixtures.
fn fixture_of(folder: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder).join(name)
}

/// The values of a case.
pub fn case(id: &str) -> Value {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone()
}

#[track_caller]
pub fn close(found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("no number: {expected}"));
    let off = (found - expected).abs();
    assert!(off <= TOLERANCE * expected.abs().max(1.0), "{found} is not {expected}: off by {off:e}");
}

/// Estimate, standard error, p-value and interval of a row.
#[track_caller]
pub fn row(found: &Estimated, expected: &Value) {
    close(found.estimate, &expected["est"]);
    close(found.std_error, &expected["se"]);
    if !expected["p"].is_null() {
        close(found.p_value(), &expected["p"]);
        let [low, high] = found.interval(0.05).unwrap();
        close(low, &expected["ci"][0]);
        close(high, &expected["ci"][1]);
    }
    if !expected["df"].is_null() {
        close(found.df, &expected["df"]);
    }
}

/// A table of the fixtures, with the indicators of its categories.
#[derive(Clone)]
pub struct Units {
    pub columns: BTreeMap<String, Vec<f64>>,
    pub texts: BTreeMap<String, Vec<String>>,
}

impl Units {
    pub fn read(name: &str) -> Units {
        let mut reader = csv::Reader::from_path(fixture(name)).unwrap();
        let header = reader.headers().unwrap().clone();
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let (mut columns, mut texts) = (BTreeMap::new(), BTreeMap::new());
        for (j, name) in header.iter().enumerate() {
            let cells: Vec<String> = records.iter().map(|record| record[j].to_owned()).collect();
            match cells.iter().map(|cell| cell.parse::<f64>()).collect::<Result<Vec<f64>, _>>() {
                Ok(numbers) => columns.insert(name.to_owned(), numbers).map(|_| ()),
                Err(_) => texts.insert(name.to_owned(), cells).map(|_| ()),
            };
        }
        let mut units = Units { columns, texts };
        for (column, level) in [("device", "desktop"), ("device", "mobile"), ("device", "tablet"), ("econ", "weak")] {
            if let Some(cells) = units.texts.get(column) {
                let dummy = cells.iter().map(|cell| f64::from(cell == level)).collect();
                units.columns.insert(level.to_owned(), dummy);
            }
        }
        units
    }

    pub fn reference() -> Units {
        Units::read("units.csv")
    }

    /// Without the rows of the arm t2.
    pub fn two_arms() -> Units {
        let all = Units::reference();
        let keep: Vec<bool> = all.texts["arm"].iter().map(|arm| arm != "t2").collect();
        all.only(&keep)
    }

    pub fn only(&self, keep: &[bool]) -> Units {
        fn pick<T: Clone>(values: &[T], keep: &[bool]) -> Vec<T> {
            values.iter().zip(keep).filter(|(_, keep)| **keep).map(|(v, _)| v.clone()).collect()
        }
        Units {
            columns: self.columns.iter().map(|(name, values)| (name.clone(), pick(values, keep))).collect(),
            texts: self.texts.iter().map(|(name, values)| (name.clone(), pick(values, keep))).collect(),
        }
    }

    pub fn n(&self) -> usize {
        self.columns.values().next().unwrap().len()
    }

    pub fn matrix(&self, names: &[&str]) -> Array2<f64> {
        // Column by column, as the numerics take them.
        Array2::from_shape_fn((self.n(), names.len()).f(), |(i, j)| self.columns[names[j]][i])
    }

    /// The column `arm` as numbers.
    pub fn arm(&self) -> Vec<u16> {
        let number = |arm: &String| ["control", "t1", "t2"].iter().position(|name| name == arm).unwrap() as u16;
        self.texts["arm"].iter().map(number).collect()
    }

    /// A column of zeros and ones as arms.
    pub fn binary(&self, name: &str) -> Vec<u16> {
        self.columns[name].iter().map(|v| *v as u16).collect()
    }

    pub fn clusters(&self, name: &str) -> Vec<u32> {
        self.columns[name].iter().map(|v| *v as u32 - 1).collect()
    }

    /// 1 / P(the arm that a unit got).
    pub fn weights(&self, arm: &str, chance: &str) -> Vec<f64> {
        let pairs = self.columns[arm].iter().zip(&self.columns[chance]);
        pairs.map(|(arm, p)| arm / p + (1.0 - arm) / (1.0 - p)).collect()
    }

    pub fn mean(&self, name: &str, mask: &[bool]) -> f64 {
        let inside: Vec<f64> = self.columns[name].iter().zip(mask).filter(|(_, m)| **m).map(|(v, _)| *v).collect();
        inside.iter().sum::<f64>() / inside.len() as f64
    }

    pub fn means(&self, names: &[&str], mask: &[bool]) -> Vec<f64> {
        names.iter().map(|name| self.mean(name, mask)).collect()
    }
}

/// The columns of a matrix that lies column by column.
pub fn columns(matrix: &Array2<f64>) -> Vec<&[f64]> {
    let n = matrix.nrows();
    if n == 0 { vec![&[]; matrix.ncols()] } else { matrix.t().to_slice().unwrap().chunks_exact(n).collect() }
}

/// Columns of a design, owned, for one fit after another.
pub struct Design {
    pub x: Array2<f64>,
    pub y: Array2<f64>,
    pub assigned: Vec<u16>,
    pub taken: Option<Vec<u16>>,
    pub weights: Option<Vec<f64>>,
    pub clusters: Option<Vec<u32>>,
}

impl Design {
    pub fn new(units: &Units, y: &[&str], assigned: Vec<u16>, covariates: &[&str]) -> Design {
        let (x, y) = (units.matrix(covariates), units.matrix(y));
        Design { x, y, assigned, taken: None, weights: None, clusters: None }
    }

    pub fn rows(&self) -> ExperimentRows<'_> {
        ExperimentRows {
            terms: columns(&self.x).into_iter().map(TermValues::Numbers).collect(),
            places: None,
            metrics: columns(&self.y),
            assigned: &self.assigned,
            taken: self.taken.as_deref(),
            weights: self.weights.as_deref(),
            clusters: self.clusters.as_deref(),
        }
    }

    pub fn model(&self, variance: VarianceKind, interacted: bool) -> Model {
        let instrumented = self.taken.is_some();
        Model { interacted: vec![interacted; self.x.ncols()], instrumented, variance, joint: false }
    }

    #[track_caller]
    pub fn fit(&self, variance: VarianceKind, interacted: bool) -> Fit {
        Fit::new(&self.rows(), &self.model(variance, interacted)).unwrap()
    }
}

/// The key of a variance in the reference values.
pub fn name(kind: VarianceKind) -> &'static str {
    match kind {
        VarianceKind::Iid => "iid",
        VarianceKind::Hc0 => "HC0",
        VarianceKind::Hc1 => "HC1",
        VarianceKind::Hc2 => "HC2",
        VarianceKind::Hc3 => "HC3",
        VarianceKind::Cr0 => "CR0",
        VarianceKind::Cr1 => "CR1",
        VarianceKind::Cr1s => "CR1S",
        VarianceKind::Cr2 => "CR2",
        VarianceKind::Cr3 => "CR3_clubSandwich",
    }
}

pub const ROBUST: [VarianceKind; 4] = [VarianceKind::Hc0, VarianceKind::Hc1, VarianceKind::Hc2, VarianceKind::Hc3];

/// The intercept for units whose covariates are all 0.
pub fn intercept(fit: &Fit, p: usize) -> Contrast {
    fit.baseline_at(&vec![0.0; p]).unwrap()
}

/// A reference row is with the normal distribution unless it has degrees of freedom.
pub fn as_reported(found: Estimated, expected: &Value) -> Estimated {
    if expected["df"].is_null() { found.with_normal() } else { found }
}
