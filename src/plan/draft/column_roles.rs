//! What names, types and values of columns say about their roles, and what they cannot say.
//!
//! A rule decides only where it would be odd for a column to be anything else. That a column is a mediator, a collider or an
//! instrument is never seen in a file, and nor is that it was settled before treatment unless its name says so: those stay
//! [`ColumnRole::Undecided`], with what there is to think about.

use super::{ColumnRole, DraftedBy, RoleJudgement};
use crate::plan::names;
use crate::plan::proposal::{Observed, Proposal, WhyLeftOut};
use crate::schema::ColumnInfo;
use crate::text::lines::capitalised;
use crate::text::untrusted::visible;

/// A judgement of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The judgement, which nobody has accepted.
    pub judgement: RoleJudgement,
    /// It rests on what the file shows, so that nothing but the principal overrides it: a copy, a constant, a column that
    /// determines the outcome or splits the arms, an identifier, a name that says that it is later than treatment or who stayed in the study. A column that
    /// splits the arms is undecided all the same.
    pub is_hard: bool,
}

const NOT_KNOWN: &str = "Undecided: only you can say whether it was settled before treatment. If so, and if it is a cause of \
                         both, it is a confounder; if treatment may have changed it, it must not be adjusted for.";

/// A judgement on every column of a file, in its order. `named` says why treatment and outcome are those two.
#[must_use]
pub fn judge(observed: &Observed<'_>, proposal: &Proposal, named: [&str; 2]) -> Vec<Judged> {
    let [treatment, outcome] = named;
    let one = |column: &ColumnInfo| {
        let name = column.name.as_str();
        if name == observed.treatment {
            return judged(name, ColumnRole::Treatment, treatment, false);
        }
        if name == observed.outcome {
            return judged(name, ColumnRole::Outcome, outcome, false);
        }
        of_other(observed, proposal, name)
    };
    observed.columns.iter().map(one).collect()
}

fn judged(column: &str, role: ColumnRole, because: &str, is_hard: bool) -> Judged {
    let judgement = RoleJudgement {
        column: column.to_owned(),
        role,
        drafted: None,
        by: DraftedBy::Rules,
        because: visible(because),
        accepted: None,
    };
    Judged { judgement, is_hard }
}

fn of_other(observed: &Observed<'_>, proposal: &Proposal, name: &str) -> Judged {
    let reason = proposal.left_out.iter().find(|(left, _)| left == name).map(|(_, reason)| reason.as_str());
    let because = |reason: &str| format!("{}.", capitalised(reason.trim_end_matches('.')));
    if let (Some(why), Some(reason)) = (proposal.why.get(name), reason) {
        let (role, is_hard) = match why {
            WhyLeftOut::Empty | WhyLeftOut::Fault | WhyLeftOut::Unusable => (ColumnRole::LeftOut, true),
            WhyLeftOut::Identifier => (ColumnRole::Identifier, true),
            WhyLeftOut::Cluster if names::is_unit(name) => (ColumnRole::Cluster, false),
            // A region or a month can look the same, and is a cause of both as often.
            WhyLeftOut::Cluster => {
                let reason = format!(
                    "{} If treatment was given to those units as a whole, its role is `cluster`. {NOT_KNOWN}",
                    because(reason)
                );
                return judged(name, ColumnRole::Undecided, &reason, false);
            }
            WhyLeftOut::Date => (ColumnRole::Time, false),
            WhyLeftOut::After => (ColumnRole::PostTreatment, true),
            WhyLeftOut::OneArm if says_what_treatment_says(observed, name) => (ColumnRole::LeftOut, true),
            WhyLeftOut::OneArm => {
                let reason = format!(
                    "{} If it is a consequence of treatment, it is no confounder; if it is a cause of both, there is nobody to compare \
                     with there. {NOT_KNOWN}",
                    because(reason)
                );
                return judged(name, ColumnRole::Undecided, &reason, true);
            }
            WhyLeftOut::Sparse => {
                let reason = format!("{} {NOT_KNOWN}", because(reason));
                return judged(name, ColumnRole::Undecided, &reason, false);
            }
        };
        return judged(name, role, &because(reason), is_hard);
    }
    if proposal.unit_id.as_deref() == Some(name) {
        return judged(
            name,
            ColumnRole::Identifier,
            "By its name it names the unit, and no two rows have the same.",
            true,
        );
    }
    let (role, reason) = by_name(name, observed.outcome);
    judged(name, role, &reason, role == ColumnRole::PostTreatment)
}

/// True if a column is the treatment in the same or in other units.
fn says_what_treatment_says(observed: &Observed<'_>, name: &str) -> bool {
    let same = |one: &str, other: &str| {
        let fact = observed.facts.iter().find(|fact| fact.name == one);
        fact.is_some_and(|fact| [&fact.copy_of, &fact.line_of].into_iter().flatten().any(|it| it == other))
    };
    same(name, observed.treatment) || same(observed.treatment, name)
}

/// The role that a name gives away, and what else there is to say.
fn by_name(name: &str, outcome: &str) -> (ColumnRole, String) {
    let undecided = |hint: &str| (ColumnRole::Undecided, format!("{hint} {NOT_KNOWN}"));
    if names::says_who_stayed(name) {
        let reason = "By its name it says who stayed in the study, which treatment may have changed; adjusting for it, or \
                      dropping rows by it, selects on what comes after.";
        return (ColumnRole::PostTreatment, reason.to_owned());
    }
    if names::is_check(name) {
        return undecided("By its name it may be a placebo outcome or a negative control.");
    }
    if names::is_weight(name) {
        return undecided("By its name it may be a weight of observations (role `weight`), or a measurement of mass.");
    }
    if names::is_propensity(name) {
        return undecided(
            "By its name it may be a chance of treatment: known by design, it is `analysis.known_propensity`; estimated, it has no role.",
        );
    }
    if names::is_encouragement(name) {
        return undecided(
            "By its name it may have moved treatment and nothing else (an instrument), which is not adjusted for.",
        );
    }
    if names::is_earlier_outcome(name, outcome) {
        let reason = "By its name it is the outcome at an earlier time, which is among the best confounders there are. It \
                      can be a placebo outcome instead, where adjustment does not need it.";
        return (ColumnRole::Confounder, reason.to_owned());
    }
    if names::is_before(name) {
        let reason = "By its name it was measured before treatment. If it moves treatment only, it is an instrument, and is \
                      better left out.";
        return (ColumnRole::Confounder, reason.to_owned());
    }
    if names::is_fixed(name) {
        let reason =
            "By its name treatment cannot have changed it: it is there from birth, or changes with the calendar.";
        return (ColumnRole::Confounder, reason.to_owned());
    }
    if names::is_time(name) {
        return undecided("By its name it is a time.");
    }
    if names::is_result(name) {
        return undecided("By its name it may be another outcome.");
    }
    (ColumnRole::Undecided, NOT_KNOWN.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_only_what_they_say() {
        for (name, role) in [
            ("re74", ColumnRole::Confounder),
            ("baseline_score", ColumnRole::Confounder),
            ("sex", ColumnRole::Confounder),
            ("education", ColumnRole::Undecided),
            ("blood_pressure", ColumnRole::Undecided),
            ("lottery", ColumnRole::Undecided),
            ("dropout", ColumnRole::PostTreatment),
            ("sampling_weight", ColumnRole::Undecided),
            ("year", ColumnRole::Undecided),
            ("", ColumnRole::Undecided),
        ] {
            let (found, reason) = by_name(name, "re78");
            assert_eq!(found, role, "{name}");
            assert_eq!(role == ColumnRole::Undecided, reason.contains("only you can say"), "{name}: {reason}");
        }
    }
}
