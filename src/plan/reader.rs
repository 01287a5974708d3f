//! Walks the tree and reports instead of stopping: every method returns what could be read, and notes what could not.

use super::keys::{PlanSection, keys_of, section_with};
use super::quote::needs_escape;
use super::suggest::closest;
use super::{Place, Problem};
use crate::plan::yaml_tree::{Entry, Kind, Node};
use crate::term::Term;
use crate::text::untrusted::{self, steers};
use crate::text::{lines, lists};
use std::collections::{BTreeMap, BTreeSet};

/// A key that had another name once.
struct Renamed {
    section: &'static str,
    before: &'static str,
    now: &'static str,
    /// The values that it takes, under either name.
    values: &'static [&'static str],
}

const RENAMED: [Renamed; 1] =
    [Renamed { section: "analysis", before: "budget", now: "effort", values: &["fast", "thorough"] }];

/// Text from the file as it may stand in a message: one line, not too long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    // One character more, by which `cut` sees that something is left out.
    let line: String = text.chars().map(|c| if needs_escape(c) { ' ' } else { c }).take(LONGEST + 1).collect();
    lines::cut(&line, LONGEST)
}

/// `a`, `b` and `c`.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    lists::listed(&words.into_iter().map(|w| format!("`{}`", shown(w))).collect::<Vec<_>>())
}

/// The keys whose values are names and levels as the data file has them, whatever characters those hold.
const NAMES_OF_THE_DATA: [&str; 30] = [
    "data.source",
    "data.missing_values",
    "data.unit_id",
    "data.weights",
    "data.columns",
    "data.filter",
    "data.derive",
    "treatment",
    "outcome.column",
    "outcome.event",
    "confounders",
    "graph",
    "placebo_outcomes",
    "negative_controls",
    "analysis.clusters",
    "analysis.known_propensity",
    "assignment",
    "treated",
    "metrics",
    "covariates",
    "segments",
    "outcomes",
    "follow_ups.by",
    "follow_ups.columns",
    "follow_ups.covariates",
    "follow_ups.optional",
    "draft.roles.column",
    // The same in a file of its own.
    "by",
    "columns",
    "optional",
];

/// True if a path lies below another.
fn inside(path: &str, section: &str) -> bool {
    path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// `estimands` of `estimands[1]`.
fn without_index(path: &str) -> &str {
    if path.ends_with(']') { path.rfind('[').and_then(|at| path.get(..at)).unwrap_or(path) } else { path }
}

/// `follow_ups.by` of `follow_ups[1].by`.
fn without_indices(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

/// A mapping that was read: its keys, without repeats.
pub(super) struct Section<'a> {
    path: String,
    place: Option<Place>,
    fields: BTreeMap<&'a str, &'a Entry>,
}

impl<'a> Section<'a> {
    /// A section that is not written.
    pub fn absent(path: &str) -> Self {
        Section { path: path.to_owned(), place: None, fields: BTreeMap::new() }
    }

    /// The dotted path of a key.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, unless it is absent or null.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.fields.get(key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    /// All fields, in key order.
    pub fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        self.fields.values().copied()
    }
}

/// Problems and places collected so far.
pub(super) struct Reader {
    /// The keys of this kind of plan.
    table: &'static [PlanSection],
    /// Keys of the other kind of plan at the top level, and the remedy for each.
    foreign: fn(&str) -> Option<Foreign>,
    pub problems: Vec<Problem>,
    pub places: BTreeMap<String, Place>,
    /// The readable `confounders.terms`, each with its path: an unreadable one must not shift the others.
    pub terms: Vec<(String, Term)>,
    /// Keys that an unknown key was probably meant to be: not complained of a second time as missing.
    meant: BTreeSet<String>,
}

/// A key of another kind of plan.
pub(super) struct Foreign {
    /// The fault.
    pub message: String,
    /// The remedy.
    pub hint: String,
}

impl Reader {
    /// A reader of the kind of plan that has these keys.
    pub fn new(table: &'static [PlanSection], foreign: fn(&str) -> Option<Foreign>) -> Self {
        let (problems, places, terms, meant) = Default::default();
        Reader { table, foreign, problems, places, terms, meant }
    }

    /// Notes a problem at a node's place.
    pub fn problem(&mut self, place: Option<Place>, path: &str, message: String, hint: impl Into<String>) {
        self.problems.push(Problem { place, path: path.to_owned(), message, hint: hint.into() });
    }

    /// True if a problem of this very key was noted, or of an unknown key that was probably meant to be it.
    pub fn complained_of(&self, path: &str) -> bool {
        self.meant.contains(path) || self.problems.iter().any(|problem| problem.path == path)
    }

    /// True if a problem of a key or of one below it was noted.
    pub fn complained_within(&self, path: &str) -> bool {
        self.complained_of(path) || self.problems.iter().any(|problem| inside(&problem.path, path))
    }

    fn place_of(&self, path: &str) -> Option<Place> {
        self.places.get(path).copied()
    }

    /// Reads the top level.
    pub fn root<'a>(&mut self, node: &'a Node) -> Option<Section<'a>> {
        let Kind::Mapping(entries) = &node.kind else {
            let hint =
                "A plan starts with keys such as `title:` and `question:`; `oci-agent init` writes one to start from.";
            self.problem(
                Some(node.place),
                "",
                format!("a plan is a mapping of keys to values, and this is {}", node.noun()),
                hint,
            );
            return None;
        };
        Some(self.fields(entries, "", "", None))
    }

    /// Reads the mapping under `key`; a section that is absent or unreadable comes back without fields.
    /// The flag says whether it was readable or absent, i.e. whether a missing key is worth a problem of its own.
    pub fn section<'a>(&mut self, parent: &Section<'a>, key: &str) -> (Section<'a>, bool) {
        let path = parent.path(key);
        let Some(node) = parent.get(key) else { return (Section::absent(&path), !self.meant.contains(&path)) };
        let Kind::Mapping(entries) = &node.kind else {
            let keys = listed(keys_of(self.table, &path));
            let hint = if keys.is_empty() {
                format!("Write one indented `name: value` per line under `{path}:`.")
            } else {
                format!("Indent its keys under `{path}:`. It knows {keys}.")
            };
            self.problem(
                Some(node.place),
                &path,
                format!("`{path}` has keys of its own, and this is {}", node.noun()),
                hint,
            );
            return (Section::absent(&path), false);
        };
        let place = self.place_of(&path);
        (self.fields(entries, &path, &path, place), true)
    }

    /// Reads a mapping whose known keys are listed under `shape`; with no such list every key is welcome.
    pub fn fields<'a>(&mut self, entries: &'a [Entry], path: &str, shape: &str, place: Option<Place>) -> Section<'a> {
        let known = keys_of(self.table, shape);
        let mut section = Section { path: path.to_owned(), place, fields: BTreeMap::new() };
        for entry in entries {
            let at = section.path(&entry.key);
            if let Some(first) = section.fields.get(entry.key.as_str()) {
                let hint = format!("It is already on line {}; keep one of the two.", first.place.line);
                self.problem(Some(entry.place), &at, format!("`{}` is given twice", shown(&at)), hint);
                continue;
            }
            if !known.is_empty() && !known.contains(&entry.key.as_str()) {
                let renamed = RENAMED.iter().find(|it| it.section == path && it.before == entry.key);
                match renamed {
                    Some(it) => self.renamed_key(entry, it, entries.iter().any(|other| other.key == it.now)),
                    None => self.unknown_key(entry, path, &known),
                }
                continue;
            }
            self.note_place(&at, entry);
            section.fields.insert(&entry.key, entry);
        }
        section
    }

    /// A single value is pointed at itself, anything longer at its key.
    fn note_place(&mut self, path: &str, entry: &Entry) {
        let value = matches!(entry.value.kind, Kind::Scalar { .. }) && entry.value.place.length > 0;
        self.places.insert(path.to_owned(), if value { entry.value.place } else { entry.place });
    }

    fn unknown_key(&mut self, entry: &Entry, path: &str, known: &[&str]) {
        if let Some(foreign) = path.is_empty().then(|| (self.foreign)(&entry.key)).flatten() {
            self.problem(Some(entry.place), &entry.key, foreign.message, foreign.hint);
            return;
        }
        let key = shown(&entry.key);
        let message = if key.trim().is_empty() {
            "a key is empty".to_owned()
        } else if path.is_empty() {
            format!("`{key}` is not a key of a plan")
        } else {
            format!("`{path}` has no key `{key}`")
        };
        let elsewhere = section_with(self.table, &entry.key);
        let near = closest(&entry.key, known.iter().copied());
        let full = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        self.meant.extend(near.map(full));
        let hint = match (near, elsewhere) {
            (Some(near), _) => format!("Did you mean `{near}`?"),
            (None, Some("")) => format!("`{key}` belongs at the top level, without indentation."),
            (None, Some(section)) if !section.contains('*') => format!("`{key}` belongs under `{section}:`."),
            _ => format!("The keys here are {}.", listed(known.iter().copied())),
        };
        self.problem(Some(entry.place), &full(&entry.key), message, hint);
    }

    /// The hint can be copied into the plan as it stands, unless the new key is there already.
    fn renamed_key(&mut self, entry: &Entry, renamed: &Renamed, both: bool) {
        let Renamed { section, before, now, values } = renamed;
        let written = match &entry.value.kind {
            Kind::Scalar { text, .. } => values.iter().find(|value| value.eq_ignore_ascii_case(text.trim())),
            _ => None,
        };
        let lines: Vec<String> = match written {
            Some(value) => vec![format!("{now}: {value}")],
            None => values.iter().map(|value| format!("{now}: {value}")).collect(),
        };
        self.meant.insert(format!("{section}.{now}"));
        let message = format!("`{section}.{before}` is now `{now}`");
        let hint = match both {
            true => format!("`{now}` is there already; remove this line."),
            false => {
                format!("Write {}.", lines.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(" or "))
            }
        };
        self.problem(Some(entry.place), &format!("{section}.{before}"), message, hint);
    }

    /// A node as text that is not empty.
    pub fn text_of(&mut self, node: &Node, path: &str) -> Option<String> {
        let Kind::Scalar { text, .. } = &node.kind else {
            let message = format!("`{path}` is a single text, and this is {}", node.noun());
            self.problem(
                Some(node.place),
                path,
                message,
                "Write one value here; if it holds special characters, put it in quotes.",
            );
            return None;
        };
        if text.trim().is_empty() {
            let hint = "Write something between the quotes, or remove the line.";
            self.problem(Some(node.place), path, format!("`{path}` is empty"), hint);
            return None;
        }
        self.refuse_steering(node.place, path, text);
        Some(text.clone())
    }

    /// Prose is shown to people as it is, so nothing in it may steer what shows it. Names and levels are those of the data.
    fn refuse_steering(&mut self, place: Place, path: &str, text: &str) {
        let plain = without_indices(path);
        let of_the_data = NAMES_OF_THE_DATA.iter().any(|name| plain == *name || inside(&plain, name));
        let Some(c) = text.chars().find(|c| steers(*c)).filter(|_| !of_the_data) else { return };
        let message = format!("`{}` holds {}", shown(path), untrusted::named(c));
        self.problem(Some(place), path, message, "Take it out; it would steer the terminal or the page that shows it.");
    }

    /// An optional text.
    pub fn text(&mut self, section: &Section<'_>, key: &str) -> Option<String> {
        section.get(key).and_then(|node| self.text_of(node, &section.path(key)))
    }

    /// Prose: an optional text with the line ends of block scalars taken off.
    pub fn prose(&mut self, section: &Section<'_>, key: &str) -> Option<String> {
        self.text(section, key).map(|text| text.trim().to_owned())
    }

    /// A text that must be there; `hint` says what to write. Empty if it is not there, which is then noted.
    pub fn required(&mut self, section: &Section<'_>, key: &str, hint: &str) -> String {
        let path = section.path(key);
        if section.get(key).is_none() && !self.meant.contains(&path) {
            let place = section.fields.get(key).map(|entry| entry.place).or(section.place);
            self.problem(place, &path, format!("`{path}` is missing"), hint);
        }
        self.text(section, key).unwrap_or_default()
    }

    /// The elements of an optional list, with their paths; notes `path[i]` places. A single value is refused.
    pub fn list<'a>(&mut self, section: &Section<'a>, key: &str) -> Vec<(String, &'a Node)> {
        let path = section.path(key);
        let Some(node) = section.get(key) else { return Vec::new() };
        let Kind::Sequence(items) = &node.kind else {
            let message = format!("`{path}` is a list, and this is {}", node.noun());
            self.problem(
                Some(node.place),
                &path,
                message,
                format!("Write `{key}: [a, b]`, or one `- a` per line under `{key}:`."),
            );
            return Vec::new();
        };
        let items: Vec<_> = items.iter().enumerate().map(|(i, item)| (format!("{path}[{i}]"), item)).collect();
        for (path, item) in &items {
            self.places.insert(path.clone(), item.place);
        }
        items
    }

    /// An optional list of texts. Unreadable elements are noted and keep their index as an empty text, so that
    /// `path[i]` still points at element `i`.
    pub fn texts(&mut self, section: &Section<'_>, key: &str) -> Vec<String> {
        let items = self.list(section, key);
        items.into_iter().map(|(path, node)| self.element(node, &path).unwrap_or_default()).collect()
    }

    /// An optional list of texts, or one text that stands for a list of one.
    pub fn text_or_texts(&mut self, section: &Section<'_>, key: &str) -> Vec<String> {
        match section.get(key).filter(|node| matches!(node.kind, Kind::Scalar { .. })) {
            Some(node) => self.text_of(node, &section.path(key)).into_iter().collect(),
            None => self.texts(section, key),
        }
    }

    /// A list element; nothing after the dash is a problem too.
    pub fn element(&mut self, node: &Node, path: &str) -> Option<String> {
        if node.is_null() {
            self.problem(
                Some(node.place),
                path,
                format!("`{path}` is empty"),
                "Write a value after the dash, or remove it.",
            );
            return None;
        }
        self.text_of(node, path)
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, node: &Node, path: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.element(node, path)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim())) {
            return Some(*value);
        }
        let all = || words.iter().map(|(word, _)| *word);
        let allowed = format!("Allowed: {}.", listed(all()));
        let hint = closest(&text, all()).map_or(allowed.clone(), |near| format!("Did you mean `{near}`? {allowed}"));
        self.problem(
            Some(node.place),
            path,
            format!("`{}` does not know `{}`", without_index(path), shown(&text)),
            hint,
        );
        None
    }

    /// An optional word, with its default.
    pub fn choice<T: Copy>(&mut self, section: &Section<'_>, key: &str, words: &[(&str, T)], default: T) -> T {
        let path = section.path(key);
        section.get(key).and_then(|node| self.word(node, &path, words)).unwrap_or(default)
    }

    /// An optional list of words, each at most once, and not empty if it is written.
    pub fn words<T: Copy + Ord>(&mut self, section: &Section<'_>, key: &str, words: &[(&str, T)]) -> Option<Vec<T>> {
        let node = section.get(key)?;
        let path = section.path(key);
        if matches!(&node.kind, Kind::Sequence(items) if items.is_empty()) {
            let hint = format!(
                "Name at least one, or remove the line for the default. Known: {}.",
                listed(words.iter().map(|w| w.0))
            );
            self.problem(self.place_of(&path), &path, format!("`{path}` is an empty list"), hint);
        }
        let mut seen = BTreeSet::new();
        let mut read = Vec::new();
        for (path, node) in self.list(section, key) {
            let Some(value) = self.word(node, &path, words) else { continue };
            if seen.insert(value) {
                read.push(value);
            } else {
                self.problem(Some(node.place), &path, format!("`{key}` names this one twice"), "Keep one of the two.");
            }
        }
        Some(read)
    }

    /// An optional whole number, not negative, without quotes.
    pub fn whole(&mut self, section: &Section<'_>, key: &str) -> Option<u64> {
        let node = section.get(key)?;
        let path = section.path(key);
        let number = match &node.kind {
            Kind::Scalar { text, plain: true } => text.parse::<u64>().ok(),
            _ => None,
        };
        if number.is_none() {
            let hint = format!("Write digits without quotes, e.g. `{key}: 5`.");
            self.problem(Some(node.place), &path, format!("`{path}` is a whole number, zero or larger"), hint);
        }
        number
    }

    /// An optional `true` or `false`.
    pub fn flag(&mut self, section: &Section<'_>, key: &str, default: bool) -> bool {
        let Some(node) = section.get(key) else { return default };
        let path = section.path(key);
        match &node.kind {
            Kind::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "True" | "TRUE") => true,
            Kind::Scalar { text, plain: true } if matches!(text.as_str(), "false" | "False" | "FALSE") => false,
            _ => {
                let hint =
                    format!("Write `{key}: true` or `{key}: false`; yes, no, on and off are not read as either.");
                self.problem(Some(node.place), &path, format!("`{path}` is `true` or `false`"), hint);
                default
            }
        }
    }
}
