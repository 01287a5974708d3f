//! The page of many runs: the answers first, by question; then every run; then what is on record beside them.
//!
//! One file that needs nothing else. Everything can be read and followed with scripts off; the one script finds and filters, and on
//! a page of `oci-agent serve` a second one brings news. Style and scripts are allowed by their hashes and by nothing else, so a
//! title or a column's name that got past the escaping would still do nothing.

mod picture;
mod view;
mod words;

use crate::record::ReportError;
use crate::record::dashboard::Board;
use crate::report::html;
use crate::report::template::{Format, render};
use crate::text::sha256::sha256_base64;
use minijinja::value::{Serde, Value};
use std::collections::BTreeMap;

const STYLE: &str = include_str!("../templates/dashboard.css");
const FIND: &str = include_str!("../templates/dashboard.js");
const NEWS: &str = include_str!("../templates/dashboard_live.js");

/// Where the page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// From a folder, at any time.
    Site,
    /// From `oci-agent serve`, while runs are at work.
    Live,
}

/// The page.
///
/// # Errors
/// [`ReportError::Template`].
pub fn page(board: &Board, mode: Mode) -> Result<String, ReportError> {
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let mut context: BTreeMap<&str, Value> = BTreeMap::from([
        ("board", Value::from(Serde(view::view(board)))),
        ("policy", safe(&policy(mode))),
        ("style", safe(&style())),
    ]);
    let scripts: Vec<Value> = scripts(mode).iter().map(|script| safe(script)).collect();
    context.insert("scripts", Value::from(scripts));
    render("dashboard", Format::Html, Value::from(context))
}

/// The policy of the page: nothing from elsewhere, and no style or script but its own, byte for byte.
#[must_use]
pub fn policy(mode: Mode) -> String {
    let hash = |text: &str| format!("'sha256-{}'", sha256_base64(text.as_bytes()));
    let scripts: Vec<String> = scripts(mode).iter().map(|script| hash(script)).collect();
    let news = if mode == Mode::Live { "; connect-src 'self'" } else { "" };
    format!(
        "default-src 'none'; style-src {}; script-src {}{news}; base-uri 'none'; form-action 'none'",
        hash(&style()),
        scripts.join(" ")
    )
}

fn style() -> String {
    format!("\n{}{STYLE}", html::STYLE)
}

fn scripts(mode: Mode) -> Vec<String> {
    let news = (mode == Mode::Live).then_some(NEWS);
    std::iter::once(FIND).chain(news).map(|script| format!("\n{script}")).collect()
}
