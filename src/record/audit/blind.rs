//! Blindness: no file with an effect before unblinding, and no estimate in any older file or message.
//!
//! Estimates of `results.json` are looked for among the numbers of every older document and table, where they must agree to all
//! digits that are written there, at least six for an answer and nine for another effect, and among the figures in older prose (commit messages, reports, what models were told and said), where they must agree to the digits
//! shown, at least four of them, and be in no older document. Fewer digits than that are no evidence: most of them are somewhere.

use super::checks::{Checked, Place};
use super::facts::{AuditFinding as Finding, Unaudited};
use super::history::{AuditedFile, Filed, History, line_of, places_of};
use super::numbers::{KnownNumbers, Source};
use super::places::{Placed, Scalar};
use super::tables::numbers as table_numbers;
use super::tools::held;
use super::{AlignmentSubject, Outside};
use crate::text::figures::{Figure, figures};

/// Files that hold effects, whatever folder they are in.
const EFFECT_FILES: [&str; 8] = [
    "results.json",
    "effects.json",
    "estimates.csv",
    "effects.csv",
    "segments_covariance.json",
    "report.md",
    "report.html",
    "analysis.ipynb",
];
/// Beginnings of the names of figures that show effects.
const EFFECT_FIGURES: [&str; 6] = ["forest", "sensitivity", "effects", "segments", "cumulative", "logged_actions.svg"];
/// Keys under which `results.json` has the values of an effect.
const EFFECT_KEYS: [&str; 7] = ["estimate", "ci_lower", "ci_upper", "lower", "upper", "mean_treated", "mean_control"];
/// Digits that a number in a document needs to be taken for an answer, and for any other effect.
const DIGITS_IN_DOCUMENTS: (usize, usize) = (6, 9);
/// Digits that a figure in prose needs.
const DIGITS_IN_PROSE: usize = 4;
/// Digits that a figure in an exchange with a model needs: tools say numbers there that are in no document.
const DIGITS_IN_EXCHANGES: usize = 5;
/// So many leaks of one file are told.
const MOST_LEAKS: usize = 5;

/// A value of an effect.
struct EffectValue {
    value: f64,
    path: String,
    /// True for what is answered.
    answer: bool,
    /// True for the estimate, and not an end of its interval or a mean.
    estimate: bool,
}

/// No effect before unblinding.
pub(super) fn blindness(history: &History<'_>, outside: &Outside) -> Checked {
    let mut check = Checked::default();
    held(&mut check, history, outside, AlignmentSubject::Blindness);
    if history.observational().is_some_and(|plan| !plan.loop_.blind) {
        check.unless_fault(Unaudited::NotBlindByPlan);
        return check;
    }
    let blind_until = history.unblinded.unwrap_or(history.commits.len());
    effect_files(&mut check, history, blind_until);
    for critique in history.critiques.values() {
        blind_critique(&mut check, history, critique.filed);
    }
    let Some(unblinded) = history.unblinded else {
        check.unless_fault(Unaudited::NotThere { file: "results.json".to_owned() });
        return check;
    };
    check.add(Finding::Unblinded, Place::commit(unblinded));
    let specs = history.specs.values().map(|it| it.filed);
    let designs = history.designs.values().map(|it| it.filed);
    let critiques = history.critiques.values().map(|it| it.filed);
    for late in specs.chain(designs).chain(critiques).filter(|filed| filed.commit >= unblinded) {
        check.add(Finding::AfterUnblinding, late.at(None));
    }
    leaks(&mut check, history, unblinded);
    check
}

fn effect_files(check: &mut Checked, history: &History<'_>, blind_until: usize) {
    for (commit, made) in history.commits.iter().enumerate().take(blind_until) {
        for file in made.changed.iter().filter(|file| !file.gone && holds_effects(file)) {
            check.add(Finding::EffectFile, Filed { commit, file }.at(None));
        }
    }
}

fn holds_effects(file: &AuditedFile) -> bool {
    let name = file.name();
    EFFECT_FILES.contains(&name) || EFFECT_FIGURES.iter().any(|begins| name.starts_with(begins))
}

/// A blind critique has no value where only an effect can give one.
fn blind_critique(check: &mut Checked, history: &History<'_>, filed: Filed<'_>) {
    let critique =
        history.critiques.values().find(|it| it.filed.file.path == filed.file.path && it.filed.commit == filed.commit);
    let Some(critique) = critique.and_then(|it| it.read()) else { return };
    let mut places = None;
    for (a, analysis) in critique.analyses.iter().enumerate() {
        for (f, finding) in analysis.findings.iter().enumerate() {
            if finding.code.needs_effect() && finding.value.is_some() {
                let places: &Vec<Placed> = places.get_or_insert_with(|| places_of(filed));
                let line = line_of(places, &format!("analyses[{a}].findings[{f}].value"));
                check.add(Finding::BlindCritique { code: finding.code.key().to_owned() }, filed.at(line));
            }
        }
    }
}

/// Estimates in what is older than unblinding.
fn leaks(check: &mut Checked, history: &History<'_>, unblinded: usize) {
    let effects = effect_values(&history.results_places);
    if effects.is_empty() {
        return;
    }
    let blind: Vec<Filed<'_>> = history
        .commits
        .iter()
        .enumerate()
        .take(unblinded)
        .flat_map(|(commit, made)| made.changed.iter().map(move |file| Filed { commit, file }))
        .filter(|filed| !filed.file.gone && !filed.file.bytes.is_empty())
        .collect();
    let values = |filed: &Filed<'_>| {
        let table = ends_with(filed.file, "csv");
        if table { table_numbers(filed.file.text()) } else { places_of(*filed) }
    };
    let parsed: Vec<(Filed<'_>, Vec<Placed>)> = blind.iter().map(|filed| (*filed, values(filed))).collect();
    let is_exchange = |filed: &Filed<'_>| filed.file.folder() == "transcript";
    let mut numbers = 0;
    for (filed, places) in parsed.iter().filter(|it| !it.1.is_empty()) {
        numbers += in_document(check, *filed, places, &effects);
    }
    // What a blind document says, or the plan, may be said in prose.
    let documents = parsed.iter().filter(|it| !is_exchange(&it.0));
    let mut sources: Vec<Source<'_>> = documents
        .map(|(filed, places)| Source { file: &filed.file.path, commit: filed.commit, values: places })
        .collect();
    let yaml: Vec<(Filed<'_>, Vec<Placed>)> =
        blind.iter().filter(|filed| is_yaml(filed.file)).map(|filed| (*filed, lines(filed.file.text()))).collect();
    sources.extend(yaml.iter().map(|(filed, values)| Source { file: &filed.file.path, commit: filed.commit, values }));
    let known = KnownNumbers::of(&sources);
    let prose = Prose { effects: &effects, known: &known };
    for (filed, places) in &parsed {
        let digits = if is_exchange(filed) { DIGITS_IN_EXCHANGES } else { DIGITS_IN_PROSE };
        let texts = |placed: &'_ Placed| match &placed.value {
            Scalar::Text(text) => Some((placed.line, text.clone())),
            _ => None,
        };
        let said: Vec<(usize, String)> =
            if places.is_empty() { prose_of(filed.file) } else { places.iter().filter_map(texts).collect() };
        let said = said.iter().map(|(line, text)| (*line, text.as_str()));
        numbers += prose.told(check, said, digits, |line| filed.at(Some(line)));
    }
    for (commit, made) in history.commits.iter().enumerate().take(unblinded) {
        let lines = made.message.lines().enumerate().map(|(line, text)| (line + 1, text));
        prose.told(check, lines, DIGITS_IN_PROSE, |_| Place::commit(commit));
    }
    let finding = Finding::NothingLeaked { files: blind.len(), numbers, effects: effects.len() };
    if !check.has_fault() {
        check.add(finding, Place::commit(unblinded.saturating_sub(1)));
    }
}

/// Numbers of a document that are effects to all digits. Returns how many numbers there were.
fn in_document(check: &mut Checked, filed: Filed<'_>, places: &[Placed], effects: &[EffectValue]) -> usize {
    let (mut numbers, mut told) = (0, 0);
    for placed in places {
        let Scalar::Number(value) = placed.value else { continue };
        numbers += 1;
        let digits = digits_of(value);
        let (answer, any) = DIGITS_IN_DOCUMENTS;
        if digits < answer || told >= MOST_LEAKS {
            continue;
        }
        let half = half_unit(value, digits);
        let first = effects.partition_point(|effect| effect.value < value.abs() - half);
        let mut near = effects.iter().skip(first).take_while(|effect| effect.value <= value.abs() + half);
        if let Some(effect) = near.find(|effect| effect.answer || digits >= any) {
            told += 1;
            let finding = Finding::EffectLeaked { figure: value.to_string(), effect: effect.path.clone() };
            check.add(finding, filed.at(Some(placed.line)));
        }
    }
    numbers
}

/// Figures in prose, held against effects and against what may be said.
struct Prose<'a> {
    effects: &'a [EffectValue],
    known: &'a KnownNumbers,
}

impl Prose<'_> {
    /// Adds the leaks in some lines. Returns the number of figures.
    fn told<'t>(
        &self,
        check: &mut Checked,
        lines: impl Iterator<Item = (usize, &'t str)>,
        digits: usize,
        place: impl Fn(usize) -> Place,
    ) -> usize {
        let (mut all, mut told) = (0, 0);
        for (line, text) in lines {
            for figure in figures(text) {
                all += 1;
                let enough = figure.significant_digits() >= digits && told < MOST_LEAKS;
                let Some(effect) = self.effect(&figure, digits).filter(|_| enough) else { continue };
                if self.known.find(&figure, 1.0).is_none() {
                    told += 1;
                    let finding = Finding::EffectLeaked { figure: figure.text, effect: effect.path.clone() };
                    check.add(finding, place(line));
                }
            }
        }
        all
    }

    /// The effect that a figure says: an answer, or, with more digits, any.
    fn effect(&self, figure: &Figure, digits: usize) -> Option<&EffectValue> {
        let any = figure.significant_digits() >= DIGITS_IN_DOCUMENTS.1.max(digits);
        let ranges = figure.ranges();
        self.effects.iter().find(|effect| {
            (any || effect.answer || effect.estimate)
                && ranges.iter().any(|(low, high)| {
                    let within = |value: f64| *low <= value && value <= *high;
                    within(effect.value) || within(-effect.value)
                })
        })
    }
}

/// The values of all effects without their signs, by size.
fn effect_values(places: &[Placed]) -> Vec<EffectValue> {
    let of_experiment = !places.iter().any(|placed| placed.path == "answers");
    let mut found: Vec<EffectValue> = places
        .iter()
        .filter_map(|placed| {
            let Scalar::Number(value) = placed.value else { return None };
            let (above, key) = placed.path.rsplit_once('.')?;
            let from_log = placed.path.starts_with("logged_answers.");
            let is_effect = EFFECT_KEYS.contains(&key) && (from_log || above.split('.').next_back() == Some("effect"));
            let list = placed.path.split('[').next().unwrap_or_default();
            let answer = list == "answers" || of_experiment && list == "effects";
            let (value, path, estimate) = (value.abs(), placed.path.clone(), key == "estimate");
            (is_effect && value != 0.0).then_some(EffectValue { value, path, answer, estimate })
        })
        .collect();
    found.sort_by(|a, b| a.value.total_cmp(&b.value));
    found
}

/// The significant digits of a number as it is written.
fn digits_of(value: f64) -> usize {
    let written = format!("{value:e}");
    let mantissa = written.split('e').next().unwrap_or_default();
    mantissa.chars().filter(char::is_ascii_digit).count()
}

/// Half a unit of the last of so many digits, and at least what is lost when a document is written.
fn half_unit(value: f64, digits: usize) -> f64 {
    let place = value.abs().log10().floor() + 1.0 - digits as f64;
    (0.5 * 10_f64.powf(place)).max(1e-11 * value.abs())
}

fn ends_with(file: &AuditedFile, wanted: &str) -> bool {
    file.name().rsplit_once('.').is_some_and(|(_, ending)| ending == wanted)
}

fn is_yaml(file: &AuditedFile) -> bool {
    ends_with(file, "yaml")
}

/// The lines of a text as values.
pub(super) fn lines(text: &str) -> Vec<Placed> {
    let line =
        |(at, text): (usize, &str)| Placed { path: String::new(), line: at + 1, value: Scalar::Text(text.to_owned()) };
    text.lines().enumerate().map(line).collect()
}

/// The lines of a file that people read: of a figure, the words without the marks.
fn prose_of(file: &AuditedFile) -> Vec<(usize, String)> {
    if is_yaml(file) || ends_with(file, "csv") {
        return Vec::new();
    }
    let drawn = ends_with(file, "svg");
    let words = |line: &str| if drawn { between_marks(line) } else { line.to_owned() };
    file.text().lines().enumerate().map(|(at, line)| (at + 1, words(line))).collect()
}

/// What stands between the marks of a line of SVG.
fn between_marks(line: &str) -> String {
    let mut inside = false;
    let kept = line.chars().map(|c| {
        let shown = !inside && c != '<';
        inside = match c {
            '<' => true,
            '>' => false,
            _ => inside,
        };
        if shown { c } else { ' ' }
    });
    kept.collect()
}
