//! The keys of `draft:`.

use crate::plan::draft::{ColumnRole, DraftedBy, DraftedPart};
use crate::plan::keys::Otherwise::{Nothing, Required, Value, Words as Says};
use crate::plan::keys::{PlanKey, Takes, key};

pub(in crate::plan) const DRAFT: &[PlanKey] = &[
    key("model", Takes::Text, Says("rules only"), "the language model that drafted"),
    key(
        "transcript",
        Takes::File,
        Nothing,
        "the folder with what was said to it: `oci-agent transcript show` prints it",
    ),
    key("cost_usd", Takes::Number, Nothing, "what it cost, by the price table"),
    key("roles", Takes::Mappings, Nothing, "the roles of columns; each must be accepted before anything runs"),
    key("parts", Takes::Mappings, Nothing, "other parts of the plan that were drafted; the same holds for them"),
    key("ask_for", Takes::Texts, Nothing, "data that are not in the file and would help"),
    key("remarks", Takes::Texts, Nothing, "what the model had to say of its draft, as a critic"),
    key("asked", Takes::Mappings, Nothing, "what the principal was asked meanwhile"),
];

pub(in crate::plan) const ROLE: &[PlanKey] = &[
    key("column", Takes::Column, Required, "the column"),
    key("role", Takes::Word(roles), Required, "its role; the plan must use the column accordingly"),
    key("drafted", Takes::Word(roles), Says("the same"), "the role that was drafted, where it was changed since"),
    key("by", Takes::Word(authors), Value("rules"), "who drafted it"),
    key("because", Takes::Text, Nothing, "why"),
    key(
        "accepted",
        Takes::Text,
        Says("nobody has accepted it, and the plan does not run"),
        "who accepted it: `Name <address>`",
    ),
    key("at", Takes::Text, Nothing, "when, in UTC"),
];

pub(in crate::plan) const PART: &[PlanKey] = &[
    key("part", Takes::Word(parts), Required, "the part of the plan"),
    key("by", Takes::Word(authors), Value("rules"), "who drafted it"),
    key("because", Takes::Text, Nothing, "why"),
    key("kept", Takes::Flag, Value("true"), "`false` if it was not accepted as it was drafted"),
    key(
        "accepted",
        Takes::Text,
        Says("nobody has accepted it, and the plan does not run"),
        "who decided: `Name <address>`",
    ),
    key("at", Takes::Text, Nothing, "when, in UTC"),
];

pub(in crate::plan) const ASKED: &[PlanKey] = &[
    key("question", Takes::Text, Required, "the question"),
    key("answer", Takes::Text, Says("there was none"), "the answer"),
];

fn roles() -> Vec<&'static str> {
    ColumnRole::ALL.map(ColumnRole::key).to_vec()
}

fn authors() -> Vec<&'static str> {
    DraftedBy::ALL.map(DraftedBy::key).to_vec()
}

fn parts() -> Vec<&'static str> {
    DraftedPart::ALL.map(DraftedPart::key).to_vec()
}
