//! The sentences of a follow-up.

use crate::finding::Tier;
use crate::plan::follow_ups::SweepKind;
use crate::record::follow_up::{AnswerSwept, Curve, Declared, FollowUpDocument, OutcomeP, SweepRow};
use crate::report::sentences;
use crate::text::escape::{one_line, shortened};
use crate::text::lines::cut;
use crate::text::lists::{counted, listed};
use crate::text::numbers::{count, fixed, p_statement, percent, significant};

/// Groups without an estimate that are named.
const MOST_NAMED: usize = 4;
/// The longest reason that is given in prose; the table has it whole.
const LONGEST_REASON: usize = 160;

fn by(document: &FollowUpDocument) -> String {
    document.by.as_ref().map_or(String::new(), |by| format!("`{}`", shortened(&one_line(by), 40)))
}

/// The title of page and plot.
#[must_use]
pub fn title(document: &FollowUpDocument) -> String {
    match document.sweep {
        SweepKind::Trim => "Effects along trimming thresholds, with 95 % intervals".to_owned(),
        SweepKind::Partition => format!("Effects in parts by {}, with 95 % intervals", by(document)),
        SweepKind::Subgroup => format!("Effects in subgroups by {}, with 95 % intervals", by(document)),
        SweepKind::Learner => "Effects by learner, with 95 % intervals".to_owned(),
        SweepKind::Spec => "Specification curve".to_owned(),
        SweepKind::Outcomes => "Effects on several outcomes, with 95 % intervals".to_owned(),
    }
}

/// The end of a commit's subject.
#[must_use]
pub fn subject(document: &FollowUpDocument) -> String {
    // Of one answer: they are the same for all.
    let rows = document.rows / document.answers.len().max(1);
    match document.sweep {
        SweepKind::Trim => format!("{} of trimming", counted(rows, "threshold")),
        SweepKind::Outcomes => format!("{} by one design", counted(rows, "outcome")),
        SweepKind::Partition => format!("{} by {}", counted(rows, "part"), by(document)),
        SweepKind::Subgroup => format!("{} by {}", counted(rows, "subgroup"), by(document)),
        SweepKind::Learner => {
            format!("the answer and {}", counted(rows.saturating_sub(1), "other"))
        }
        SweepKind::Spec => {
            let declared = document.curve.as_ref().map_or(rows, |curve| curve.declared);
            format!("{} declared specifications", count(declared))
        }
    }
}

/// What was found, one paragraph each: first of each answer, then what it means for the run.
#[must_use]
pub fn summary(document: &FollowUpDocument) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for answer in &document.answers {
        let rows: Vec<&SweepRow> = document.table.iter().filter(|row| row.requested == answer.requested).collect();
        said.extend(refused(answer));
        said.push(match &document.curve {
            Some(curve) => specification_curve(document, answer, curve, &rows),
            None => sweep(document, answer, &rows),
        });
    }
    said.push(standing(document));
    said
}

/// That the run gives no answer here, before any number is.
fn refused(answer: &AnswerSwept) -> Option<String> {
    if answer.not_identified {
        return Some(format!(
            "{} is not identified: by the causal graph of the plan these confounders do not give the effect, so no number below is an \
             effect of treatment, whatever its row looks like. `identification.md` says which confounders would.",
            answer.name
        ));
    }
    (answer.verdict == Tier::NotSatisfactory).then(|| {
        format!("The run refuses its {}: no row below is an answer in its place, and the rows show where the refusal comes from.", answer.name)
    })
}

/// The smallest and the largest estimate.
fn span(rows: &[&SweepRow], units: &str) -> String {
    let effects = || rows.iter().filter_map(|row| row.effect.as_ref());
    let least = effects().min_by(|a, b| a.estimate.total_cmp(&b.estimate));
    let most = effects().max_by(|a, b| a.estimate.total_cmp(&b.estimate));
    match (least, most) {
        (Some(least), Some(most)) if least.estimate.to_bits() == most.estimate.to_bits() => {
            format!(
                "one estimate, {}",
                sentences::with_units(&fixed(least.estimate, crate::text::numbers::decimals(least.std_error)), units)
            )
        }
        (Some(least), Some(most)) => {
            let decimals = crate::text::numbers::decimals(least.std_error.min(most.std_error));
            let to = sentences::with_units(&fixed(most.estimate, decimals), units);
            format!("estimates from {} to {to}", fixed(least.estimate, decimals))
        }
        _ => "no estimate".to_owned(),
    }
}

fn sweep(document: &FollowUpDocument, answer: &AnswerSwept, rows: &[&SweepRow]) -> String {
    let gradable = rows.iter().filter(|row| row.gradable()).count();
    let span = span(rows, &document.units);
    let own = format!("{gradable} of {} would have been gradable by themselves.", counted(rows.len(), "row"));
    match document.sweep {
        SweepKind::Trim => {
            format!("{}: {}, {span}. {own}{}", answer.name, counted(rows.len(), "threshold"), lost(rows))
        }
        SweepKind::Outcomes => outcomes(answer, rows),
        SweepKind::Learner => {
            let frozen = answer
                .population
                .map_or(String::new(), |n| format!(" in the population of the answer, {} rows", count(n)));
            format!(
                "{}: cross-fitted AIPW by {}{frozen}, beside the answer: {span}. {own}{}",
                answer.name,
                counted(rows.len().saturating_sub(1), "learner"),
                lost(rows)
            )
        }
        _ => {
            let what = if document.sweep == SweepKind::Partition { "part" } else { "subgroup" };
            let frozen = match answer.population {
                None => "a population that the design of the answer does not have".to_owned(),
                Some(n) if n == answer.analysed => format!("the answer's population, all {} rows", count(n)),
                Some(n) => format!(
                    "the answer's population, which is frozen: {} of {} rows; whoever the answer trims is trimmed in every {what}",
                    count(n),
                    count(answer.analysed)
                ),
            };
            let without = match answer.without_group {
                Some(n) if n > 0 => {
                    format!(" {} of them have no value of {} and are in no {what}.", count(n), by(document))
                }
                _ => String::new(),
            };
            let differ = answer.heterogeneity.map_or(String::new(), |test| {
                format!(
                    " That all effects are equal: Q = {} on {} of freedom, {} (Cochran 1954).",
                    significant(test.q, 3),
                    counted(test.degrees, "degree"),
                    p_statement(test.p_value)
                )
            });
            format!(
                "{}: {} by {} of {frozen}.{without} In them {span}.{differ} {own}{}",
                answer.name,
                counted(rows.len(), what),
                by(document),
                lost(rows)
            )
        }
    }
}

/// The name of an outcome; a backtick would end the code that it is in.
fn label(row: &SweepRow) -> String {
    format!("`{}`", shortened(&one_line(&row.label), 40).replace('`', "'"))
}

/// Which of several outcomes an effect is found on.
fn outcomes(answer: &AnswerSwept, rows: &[&SweepRow]) -> String {
    let found = |p: fn(&OutcomeP) -> f64| {
        let significant =
            |row: &&&SweepRow| row.effect.and_then(|it| it.among_outcomes).is_some_and(|it| p(&it) < 0.05);
        let names: Vec<String> = rows.iter().filter(significant).map(|row| label(row)).collect();
        if names.is_empty() { "on no outcome".to_owned() } else { format!("on {}", listed(&names)) }
    };
    let gaps = |row: &&&SweepRow| row.trimmed.is_some_and(|lost| lost > 0);
    let gaps: Vec<String> = rows
        .iter()
        .filter(gaps)
        .map(|row| format!("{} without {}", counted(row.trimmed.unwrap_or_default(), "row"), label(row)))
        .collect();
    let gaps =
        if gaps.is_empty() { String::new() } else { format!(" Left out, for that outcome alone: {}.", listed(&gaps)) };
    format!(
        "{}: {} by the design of the answer. At 5 %, an effect is found {} after Holm (1979) for their number, and {} after Benjamini and \
         Hochberg (1995). Confounders, placebos and graph were chosen for the outcome of the plan; that they do for the others is taken \
         for granted.{gaps}{}",
        answer.name,
        counted(rows.len(), "outcome"),
        found(|p| p.holm),
        found(|p| p.benjamini_hochberg),
        lost(rows)
    )
}

/// The rows without an estimate, by name and with the reason.
fn lost(rows: &[&SweepRow]) -> String {
    let lost: Vec<&&SweepRow> = rows.iter().filter(|row| row.effect.is_none()).collect();
    if lost.is_empty() {
        return String::new();
    }
    let one = |row: &&&SweepRow| {
        let reason = row.missing.as_deref().unwrap_or("no reason is on record");
        format!(
            "{} ({})",
            shortened(&one_line(&row.label), 40),
            cut(one_line(reason).trim_end_matches('.'), LONGEST_REASON)
        )
    };
    let named: Vec<String> = lost.iter().take(MOST_NAMED).map(one).collect();
    let left = lost.len() - named.len();
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    format!(" Without an estimate: {}{more}.", named.join("; "))
}

fn specification_curve(document: &FollowUpDocument, answer: &AnswerSwept, curve: &Curve, rows: &[&SweepRow]) -> String {
    let fork = |fork: &crate::record::follow_up::Fork| format!("{} ({})", fork.key, fork.branches.len());
    let forks: Vec<String> = curve.forks.iter().map(fork).collect();
    let estimated = rows.iter().filter(|row| row.effect.is_some()).count();
    let gradable = rows.iter().filter(|row| row.gradable()).count();
    let mut said = vec![format!(
        "{}: {} declared specifications from the forks {}; {} of {} rows have an estimate, {} would have been gradable by themselves.",
        answer.name,
        count(curve.declared),
        listed(&forks),
        count(estimated),
        count(rows.len()),
        count(gradable)
    )];
    if curve.repeated > 0 {
        said.push(format!(
            "{} of the rows repeat another analysis on the same units, as a threshold does that leaves nobody out; below, each analysis \
             counts once.",
            count(curve.repeated)
        ));
    }
    let units = if curve.standardised { "standard deviations of the outcome" } else { &document.units };
    if let Some(joint) = &curve.joint {
        let sign = if joint.positive { "positive" } else { "negative" };
        said.push(format!(
            "Together ({} draws under no effect): median {}, {}; {} {sign}, {}; {} {sign} and significant at 5 %, {}. The \
             smallest p-value that holds for all at once is {} (Simonsohn, Simmons and Nelson 2020, by influence functions instead of \
             refitting).",
            count(joint.draws),
            sentences::with_units(&significant(joint.median, 3), units),
            p_statement(joint.median_p),
            percent(joint.dominant),
            p_statement(joint.dominant_p),
            percent(joint.significant),
            p_statement(joint.significant_p),
            significant(joint.smallest_adjusted_p, 2)
        ));
    }
    if curve.not_joint > 0 {
        let are = if curve.not_joint == 1 { "is" } else { "are" };
        said.push(format!(
            "{} {are} not in the joint test, since their estimators have no influence function.",
            count(curve.not_joint)
        ));
    }
    if let (Some(m), Some(at)) = (curve.m_value, curve.answer) {
        let own = rows.iter().find(|row| row.answer).and_then(|row| row.effect.as_ref());
        let interval =
            own.map(|it| crate::text::numbers::interval(it.estimate, it.std_error, it.interval.0, it.interval.1));
        let interval =
            interval.map_or_else(|| significant(at, 3), |text| sentences::with_units(&text, &document.units));
        let tests = curve
            .m_value_of_tests
            .map_or(String::new(), |m| format!(", {} by the size of the test", significant(m, 3)));
        said.push(format!(
            "{}: {interval}, m-value {}{tests}: the share of the paths of this garden with a claim in that direction at least \
             as extreme, each path as likely as any other (Miao, Pritchard and Zou 2026, who sample paths with language models).",
            if answer.verdict == Tier::NotSatisfactory { "The estimate that the run refuses as an answer" } else { "The answer" },
            significant(m, 3)
        ));
    }
    if curve.winsorised > 0 {
        said.push(format!("Winsorising set {} values of the outcome to a limit.", count(curve.winsorised)));
    }
    let lost = lost(rows);
    if !lost.is_empty() {
        said.push(lost.trim_start().to_owned());
    }
    said.join(" ")
}

/// What a follow-up is, and what it is not.
fn standing(document: &FollowUpDocument) -> String {
    let asked = match document.declared {
        Declared::InThePlan => "It was declared in the plan, before anything was known.",
        Declared::AfterUnblinding => "It was asked for when the answers were known: read it as exploration.",
    };
    let verdict = |answer: &AnswerSwept| format!("{} {}", answer.name, sentences::tier(answer.verdict));
    let verdicts: Vec<String> = document.answers.iter().map(verdict).collect();
    format!(
        "{asked} It changes no answer and no verdict of the run ({}). \"By itself\" is the rubric on the row's own design, without what \
         needs an effect, and as an answer about that row's own population: a row that is gradable is no answer of the run.",
        listed(&verdicts)
    )
}
