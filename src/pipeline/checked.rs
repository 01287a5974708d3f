//! The output of `oci-agent check`: a plan and its data, line by line.

use crate::critique::structure_findings;
use crate::pipeline::identification::PlanIdentification;
use crate::pipeline::prepare::Prepared;
use crate::pipeline::sparse_levels::sparse_levels;
use crate::plan;
use crate::report;
use crate::schema::FilterRecord;
use crate::text::escape::one_line;

/// The output of `oci-agent check` for a plan that its data can answer, with the structural faults of its confounders.
#[must_use]
pub fn checked(prepared: &Prepared) -> String {
    let (rows, treated) = prepared.arms();
    let draft = &prepared.draft;
    let priority = draft.confounders.iter().filter(|group| group.priority).count();
    let terms = draft.analyses.first().map_or(0, |analysis| analysis.terms.len());
    let estimands: Vec<&str> = draft.analyses.iter().map(|analysis| analysis.requested.acronym()).collect();
    let dropped = prepared.counters().rows_dropped_missing;
    let answered = draft
        .analyses
        .first()
        .map_or_else(String::new, |analysis| format!("{}. {}", analysis.primary.title(), analysis.because));
    let faults = structure_findings::sentences(prepared.structure());
    let agree = if faults.is_empty() {
        "The plan and the data agree.".to_owned()
    } else {
        "The plan can be read against the data, and it will not be accepted:".to_owned()
    };
    let faults = faults.into_iter().map(|fault| format!("  fault        {}", one_line(&fault)));
    let filtered =
        prepared.document.filter.iter().map(|filter| format!("  asked about  {}", one_line(&asked_about(filter))));
    let lines = std::iter::once(agree).chain(faults).chain(filtered).chain([
        format!(
            "  rows         {rows} analysed ({treated} treated, {} controls), {dropped} dropped for missing values",
            rows - treated
        ),
        format!(
            "  treatment    {} ({} against {})",
            one_line(&draft.treatment),
            one_line(&draft.treated),
            one_line(&draft.control)
        ),
        format!("  outcome      {} ({})", one_line(&draft.outcome), one_line(&draft.units)),
        format!("  confounders  {} ({priority} with priority), {terms} design terms", draft.confounders.len()),
        identified(prepared),
        format!("  placebos     {} declared", draft.placebos.len()),
        format!("  estimands    {}", estimands.join(", ")),
        format!("  answered by  {}", one_line(&answered)),
        format!("  plan         sha256 {}", prepared.plan_sha256),
        format!("  data         sha256 {}", prepared.document.sha256),
    ]);
    let lines =
        lines.chain(reading_notes(prepared).into_iter().map(|note| format!("  note         {}", one_line(&note))));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n") + "\n"
}

/// The rows that a filter keeps, and those that it leaves out.
fn asked_about(filter: &FilterRecord) -> String {
    let each: Vec<String> = filter
        .conditions
        .iter()
        .map(|one| {
            let unknown = match one.rows_missing {
                0 => String::new(),
                n => format!(", {n} without a value"),
            };
            format!("`{}` (false in {}{unknown})", one.expression, one.rows_false)
        })
        .collect();
    each.join(" and ")
}

/// What was done to the files and to the columns of the analysis while they were read, and what is suspected of them.
fn reading_notes(prepared: &Prepared) -> Vec<String> {
    let counters = prepared.counters();
    let used = |column: &String| counters.missing_by_column.contains_key(column);
    let document = &prepared.document;
    let done = document.conversions.iter().filter(|done| done.column.as_ref().is_none_or(used));
    let suspected = document.suspicions.iter().filter(|found| used(&found.column));
    let sparse = report::sparse_levels::told(&sparse_levels(prepared)).map(|[what, fix]| format!("{what}; {fix}"));
    done.map(plan::conversion_text).chain(suspected.map(plan::suspicion_text)).chain(sparse).collect()
}

/// What the graph says, in a line; nothing without one.
fn identified(prepared: &Prepared) -> String {
    let words = |found: &PlanIdentification| {
        let names: Vec<String> = found.checked.set.clone();
        format!(
            "  graph        {}",
            one_line(&report::identification::chosen(found.chosen_by, &names, found.checked.valid))
        )
    };
    prepared.identification.as_ref().map(words).unwrap_or_default()
}
