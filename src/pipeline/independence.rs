//! Implied independencies on the data: from names of nodes to matrices, tests, and Holm's adjustment of their family.

use crate::dataset::DatasetProblem;
use crate::pipeline::identification::{LEVEL, TestRows};
use crate::record::identification::{IndependenceDocument, TestDocument, TestedIndependence};
use crate::term::Term;
use causal::diagnose::independence::{IndependenceError, IndependenceSample, IndependenceTest, test};
use causal::diagnose::placebo::holm;
use causal::graph::answer::{Identification, NamedIndependence};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;

/// The most rows of one test: of more, every second, third, … is taken, so that a hundred tests take
/// seconds. The number of rows is
/// part of the result.
const MOST_ROWS: usize = 20_000;

/// Why a statement is not tested, as a clause.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum NotTested {
    #[error("no row is without a missing value in the nodes of the graph")]
    NoRows,
    #[error("the rows could not be read: {0}")]
    Unreadable(String),
    #[error("`{0}` is neither a number nor a category with few levels")]
    Kind(String),
    #[error(transparent)]
    Test(#[from] IndependenceError),
}

/// Tests a family.
pub(super) fn tests(
    family: &[&NamedIndependence],
    rows: Option<&TestRows>,
    answer: &Identification,
) -> Vec<TestedIndependence> {
    let results: Vec<Result<IndependenceTest, NotTested>> =
        family.par_iter().map(|one| tested(one, rows, answer)).collect();
    let p: Vec<f64> = results.iter().flatten().map(|test| test.p).collect();
    let mut adjusted = holm(&p).into_iter();
    let document = |(one, result): (&&NamedIndependence, Result<IndependenceTest, NotTested>)| {
        let statement = IndependenceDocument::from(*one);
        match result {
            Err(reason) => TestedIndependence { statement, test: None, not_tested: Some(reason.to_string()) },
            Ok(test) => {
                let p_holm = adjusted.next().unwrap_or(1.0);
                let test = TestDocument {
                    p: test.p,
                    p_holm,
                    residual_correlation: test.correlation,
                    df: test.df,
                    n: test.n,
                    rejected: p_holm < LEVEL,
                };
                TestedIndependence { statement, test: Some(test), not_tested: None }
            }
        }
    };
    family.iter().zip(results).map(document).collect()
}

/// One test.
fn tested(
    one: &NamedIndependence,
    rows: Option<&TestRows>,
    answer: &Identification,
) -> Result<IndependenceTest, NotTested> {
    let rows = rows.ok_or(NotTested::NoRows)?;
    let n = rows.analysed.n();
    let picked: Vec<usize> = (0..n).step_by(n.div_ceil(MOST_ROWS).max(1)).collect();
    let columns = |name: &String| columns(name, rows, answer).map(|all| all.select(Axis(0), &picked));
    let (a, b) = (columns(&one.a)?, columns(&one.b)?);
    let given = one.given.iter().map(columns).collect::<Result<Vec<_>, _>>()?;
    let views: Vec<ArrayView2<'_, f64>> = given.iter().map(|part| part.view()).collect();
    let given = if views.is_empty() {
        Array2::zeros((a.nrows(), 0))
    } else {
        concatenate(Axis(1), &views).map_err(|error| NotTested::Unreadable(error.to_string()))?
    };
    let covariates = rows.analysed.covariates(&[]).map_err(|problems| unreadable(&problems))?;
    let weights = covariates.weights().map(|weights| weights.select(Axis(0), &picked));
    let clusters = covariates.clusters().map(|clusters| clusters.select(Axis(0), &picked));
    let sample = IndependenceSample {
        a: a.view(),
        b: b.view(),
        given: given.view(),
        weights: weights.as_ref().map(|weights| weights.view()),
        clusters: clusters.as_ref().map(|clusters| clusters.view()),
    };
    Ok(test(&sample)?)
}

/// The columns that stand for a node.
fn columns(name: &String, rows: &TestRows, answer: &Identification) -> Result<Array2<f64>, NotTested> {
    if answer.treatments.contains(name) {
        let treated: Array1<f64> =
            rows.analysed.treatment().iter().map(|arm| f64::from(u8::from(arm.is_treated()))).collect();
        return Ok(treated.insert_axis(Axis(1)));
    }
    if *name == answer.outcome {
        let outcome = rows.analysed.outcome().ok_or(NotTested::NoRows)?;
        return Ok(outcome.clone().insert_axis(Axis(1)));
    }
    let terms: &Vec<Term> = rows.terms.get(name).ok_or_else(|| NotTested::Kind(name.clone()))?;
    rows.analysed.covariates(terms).map(|covariates| covariates.x().clone()).map_err(|found| unreadable(&found))
}

fn unreadable(problems: &[DatasetProblem]) -> NotTested {
    let reasons: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    NotTested::Unreadable(reasons.join("; "))
}
