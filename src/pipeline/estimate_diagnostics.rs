//! The diagnostics computed with an answer, by which it is judged: how far doubly robust estimates are apart, what the effect is
//! for other targets, and which fits did not converge. The thresholds are in `critique::rubric`.

use crate::record::documents::{Disagreement, EffectRow, EstimateDiagnostics, TargetEstimate};
use crate::spec::{Analysis, AnalysisSpec};
use causal::effect::Effect;
use causal::estimand::{OutcomeKind, Target};
use causal::estimator::EstimatorKind;
use causal::learner_kind::LearnerKind;
use causal::nuisance::Nuisances;
use causal::numerics::weighted_moments;
use causal::sample::Sample;

/// Estimators that need one of two models to be right, and so differ where only one of them is.
const DOUBLY_ROBUST: [EstimatorKind; 6] = [
    EstimatorKind::Aipw,
    EstimatorKind::AipwCrossfit,
    EstimatorKind::Tmle,
    EstimatorKind::TmleCrossfit,
    EstimatorKind::AipwBart,
    EstimatorKind::DrAverage,
];

/// What judges the primary estimate among `rows`, the effects of one analysis; `None` if there is no primary estimate.
pub(super) fn diagnostics(
    nuisances: &Nuisances<'_>,
    sample: &Sample,
    rows: &[EffectRow],
) -> Option<EstimateDiagnostics> {
    let answer = &rows.iter().find(|row| row.primary)?.effect;
    let weights = sample.covariates().weights_or_ones().to_vec();
    let outcome_sd = weighted_moments::variance(&sample.y().to_vec(), &weights)?.sqrt();
    Some(EstimateDiagnostics {
        outcome_sd,
        disagreement: disagreement(answer, rows),
        by_target: by_target(nuisances, answer),
        not_converged: answer.not_converged().map(str::to_owned).collect(),
    })
}

/// Of the members of an average; else of the answer and whichever other doubly robust estimate is farthest from it.
fn disagreement(answer: &Effect, rows: &[EffectRow]) -> Option<Disagreement> {
    if let Some(size) = answer.disagreement {
        return Some(Disagreement { between: "Boosting out of fold and BART".to_owned(), size, members: true });
    }
    let other = |row: &&EffectRow| DOUBLY_ROBUST.contains(&row.effect.estimator) && !row.primary;
    let size = |effect: &Effect| (effect.estimate - answer.estimate).abs();
    let others = rows.iter().filter(other).map(|row| &row.effect);
    let far = others.max_by(|a, b| size(a).total_cmp(&size(b)))?;
    let between = format!("{} and {}", answer.estimator.title(), far.estimator.title());
    Some(Disagreement { between, size: size(far), members: false })
}

fn by_target(nuisances: &Nuisances<'_>, answer: &Effect) -> Vec<TargetEstimate> {
    let estimate = |target: Target| {
        let effect = nuisances.effect(answer.estimator, target).ok()?;
        Some(TargetEstimate { target, estimate: effect.estimate })
    };
    [Target::Ate, Target::Att, Target::Ato].into_iter().filter_map(estimate).collect()
}

/// What fits the propensity and the outcome means of an estimator, as a table says it.
pub(super) fn learners(kind: EstimatorKind, spec: &AnalysisSpec, analysis: &Analysis) -> String {
    let regression = match spec.outcome_kind {
        OutcomeKind::Continuous => "linear",
        OutcomeKind::Binary => "logistic",
    };
    let known = spec.known_propensity.is_some();
    let logistic = if known { "known" } else { "logistic" };
    let named = |learner: LearnerKind, regression: &'static str| match learner {
        LearnerKind::Linear => regression,
        other => other.key(),
    };
    let propensity = if known { "known" } else { named(analysis.models.propensity, "logistic") };
    match kind {
        EstimatorKind::Naive => "none".to_owned(),
        EstimatorKind::Regression => "linear".to_owned(),
        EstimatorKind::Gformula => regression.to_owned(),
        EstimatorKind::IpwHt | EstimatorKind::IpwHajek => logistic.to_owned(),
        EstimatorKind::Aipw | EstimatorKind::Tmle => format!("{logistic}, {regression}"),
        EstimatorKind::AipwCrossfit | EstimatorKind::TmleCrossfit => {
            format!("{propensity}, {}", named(analysis.models.outcome, regression))
        }
        EstimatorKind::Bart => "bart".to_owned(),
        EstimatorKind::AipwBart => format!("{propensity}, bart"),
        EstimatorKind::DrAverage => format!("{propensity}, boosting_linear and bart"),
    }
}
