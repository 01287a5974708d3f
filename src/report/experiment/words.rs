//! The facts of an experiment in words: what an effect is of, where a metric stands, how it was analysed.

use crate::plan::experiment::{Adjustment, EffectRequest, LookPlan, Role, Worse};
use crate::record::experiment::{AndersonRubin, Compliance, FilteredOut, HealthCode, Refused, Standing, Verdict};
use crate::text::lists::counted;
use crate::text::numbers;
use causal::experiment::VarianceKind;

/// What an effect is of.
#[must_use]
pub fn request(request: EffectRequest) -> &'static str {
    match request {
        EffectRequest::Itt => "effect of being assigned",
        EffectRequest::Late => "effect on those whom the assignment moved",
        EffectRequest::Att => "effect on the treated",
        EffectRequest::Ate => "effect on everyone, were all treated",
    }
}

/// A metric's part in the decision.
#[must_use]
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Guardrail => "guardrail",
        Role::Secondary => "secondary",
    }
}

/// The direction in which a metric is better.
#[must_use]
pub fn better(worse: Worse) -> &'static str {
    match worse {
        Worse::Up => "less is better",
        Worse::Down => "more is better",
    }
}

/// What to do, as it is called out.
#[must_use]
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ship => "SHIP",
        Verdict::Hold => "HOLD",
        Verdict::Stop => "STOP",
    }
}

/// Where a metric stands.
#[must_use]
pub fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Better => "better",
        Standing::SmallerThanMatters => "better, by less than matters",
        Standing::NoEffectThatMatters => "no effect that matters",
        Standing::WithinMargin => "within its margin",
        Standing::Worse => "worse",
        Standing::BeyondMargin => "beyond its margin",
        Standing::Undecided => "undecided",
    }
}

/// How take-up follows assignment.
#[must_use]
pub fn compliance(compliance: Compliance) -> &'static str {
    match compliance {
        Compliance::Full => "Everyone took up what they were assigned to.",
        Compliance::OneSided => {
            "Nobody in the control arm took the treatment up; in the other arms some did not (one-sided)."
        }
        Compliance::TwoSided => "In every arm some took up another treatment than they were assigned to (two-sided).",
    }
}

/// What a filter left out, if it did.
#[must_use]
pub fn filtered_out(filtered: FilteredOut) -> Option<String> {
    if filtered.rows == 0 {
        return None;
    }
    let whole = filtered.units.map_or(String::new(), |units| format!(", and {} with them", counted(units, "unit")));
    Some(format!("`data.filter` leaves out {} of the table of assignments{whole}.", counted(filtered.rows, "row")))
}

/// A request that is not answered: metric, arm, effect and segment, and why.
#[must_use]
pub fn refused(refused: &Refused) -> String {
    let arm = refused.arm.as_ref().map_or(String::new(), |arm| format!(", `{arm}`"));
    let segment = refused.segment.as_ref().map_or(String::new(), |segment| format!(", where `{segment}`"));
    let reason = refused.reason.trim_end_matches('.');
    format!("`{}`{arm}, {}{segment}: {reason}.", refused.metric, request(refused.request))
}

/// How covariates enter.
#[must_use]
pub fn adjustment(adjustment: Adjustment) -> &'static str {
    match adjustment {
        Adjustment::None => "difference in means, without covariates",
        Adjustment::Ancova => "regression on the covariates, one slope for all arms",
        Adjustment::Lin => "regression on the covariates, a slope for each arm (Lin 2013)",
    }
}

/// The name of a variance.
#[must_use]
pub fn variance(variance: VarianceKind) -> &'static str {
    match variance {
        VarianceKind::Iid => "equal variance for all rows",
        VarianceKind::Hc0 => "HC0, robust to heteroskedasticity",
        VarianceKind::Hc1 => "HC1, robust to heteroskedasticity",
        VarianceKind::Hc2 => "HC2, robust to heteroskedasticity",
        VarianceKind::Hc3 => "HC3, robust to heteroskedasticity",
        VarianceKind::Cr0 => "CR0, clustered",
        VarianceKind::Cr1 => "CR1, clustered",
        VarianceKind::Cr1s => "CR1S, clustered",
        VarianceKind::Cr2 => "CR2, clustered and bias-reduced",
        VarianceKind::Cr3 => "CR3, clustered, close to the jackknife",
    }
}

/// How looks were planned.
#[must_use]
pub fn looks(planned: LookPlan) -> &'static str {
    match planned {
        LookPlan::Fixed => "The plan is for one look, at the planned size: intervals and p-values hold for that one.",
        LookPlan::Anytime => {
            "The plan allows any number of looks: the confidence sequences hold at all of them together, the narrower intervals at one."
        }
    }
}

/// The subject of a check.
#[must_use]
pub fn health(code: HealthCode) -> &'static str {
    match code {
        HealthCode::SampleRatio => "sample ratio",
        HealthCode::SampleRatioByDay => "sample ratio by day",
        HealthCode::FollowUp => "follow-up",
        HealthCode::TwoArms => "units in two arms",
        HealthCode::AssignedAfterExposure => "exposed before assignment",
        HealthCode::PrePeriod => "differences before the start",
        HealthCode::CovariatesPredict => "covariates that predict assignment",
        HealthCode::FewClusters => "number of clusters",
        HealthCode::TermsAgainstClusters => "terms against clusters",
        HealthCode::FirstStage => "strength of the instrument",
        HealthCode::Propensity => "chances of assignment",
        HealthCode::MissingOutcomes => "missing outcomes",
        HealthCode::Looks => "looks",
        HealthCode::Novelty => "change over time",
    }
}

/// An Anderson–Rubin set: `0.2 to 1.4`.
#[must_use]
pub fn anderson_rubin(set: AndersonRubin) -> String {
    match set {
        AndersonRubin::Interval { lower, upper } => {
            let [lower, upper] = both(lower, upper);
            format!("from {lower} to {upper}")
        }
        AndersonRubin::Outside { lower, upper } => {
            let [lower, upper] = both(lower, upper);
            format!("up to {lower}, and from {upper} on")
        }
        AndersonRubin::Everything => "every value: the instrument says nothing".to_owned(),
        AndersonRubin::Empty => "no value: the model does not fit".to_owned(),
    }
}

/// Two ends, in the digits that their distance supports.
fn both(lower: f64, upper: f64) -> [String; 2] {
    let digits = numbers::decimals((upper - lower).abs() / 4.0);
    [lower, upper].map(|end| numbers::fixed(end, digits))
}
