//! How long the two numeric workhorses take as the sample grows, and how long a whole run takes as a process.
//!
//! ```sh
//! cargo bench                      # everything; the largest sample needs about 3 GB
//! cargo bench -- 'n=10000/'        # one size
//! cargo bench -- run               # the examples, end to end
//! ```
//!
//! The data are synthetic: 60 covariates, uniform on (−1, 1); a logistic propensity with small coefficients, so that
//! overlap holds at every size; an outcome that is linear in covariates and treatment, plus noise.

#![allow(missing_docs)] // criterion's macros define items without documentation
#![allow(clippy::expect_used, clippy::panic)] // a bench that cannot run must stop

use causal::design::fit_propensity;
use causal::estimand::{OutcomeKind, Population, Target};
use causal::estimate::estimate;
use causal::estimator::EstimatorKind;
use causal::learners::logistic::LogisticParams;
use causal::numerics::streams::stream;
use causal::params::EstimateParams;
use causal::sample::{Covariates, Sample};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array1, Array2};
use rand::RngExt;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const COVARIATES: usize = 60;
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

fn synthetic(n: usize) -> Sample {
    let mut random = stream(20_261_121, "bench");
    let x = Array2::from_shape_simple_fn((n, COVARIATES), || random.random_range(-1.0..1.0));
    let slopes = Array1::from_shape_fn(COVARIATES, |j| if j % 2 == 0 { 0.15 } else { -0.1 });
    let index = x.dot(&slopes);
    let treated = index.mapv(|z: f64| f64::from(u8::from(random.random::<f64>() < 1.0 / (1.0 + (-z).exp()))));
    let noise = Array1::from_shape_simple_fn(n, || random.random_range(-1.0..1.0));
    let y = &index * 2.0 + &treated * 0.5 + noise;
    let names = (0..COVARIATES).map(|j| format!("x{j}")).collect();
    let covariates = Covariates::new(x, names, treated, None).expect("covariates are valid");
    Sample::new(covariates, y).expect("the sample is valid")
}

/// Ten samples (the fewest that criterion takes) of one call each where a call takes seconds.
fn numerics(criterion: &mut Criterion) {
    for n in SIZES {
        let mut group = criterion.benchmark_group(format!("n={n}"));
        group.throughput(Throughput::Elements(n as u64)).sample_size(10);
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
        // Made only if a bench of this size is asked for: the largest sample takes a while and half a gigabyte.
        let sample = std::cell::OnceCell::new();
        let logistic = LogisticParams::default();
        group.bench_function(BenchmarkId::new("propensity", COVARIATES), |b| {
            let sample = sample.get_or_init(|| synthetic(n));
            b.iter(|| fit_propensity(black_box(sample.covariates()), &logistic).expect("the propensity is fitted"));
        });
        let params = EstimateParams {
            population: Population::All,
            outcome: OutcomeKind::Continuous,
            folds: 5,
            seed: 1,
            logistic: logistic.clone(),
            models: Default::default(),
            inference: Default::default(),
        };
        group.bench_function(BenchmarkId::new("aipw", COVARIATES), |b| {
            let sample = sample.get_or_init(|| synthetic(n));
            b.iter(|| {
                estimate(black_box(sample), EstimatorKind::Aipw, Target::Ate, &params).expect("the effect is estimated")
            });
        });
        group.finish();
    }
}

/// The built program, from plan to report, into a new directory each time.
fn whole_runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("run");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(10));
    for example in ["nhefs", "lalonde"] {
        let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).join("plan.yaml");
        group.bench_function(example, |b| {
            let fresh = || tempfile::tempdir().expect("a temporary directory");
            b.iter_batched_ref(fresh, |home| run(&plan, &home.path().join("out")), BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// Exit codes 0 and 1 are verdicts; anything else means that there was no run to time.
fn run(plan: &Path, out: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oci-agent"));
    command.arg("run").arg(plan).arg("--out").arg(out).arg("--quiet");
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{} ended with {}: {words}", plan.display(), output.status);
    assert!(out.join("report.md").exists(), "{} ended without a report: {words}", plan.display());
}

criterion_group!(benches, numerics, whole_runs);
criterion_main!(benches);
