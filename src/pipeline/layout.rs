//! How the files of a run are laid out, and how git shows them.

use crate::plan::Gate;
use crate::text::numbers::short_hash;

/// The number of the layout: from 2 on, each iteration changes the files of the one before. In layout 1 each had a folder,
/// `iter_01/` and so on.
pub(super) const LAYOUT: u32 = 2;

/// The subject and the body of a gate: what is to be decided, and what follows.
pub(super) fn gate_words(gate: Gate, tree: &str) -> (String, &'static str) {
    let short = short_hash(tree);
    let next = match gate {
        Gate::Plan => "Once approved, what the data say is put on record, and the first spec is drafted.",
        Gate::Spec => "Once approved, the design of this spec is computed, without the outcome.",
        Gate::Unblind => "Once approved, the outcome is read and the effects are computed. That cannot be undone.",
        Gate::Publish => "Once approved, the run may be published.",
    };
    (format!("gate: {}, on tree {short}", gate.key()), next)
}

/// The folder of figures.
pub(super) const FIGURES: &str = "plots";

/// Where git looks for [`ATTRIBUTES`].
pub(super) const ATTRIBUTES_FILE: &str = ".gitattributes";

/// Pictures, pages, and documents that say in figures what a file beside them says in words are named by git when they change,
/// and not printed. No line ending is ever converted.
pub(super) const ATTRIBUTES: &str = "\
# Named by `git log -p` when they change, not printed: critique.md and report.md say in words what is in them, plots/ shows
# it, and `oci-agent diff` tells which of their numbers moved.
*                  -text
*.svg              -diff
*.html             -diff
*.ipynb            -diff
*.parquet          -diff
critique.json      -diff
results.json       -diff
second_moments.csv -diff
propensity.csv     -diff
overlap.csv        -diff
sweeps/*.csv       -diff
transcript/**      -diff
";
