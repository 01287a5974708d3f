//! Effects of the treatment taken up: the LATE, the ATT and the ATE are three requests, and none is given under the name of another.
//!
//! * LATE: two-stage least squares with covariates as main effects; about those whom the assignment moves.
//! * ATT: the LATE where only the treatment arm can depart from its assignment; refused otherwise.
//! * ATE: instruments and treatment interacted with covariates, at the means of the population; assumes that units with the same
//!   covariates have the same average effect whether or not the assignment moves them. Refused without covariates.
//!
//! With one treatment and several arms, each arm is compared with the control alone. Where the first stage has F < 10, none of
//! them is given: what is left is the Anderson–Rubin set.

use super::effects::{Answers, DETERMINED, Fitted, Subject, add_with_sequence, effect_row, estimate, quantile_of};
use super::metric_rows::{MetricRows, Valued, values};
use super::modelling::Experiment;
use crate::dataset::metrics::{MetricColumn, MetricValues};
use crate::plan::experiment::EffectRequest;
use crate::record::experiment::{AndersonRubin, Compliance, ComplierMean, FirstStage, Look, Refused};
use causal::experiment::linear_model::Contrast;
use causal::experiment::relative::RatioSet;
use causal::experiment::{ExperimentError, Model, first_stage};
use causal::numerics::sums;
use std::collections::BTreeMap;

/// Below this F no effect of the treatment is given (Staiger & Stock 1997, doi:10.2307/2171753).
const WEAKEST_F: f64 = 10.0;

/// The arms of one comparison: the control and one arm, or all of them.
#[derive(Debug, Clone)]
struct Comparison {
    /// Rows of the table.
    rows: Vec<usize>,
    /// Arms (and treatments) of the comparison besides the control, by index in the table.
    arms: Vec<usize>,
    /// True if arms and treatments have to be numbered 0 and 1.
    alone: bool,
}

/// First stages, and the effects of treatment that were asked for.
pub(super) fn effects_of_treatment(experiment: &Experiment, looks: &[Look]) -> (Vec<FirstStage>, Answers) {
    let requests: Vec<EffectRequest> =
        experiment.plan.requests.iter().copied().filter(|request| *request != EffectRequest::Itt).collect();
    let (mut stages, mut answers) = (Vec::new(), Answers::default());
    if requests.is_empty() || experiment.table.taken.is_none() {
        return (stages, answers);
    }
    for comparison in comparisons(experiment) {
        let (found, of_comparison) = comparison.answer(experiment, &requests, looks);
        stages.extend(found);
        answers.extend(of_comparison);
    }
    (stages, answers)
}

/// The smallest robust F over arms, and the arm: a part of the audit, for which no outcome is needed.
pub(super) fn smallest_f(experiment: &Experiment) -> Option<Result<(f64, String), ExperimentError>> {
    experiment.table.taken.as_ref()?;
    let mut smallest: Option<(f64, String)> = None;
    for comparison in comparisons(experiment) {
        let take_up = comparison.take_up(experiment);
        let fitted = match comparison.reduced_form(experiment, &comparison.rows, &take_up) {
            Ok(fitted) => fitted,
            Err(error) => return Some(Err(error)),
        };
        for (level, arm) in (1..).zip(&comparison.arms) {
            let found = fitted.fit.estimate(&fitted.fit.average_effect(level), level - 1);
            let f = (found.estimate / found.std_error).powi(2);
            // An assignment that moves nobody is no instrument, however small the standard error of that is.
            let f = if f.is_nan() { 0.0 } else { f.min(f64::MAX) };
            if smallest.as_ref().is_none_or(|before| f < before.0) {
                smallest = Some((f, experiment.table.arms[*arm].clone()));
            }
        }
    }
    smallest.map(Ok)
}

fn comparisons(experiment: &Experiment) -> Vec<Comparison> {
    let table = &experiment.table;
    let arms = table.arms.len();
    let all = || (0..experiment.n()).collect::<Vec<usize>>();
    if arms == 2 {
        return vec![Comparison { rows: all(), arms: vec![1], alone: true }];
    }
    if table.treatments.len() == arms {
        return vec![Comparison { rows: all(), arms: (1..arms).collect(), alone: false }];
    }
    let of_arm = |arm: usize| {
        let inside = |row: &usize| [0, arm].contains(&usize::from(table.assigned[*row]));
        all().into_iter().filter(inside).collect()
    };
    (1..arms).map(|arm| Comparison { rows: of_arm(arm), arms: vec![arm], alone: true }).collect()
}

impl Comparison {
    /// The level of an arm or treatment in the fit.
    fn level(&self, index: u16) -> u16 {
        if self.alone { index.min(1) } else { index }
    }

    fn of_rows(&self, experiment: &Experiment, rows: Vec<usize>) -> MetricRows {
        let of = MetricRows::of(experiment, rows);
        MetricRows {
            assigned: of.assigned.iter().map(|arm| self.level(*arm)).collect(),
            taken: of.taken.as_ref().map(|taken| taken.iter().map(|arm| self.level(*arm)).collect()),
            ..of
        }
    }

    /// For each treatment, whether each row of the comparison took it up.
    fn take_up(&self, experiment: &Experiment) -> Vec<Vec<f64>> {
        let taken = experiment.table.taken.as_deref().unwrap_or_default();
        let levels = 1..=self.arms.len();
        levels
            .map(|level| self.rows.iter().map(|row| f64::from(usize::from(self.level(taken[*row])) == level)).collect())
            .collect()
    }

    /// Least squares on assignment of `columns`, with covariates as main effects.
    fn reduced_form(
        &self,
        experiment: &Experiment,
        rows: &[usize],
        columns: &[Vec<f64>],
    ) -> Result<Fitted, ExperimentError> {
        let rows = MetricRows { taken: None, ..self.of_rows(experiment, rows.to_vec()) }.with_metrics(columns.to_vec());
        let model = Model {
            interacted: vec![false; rows.p()],
            instrumented: false,
            variance: experiment.variance(false),
            joint: true,
        };
        Fitted::new(rows, model)
    }

    fn answer(
        &self,
        experiment: &Experiment,
        requests: &[EffectRequest],
        looks: &[Look],
    ) -> (Vec<FirstStage>, Answers) {
        let mut stages: BTreeMap<usize, FirstStage> = BTreeMap::new();
        let mut answers = Answers::default();
        let mut inside = vec![false; experiment.n()];
        self.rows.iter().for_each(|row| inside[*row] = true);
        for column in &experiment.table.metrics {
            let found = match &column.values {
                // Linearised at the ratio of the arms as assigned, it is not the ratio of those who took the treatment up.
                MetricValues::Ratio(..) => None,
                values_of => values(experiment, values_of, |row| inside[row]),
            };
            let outcome = match found {
                Some(Ok(found)) => self.of_metric(experiment, column, found, requests, looks),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("effects of treatment are not given for ratios and quantiles; ask for those of their parts, as means".to_owned()),
            };
            match outcome {
                Ok((found, of_metric)) => {
                    for (arm, stage) in found {
                        match stages.get_mut(&arm) {
                            Some(before) => before.anderson_rubin.extend(stage.anderson_rubin),
                            None => drop(stages.insert(arm, stage)),
                        }
                    }
                    answers.extend(of_metric);
                }
                Err(reason) => answers.refused.extend(requests.iter().map(|request| Refused {
                    metric: column.name.clone(),
                    arm: None,
                    request: *request,
                    segment: None,
                    reason: reason.clone(),
                })),
            }
        }
        (stages.into_values().collect(), answers)
    }

    fn of_metric(
        &self,
        experiment: &Experiment,
        column: &MetricColumn,
        valued: Valued,
        requests: &[EffectRequest],
        looks: &[Look],
    ) -> Result<(Vec<(usize, FirstStage)>, Answers), String> {
        let (rows, metric) = valued;
        let of_metric = Comparison { rows: rows.clone(), ..self.clone() };
        let mut columns = vec![metric.clone()];
        columns.extend(of_metric.take_up(experiment));
        let reduced = self.reduced_form(experiment, &rows, &columns).map_err(|error| error.to_string())?;
        if reduced.determines(0) {
            return Err(DETERMINED.to_owned());
        }
        let mut stages = Vec::new();
        for (level, arm) in (1..).zip(&self.arms) {
            let stage = first_stage_of(experiment, &reduced, level, *arm, &column.name);
            stages.extend(stage.map_err(|error| error.to_string())?.map(|stage| (*arm, stage)));
        }
        let mut answers = Answers::default();
        for request in requests {
            match self.estimates(experiment, *request, (&rows, &metric), &stages) {
                Ok((fitted, contrasts)) => {
                    let subject = |arm: usize| Subject {
                        metric: column.name.clone(),
                        arm: experiment.table.arms[arm].clone(),
                        request: *request,
                        segment: None,
                        n: rows.len(),
                    };
                    for (arm, contrast) in self.arms.iter().zip(contrasts) {
                        let found = fitted.fit.estimate(&contrast, 0);
                        let row = effect_row(experiment.alpha(), subject(*arm), &found, None)
                            .map_err(|error| error.to_string())?;
                        add_with_sequence(experiment, row, &fitted, looks, &mut answers);
                    }
                }
                Err(reason) => answers.refused.push(Refused {
                    metric: column.name.clone(),
                    arm: (self.arms.len() == 1).then(|| experiment.table.arms[self.arms[0]].clone()),
                    request: *request,
                    segment: None,
                    reason,
                }),
            }
        }
        Ok((stages, answers))
    }

    /// The fit that answers a request, and the contrast of each arm; or why there is none.
    fn estimates(
        &self,
        experiment: &Experiment,
        request: EffectRequest,
        valued: (&[usize], &[f64]),
        stages: &[(usize, FirstStage)],
    ) -> Result<(Fitted, Vec<Contrast>), String> {
        let (rows, metric) = valued;
        let weak = stages.iter().map(|stage| stage.1.f).fold(f64::INFINITY, f64::min);
        if weak < WEAKEST_F {
            return Err(format!(
                "the assignment hardly moves take-up (first-stage F = {weak:.1}, below {WEAKEST_F}), so no estimate of this is fit to be given; \
                 the Anderson–Rubin set shows what can be said, and a stronger encouragement or more units would help"
            ));
        }
        if request == EffectRequest::Att && experiment.compliance() == Compliance::TwoSided {
            return Err(
                "units of the control arm took up the treatment too, so those treated are not only those whom the assignment moved; ask for `late`"
                    .to_owned(),
            );
        }
        if request == EffectRequest::Ate && experiment.table.terms.is_empty() {
            return Err(
                "the effect on everyone needs `covariates` that explain who is moved by the assignment; ask for `late`"
                    .to_owned(),
            );
        }
        let interacted = request == EffectRequest::Ate;
        let rows = self.of_rows(experiment, rows.to_vec()).with_metrics(vec![metric.to_vec()]);
        let model = Model {
            interacted: vec![interacted; rows.p()],
            instrumented: true,
            variance: experiment.variance(true),
            joint: false,
        };
        let fitted = Fitted::new(rows, model).map_err(|error| error.to_string())?;
        let contrasts = (1..=self.arms.len()).map(|level| fitted.fit.average_effect(level)).collect();
        Ok((fitted, contrasts))
    }
}

fn first_stage_of(
    experiment: &Experiment,
    reduced: &Fitted,
    level: usize,
    arm: usize,
    metric: &str,
) -> Result<Option<FirstStage>, ExperimentError> {
    let assignment = reduced.fit.average_effect(level);
    let Some(stage) = first_stage::FirstStage::new(&reduced.fit, &assignment, 0, level) else { return Ok(None) };
    let moved = reduced.fit.estimate(&assignment, level);
    let set = match stage.anderson_rubin(quantile_of(moved.df, experiment.alpha())) {
        RatioSet::Interval(lower, upper) => AndersonRubin::Interval { lower, upper },
        RatioSet::Outside(lower, upper) => AndersonRubin::Outside { lower, upper },
        RatioSet::Everything => AndersonRubin::Everything,
        RatioSet::Empty => AndersonRubin::Empty,
    };
    Ok(Some(FirstStage {
        arm: experiment.table.arms[arm].clone(),
        compliance: estimate(&moved, experiment.alpha())?,
        f: if stage.f.is_nan() { 0.0 } else { stage.f.min(f64::MAX) },
        anderson_rubin: BTreeMap::from([(metric.to_owned(), set)]),
        complier_means: complier_means(experiment, reduced, level),
    }))
}

/// E[x | moved] = (E[xd | assigned] − E[xd | control]) / (E[d | assigned] − E[d | control]).
fn complier_means(experiment: &Experiment, reduced: &Fitted, level: usize) -> Vec<ComplierMean> {
    let rows = &reduced.rows;
    let take_up = &rows.metrics[level];
    let difference = |value: &dyn Fn(usize) -> f64| {
        let mean = |assigned: usize| {
            let inside: Vec<usize> =
                (0..rows.rows.len()).filter(|i| usize::from(rows.assigned[*i]) == assigned).collect();
            sums::sum(inside.iter().map(|i| value(*i))) / inside.len() as f64
        };
        mean(level) - mean(0)
    };
    let moved = difference(&|i| take_up[i]);
    let population = rows.term_means(None);
    let one = |j: usize| ComplierMean {
        term: experiment.table.terms[j].clone(),
        compliers: {
            let term: Vec<f64> = rows.term(j).collect();
            difference(&|i| take_up[i] * term[i]) / moved
        },
        population: population[j],
    };
    (0..rows.p()).map(one).filter(|mean| mean.compliers.is_finite()).collect()
}
