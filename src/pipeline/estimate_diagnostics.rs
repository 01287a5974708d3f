//! The diagnostics computed with an answer, by which it is judged: how far doubly robust estimates are apart, what the effect is
//! for other targets, and which fits did not converge. The thresholds are in `critique::rubric`.

use crate::record::documents::{Disagreement, EffectRow, EstimateDiagnostics, EstimatePair, TargetEstimate};
use crate::report::notes;
use crate::spec::AnalysisSpec;
use causal::effect::Effect;
use causal::estimand::{OutcomeKind, Target};
use causal::estimator::{EstimatorKind, NuisanceModels, OutcomeFit, PropensityFit, PropensityUse};
use causal::learner_kind::LearnerKind;
use causal::nuisance::Nuisances;
use causal::numerics::weighted_moments;
use causal::sample::Sample;

/// The diagnostics of the primary estimate among `rows`, the effects of one analysis; `None` without a primary estimate.
pub(super) fn diagnostics(
    nuisances: &Nuisances<'_>,
    sample: &Sample,
    rows: &[EffectRow],
) -> Option<EstimateDiagnostics> {
    let answer = &rows.iter().find(|row| row.primary)?.effect;
    let outcome_sd = outcome_sd(sample)?;
    Some(EstimateDiagnostics {
        outcome_sd,
        largest_row: largest_row(sample)?,
        outcome_smallest: sample.y().iter().copied().fold(f64::INFINITY, f64::min),
        disagreement: disagreement(answer, rows),
        by_target: by_target(nuisances, answer),
        not_converged: notes::not_converged(answer),
    })
}

/// The standard deviation of the outcome, observation weights included.
pub(crate) fn outcome_sd(sample: &Sample) -> Option<f64> {
    let weights = sample.covariates().weights_or_ones().to_vec();
    Some(weighted_moments::variance(&sample.y().to_vec(), &weights)?.sqrt())
}

/// The largest share of one row in the squared deviations of the outcome, observation weights included.
fn largest_row(sample: &Sample) -> Option<f64> {
    let (y, weights) = (sample.y().to_vec(), sample.covariates().weights_or_ones().to_vec());
    let mean = weighted_moments::mean(&y, &weights)?;
    let deviations = y.iter().zip(&weights).map(|(y, w)| w * (y - mean).powi(2));
    Some(deviations.clone().fold(0.0, f64::max) / deviations.sum::<f64>())
}

/// Of the members of an average; else of the answer and whichever other doubly robust estimate is farthest from it. An answer by
/// regressions is held against a flexible estimate later.
fn disagreement(answer: &Effect, rows: &[EffectRow]) -> Option<Disagreement> {
    if let Some(size) = answer.disagreement {
        return Some(Disagreement {
            between: "The model out of fold and BART".to_owned(),
            size,
            pair: EstimatePair::Members,
        });
    }
    let other = |row: &&EffectRow| row.effect.estimator.is_doubly_robust() && !row.primary;
    let size = |effect: &Effect| (effect.estimate - answer.estimate).abs();
    let between = |effect: &Effect| format!("{} and {}", answer.estimator.title(), effect.estimator.title());
    let others = rows.iter().filter(other).map(|row| &row.effect);
    let far = others.max_by(|a, b| size(a).total_cmp(&size(b)))?;
    Some(Disagreement { between: between(far), size: size(far), pair: EstimatePair::Other })
}

fn by_target(nuisances: &Nuisances<'_>, answer: &Effect) -> Vec<TargetEstimate> {
    let estimate = |target: Target| {
        // A target that cannot be estimated is left out: this judges an answer and is none.
        let effect = nuisances.effect(answer.estimator, target).ok()?;
        Some(TargetEstimate { target, estimate: effect.estimate })
    };
    [Target::Ate, Target::Att, Target::Ato].into_iter().filter_map(estimate).collect()
}

/// The learners of the propensity and the outcome means of an estimator, as a table says it. A propensity that only defines the
/// overlap population is left out.
pub(super) fn learners(kind: EstimatorKind, spec: &AnalysisSpec, models: NuisanceModels) -> String {
    let by = |learner: LearnerKind, regression: &'static str| match learner {
        LearnerKind::Linear => regression,
        other => other.key(),
    };
    let propensity = match kind.facts().propensity {
        PropensityUse::Never | PropensityUse::OverlapTarget(_) => None,
        PropensityUse::EveryTarget(_) if spec.known_propensity.is_some() || spec.share.is_some() => Some("known"),
        PropensityUse::EveryTarget(PropensityFit::Logistic) => Some("logistic"),
        PropensityUse::EveryTarget(PropensityFit::CrossFitted) => Some(by(models.propensity, "logistic")),
    };
    let regression = match spec.outcome_kind {
        OutcomeKind::Continuous => "linear",
        OutcomeKind::Binary => "logistic",
    };
    let outcome = match kind.facts().outcome {
        OutcomeFit::Nothing => None,
        OutcomeFit::PooledRegression => Some("linear".to_owned()),
        OutcomeFit::Regressions => Some(regression.to_owned()),
        OutcomeFit::CrossFitted => Some(by(models.outcome, regression).to_owned()),
        OutcomeFit::Own(learners) => Some(learners.iter().map(|l| l.key()).collect::<Vec<_>>().join(" and ")),
    };
    let models: Vec<String> = propensity.map(str::to_owned).into_iter().chain(outcome).collect();
    if models.is_empty() { "none".to_owned() } else { models.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causal::effect::SeMethod;
    use causal::estimand::{Estimand, Inference, Population};
    use causal::scale::Scale;

    fn row(estimator: EstimatorKind, estimate: f64, primary: bool) -> EffectRow {
        let effect = Effect {
            estimand: Estimand { target: Target::Ate, population: Population::All },
            estimator,
            scale: Scale::Difference,
            estimate,
            std_error: 0.5,
            se_method: SeMethod::InfluenceFunction,
            se_influence: None,
            se_stacked: None,
            ci_lower: estimate - 1.0,
            ci_upper: estimate + 1.0,
            mean_treated: None,
            mean_control: None,
            n: 100,
            n_treated: 40,
            ess_treated: 30.0,
            ess_control: 50.0,
            inference: Inference::Population,
            disagreement: None,
            clipped: 0,
            repeats: 1,
            notes: Vec::new(),
        };
        let (name, learners) = ("ATE".to_owned(), "none".to_owned());
        EffectRow { iteration: 1, requested: Target::Ate, name, primary, learners, effect: notes::document(effect) }
    }

    /// The farthest, on either side and wherever it stands in the list; those that are not doubly robust do not count.
    #[test]
    fn the_answer_is_held_against_the_doubly_robust_estimate_that_is_farthest_from_it() {
        for (crossfit, tmle, farthest, size) in [
            (3.25, 2.5, EstimatorKind::Tmle, 0.5),
            (2.75, 3.5, EstimatorKind::Tmle, 0.5),
            (2.0, 3.5, EstimatorKind::AipwCrossfit, 1.0),
        ] {
            let rows = [
                row(EstimatorKind::IpwHajek, 9.0, false),
                row(EstimatorKind::Aipw, 3.0, true),
                row(EstimatorKind::AipwCrossfit, crossfit, false),
                row(EstimatorKind::Tmle, tmle, false),
            ];
            let found = disagreement(&rows[1].effect, &rows).unwrap();
            let between = format!("{} and {}", EstimatorKind::Aipw.title(), farthest.title());
            assert_eq!(found, Disagreement { between, size, pair: EstimatePair::Other });
        }
        let alone = [row(EstimatorKind::Aipw, 3.0, true), row(EstimatorKind::IpwHajek, 9.0, false)];
        assert_eq!(disagreement(&alone[0].effect, &alone), None);
    }
}
