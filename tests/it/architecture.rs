//! Imports point down. Every `crate::` path in src/ is held against one table, since inside one crate the compiler does
//! not do it; so are the few dependencies that have one owner, and the size of files.

mod source_text;

use crate::architecture::source_text::{
    Source, all_sources, declares_privately, depth, has_word, imports, is_test, longest_climb, sources, strip, uses,
    words_looked_for,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A crate of the workspace and its import table.
struct Crate {
    /// The folder of its sources, below the root.
    root: &'static str,
    /// Other names under which its own modules can be reached.
    name: &'static str,
    /// Plain data that everything in it may import (and that may import each other).
    vocabulary: &'static [&'static str],
    /// What each module may import besides the vocabulary. A name with `::` allows that submodule only.
    may_import: &'static [(&'static str, &'static [&'static str])],
}

const CRATES: &[&Crate] = &[&CAUSAL, &ACIC, &PROGRAM];

/// The numerics. Nothing in it can see a plan, a file or a table: it does not depend on the crate that has them.
const CAUSAL: Crate = Crate {
    root: "crates/causal/src",
    name: "causal",
    vocabulary: &[
        "arm",
        "contrast",
        "effect",
        "error",
        "estimand",
        "estimator",
        "fit_note",
        "learner_kind",
        "keyed_enum",
        "params",
        "sample",
        "scale",
        "weighted_rows",
    ],
    may_import: &[
        // L0 vocabulary
        ("arm", &[]),
        ("contrast", &[]),
        ("effect", &[]),
        ("error", &["design", "learners", "numerics"]),
        ("estimand", &[]),
        ("estimator", &[]),
        ("fit_note", &["learners"]),
        ("learner_kind", &[]),
        ("params", &["learners"]),
        ("sample", &[]),
        ("scale", &[]),
        ("keyed_enum", &[]),
        ("weighted_rows", &["design", "numerics"]),
        // L1 graphs: neither data nor numbers
        ("graph", &[]),
        // L1 numerics
        ("numerics", &[]),
        ("experiment", &["numerics"]),
        ("learners", &["numerics"]),
        ("design", &["numerics", "learners"]),
        ("nuisance", &["numerics", "learners", "design"]),
        ("estimate", &["numerics", "learners", "design", "nuisance"]),
        ("diagnose", &["numerics", "learners", "design", "estimate", "nuisance"]),
        ("simulate", &["numerics", "learners", "estimate", "nuisance"]),
    ],
};

/// The competition. It analyses nothing: it sees neither a plan nor the pipeline, since it does not depend on the crate that
/// has them.
const ACIC: Crate = Crate {
    root: "crates/acic/src",
    name: "acic",
    vocabulary: &["AcicError", "error", "grade", "observed", "settings", "text"],
    may_import: &[
        // L0 vocabulary
        ("error", &[]),
        ("grade", &[]),
        ("observed", &[]),
        ("settings", &[]),
        ("text", &[]),
        // L1 files
        ("csv_table", &[]),
        ("estimates_csv", &["csv_table"]),
        // L2 data
        ("covariates", &["csv_table"]),
        ("folders", &[]),
        ("pack", &[]),
        ("response", &["csv_table"]),
        ("source", &["covariates", "folders", "pack", "response"]),
        // L3 a replay on record
        ("analyst", &["estimates_csv"]),
        ("identity", &["analyst"]),
        ("dataset_file", &["estimates_csv", "identity"]),
        ("output_folder", &["csv_table", "dataset_file", "estimates_csv", "identity"]),
        // L4 the run has no way to the scorer, and neither has anything below it.
        ("run", &["analyst", "estimates_csv", "identity", "output_folder", "source"]),
        ("score", &["csv_table", "estimates_csv", "identity", "output_folder", "response", "source"]),
        ("export", &["covariates", "csv_table", "score", "source"]),
        ("calibrate", &["analyst", "csv_table", "estimates_csv", "output_folder", "score", "source"]),
    ],
};

/// The program.
const PROGRAM: Crate = Crate {
    root: "src",
    name: "oci_agent",
    vocabulary: &["expression", "finding", "schema", "term", "text"],
    may_import: &[
        // L0 vocabulary
        ("finding", &[]),
        ("schema", &[]),
        ("expression", &[]),
        ("term", &[]),
        ("text", &[]),
        // L2 documents
        ("plan", &[]),
        ("spec", &["plan"]),
        ("playbook", &["spec"]),
        ("record", &["plan", "spec"]),
        ("critique", &["playbook", "plan", "spec", "record"]),
        ("report", &["critique", "plan", "spec", "record"]),
        // L3 effects
        ("memory", ONLY_TEXT),
        ("input_file", NOTHING),
        ("dataset", &["input_file", "memory", "plan", "spec"]),
        ("store", NOTHING),
        ("llm", ONLY_TEXT),
        ("objects", ONLY_TEXT),
        ("publish", &["objects"]),
        // L4 orchestration
        ("pipeline", &["input_file", "plan", "spec", "playbook", "critique", "record", "report", "dataset", "store"]),
        // A tool is offered to a model as `llm::ToolSpec`; nothing else of `llm` is seen there.
        ("tools", &["pipeline", "plan", "spec", "playbook", "critique", "record", "report", "llm::ToolSpec"]),
        ("agent", &["tools", "llm", "pipeline", "playbook", "critique", "spec", "plan", "record", "report", "store"]),
        ("baseline", &["agent", "tools", "llm", "pipeline", "plan", "record", "report", "critique"]),
        // L5 surfaces. The MCP server is a run whose actor is the host at the other end of the pipe.
        (
            "mcp",
            &["tools", "agent", "llm", "pipeline", "playbook", "plan", "spec", "record", "report", "store", "serve"],
        ),
        // Pages for the browsers of this machine; what they are, the command says.
        ("serve", NOTHING),
        ("accuracy", &["dataset", "pipeline"]),
        ("replay", &["plan", "critique", "record", "report", "dataset", "pipeline"]),
        (
            "cli",
            &[
                "input_file",
                "plan",
                "spec",
                "playbook",
                "critique",
                "record",
                "report",
                "dataset",
                "store",
                "pipeline",
                "llm",
                "tools",
                "agent",
                "baseline",
                "mcp",
                "replay",
                "accuracy",
                "serve",
                "objects",
                "publish",
            ],
        ),
    ],
};

/// Facts about the whole crate that lib.rs defines.
const CONSTANTS: &[&str] = &["VERSION"];

/// Not even the vocabulary.
const NOTHING: &[&str] = &["nothing"];

/// Of the vocabulary only what is about text.
const ONLY_TEXT: &[&str] = &["text"];

/// A dependency or a macro, and the only files or folders that may use it.
const OWNED: &[(&str, &[&str], &str)] = &[
    ("polars_core", &["src/dataset"], "only dataset/ reads tables"),
    ("polars_io", &["src/dataset"], "only dataset/ reads tables"),
    ("git2", &["src/store"], "only store/ writes history"),
    ("reqwest", &["src/llm"], "only llm/ speaks HTTP"),
    ("object_store", &["src/objects"], "only objects/ speaks to stores of objects"),
    ("futures_util", &["src/objects"], "only a store sends a stream"),
    (
        "tokio",
        &["src/llm", "src/mcp", "src/objects", "src/serve"],
        "only a model's wire, a store and the two servers wait for the network",
    ),
    ("hyper", &["src/serve", "src/mcp/http.rs"], "only serve/, and hosts that speak MCP over it, are answered by HTTP"),
    (
        "hyper_util",
        &["src/serve", "src/mcp/http.rs"],
        "only serve/, and hosts that speak MCP over it, are answered by HTTP",
    ),
    ("rmcp", &["src/mcp"], "only mcp/ speaks MCP"),
    ("plotters", &["src/report"], "only report/ draws"),
    (
        "linfa",
        &["crates/causal/src/learners"],
        "only learners/ fits with linfa (and its neighbours there may call the file of that name)",
    ),
    ("acic", &["crates/acic", "src/replay", "src/cli/acic", "src/cli/mod.rs"], "the competition is a room of its own"),
    (
        "csv",
        &["crates/acic/src/csv_table.rs", "crates/causal", "src"],
        "one file of the competition reads and writes CSV (the others have functions of that name, and no such dependency)",
    ),
    ("linfa_logistic", &["crates/causal/src/learners/linfa.rs"], "one file knows the other ndarray"),
    ("ndarray16", &["crates/causal/src/learners/linfa.rs"], "one file knows the other ndarray"),
    ("println!", &[], "what is printed goes through cli/output.rs, which cleans it"),
    ("eprintln!", &[], "what is printed goes through cli/output.rs, which cleans it"),
];

/// The files that look for words in a text, how often, and whose text it is: a file format, a wire, a name in the world.
/// Our own sentences are no format: a fact that is needed later travels as a type (see `record::not_estimated`).
const READS_TEXT: &[(&str, usize, &str)] = &[
    ("crates/acic/src/folders.rs", 3, "names of the replay's files"),
    ("crates/acic/src/estimates_csv.rs", 1, "the header of a CSV file"),
    ("crates/causal/src/graph/read/tokens.rs", 4, "the grammar of DOT"),
    ("src/cli/acic/mod.rs", 1, "a path"),
    ("src/cli/env.rs", 1, "names of variables of the environment"),
    ("src/cli/errors.rs", 1, "a hint that ends in a command takes no full stop"),
    ("src/cli/files.rs", 1, "a path"),
    ("src/cli/mcp_folder.rs", 3, "a path"),
    ("src/cli/models.rs", 1, "names of files"),
    ("src/cli/oversight.rs", 1, "the beginning of a tree's hash"),
    ("src/cli/publish.rs", 1, "a path in a tree"),
    ("src/cli/trust.rs", 3, "paths and addresses"),
    ("src/cli/shelf.rs", 2, "the path of a request"),
    ("src/cli/verify.rs", 1, "the beginning of a commit id"),
    ("src/cli/watch.rs", 2, "a pattern of files"),
    ("src/critique/alternatives.rs", 1, "words of the plan"),
    ("src/dataset/derived/values.rs", 1, "a value of the data"),
    ("src/dataset/overrides.rs", 1, "a value of the data"),
    ("src/dataset/read/csv_scan.rs", 1, "a byte-order mark"),
    ("src/dataset/read/partitions.rs", 1, "a path"),
    ("src/dataset/read/source.rs", 1, "a path"),
    ("src/expression/cursor.rs", 1, "the grammar of expressions"),
    ("src/expression/parse.rs", 4, "the grammar of expressions"),
    ("src/llm/anthropic/envelope.rs", 6, "an address"),
    ("src/llm/anthropic/mod.rs", 1, "a body that is about to be sent"),
    ("src/llm/capabilities.rs", 1, "names of models"),
    ("src/llm/gemini/mod.rs", 2, "an address, and an id"),
    ("src/llm/http/mod.rs", 1, "an address"),
    ("src/llm/responses/decode.rs", 1, "a kind of event"),
    ("src/llm/responses/mod.rs", 1, "a body that is about to be sent"),
    ("src/llm/http/attempt.rs", 2, "a header of HTTP"),
    ("src/llm/http/failure.rs", 2, "a provider's error"),
    ("src/llm/parts.rs", 1, "an escape of JSON"),
    ("src/llm/providers.rs", 1, "an address"),
    ("src/mcp/documents.rs", 2, "an address, and names of files"),
    ("src/mcp/http.rs", 1, "a header of HTTP"),
    ("src/plan/models.rs", 2, "an address"),
    ("src/plan/names.rs", 1, "names of columns"),
    ("src/plan/reader.rs", 1, "a path of keys"),
    ("src/plan/render.rs", 1, "a message that names its key already does not get it again"),
    ("src/plan/set.rs", 3, "the text of a plan"),
    ("src/plan/yaml_tree.rs", 6, "messages of the YAML reader"),
    ("src/playbook/front_matter.rs", 1, "names of files"),
    ("src/store/decision.rs", 1, "a signature, as gpg and ssh-keygen print it"),
    ("src/objects/remote.rs", 2, "an address, and names of variables of the environment"),
    ("src/objects/server_words.rs", 2, "a server's error"),
    ("src/report/plots/watch.rs", 2, "names of files"),
    ("src/store/bundle.rs", 1, "names of references"),
    ("src/store/git.rs", 2, "names of branches; a path"),
    ("src/store/libgit.rs", 1, "a path in git's configuration"),
    ("src/store/glance.rs", 2, "names of branches and references"),
    ("src/store/message.rs", 1, "a line of a commit message that git would read as a mark"),
    ("src/record/audit/blind.rs", 2, "names of figures; paths of values"),
    ("src/record/audit/numbers.rs", 3, "hashes, and figures in prose"),
    ("src/record/dashboard/facts.rs", 1, "the name of an iteration's folder"),
    ("src/record/run_diff/snapshot.rs", 3, "paths of values"),
    ("src/store/recorded_run.rs", 3, "paths in a tree; names of references"),
    ("src/store/reflog.rs", 1, "names of branches, and who made a move by git's log"),
    ("src/store/refs.rs", 3, "git's files HEAD and packed-refs"),
    ("src/store/repair.rs", 1, "names of branches"),
    ("src/store/trust.rs", 2, "git's `safe.directory`"),
    ("src/store/worktree.rs", 2, "the journal"),
    ("src/term.rs", 1, "the grammar of terms"),
    ("src/text/object_address.rs", 2, "an address"),
    ("src/text/escape.rs", 1, "any text, to escape it"),
    ("src/text/figures.rs", 2, "any text, for the figures in it"),
    ("src/text/terminal.rs", 1, "any text, for the codes of a terminal"),
    ("src/tools/privacy/fence.rs", 1, "the markers of a fence"),
    ("src/tools/privacy/names.rs", 1, "a model's words and ours, to replace the names in them"),
    ("src/tools/privacy/rare.rs", 5, "a model's words and ours, to hide rare values in them"),
];

const LONGEST_FILE: usize = 500;
const LONGEST_MAIN: usize = 25;

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for part in CRATES {
        let mut seen = 0;
        for source in sources(part.root) {
            let Some(module) = module_of(part, &source.path) else { continue };
            for import in imports(&source.code, part.name) {
                seen += 1;
                if !allowed(part, &module, &import) {
                    wrong.push(format!("{}: {module} must not import crate::{import}", source.path));
                }
            }
        }
        assert!(seen > 10, "found only {seen} `crate::` paths in {}: is the extractor still working?", part.root);
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table_and_every_name_in_the_table_is_a_module() {
    for part in CRATES {
        let table: BTreeSet<&str> = part.may_import.iter().map(|(name, _)| *name).collect();
        let modules: BTreeSet<String> =
            sources(part.root).iter().filter_map(|source| module_of(part, &source.path)).collect();
        assert_eq!(modules.iter().map(String::as_str).collect::<BTreeSet<_>>(), table);
        for (module, imports) in part.may_import {
            for import in imports.iter().filter(|_| *imports != NOTHING) {
                let top = import.split("::").next().expect("a first part");
                assert!(table.contains(top), "{module} may import {import}, which is not a module");
            }
        }
    }
}

/// The tables have no cycle: each is an order.
#[test]
fn the_tables_are_orders() {
    for part in CRATES {
        let mut left: BTreeMap<&str, Vec<&str>> = part
            .may_import
            .iter()
            .map(|(name, imports)| {
                let counts = |i: &&str| !i.contains("::") && *i != "nothing";
                (*name, imports.iter().copied().filter(counts).collect())
            })
            .collect();
        while !left.is_empty() {
            let free: Vec<&str> = left
                .iter()
                .filter(|(_, imports)| imports.iter().all(|i| !left.contains_key(i)))
                .map(|(n, _)| *n)
                .collect();
            assert!(!free.is_empty(), "these import each other in a circle: {left:?}");
            left.retain(|name, _| !free.contains(name));
        }
    }
}

#[test]
fn some_dependencies_have_one_owner() {
    let mut wrong = Vec::new();
    for source in all_sources() {
        for (word, owners, why) in OWNED {
            let owned = owners.iter().any(|owner| Path::new(&source.path).starts_with(owner));
            if !owned && uses(&source.code, word) {
                wrong.push(format!("{}: `{word}` does not belong here: {why}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What reaches a terminal is cleaned on its way there: one file writes to it, and takes no other text. The allocator
/// writes by itself, since it has no memory left, and cleans the one name it holds beforehand.
#[test]
fn one_file_writes_to_the_terminal() {
    const WRITERS: [&str; 2] = ["src/cli/output.rs", "src/memory.rs"];
    let asks = |line: &&str| ["io::stdout()", "io::stderr()"].iter().any(|stream| line.contains(stream));
    let writes = |line: &&str| asks(line) && !line.contains("is_terminal");
    for source in all_sources().into_iter().filter(|source| !WRITERS.contains(&source.path.as_str())) {
        let found: Vec<&str> = source.outside_tests.lines().filter(writes).collect();
        assert!(found.is_empty(), "{}: print through `output`, which cleans what is printed: {found:?}", source.path);
    }
}

/// `super::` must not lead out of a module to its neighbours, where the table would not see it.
#[test]
fn super_stays_inside_its_module() {
    for source in all_sources() {
        let outside_tests = source.code.split("#[cfg(test)]").next().expect("a first part");
        let climbs = longest_climb(outside_tests);
        assert!(climbs < depth(&source.path), "{}: write `crate::` instead of so many `super::`", source.path);
    }
}

#[test]
fn design_never_receives_an_outcome() {
    for source in sources("crates/causal/src/design") {
        let outside_tests = source.code.split("#[cfg(test)]").next().expect("a first part");
        assert!(!has_word(outside_tests, "Sample"), "{}: design takes Covariates, not Sample", source.path);
    }
}

/// The right answers of the replay: one file holds them, and the scorer reads them. Nothing else names them;
/// outside of `acic` nothing can, since the module is private. (That they cannot leave a response by another way is what its
/// private fields are for.)
#[test]
fn only_the_scorer_names_the_truth() {
    // `causal` cannot see the competition, and has a file `response.rs` of its own.
    let sources_that_could = ["crates/acic/src", "src"].into_iter().flat_map(sources);
    let named: BTreeSet<String> =
        sources_that_could.filter(|source| names_the_truth(&source.code)).map(|source| source.path).collect();
    let expected =
        ["crates/acic/src/response/mod.rs", "crates/acic/src/response/truth.rs", "crates/acic/src/score/truths.rs"];
    assert_eq!(named, expected.iter().map(ToString::to_string).collect());
    let all = sources("crates/acic/src");
    let root = all.iter().find(|source| source.path == "crates/acic/src/lib.rs").expect("a root");
    assert!(declares_privately(&root.code, "response"), "lib.rs must keep `mod response;` to the crate");
    let score = all.iter().find(|source| source.path == "crates/acic/src/score/mod.rs").expect("a scorer");
    assert!(declares_privately(&score.code, "truths"), "the scorer must keep `mod truths;` to itself");
}

/// Scores and answers belong to the scorer and to what reports or hands them out; an analysis is made of neither. The list of
/// those that may ask is closed: a new file is an analyst until it is written here.
#[test]
fn what_analyses_has_no_way_to_the_scorer() {
    const MAY_ASK: [&str; 9] = [
        "crates/acic/src/lib.rs",
        "crates/acic/src/score",
        "crates/acic/src/export.rs",
        "crates/acic/src/calibrate",
        "src/replay/report.rs",
        "src/replay/tables.rs",
        "src/replay/calibration_page.rs",
        "src/replay/mod.rs",
        "src/cli/acic",
    ];
    let folders = ["crates/acic/src", "src/replay", "src/cli", "src/pipeline"];
    for source in folders.into_iter().flat_map(sources) {
        let asks = ["score", "export", "Known"].iter().any(|word| names_of_acic(&source, word));
        let may = MAY_ASK.iter().any(|place| Path::new(&source.path).starts_with(place));
        assert!(may || !asks, "{}: only what reports or hands out answers may use the scorer", source.path);
    }
}

/// `true` if a file names something of the competition: a word anywhere in that crate, a path of that crate elsewhere.
fn names_of_acic(source: &Source, word: &str) -> bool {
    let here = source.path.starts_with("crates/acic");
    let named = imports(&source.code, "acic");
    if here { has_word(&source.code, word) } else { named.iter().any(|path| path.split("::").any(|part| part == word)) }
}

/// Moments of the outcome are an answer. One file computes them, one asks for them, and no tool can.
#[test]
fn only_the_baseline_asks_for_moments_of_the_outcome() {
    let asks = |source: &&Source| source.code.contains("unblinded_moments");
    let found: Vec<String> = all_sources().iter().filter(asks).map(|source| source.path.clone()).collect();
    assert_eq!(found, ["src/baseline/ask.rs", "src/baseline/moments.rs"]);
}

/// The module `response::truth`, its type, or all of `response` at once.
fn names_the_truth(code: &str) -> bool {
    has_word(code, "Truth") || ["mod truth;", "response::truth", "response::*"].iter().any(|path| code.contains(path))
}

#[test]
fn our_own_sentences_are_not_read_back() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for source in all_sources().into_iter().filter(|source| !is_test(&source.path)) {
        let calls = words_looked_for(&source.outside_tests);
        if calls > 0 {
            found.insert(source.path, calls);
        }
    }
    let allowed: BTreeMap<String, usize> =
        READS_TEXT.iter().map(|(path, calls, _)| ((*path).to_owned(), *calls)).collect();
    let more = found.iter().filter(|(path, calls)| allowed.get(*path) != Some(*calls));
    let fewer = allowed.iter().filter(|(path, _)| !found.contains_key(*path));
    let off: Vec<String> = more.chain(fewer).map(|(path, calls)| format!("{path}: {calls}")).collect();
    assert!(
        off.is_empty(),
        "these look for words in a text, more or less often than READS_TEXT says. If the text is our own, hand the fact \
         over as a type; else say in READS_TEXT whose it is:\n{}\n",
        off.join("\n")
    );
}

#[test]
fn files_stay_short_and_main_is_a_doorway() {
    let mut long = Vec::new();
    for source in all_sources() {
        let limit = if source.path == "src/main.rs" { LONGEST_MAIN } else { LONGEST_FILE };
        if source.lines > limit {
            long.push(format!("{} has {} lines, more than {limit}", source.path, source.lines));
        }
    }
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

#[test]
fn the_table_can_say_no() {
    for (part, module, import, expected) in [
        (&CAUSAL, "design", "numerics::solve", true),
        (&CAUSAL, "design", "sample::Covariates", true),
        (&CAUSAL, "design", "design::weights", true),
        (&CAUSAL, "design", "estimate::aipw", false),
        (&CAUSAL, "design", "plan::Plan", false),
        (&CAUSAL, "numerics", "learners::x", false),
        (&PROGRAM, "critique", "record::documents::AnalysisDesign", true),
        (&PROGRAM, "critique", "report::html", false),
        (&PROGRAM, "critique", "report", false),
        (&PROGRAM, "report", "critique::Critique", true),
        (&PROGRAM, "store", "finding::Tier", false),
        (&PROGRAM, "store", "store::Step", true),
        (&PROGRAM, "llm", "text::sha256::sha256_hex", true),
        (&PROGRAM, "llm", "finding::Tier", false),
        (&PROGRAM, "record", "critique::rubric", false),
        (&PROGRAM, "record", "report::sentences", false),
        (&PROGRAM, "agent", "dataset::read", false),
        (&PROGRAM, "tools", "llm::ToolSpec", true),
        (&PROGRAM, "tools", "llm::http", false),
        (&PROGRAM, "pipeline", "agent::x", false),
        (&PROGRAM, "pipeline", "cli::x", false),
        (&PROGRAM, "cli", "pipeline::x", true),
        (&PROGRAM, "replay", "pipeline::single_pass", true),
        (&PROGRAM, "replay", "agent::x", false),
        (&PROGRAM, "pipeline", "replay::analyse", false),
        (&ACIC, "run", "output_folder::OutputFolder", true),
        (&ACIC, "run", "score::Scores", false),
        (&ACIC, "run", "response::truth::Truth", false),
        (&ACIC, "analyst", "source::Source", false),
        (&ACIC, "score", "AcicError", true),
        (&ACIC, "score", "run::Request", false),
        (&PROGRAM, "pipeline", "VERSION", true),
        (&PROGRAM, "store", "VERSION", false),
        (&PROGRAM, "plan", "as me", false),
        (&PROGRAM, "plan", "*", false),
    ] {
        assert_eq!(allowed(part, module, import), expected, "{module} -> {import}");
    }
}

#[test]
fn the_truth_is_found_under_any_name_it_can_have() {
    for (code, expected) in [
        ("use super::response::truth::{self, Truth};", true),
        ("use crate::response::truth::Truth as T;", true),
        ("use super::response::*;", true),
        ("let line = board.truth; // Truth", false),
        ("use super::response::Response;", false),
    ] {
        assert_eq!(names_the_truth(&strip(code)), expected, "{code}");
    }
}

/// `src/plan/parse.rs` and `src/plan.rs` belong to `plan`; lib.rs and main.rs to none.
fn module_of(part: &Crate, path: &str) -> Option<String> {
    let top = path.strip_prefix(part.root)?.trim_start_matches('/').split('/').next()?.trim_end_matches(".rs");
    (!matches!(top, "lib" | "main")).then(|| top.to_owned())
}

fn allowed(part: &Crate, module: &str, import: &str) -> bool {
    let within = |place: &str| import == place || import.strip_prefix(place).is_some_and(|rest| rest.starts_with("::"));
    let Some((_, may)) = part.may_import.iter().find(|(name, _)| *name == module) else { return false };
    let common = part.vocabulary.iter().any(|name| within(name)) || CONSTANTS.contains(&import);
    within(module) || may.iter().any(|place| within(place)) || *may != NOTHING && *may != ONLY_TEXT && common
}
