//! The sentences of a watch.

use crate::finding::Tier;
use crate::record::watch::{
    MovedQuantity, Quantity, WatchDocument, WatchTest, WatchedAnswer, WatchedPartition, WatchedShift,
};
use crate::report::sentences;
use crate::text::escape::{one_line, shortened};
use crate::text::lists::{counted, listed};
use crate::text::numbers::{count, decimals, fixed, percent, significant};

/// Quantities that are named in prose.
const MOST_NAMED: usize = 3;
/// Evidence beyond which no number is given.
const OVERWHELMING: f64 = 1e6;
/// The longest reason that is given in prose; the table has it whole.
const LONGEST_REASON: usize = 400;

/// New partitions, without the plan's own data.
fn new(document: &WatchDocument) -> usize {
    document.partitions.len().saturating_sub(1)
}

fn name(document: &WatchDocument, at: usize) -> String {
    document.partitions.get(at).map_or(String::new(), |partition| quoted(&partition.name))
}

fn quoted(name: &str) -> String {
    // A backtick would end the code that it is in, and what follows would be markup.
    format!("`{}`", shortened(&one_line(name), 60).replace('`', "'"))
}

/// Good, to be looked at, or bad.
pub(super) fn tone(document: &WatchDocument) -> Tier {
    if document.alarmed() || !document.newest_is_gradable() {
        Tier::NotSatisfactory
    } else if document.newest().is_some_and(|it| it.units_of_own_data.unwrap_or_default() > 0) {
        Tier::SatisfactoryWithCaveats
    } else {
        Tier::FullySatisfactory
    }
}

/// The state in a few words: `no drift in 12 partitions`.
#[must_use]
pub fn headline(document: &WatchDocument) -> String {
    let found = &document.found;
    match (found.effect.alarm, found.design.alarm) {
        (Some(_), Some(_)) => "effect and design have moved".to_owned(),
        (Some(_), None) => "the effect has moved".to_owned(),
        (None, Some(_)) => "the design has moved".to_owned(),
        (None, None) => {
            let Some(newest) = document.newest() else { return "nothing new yet".to_owned() };
            if newest.effects.iter().any(|effect| effect.effect.is_none()) {
                format!("no answer in {}", quoted(&newest.name))
            } else if !document.newest_is_gradable() {
                format!("the comparison in {} is not fair", quoted(&newest.name))
            } else {
                format!("no drift in {}", counted(new(document), "partition"))
            }
        }
    }
}

/// The title of comment and plot.
#[must_use]
pub fn title(document: &WatchDocument) -> String {
    crate::text::lines::capitalised(&headline(document))
}

/// What was found, one paragraph each: effects, design, the newest partition.
#[must_use]
pub fn summary(document: &WatchDocument) -> Vec<String> {
    let mut said: Vec<String> =
        document.answers.iter().enumerate().filter_map(|(at, it)| effect(document, at, it)).collect();
    said.push(evidence(document, &document.found.effect, "the effect"));
    said.push(design(document));
    said.extend(document.newest().map(|partition| newest(document, partition)));
    said
}

/// `0.4 to 1`; `more than a million to 1`.
pub(super) fn odds(log_e: f64) -> String {
    let e = log_e.exp();
    if e >= OVERWHELMING {
        "more than a million to 1".to_owned()
    } else if e < 0.01 {
        "less than 0.01 to 1".to_owned()
    } else if e >= 100.0 {
        format!("{} to 1", count(e.round() as usize))
    } else {
        format!("{} to 1", significant(e, 2))
    }
}

fn limit(test: &WatchTest) -> String {
    odds(-test.alpha.ln())
}

/// The estimate of the newest partition that has one: what has moved can move back.
fn newest_estimate(document: &WatchDocument, at: usize) -> Option<String> {
    let last = document.partitions.iter().rfind(|it| it.effects.get(at).is_some_and(|it| it.effect.is_some()))?;
    let it = last.effects.get(at)?.effect?;
    let value = sentences::with_units(&fixed(it.estimate, decimals(it.std_error)), &document.units);
    let file = shortened(&one_line(&last.name), 60).replace('`', "'");
    Some(format!(" In `{file}`, the newest, it is {value} ({}).", significant(it.std_error, 2)))
}

fn effect(document: &WatchDocument, at: usize, answer: &WatchedAnswer) -> Option<String> {
    let shift = document.found.shifts.get(at).copied().flatten()?;
    let own = document.partitions.first()?.effects.get(at)?.effect?;
    let units = |value: f64, std_error: f64| sentences::with_units(&fixed(value, decimals(std_error)), &document.units);
    if document.found.effect.alarm.is_some() && shift.log_e > 0.0 {
        let sds = shift.size / answer.outcome_sd;
        return Some(format!(
            "{}: on average {} (standard error {}) since about {}, and {} ({}) before: a shift of {}, {} standard deviations of the outcome.{}",
            answer.name,
            units(shift.after.value, shift.after.std_error),
            significant(shift.after.std_error, 2),
            name(document, shift.since),
            units(shift.before.value, shift.before.std_error),
            significant(shift.before.std_error, 2),
            units(shift.size, shift.std_error),
            significant(sds, 2),
            newest_estimate(document, at).unwrap_or_default(),
        ));
    }
    let last = document
        .partitions
        .iter()
        .rev()
        .take(new(document))
        .find_map(|partition| Some((partition, partition.effects.get(at)?.effect?)));
    let (partition, last) = last?;
    Some(format!(
        "{}: {} (standard error {}) in {}; the plan's own data said {} ({}).",
        answer.name,
        units(last.estimate, last.std_error),
        significant(last.std_error, 2),
        quoted(&partition.name),
        units(own.estimate, own.std_error),
        significant(own.std_error, 2),
    ))
}

/// The evidence of one test.
fn evidence(document: &WatchDocument, test: &WatchTest, of: &str) -> String {
    let now = test.log_e.last().copied().unwrap_or(0.0);
    let now = odds(now);
    match test.alarm {
        Some(at) => format!(
            "The evidence that {of} has moved is {now}; the alarm was raised after {}, at {}.",
            name(document, at),
            limit(test)
        ),
        None => format!("The evidence that {of} has moved is {now}; an alarm is raised at {}.", limit(test)),
    }
}

fn design(document: &WatchDocument) -> String {
    let found = &document.found;
    let mut said = evidence(document, &found.design, "the design");
    if found.design.alarm.is_some() {
        let named: Vec<String> =
            found.moved.iter().take(MOST_NAMED).map(|moved| moved_quantity(document, moved)).collect();
        if !named.is_empty() {
            said += &format!(" Most of it: {}.", listed(&named));
        }
    } else {
        let tested = document.quantities.len() - found.not_tested;
        said += &format!(" It is about {}", counted(tested, "figure"));
        if found.not_tested > 0 {
            said +=
                &format!("; {} of {} do not vary in the plan's own data", found.not_tested, document.quantities.len());
        }
        said += ".";
    }
    said
}

fn moved_quantity(document: &WatchDocument, moved: &MovedQuantity) -> String {
    let WatchedShift { since, before, after, std_error, .. } = moved.shift;
    let Some(watched) = document.quantities.get(moved.at) else { return String::new() };
    let shares =
        matches!(watched.quantity, Quantity::TreatedShare | Quantity::LeftOutShare | Quantity::MissingShare { .. });
    let value = |x: f64| if shares { percent(x) } else { fixed(x, decimals(std_error)) };
    format!(
        "{} ({} before, {} since about {})",
        quantity(&watched.quantity),
        value(before.value),
        value(after.value),
        name(document, since)
    )
}

/// A quantity of the design as a reader says it.
pub(super) fn quantity(quantity: &Quantity) -> String {
    match quantity {
        Quantity::TreatedShare => "the share of treated units".to_owned(),
        Quantity::Mean { term } => format!("the mean of {}", quoted(term)),
        Quantity::Difference { term } => format!("the difference of {} between the arms", quoted(term)),
        Quantity::LeftOutShare => "the share of rows that are left out".to_owned(),
        Quantity::MissingShare { column } => format!("the share of missing values of {}", quoted(column)),
    }
}

fn newest(document: &WatchDocument, partition: &WatchedPartition) -> String {
    let mut said = format!(
        "{} has {} rows, {} of them treated.",
        quoted(&partition.name),
        count(partition.analysed),
        count(partition.treated)
    );
    let left = partition.rows - partition.analysed;
    if left > 0 {
        said += &format!(" {} are left out, as the plan says.", counted(left, "row"));
    }
    for (answer, effect) in document.answers.iter().zip(&partition.effects) {
        if let Some(why) = &effect.missing {
            said += &format!(" {} has no estimate: {}.", answer.name, shortened(why, LONGEST_REASON));
        } else if !effect.fails.is_empty() {
            let fails: Vec<String> = effect.fails.iter().map(|code| format!("`{code}`")).collect();
            said += &format!(" Of the design for the {}, {} fails.", answer.requested.acronym(), listed(&fails));
        }
        if !effect.absent_terms.is_empty() {
            let terms: Vec<String> = effect.absent_terms.iter().map(|term| quoted(term)).collect();
            said += &format!(
                " For the {}, {} left out, since nobody has that level here.",
                answer.requested.acronym(),
                are(&terms)
            );
        }
    }
    match partition.units_of_own_data {
        Some(0) => {}
        Some(n) => {
            said += &format!(
                " {} in the plan's own data as well: partitions that share units are not independent, and the evidence is then worth less than it says.",
                if n == 1 { "1 unit is".to_owned() } else { format!("{} units are", count(n)) }
            );
        }
        None => {
            said +=
                " The plan names no column of units (`data.unit_id`), so nobody can tell whether partitions share some."
        }
    }
    said
}

fn are(terms: &[String]) -> String {
    let named: Vec<String> = terms.iter().take(MOST_NAMED).cloned().collect();
    let more = terms.len() - named.len();
    match (terms.len(), more) {
        (1, _) => format!("the term {} is", listed(&named)),
        (_, 0) => format!("the terms {} are", listed(&named)),
        _ => format!("the terms {} and {more} more are", named.join(", ")),
    }
}

/// `The last 10 partitions`.
pub(super) fn last(n: usize) -> String {
    format!("The last {}", counted(n, "partition"))
}

/// How the tests work, in a paragraph.
pub(super) fn method(document: &WatchDocument) -> String {
    let both = document.found.effect.alpha + document.found.design.alpha;
    format!(
        "Plan and specs are those of the run and stay as they are; they are fitted to each partition by itself. Each estimate is \
         held against all before it, and a shift of about {} standard deviations since any partition is weighed against none. If \
         nothing ever moves, the chance of an alarm is at most {}, however long one watches: {} for the effects, {} for the design \
         (who came, how treatment fell, what is missing), so that one may look after every partition. Partitions are taken as \
         independent of each other, estimates as normal.",
        significant(document.shift_sd, 2),
        percent(both),
        percent(document.found.effect.alpha),
        percent(document.found.design.alpha),
    )
}
