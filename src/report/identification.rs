//! What a causal graph says, in sentences that a person can repeat: for the terminal, `identification.md` and the report.
//!
//! Names and paths are others' text. Whoever renders says how they are quoted: [`Quote`].

use crate::record::identification::{ChosenBy, RunIdentification, TestedIndependence};
use crate::text::escape;
use crate::text::lines::capitalised;
use crate::text::lists::listed;
use causal::graph::answer::{CheckedSet, Identification, Method, NamedIndependence, NamedInstrument, NamedOptimal};
use causal::graph::drawn_path::DrawnPath;
use causal::graph::explain::{Forbidden, ForbiddenKind, Opener};

/// Most names of one kind in a sentence or a list for people.
const MOST_SHOWN: usize = 12;

/// How a name or a path stands in the text: in backticks for a terminal, as code in markdown.
pub type Quote = fn(&str) -> String;

/// For the terminal, and for JSON.
#[must_use]
pub fn in_backticks(name: &str) -> String {
    format!("`{}`", escape::one_line(name))
}

/// For markdown.
#[must_use]
pub fn as_code(name: &str) -> String {
    escape::markdown_code(&escape::one_line(name))
}

fn names(list: &[String], quote: Quote) -> String {
    let mut shown: Vec<String> = list.iter().take(MOST_SHOWN).map(|name| quote(name)).collect();
    if list.len() > MOST_SHOWN {
        shown.push(format!("{} more", list.len() - MOST_SHOWN));
    }
    listed(&shown)
}

/// `the effect of `x` on `y``.
fn effect(answer: &Identification, quote: Quote) -> String {
    format!("the effect of {} on {}", names(&answer.treatments, quote), quote(&answer.outcome))
}

/// The answer in one or two sentences.
#[must_use]
pub fn sentence(answer: &Identification, quote: Quote) -> String {
    let effect = effect(answer, quote);
    match answer.method {
        Method::NoCausalPath => format!(
            "By this graph {effect} is zero: no path of arrows leads from {} to {}.",
            names(&answer.treatments, quote),
            quote(&answer.outcome)
        ),
        Method::BackDoor => format!("{} is identified by adjustment. {}", capitalised(&effect), adjust(answer, quote)),
        Method::FrontDoor => {
            let set = answer.front_door.sets.first().map_or(String::new(), |set| names(set, quote));
            format!(
                "{} is identified by the front door: all of it passes through {set}, which shares no hidden cause with either. \
                 No set of columns makes the groups comparable, so it cannot be estimated by adjustment.",
                capitalised(&effect)
            )
        }
        Method::GeneralId => format!(
            "{} is identified, but by neither adjustment nor a front door: only the ID algorithm finds a formula. \
             It cannot be estimated by adjustment.",
            capitalised(&effect)
        ),
        Method::Unidentified => unidentified(answer, quote),
    }
}

/// A path as it is drawn; of a long one both ends and the number of nodes between them. `identification.json` has it all.
fn drawn(path: &DrawnPath) -> String {
    const ENDS: usize = 5;
    let between = path.steps.len().saturating_sub(2 * ENDS);
    if between < ENDS {
        return path.to_string();
    }
    let (head, rest) = path.steps.split_at(ENDS);
    let tail = rest.get(between..).unwrap_or_default();
    let head = DrawnPath { start: path.start.clone(), steps: head.to_vec() };
    let tail: String = tail.iter().map(|(arrow, node)| format!(" {} {node}", arrow.sign())).collect();
    format!("{head} … {between} more nodes …{tail}")
}

fn adjust(answer: &Identification, quote: Quote) -> String {
    let minimal = &answer.adjustment.minimal;
    let (set, why) = match &answer.adjustment.optimal {
        NamedOptimal::Set(set) => (set.as_slice(), "the set with the smallest variance"),
        NamedOptimal::Nothing | NamedOptimal::NotSearched => {
            (minimal.sets.first().map_or(&[][..], Vec::as_slice), "a smallest set that suffices")
        }
    };
    let first = match (&answer.adjustment.open_without, set) {
        (None, []) => "Nothing has to be adjusted for: no other path between them is open.".to_owned(),
        (None, set) => format!(
            "Nothing has to be adjusted for; adjusting for {} makes the estimate more precise.",
            names(set, quote)
        ),
        (Some(path), set) => {
            format!("Adjust for {} ({why}); without adjustment {} is open.", names(set, quote), quote(&drawn(path)))
        }
    };
    let others = minimal.sets.len();
    let count = if minimal.complete { others.to_string() } else { format!("more than {others}") };
    if others > 1 { format!("{first} There are {count} minimal sets.") } else { first }
}

fn unidentified(answer: &Identification, quote: Quote) -> String {
    let effect = effect(answer, quote);
    let path = answer.adjustment.always_open.as_ref().map(drawn);
    let mut text = match path {
        Some(path) => {
            format!(
                "{} is not identified: {} stays open, whatever is adjusted for.",
                capitalised(&effect),
                quote(&path)
            )
        }
        None if !answer.selected.is_empty() => format!(
            "{} is not identified: the rows were selected on {}, which depends on the outcome or opens a path to it.",
            capitalised(&effect),
            names(&answer.selected, quote)
        ),
        None => format!(
            "{} is not identified: adjustment would need a column that treatment itself affects, and no other formula exists.",
            capitalised(&effect)
        ),
    };
    if let Some(one) = answer.instruments.first() {
        text.push(' ');
        text.push_str(&instrument(one, quote));
    }
    text
}

/// The instruments that the sentence does not name.
fn untold_instruments(answer: &Identification) -> &[NamedInstrument] {
    let told = usize::from(answer.method == Method::Unidentified);
    answer.instruments.get(told..).unwrap_or_default()
}

/// One instrument, and what it is good for.
#[must_use]
pub fn instrument(one: &NamedInstrument, quote: Quote) -> String {
    let given = if one.given.is_empty() { String::new() } else { format!(" given {}", names(&one.given, quote)) };
    format!(
        "{} is an instrument{given}: it gives another effect, that on those whose treatment it changes (LATE), not the ATE.",
        quote(&one.instrument)
    )
}

/// Why a column may not be adjusted for, as a sentence of its own.
#[must_use]
pub fn forbidden(one: &Forbidden, quote: Quote) -> String {
    format!("Never adjust for {}.", forbidden_because(one, quote))
}

/// The column and the reason, for a list.
fn forbidden_because(one: &Forbidden, quote: Quote) -> String {
    let why = match one.kind {
        ForbiddenKind::Mediator => "part of the effect passes through it",
        ForbiddenKind::AfterOutcome => "it is a consequence of the outcome",
        ForbiddenKind::AfterMediator => "it is a consequence of something the effect passes through",
    };
    format!("{}: {why} ({})", quote(&one.name), quote(&drawn(&one.path)))
}

/// Why a column is better left out, for a list.
#[must_use]
pub fn opener(one: &Opener, quote: Quote) -> String {
    let beside = if one.spoils.is_empty() { String::new() } else { format!(" beside {}", names(&one.spoils, quote)) };
    format!("{}: adjusting for it{beside} opens {}", quote(&one.name), quote(&drawn(&one.path)))
}

/// What the criterion says of a set that somebody named.
#[must_use]
pub fn checked(one: &CheckedSet, quote: Quote) -> String {
    let set = if one.set.is_empty() {
        "Adjusting for nothing".to_owned()
    } else {
        format!("Adjusting for {}", names(&one.set, quote))
    };
    if one.valid {
        return format!("{set} is valid: every path that is not part of the effect is closed.");
    }
    let mut reasons: Vec<String> = one.forbidden.iter().take(MOST_SHOWN).map(|bad| forbidden(bad, quote)).collect();
    if let Some(path) = &one.open {
        let opened = match one.opened_by.as_slice() {
            [] => String::new(),
            opened => format!(", opened by {}", names(opened, quote)),
        };
        reasons.push(format!("{} is open{opened}.", quote(&drawn(path))));
    }
    if !one.selection_is_harmless {
        reasons.push("The rows were selected on something that depends on the outcome.".to_owned());
    }
    format!("{set} is not valid. {}", reasons.join(" "))
}

/// `a is independent of b given c`.
#[must_use]
pub fn independence(one: &NamedIndependence, quote: Quote) -> String {
    let given = if one.given.is_empty() { String::new() } else { format!(" given {}", names(&one.given, quote)) };
    format!("{} is independent of {}{given}", quote(&one.a), quote(&one.b))
}

/// The answer as the terminal shows it: the sentence, then one line for each thing to know.
#[must_use]
pub fn page(answer: &Identification, asked: Option<&CheckedSet>) -> String {
    let quote: Quote = in_backticks;
    let mut lines = vec![sentence(answer, quote)];
    lines.extend(asked.map(|set| checked(set, quote)));
    let set = |set: &Vec<String>| if set.is_empty() { "nothing".to_owned() } else { names(set, quote) };
    lines.extend(section("Minimal adjustment sets", &answer.adjustment.minimal.sets, set));
    lines.extend(section("Never adjust for", &answer.forbidden, |one| forbidden_because(one, quote)));
    lines.extend(section("Better left out", &answer.openers, |one| opener(one, quote)));
    lines.extend(section("Front-door sets", &answer.front_door.sets, set));
    lines.extend(section("Instruments", untold_instruments(answer), |one| instrument(one, quote)));
    lines.extend(section("What data could refute", &answer.implied, |one| independence(one, quote)));
    lines.join("\n") + "\n"
}

fn section<T>(title: &str, items: &[T], line: impl Fn(&T) -> String) -> Option<String> {
    if items.is_empty() {
        return None;
    }
    let shown: Vec<String> = items.iter().take(MOST_SHOWN).map(|item| format!("\n  {}", line(item))).collect();
    let more = items.len().saturating_sub(MOST_SHOWN);
    let rest = if more > 0 { format!("\n  and {more} more (`--json` lists them)") } else { String::new() };
    Some(format!("\n{title}:{}{rest}", shown.concat()))
}

/// Who chose the confounders of a run, and why those.
#[must_use]
pub fn chosen(by: ChosenBy, set: &[String], valid: bool) -> String {
    let set = if set.is_empty() { "nothing".to_owned() } else { names(set, in_backticks) };
    match by {
        ChosenBy::Plan if valid => "the confounders are an adjustment set".to_owned(),
        ChosenBy::Plan => "the confounders are NOT an adjustment set".to_owned(),
        ChosenBy::Optimal => format!("adjusts for {set}: of all adjustment sets the one with the smallest variance"),
        ChosenBy::SmallestMinimal => format!("adjusts for {set}: a smallest adjustment set"),
        ChosenBy::AllowedAncestors => {
            format!("has no adjustment set; adjusts for {set}, and the difference is not the effect")
        }
    }
}

/// `identification.md` of a run.
#[must_use]
pub fn markdown(answer: &Identification, document: &RunIdentification) -> Vec<u8> {
    let quote: Quote = as_code;
    let mut lines =
        vec!["# Is the effect identified?".to_owned(), String::new(), sentence(answer, quote), String::new()];
    if let Some(checked) = &document.answer.checked {
        let by = chosen(document.chosen_by, &checked.set, checked.valid);
        lines.push(format!("By the graph: {}.", escape::markdown_inline(&by)));
        lines.push(String::new());
        if !checked.valid {
            lines.push(escape::markdown_inline(&checked.sentence));
            lines.push(String::new());
        }
    }
    let set = |set: &Vec<String>| if set.is_empty() { "nothing".to_owned() } else { names(set, quote) };
    list(&mut lines, "Minimal adjustment sets", answer.adjustment.minimal.sets.iter().map(set));
    list(&mut lines, "Never adjust for", answer.forbidden.iter().map(|one| forbidden_because(one, quote)));
    list(&mut lines, "Better left out", answer.openers.iter().map(|one| opener(one, quote)));
    list(&mut lines, "Front-door sets", answer.front_door.sets.iter().map(set));
    list(&mut lines, "Instruments", untold_instruments(answer).iter().map(|one| instrument(one, quote)));
    tests(&mut lines, "What the graph implies without the outcome", &document.tests);
    match &document.tests_with_outcome {
        Some(found) => tests(&mut lines, "What it implies about the outcome", found),
        None => lines.push("What it implies about the outcome is tested after the loop has settled.".to_owned()),
    }
    lines.push(String::new());
    lines.push("The words are explained in `docs/identification.md`.".to_owned());
    (lines.join("\n") + "\n").into_bytes()
}

fn list(lines: &mut Vec<String>, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.map(|item| format!("- {item}")).collect();
    if !items.is_empty() {
        lines.extend([format!("## {title}"), String::new()]);
        lines.extend(items);
        lines.push(String::new());
    }
}

fn tests(lines: &mut Vec<String>, title: &str, found: &[TestedIndependence]) {
    if found.is_empty() {
        return;
    }
    lines.extend([
        format!("## {title}"),
        String::new(),
        "| independent | given | residual correlation | p | p (Holm) | |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ]);
    for one in found {
        let given: Vec<String> = one.statement.given.iter().map(|name| as_code(name)).collect();
        let pair = format!("{}, {}", as_code(&one.statement.a), as_code(&one.statement.b));
        let rest = match (&one.test, &one.not_tested) {
            (Some(test), _) => format!(
                "{:.3} | {} | {} | {}",
                test.residual_correlation,
                p_value(test.p),
                p_value(test.p_holm),
                if test.rejected { "**rejected**" } else { "holds" }
            ),
            (None, reason) => {
                format!("| | | not tested: {}", escape::markdown_inline(reason.as_deref().unwrap_or_default()))
            }
        };
        lines.push(format!("| {pair} | {} | {rest} |", listed(&given)));
    }
    lines.push(String::new());
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causal::graph::drawn_path::DrawnArrow;

    fn chain(nodes: usize) -> DrawnPath {
        let step = |node| (DrawnArrow::Right, format!("n{node}"));
        DrawnPath { start: "n0".to_owned(), steps: (1..nodes).map(step).collect() }
    }

    #[test]
    fn a_path_that_nobody_can_read_is_told_by_its_ends() {
        let whole = drawn(&chain(15));
        assert_eq!(whole, chain(15).to_string());
        let long = drawn(&chain(500));
        let expected = "n0 -> n1 -> n2 -> n3 -> n4 -> n5 … 489 more nodes … -> n495 -> n496 -> n497 -> n498 -> n499";
        assert_eq!(long, expected);
    }
}
