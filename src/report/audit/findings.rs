//! What an audit found, a sentence each.

use crate::record::audit::AuditFinding;
use crate::text::escape::one_line;
use crate::text::lines::cut;
use crate::text::lists::{counted, listed};
use crate::text::numbers::{count, short_hash};

/// Characters of a claim or a reason of others that are told.
const LONGEST: usize = 200;

/// A finding.
pub(super) fn sentence(finding: &AuditFinding) -> String {
    order(finding)
        .or_else(|| planned(finding))
        .or_else(|| blind(finding))
        .or_else(|| reported(finding))
        .or_else(|| measured(finding))
        .unwrap_or_default()
}

fn order(finding: &AuditFinding) -> Option<String> {
    use AuditFinding as F;
    Some(match finding {
        F::PlanCommitted => "the plan".to_owned(),
        F::BeforePlan => "this was made from the data, and is no younger than the plan".to_owned(),
        F::PlanChanged => "the plan was changed after it was committed".to_owned(),
        F::OtherPlan { named } => format!("another plan is named: {}", short_hash(named)),
        F::GatePassed { gate, by } => format!("gate `{gate}`: {by} approved"),
        F::GateNotApproved { gate } => format!("gate `{gate}`: the run went on without an approval of this tree"),
        F::GateLeftOut { gate } => format!("the run came to this without a stop at the gate `{gate}`"),
        F::GateWaits { gate } => format!("gate `{gate}`: the run waits here for a decision"),
        F::DataFirstRead => "what was read from the data first".to_owned(),
        F::Finished { commits } => format!("the run came to its end; {} in all", counted(*commits, "commit")),
        F::NotFinished => "the run did not come to its end, or its last commits are gone".to_owned(),
        F::ForeignCommit => "this commit has a parent or a header that no step has".to_owned(),
        F::AskedLater { name } => format!("asked after the end, and nothing of the run is touched: {}", one_line(name)),
        F::CommitAfterEnd => "this commit is younger than the end of the run".to_owned(),
        F::Rewritten => "this was written before, and then again".to_owned(),
        F::EditedFile => "the file in the folder is not the one on record".to_owned(),
        F::LeftBehind { id } => format!(
            "the branch was at commit {}, which its history does not have: it was moved back or written again",
            short_hash(id)
        ),
        F::Replaced { name } => format!("git shows other content than the commits have: {name}"),
        F::Unreadable { reason } => format!("it cannot be read: {}", cut(reason, LONGEST)),
        F::Absent { document, iteration: Some(iteration) } => format!("iteration {iteration} has no {document}"),
        F::Absent { document, iteration: None } => format!("there is no {document}"),
        F::DataSame { files } => format!("{} with the same bytes as on record", counted(*files, "file")),
        F::DataDiffers { recorded: Some(recorded), now: Some(now) } => {
            format!("the file has other bytes: {} on record, {} now", short_hash(recorded), short_hash(now))
        }
        F::DataDiffers { recorded: Some(_), now: None } => {
            "the file is gone, and others of the data are there".to_owned()
        }
        F::DataDiffers { .. } => "the plan's pattern finds this file, and the run did not have it".to_owned(),
        F::OtherData { named } => format!("other data are named: {}", short_hash(named)),
        _ => return None,
    })
}

fn planned(finding: &AuditFinding) -> Option<String> {
    use AuditFinding as F;
    Some(match finding {
        F::Aligned { iteration, checks } => {
            format!("iteration {iteration}: spec and design agree with the plan in {}", counted(*checks, "check"))
        }
        F::NotAligned { iteration, check, detail } => {
            format!("iteration {iteration}: this does not hold: {}: {}", cut(check, LONGEST), cut(detail, LONGEST))
        }
        F::OtherSpec { iteration, named } => {
            format!("iteration {iteration}: it is about the spec {}, which is not the one on record", short_hash(named))
        }
        F::ComparedAsPlanned { effects } => format!("{} of planned metrics and requests", counted(*effects, "effect")),
        F::NotPlanned { part, name } => format!("the plan has no {part} `{name}`"),
        F::EstimatorsAllowed { estimates } => format!("{} by allowed estimators", counted(*estimates, "estimate")),
        F::EstimatorNotAllowed { estimator } => {
            format!("an estimate by `{estimator}`, which the plan's tools leave out")
        }
        F::ToolsAllowed { exchanges } => {
            format!("{} with models, which were offered allowed tools only", counted(*exchanges, "exchange"))
        }
        F::ToolNotAllowed { tool } => {
            format!("a model was offered `{tool}`, which the plan does not allow, or not yet")
        }
        F::ToolRefused { tool } => format!("a model called `{tool}`, which was not on offer"),
        _ => return None,
    })
}

fn blind(finding: &AuditFinding) -> Option<String> {
    use AuditFinding as F;
    Some(match finding {
        F::Unblinded => "effects exist from here on".to_owned(),
        F::NothingLeaked { files, numbers, effects } => format!(
            "{} and every message before that, with {} numbers, hold none of {} values of effects",
            counted(*files, "file"),
            count(*numbers),
            count(*effects)
        ),
        F::EffectFile => "this shows effects, and is older than unblinding".to_owned(),
        F::EffectLeaked { figure, effect } => {
            format!("`{figure}` is `{effect}` of the results, and is older than unblinding")
        }
        F::BlindCritique { code } => format!("`{code}` has a value, which only an effect can give"),
        F::AfterUnblinding => "this is younger than unblinding, and belongs before it".to_owned(),
        _ => return None,
    })
}

fn reported(finding: &AuditFinding) -> Option<String> {
    use AuditFinding as F;
    Some(match finding {
        F::SpecReported { iteration } => format!("the spec of iteration {iteration}"),
        F::SpecNotReported { iteration } => {
            format!("the spec of iteration {iteration} is not in the results and the report")
        }
        F::SpecNotOnRecord { iteration } => {
            format!("a spec of iteration {iteration} is reported, and none is on record")
        }
        F::SpecWithoutEffects { iteration } => {
            format!("the spec of iteration {iteration} has an analysis without an effect in the results")
        }
        F::EarlierReported { count: 0 } => "nothing is reported as unblinded before".to_owned(),
        F::EarlierReported { count } => format!("{count} unblinded before, in the results"),
        F::EarlierNotReported { run } => format!("`{run}` was unblinded before, and is not reported"),
        F::EarlierCountDiffers { trailer, reported } => {
            format!("the commit says `{}` were unblinded before, the results {reported}", cut(trailer, LONGEST))
        }
        F::RecordDamaged { what } => cut(what, LONGEST),
        F::RecordGone => "it is gone from beside the run, which was made here and wrote to it".to_owned(),
        F::RemediationReported { iteration, estimand, playbook } => {
            format!("iteration {iteration}, {estimand}: {playbook}")
        }
        F::RemediationNotReported { iteration, estimand, playbook } => {
            format!("iteration {iteration}, {estimand}: {playbook} is not in the results and the report")
        }
        F::ChangedInSilence { iteration, estimand } => {
            format!("iteration {iteration}: the analysis of the {estimand} is another one, and no revision says so")
        }
        F::TrialContrasted { components } => {
            format!("{} of the ideal trial beside what was done", counted(*components, "component"))
        }
        F::TrialUnstated { component } => format!("the plan says nothing of the trial's `{component}`"),
        F::DeviationUnexplained { component } => {
            format!("what was done instead of the trial's `{component}` is not in the critique and the report")
        }
        F::DepartureUnexplained { estimand } => {
            format!("for whom the {estimand} holds is not in the critique and the report")
        }
        F::NumbersTraced { traced, constants, all, documents } => {
            let fixed = match constants {
                0 => String::new(),
                n => format!("; {} of fixed sentences, such as the level of an interval", count(*n)),
            };
            format!("{} of {} figures come from {}{fixed}", count(*traced), count(*all), listed(documents))
        }
        F::NumberUntraced { figure } => format!("`{figure}` is in no document of the run"),
        F::NumberFlagged { figure } => {
            format!("`{figure}` is a model's, in no document, and flagged as that in the report")
        }
        _ => return None,
    })
}

fn measured(finding: &AuditFinding) -> Option<String> {
    use AuditFinding as F;
    Some(match finding {
        F::Adjusted { iteration, columns, declared_before, graph } => {
            let graph = if *graph { "; the plan's graph orders them" } else { "" };
            format!(
                "iteration {iteration}: {} adjusted for; of {declared_before} the plan says that they were measured before treatment{graph}",
                counted(*columns, "column")
            )
        }
        F::NotAConfounder { iteration, column } => {
            format!("iteration {iteration}: `{column}` is adjusted for, and the plan does not name it")
        }
        F::MeasuredAfter { iteration, column } => {
            format!("iteration {iteration}: `{column}` is adjusted for, and was measured after treatment by the plan")
        }
        F::ForbiddenByGraph { iteration, column } => {
            format!("iteration {iteration}: `{column}` is adjusted for, and the plan's graph forbids it")
        }
        F::DeterminesOutcome { iteration, column: Some(column) } => {
            format!("iteration {iteration}: `{column}` says what the outcome is, so it is no cause of treatment alone")
        }
        F::DeterminesOutcome { iteration, column: None } => {
            format!("iteration {iteration}: all confounders together say what the outcome is")
        }
        F::OneArm { iteration, column } => {
            format!("iteration {iteration}: a range of `{column}` has one arm only; treatment may have made it")
        }
        F::DiagnosticsRun { iteration: Some(iteration), findings } => {
            format!("iteration {iteration}: {} in the critique", counted(*findings, "finding"))
        }
        F::DiagnosticsRun { iteration: None, findings } => format!("in the end: {}", counted(*findings, "finding")),
        F::DiagnosticMissing { iteration, of, diagnostic } => {
            let when = iteration.map_or("in the end".to_owned(), |iteration| format!("iteration {iteration}"));
            let of = if of.is_empty() { String::new() } else { format!(" of the {of}") };
            format!("{when}: `{diagnostic}`{of} was not run, and nothing says why")
        }
        _ => return None,
    })
}
