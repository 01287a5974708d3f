//! The table of estimators in `docs/estimators.md` is made from their facts.

use causal::estimand::Inference;
use causal::estimator::{ClusterSupport, EstimatorKind};
use std::fs;
use std::path::Path;

const BEGIN: &str =
    "<!-- estimators: made from crates/causal/src/estimator/table.rs, held to it by tests/it/estimator_table.rs -->\n";
const END: &str = "<!-- end of estimators -->";

fn table() -> String {
    let mut out =
        "| key | estimator | point estimate | standard error | doubly robust | any learner | about the sample | \
                   clusters |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    let yes = |fact: bool| if fact { "yes" } else { "" };
    for kind in EstimatorKind::ALL {
        let facts = kind.facts();
        let benchmark = if kind.is_benchmark() { " (benchmark)" } else { "" };
        let cells = [
            format!("`{}`", facts.key),
            format!("{}{benchmark}", facts.title),
            facts.point_estimate.to_owned(),
            facts.standard_error.to_owned(),
            yes(facts.doubly_robust).to_owned(),
            yes(kind.takes_outcome_learners()).to_owned(),
            yes(kind.offers(Inference::Sample)).to_owned(),
            yes(facts.clusters == ClusterSupport::Population).to_owned(),
        ];
        out += &format!("| {} |\n", cells.join(" | "));
    }
    out
}

#[test]
fn the_documents_have_the_table_of_estimators() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/estimators.md");
    let text = fs::read_to_string(path).expect("docs/estimators.md");
    let (_, after) = text.split_once(BEGIN).expect("the table begins");
    let (found, _) = after.split_once(END).expect("the table ends");
    let expected = table();
    assert_eq!(found, expected, "write this between the markers of docs/estimators.md:\n{expected}");
}
