//! `estimands:` what is asked, and which other answer the plan would accept for it, said before anything is known.

use super::reader::{Reader, Section, listed};
use crate::plan::yaml_tree::{Kind, Node};
use causal::estimand::{Estimand, Population, Target};
use causal::keyed_enum;
use std::collections::{BTreeMap, BTreeSet};

keyed_enum! {
    /// An answer that may stand in for the one that was asked for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Accepted {
        /// The ATE among units whose propensity is not near 0 or 1.
        TrimmedAte = "trimmed_ate",
        /// The ATT among treated units whose propensity is not near 1.
        TrimmedAtt = "trimmed_att",
        /// The ATC among controls whose propensity is not near 0.
        TrimmedAtc = "trimmed_atc",
        /// The average effect in the overlap population.
        Ato = "ato",
    }
}

/// Everything that can stand in for something.
pub(super) const ACCEPTED: [(&str, Accepted); 4] = [
    ("trimmed_ate", Accepted::TrimmedAte),
    ("trimmed_att", Accepted::TrimmedAtt),
    ("trimmed_atc", Accepted::TrimmedAtc),
    ("ato", Accepted::Ato),
];

impl Accepted {
    /// The answers that can stand in for `asked`.
    #[must_use]
    pub fn instead_of(asked: Target) -> &'static [Accepted] {
        match asked {
            Target::Ate => &[Accepted::TrimmedAte, Accepted::Ato],
            Target::Att => &[Accepted::TrimmedAtt, Accepted::Ato],
            Target::Atc => &[Accepted::TrimmedAtc, Accepted::Ato],
            Target::Ato => &[],
        }
    }

    /// True if this is what `estimand` is.
    #[must_use]
    pub fn covers(self, estimand: Estimand) -> bool {
        let trimmed = matches!(estimand.population, Population::Trimmed { .. });
        match (self, estimand.target) {
            (Accepted::TrimmedAte, Target::Ate)
            | (Accepted::TrimmedAtt, Target::Att)
            | (Accepted::TrimmedAtc, Target::Atc) => trimmed,
            (Accepted::Ato, Target::Ato) => !trimmed,
            _ => false,
        }
    }
}

/// The estimands asked for, in order, with what is accepted instead of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) targets: Vec<Target>,
    pub(super) accept: BTreeMap<Target, BTreeSet<Accepted>>,
}

/// Reads the list; an element is a word, or a mapping of `ask` and `accept`.
pub(super) fn read(reader: &mut Reader, root: &Section<'_>) -> Asked {
    let words = Target::ALL.map(|target| (target.key(), target));
    let path = root.path("estimands");
    let Some(node) = root.get("estimands") else {
        return Asked { targets: vec![Target::Ate], accept: BTreeMap::new() };
    };
    if matches!(&node.kind, Kind::Sequence(items) if items.is_empty()) {
        let hint = format!(
            "Name at least one, or remove the line for the default. Known: {}.",
            listed(words.iter().map(|word| word.0))
        );
        reader.problem(Some(node.place), &path, format!("`{path}` is an empty list"), hint);
    }
    let mut asked = Asked::default();
    for (path, node) in reader.list(root, "estimands") {
        let Some((target, accept)) = element(reader, node, &path) else { continue };
        if asked.targets.contains(&target) {
            let message = "`estimands` names this one twice".to_owned();
            reader.problem(Some(node.place), &path, message, "Keep one of the two.");
            continue;
        }
        asked.targets.push(target);
        if !accept.is_empty() {
            asked.accept.insert(target, accept);
        }
    }
    asked
}

fn element(reader: &mut Reader, node: &Node, path: &str) -> Option<(Target, BTreeSet<Accepted>)> {
    let words = Target::ALL.map(|target| (target.key(), target));
    let Kind::Mapping(entries) = &node.kind else {
        return Some((reader.word(node, path, &words)?, BTreeSet::new()));
    };
    let section = reader.fields(entries, path, "estimands.*", Some(node.place));
    let Some(ask) = section.get("ask") else {
        let hint = "Write `{ask: ate, accept: [trimmed_ate]}`, or only `ate`.";
        reader.problem(Some(node.place), path, format!("`{path}` does not say what it asks for"), hint);
        return None;
    };
    let target = reader.word(ask, &section.path("ask"), &words)?;
    let accept = reader.words(&section, "accept", &ACCEPTED).unwrap_or_default();
    let allowed = Accepted::instead_of(target);
    for (i, word) in accept.iter().enumerate().filter(|(_, word)| !allowed.contains(word)) {
        let path = format!("{}[{i}]", section.path("accept"));
        let message = format!("`{}` cannot stand in for the {}", word.key(), target.acronym());
        let hint = match allowed {
            [] => format!("Take `accept` out: nothing stands in for the {}.", target.acronym()),
            _ => format!("Allowed here: {}.", listed(allowed.iter().map(|word| word.key()))),
        };
        let place = reader.places.get(&path).copied().or(Some(node.place));
        reader.problem(place, &path, message, hint);
    }
    Some((target, accept.into_iter().collect()))
}
