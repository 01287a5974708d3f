//! The plans of simulated families.

use acic::analyst::SimulatedDataset;
use std::fmt::Write as _;

/// The plan of a dataset, without the part that all evaluations have in common.
pub(super) fn document(dataset: &SimulatedDataset<'_>) -> String {
    let mut out = format!("title: Calibration on {}\n", dataset.family.key());
    let _ = write!(out, "{HEAD}seed: {}\nconfounders:\n  priority:\n", dataset.seed);
    for name in dataset.names {
        let _ = writeln!(out, "    - {name}");
    }
    out
}

const HEAD: &str = "\
question: What is the average effect of z on y, among the treated and among everyone?
target_trial:
  eligibility: The units that were drawn.
  treatment_strategies: z = 1 against z = 0; both are simulated and stand for nothing.
  assignment: At random, with a probability that depends on nothing. In the simulation it depends on covariates.
  time_zero: When z is drawn; every covariate was drawn before.
  follow_up: Until y is drawn, the same for every unit.
  outcome: y, a simulated number.
  causal_contrast: The average of y(1) - y(0).
  analysis_plan: A difference in means.
data:
  source: simulated
  missing: error
treatment:
  column: z
  treated: 1
  control: 0
outcome:
  column: y
  units: units of y
";
