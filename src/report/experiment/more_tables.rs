//! Tables on how the results came about: take-up, days, looks, hashes.

use super::{shown, words};
use crate::record::experiment::{DayRow, EffectRow, ExperimentResults, Refused};
use crate::report::table::{Column, Table};
use crate::text::lists::listed;
use crate::text::numbers;

/// The first stage of each arm.
pub fn stages(results: &ExperimentResults) -> Table {
    let moved = format!("moved by the assignment [{}]", shown::level(results));
    let mut table = Table::new(&[("arm", Column::Words), (&moved, Column::Number), ("robust F", Column::Number)]);
    for stage in &results.first_stages {
        let c = &stage.compliance;
        let digits = numbers::decimals(100.0 * c.std_error);
        let [share, lower, upper] = [c.estimate, c.lower, c.upper].map(|end| numbers::fixed(100.0 * end, digits));
        let f = numbers::fixed(stage.f, usize::from(stage.f < 100.0));
        table.push(vec![stage.arm.clone(), format!("{share} % [{lower}, {upper}]"), f]);
    }
    table
}

/// The Anderson–Rubin sets, if there are any.
pub fn anderson_rubin(results: &ExperimentResults) -> Option<Table> {
    let set = format!("{} set of the effect on those moved", shown::level(results));
    let mut table = Table::new(&[("arm", Column::Words), ("metric", Column::Words), (&set, Column::Words)]);
    for stage in &results.first_stages {
        for (metric, set) in &stage.anderson_rubin {
            table.push(vec![stage.arm.clone(), metric.clone(), words::anderson_rubin(*set)]);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The means of those moved, if there are covariates.
pub fn compliers(results: &ExperimentResults) -> Option<Table> {
    let mut table = Table::new(&[
        ("arm", Column::Words),
        ("term", Column::Words),
        ("mean among those moved", Column::Number),
        ("mean of everyone", Column::Number),
    ]);
    for stage in &results.first_stages {
        for mean in &stage.complier_means {
            let [moved, everyone] = [mean.compliers, mean.population].map(|mean| numbers::significant(mean, 3));
            table.push(vec![stage.arm.clone(), mean.term.clone(), moved, everyone]);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Units and effects by day, if there are days.
pub fn days(results: &ExperimentResults) -> Option<Table> {
    let first = results.days.first()?;
    let cumulative = results.days.iter().any(|day| !day.cumulative.is_empty());
    let rows = |day: &DayRow| if cumulative { day.cumulative.clone() } else { day.of_the_day.clone() };
    let arms = results.health.design.arms.iter().filter(|_| !first.units.is_empty());
    let mut titles = vec![("day".to_owned(), Column::Number)];
    titles.extend(arms.map(|arm| (format!("units, {}", arm.arm), Column::Number)));
    titles.push(("p of the sample ratio".to_owned(), Column::Number));
    let effects = effects_of(results, &rows);
    titles.extend(effects.iter().map(|(metric, arm)| (format!("{metric}, {arm}"), Column::Number)));
    let borrowed: Vec<(&str, Column)> = titles.iter().map(|(title, kind)| (title.as_str(), *kind)).collect();
    let mut table = Table::new(&borrowed);
    for day in &results.days {
        let mut cells = vec![shown::day(day.day)];
        cells.extend(day.units.iter().map(|units| numbers::count(*units)));
        cells.push(shown::p(day.sample_ratio_p));
        let rows = rows(day);
        cells.extend(effects.iter().map(|of| {
            let found = rows.iter().find(|row| is_of(row, of));
            found.map_or(shown::NOTHING.to_owned(), |row| shown::absolute(&shown::deciding(row)))
        }));
        table.push(cells);
    }
    Some(table)
}

/// The days on which an effect could not be estimated, with the reason of the first, for each metric and arm.
pub fn days_without(results: &ExperimentResults) -> Vec<String> {
    /// Days that are named.
    const NAMED: usize = 5;
    let mut found: Vec<(&Refused, Vec<String>)> = Vec::new();
    for (day, refused) in results.days.iter().flat_map(|day| day.refused.iter().map(move |refused| (day, refused))) {
        let day = shown::day(day.day);
        match found.iter_mut().find(|of| of.0.metric == refused.metric && of.0.arm == refused.arm) {
            Some(of) => of.1.push(day),
            None => found.push((refused, vec![day])),
        }
    }
    let line = |(first, days): &(&Refused, Vec<String>)| {
        let arm = first.arm.as_ref().map_or(String::new(), |arm| format!(", `{arm}`"));
        let more = days.len().saturating_sub(NAMED);
        let named = days.iter().take(NAMED).cloned().chain((more > 0).then(|| format!("{more} more")));
        let (noun, named) = (if days.len() == 1 { "day" } else { "days" }, listed(&named.collect::<Vec<_>>()));
        let reason = first.reason.trim_end_matches('.');
        let day = days.first().map(String::as_str).unwrap_or_default();
        format!("No effect on `{}`{arm} is given for {noun} {named}. On day {day}: {reason}.", first.metric)
    };
    found.iter().map(line).collect()
}

fn is_of(row: &EffectRow, of: &(String, String)) -> bool {
    row.metric == of.0 && row.arm == of.1
}

/// The metrics and arms that have effects by day, in the order of their first day.
fn effects_of(results: &ExperimentResults, rows: &dyn Fn(&DayRow) -> Vec<EffectRow>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for row in results.days.iter().flat_map(rows) {
        let of = (row.metric, row.arm);
        if !found.contains(&of) {
            found.push(of);
        }
    }
    found
}

/// The looks on record.
pub fn looks(results: &ExperimentResults) -> Table {
    let indexed = if results.health.design.clusters.is_some() { "clusters" } else { "rows" };
    let mut table = Table::new(&[
        ("look", Column::Number),
        (indexed, Column::Number),
        ("data, SHA-256", Column::Code),
        ("plan, SHA-256", Column::Code),
        ("plan", Column::Words),
    ]);
    for (i, look) in results.looks.iter().enumerate() {
        let same = look.plan_sha256 == results.plan_sha256;
        let cells = vec![
            (i + 1).to_string(),
            numbers::count(look.n),
            numbers::short_hash(&look.data_sha256),
            numbers::short_hash(&look.plan_sha256),
            if same { "this one" } else { "another" }.to_owned(),
        ];
        if i + 1 == results.looks.len() { table.push_strong(cells) } else { table.push(cells) }
    }
    table
}

/// Version and hashes.
pub fn provenance(results: &ExperimentResults) -> Table {
    let mut table = Table::new(&[("what", Column::Words), ("value", Column::Code)]);
    for (what, value) in [
        ("oci-agent", &results.version),
        ("plan, SHA-256", &results.plan_sha256),
        ("data, SHA-256, of all files", &results.data_sha256),
    ] {
        table.push(vec![what.to_owned(), value.clone()]);
    }
    table
}
