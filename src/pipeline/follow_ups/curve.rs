//! A specification curve: every declared analysis, and what they say together.

use super::answering::Answering;
use super::paths::{Path, Paths, paths};
use super::row::{self, Graded, Outcome};
use super::sweeps::{answer, in_parts, outcome};
use super::{FollowUpError, Progress, Swept};
use crate::pipeline::Prepared;
use crate::pipeline::design::{self, Fitted};
use crate::plan::follow_ups::{Forks, OutcomeForm};
use crate::record::follow_up::{Curve, SweepRow};
use crate::record::not_estimated::NoEstimate;
use causal::diagnose::specification_curve::{CurveInference, CurvePath, Multipliers, joint, m_value};
use causal::estimator::EstimatorKind;
use causal::nuisance::Nuisances;
use causal::numerics::quantile;
use ndarray::Array1;
use std::collections::{BTreeMap, BTreeSet};

/// Draws of the joint null distribution.
const DRAWS: usize = 1_999;
/// The shares of the outcome that winsorising sets to a limit, at each end.
const WINSORISED: f64 = 0.01;

/// Makes the curve of one answer.
pub(super) fn curve(
    prepared: &Prepared,
    answering: &Answering<'_>,
    forks: &Forks,
    progress: Progress<'_>,
) -> Result<Swept, FollowUpError> {
    let Paths { forks: told, paths, declared } = paths(prepared, answering, forks)?;
    let outcomes = outcomes(prepared, &paths)?;
    let units = Units::new(prepared);
    let multipliers = Multipliers::draw(units.count, DRAWS, prepared.plan.seed);
    let world = World { prepared, answering, outcomes: &outcomes, units: &units, multipliers: &multipliers };
    let groups = by_design(&paths);
    let of = paths.len();
    let made = {
        let mut done = 0;
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        let mut told = |groups: usize, _: usize| {
            done = sizes.iter().take(groups).sum::<usize>().max(done);
            progress(done, of)
        };
        in_parts(&groups, &mut told, |group| world.design_group(&paths, group))?
    };
    let mut rows: BTreeMap<usize, Made> = made.into_iter().flatten().collect();
    let repeated = find_repeated(&mut rows);
    let standardised = paths.iter().any(|path| !path.outcome.keeps_units());
    let (joint, not_joint) = together(&mut rows, standardised);
    let claim = |row: &SweepRow, of: &dyn Fn(&SweepRow) -> Option<f64>| of(row);
    let claims = |of: &dyn Fn(&SweepRow) -> Option<f64>| {
        let reported = rows.values().find(|made| made.row.answer).and_then(|made| claim(&made.row, of))?;
        let others: Vec<f64> = rows
            .values()
            .filter(|made| made.counts() && !made.row.answer)
            .filter_map(|made| claim(&made.row, of))
            .collect();
        Some((reported, m_value(reported, &others)))
    };
    let by_estimate = claims(&|row| on_curve(row, standardised));
    let by_test = claims(&|row| row.effect.as_ref().map(|effect| effect.estimate / effect.std_error));
    let curve = Curve {
        forks: told,
        declared,
        repeated,
        standardised,
        answer: by_estimate.map(|(reported, _)| reported),
        joint,
        not_joint,
        m_value: by_estimate.and_then(|(_, m)| m),
        m_value_of_tests: by_test.and_then(|(_, m)| m),
        winsorised: outcomes.values().map(|outcome| outcome.winsorised).sum(),
    };
    let population = design::rows(prepared, answering.spec, answering.analysis).ok().map(|rows| rows.len());
    let rows = rows.into_values().map(|made| made.row).collect();
    Ok(Swept { rows, answer: answer(prepared, answering, population), curve: Some(curve) })
}

/// The estimate of a row on the scale that the curve compares.
fn on_curve(row: &SweepRow, standardised: bool) -> Option<f64> {
    let effect = row.effect.as_ref()?;
    Some(if standardised { effect.estimate / effect.outcome_sd } else { effect.estimate })
}

/// A row, and what its estimate would be by chance alone.
struct Made {
    row: SweepRow,
    null: Option<Vec<f64>>,
}

impl Made {
    /// True if it has a part in what is said of all analyses together.
    fn counts(&self) -> bool {
        self.row.repeats.is_none()
    }
}

/// What tells two analyses apart once they are made: outcome, estimator, units, and the numbers to the last bit.
fn fingerprint(row: &SweepRow) -> Option<(OutcomeForm, EstimatorKind, [u64; 4])> {
    let effect = row.effect.as_ref()?;
    let (n, treated) = row.n?;
    // A limit that nothing is beyond changes nothing.
    let form = if row.outcome.keeps_units() { OutcomeForm::AsItIs } else { row.outcome };
    let numbers = [effect.estimate.to_bits(), effect.std_error.to_bits(), n as u64, treated as u64];
    Some((form, row.estimator, numbers))
}

/// Names the row that each repeated analysis repeats, the answer before all others, and counts them. A threshold below which nobody
/// lies gives one analysis more names, and no more weight.
fn find_repeated(rows: &mut BTreeMap<usize, Made>) -> usize {
    let mut first: BTreeMap<(OutcomeForm, &str, [u64; 4]), String> = BTreeMap::new();
    let key = |row: &SweepRow| fingerprint(row).map(|(form, estimator, numbers)| (form, estimator.key(), numbers));
    for made in rows.values().filter(|made| made.row.answer).chain(rows.values()) {
        if let Some(key) = key(&made.row) {
            first.entry(key).or_insert_with(|| made.row.label.clone());
        }
    }
    let mut repeated = 0;
    for made in rows.values_mut() {
        let of = key(&made.row).and_then(|key| first.get(&key)).filter(|label| **label != made.row.label);
        repeated += usize::from(of.is_some());
        made.row.repeats = of.cloned();
    }
    repeated
}

/// The joint test, whose p-values go into the rows; and how many analyses have an estimate and no part in it.
fn together(rows: &mut BTreeMap<usize, Made>, standardised: bool) -> (Option<CurveInference>, usize) {
    let drawn = |made: &Made| made.row.effect.is_some() && made.null.is_some() && made.counts();
    let of_row = |made: &'_ Made| {
        let effect = made.row.effect?;
        let scale = if standardised { effect.outcome_sd } else { 1.0 };
        Some((effect.estimate / scale, effect.std_error / scale))
    };
    let curve = {
        let paths: Vec<CurvePath<'_>> = rows
            .values()
            .filter(|made| drawn(made))
            .filter_map(|made| {
                let (estimate, std_error) = of_row(made)?;
                Some(CurvePath { estimate, std_error, null: made.null.as_deref()? })
            })
            .collect();
        joint(&paths)
    };
    let adjusted = curve.iter().flat_map(|curve| curve.adjusted_p.iter().copied());
    for (made, p) in rows.values_mut().filter(|made| drawn(made)).zip(adjusted) {
        if let Some(effect) = &mut made.row.effect {
            effect.adjusted_p = Some(p);
        }
    }
    let by_label: BTreeMap<String, Option<f64>> = rows
        .values()
        .map(|made| (made.row.label.clone(), made.row.effect.as_ref().and_then(|effect| effect.adjusted_p)))
        .collect();
    for made in rows.values_mut() {
        if let (Some(of), Some(effect)) = (&made.row.repeats, &mut made.row.effect) {
            effect.adjusted_p = by_label.get(of).copied().flatten();
        }
    }
    let estimated = rows.values().filter(|made| made.row.effect.is_some() && made.counts()).count();
    let in_test = curve.as_ref().map_or(0, |curve| curve.paths);
    (curve, estimated - in_test)
}

/// The outcome in every form that is asked for.
fn outcomes(prepared: &Prepared, paths: &[Path]) -> Result<BTreeMap<OutcomeForm, Outcome>, FollowUpError> {
    let plain = outcome(prepared)?;
    let forms: BTreeSet<OutcomeForm> = paths.iter().map(|path| path.outcome).collect();
    Ok(forms.into_iter().map(|form| (form, formed(prepared, &plain, form))).collect())
}

fn formed(prepared: &Prepared, plain: &Outcome, form: OutcomeForm) -> Outcome {
    let y = &plain.values;
    let mut winsorised = 0;
    let values: Array1<f64> = match form {
        OutcomeForm::AsItIs => y.clone(),
        OutcomeForm::Log => y.mapv(|y| (y + 1.0).ln()),
        OutcomeForm::Winsorised => {
            let limits = quantile::quantiles(&y.to_vec(), &[WINSORISED, 1.0 - WINSORISED]).unwrap_or_default();
            let (low, high) = match limits.as_slice() {
                [low, high] => (*low, *high),
                _ => (f64::NEG_INFINITY, f64::INFINITY),
            };
            winsorised = y.iter().filter(|y| **y < low || **y > high).count();
            y.mapv(|y| y.max(low).min(high))
        }
        OutcomeForm::Ranks => ranks(&y.to_vec()),
    };
    Outcome { form, sd: row::sd(prepared, &values), values, winsorised }
}

/// Mid-ranks over n: (values below + half of those that are equal)/n.
fn ranks(y: &[f64]) -> Array1<f64> {
    let mut sorted = y.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = y.len() as f64;
    let of = |y: &f64| {
        let (below, upto) = (sorted.partition_point(|other| other < y), sorted.partition_point(|other| other <= y));
        f64::midpoint(below as f64, upto as f64) / n
    };
    y.iter().map(of).collect()
}

/// The units that are independent: rows, or clusters of them.
struct Units {
    count: usize,
    clusters: Option<Vec<usize>>,
    weights: Option<Vec<f64>>,
}

impl Units {
    fn new(prepared: &Prepared) -> Units {
        let analysed = prepared.analysed();
        let clusters: Option<Vec<usize>> = analysed.clusters().map(|labels| labels.to_vec());
        let count = clusters.as_ref().map_or(analysed.n(), |of| of.iter().max().map_or(0, |last| last + 1));
        Units { count, clusters, weights: analysed.weights().map(|w| w.to_vec()) }
    }

    /// wφ of each unit, for the influence values of some rows.
    fn contributions(&self, rows: &[usize], phi: &[f64]) -> Vec<f64> {
        let mut of_unit = vec![0.0; self.count];
        for (row, phi) in rows.iter().zip(phi) {
            let unit = self.clusters.as_ref().map_or(*row, |of| of[*row]);
            of_unit[unit] += self.weights.as_ref().map_or(1.0, |w| w[*row]) * phi;
        }
        of_unit
    }
}

/// Paths that share a design, in order; each by its place.
fn by_design(paths: &[Path]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (at, path) in paths.iter().enumerate() {
        let Path { analysis, .. } = path;
        let models = (analysis.models.propensity, analysis.models.effort);
        let key = format!("{:?} {:?} {models:?}", analysis.terms, analysis.population);
        let group = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

/// What all paths share.
struct World<'a> {
    prepared: &'a Prepared,
    answering: &'a Answering<'a>,
    outcomes: &'a BTreeMap<OutcomeForm, Outcome>,
    units: &'a Units,
    multipliers: &'a Multipliers,
}

impl World<'_> {
    /// The rows of paths that share a design, by their places.
    fn design_group(&self, paths: &[Path], group: &[usize]) -> Vec<(usize, Made)> {
        let spec = self.answering.spec;
        let Some(first) = group.first().and_then(|at| paths.get(*at)) else { return Vec::new() };
        let everyone = self.prepared.arms().0;
        let blank = |at: usize, path: &Path| {
            let row = row::blank(spec, &path.analysis, (at + 1).to_string());
            SweepRow { branches: path.branches.clone(), answer: path.answer, outcome: path.outcome, ..row }
        };
        let designed = design::fit(self.prepared, spec, &first.analysis).and_then(|fitted| {
            let graded = Graded::new(self.prepared, spec, &first.analysis, &fitted)?;
            Ok((fitted, graded))
        });
        let (fitted, graded) = match designed {
            Ok(designed) => designed,
            Err(failure) => {
                let failed = |at: &usize| {
                    let row = SweepRow { missing: Some(failure.to_string()), ..blank(*at, paths.get(*at)?) };
                    Some((*at, Made { row, null: None }))
                };
                return group.iter().filter_map(failed).collect();
            }
        };
        let mut made = Vec::with_capacity(group.len());
        for (form, outcome) in self.outcomes {
            let here: Vec<(usize, &Path)> = group
                .iter()
                .filter_map(|at| Some((*at, paths.get(*at)?)))
                .filter(|(_, path)| path.outcome == *form)
                .collect();
            let sample = row::sample(&fitted, outcome);
            let mut rows: Vec<(usize, Made)> = here
                .iter()
                .map(|(at, path)| {
                    let mut row = blank(*at, path);
                    graded.fill(&mut row);
                    row.trimmed = row.n.map(|(n, _)| everyone - n);
                    (*at, Made { row, null: None })
                })
                .collect();
            match &sample {
                Err(failure) => rows.iter_mut().for_each(|(_, made)| made.row.missing = Some(failure.to_string())),
                Ok(sample) => self.effects(&here, &fitted, (sample, outcome), &mut rows),
            }
            made.extend(rows);
        }
        made
    }

    /// The effects of paths that share design and outcome; those that share their models share the fits of them.
    fn effects(
        &self,
        here: &[(usize, &Path)],
        fitted: &Fitted,
        data: (&causal::sample::Sample, &Outcome),
        rows: &mut [(usize, Made)],
    ) {
        let (sample, outcome) = data;
        let mut shared: Vec<(String, Result<Nuisances<'_>, NoEstimate>)> = Vec::new();
        for ((_, path), (_, made)) in here.iter().zip(rows) {
            let key = format!("{:?}", path.analysis.models);
            if !shared.iter().any(|(known, _)| *known == key) {
                let fresh = row::nuisances(sample, self.answering.spec, &path.analysis, fitted);
                shared.push((key.clone(), fresh));
            }
            let Some((_, nuisances)) = shared.iter().find(|(known, _)| *known == key) else { continue };
            let effect = match nuisances {
                Err(reason) => Err(reason.clone()),
                Ok(nuisances) => row::effect(nuisances, &path.analysis, outcome),
            };
            if let (Ok(_), Ok(nuisances)) = (&effect, nuisances) {
                made.null = self.null(nuisances, path, fitted);
            }
            row::fill_effect(&mut made.row, effect, outcome);
        }
    }

    /// t of every draw; `None` where the estimator has no influence function.
    fn null(&self, nuisances: &Nuisances<'_>, path: &Path, fitted: &Fitted) -> Option<Vec<f64>> {
        let phi = nuisances.influence(path.analysis.primary, path.analysis.target).ok()??;
        self.multipliers.t_statistics(&self.units.contributions(&fitted.kept.rows, &phi))
    }
}

#[cfg(test)]
mod tests {
    use super::ranks;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]).to_vec(), [0.75, 0.125, 0.75, 0.375]);
    }
}
