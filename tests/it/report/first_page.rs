//! The first page: what it says of an answer, of one that is refused, and of how it is identified; and that no text stands on
//! the report twice.

use super::cases::{Case, lalonde, nhefs};
use super::documents::{report, squeezed, told};
use super::fixtures::*;
use causal::diagnose::allocation::AllocationReport;
use causal::effect::Effect;
use causal::estimand::{Estimand, Inference, Target};
use oci_agent::finding::{Code, Severity, Tier};
use oci_agent::plan::{GraphSource, StudyDesign};
use oci_agent::record::EffectDocument;
use oci_agent::record::basis::{IdentificationBasis, IdentifiedBy};
use oci_agent::record::documents::{EstimateDiagnostics, SpecTried};
use oci_agent::report::first_page::first_page;
use oci_agent::report::notebook::{self, NotebookInput};
use std::collections::BTreeMap;

/// The first answer alone, with an outcome that is never negative, and another estimate.
fn alone(estimate: f64, std_error: f64) -> Case {
    let mut case = nhefs();
    let results = &mut case.results;
    results.answers.truncate(1);
    results.critique.analyses.truncate(1);
    let answer = &mut results.answers[0];
    answer.diagnostics = Some(EstimateDiagnostics {
        outcome_sd: 8.0,
        largest_row: 0.02,
        outcome_smallest: 0.0,
        disagreement: None,
        by_target: vec![],
        not_converged: vec![],
    });
    let old = answer.effect.as_ref().expect("an effect");
    let effect = Effect {
        estimate,
        std_error,
        ci_lower: estimate - 1.96 * std_error,
        ci_upper: estimate + 1.96 * std_error,
        mean_treated: Some(10.0 + estimate),
        mean_control: Some(10.0),
        ..(**old).clone()
    };
    answer.effect = Some(EffectDocument::new(effect, Vec::new()));
    case
}

fn headline(case: &Case) -> String {
    first_page(&case.results, &case.plan).answer
}

fn failing(case: &mut Case, code: Code) {
    let graded = &mut case.results.critique.analyses[0];
    graded.findings.push(finding(code, Severity::Fail, "m", (None, None), "It fails."));
    (graded.tier, case.results.answers[0].tier) = (Tier::NotSatisfactory, Tier::NotSatisfactory);
}

#[test]
fn an_answer_is_one_sentence_with_both_means_and_a_ratio_where_that_has_a_meaning() {
    let raises = "On average, `qsmk` = 1 rather than 0 raises `wt82_71` by 2.00 [1.02, 2.98] kg for everyone: from 10.00 without to 12.00 with it (+20 %).";
    assert_eq!(headline(&alone(2.0, 0.5)), raises);
    let lowers = "On average, `qsmk` = 1 rather than 0 lowers `wt82_71` by 2.00 [1.02, 2.98] kg for everyone: from 10.00 without to 8.00 with it (−20 %).";
    assert_eq!(headline(&alone(-2.0, 0.5)), lowers);
    let open = "Whether `qsmk` = 1 rather than 0 raises or lowers `wt82_71` for everyone is open: the ATE is 0.50 [−0.48, 1.48] kg.";
    assert_eq!(headline(&alone(0.5, 0.5)), open);
    // A change of weight can be negative: a share of it has no meaning.
    let mut case = alone(2.0, 0.5);
    case.results.answers[0].diagnostics.as_mut().expect("there").outcome_smallest = -41.0;
    assert!(headline(&case).ends_with("from 10.00 without to 12.00 with it."), "{}", headline(&case));
    let row = first_page(&case.results, &case.plan).rows.remove(0);
    assert_eq!((row.with.as_str(), row.without.as_str(), row.relative.as_str()), ("12.00", "10.00", ""));
    // A mean that is not told from zero is nothing to divide by.
    let noisy = alone(30.0, 8.0);
    assert_eq!(first_page(&noisy.results, &noisy.plan).rows[0].relative, "", "half-width 15.7, mean 10");
}

#[test]
fn a_refused_answer_is_called_none_and_why() {
    let said = |code| {
        let mut case = alone(2.0, 0.5);
        failing(&mut case, code);
        (headline(&case), first_page(&case.results, &case.plan))
    };
    let (not_identified, page) = said(Code::Identification);
    assert!(not_identified.starts_with("No answer: the ATE is not identified"), "{not_identified}");
    assert_eq!(page.rows[0].effect, "no answer (adjusted difference 2.00 [1.02, 2.98])");
    assert_eq!((page.rows[0].with.as_str(), page.rows[0].relative.as_str()), ("", ""), "no means of what is no answer");
    assert!(said(Code::PopulationKept).0.starts_with("No answer to what was asked"));
    assert!(said(Code::StructureOneArm).0.starts_with("No answer: the groups differ by construction"));
    let (unbalanced, page) = said(Code::BalancePriority);
    assert!(
        unbalanced.starts_with("No answer to rely on: 2.00 [1.02, 2.98] kg is what the models give"),
        "{unbalanced}"
    );
    assert!(page.caveats[0].contains("`age`"), "what refuses comes first: {:?}", page.caveats);
    let mut case = lalonde();
    case.results.answers.reverse();
    assert!(headline(&case).starts_with("No answer: the ATC could not be estimated: treatment is separated perfectly"));
}

#[test]
fn how_the_effect_is_identified_is_one_sentence() {
    let said = |basis: IdentificationBasis, spoil: fn(&mut Case)| {
        let mut case = alone(2.0, 0.5);
        spoil(&mut case);
        case.results.identification = basis;
        let page = first_page(&case.results, &case.plan);
        let (markdown, html) = report(&case);
        let plain: String = markdown.chars().filter(|c| *c != '`').collect();
        assert!(plain.contains(&page.identification.replace('`', "")), "{markdown}");
        let linked = page.links.iter().any(|link| link.file == "identification.md");
        assert_eq!(html.contains("href=\"identification.md\""), linked);
        assert_eq!(case.plan.graph.is_some(), linked, "the file is there where the plan has a graph");
        page.identification
    };
    let by = |by| IdentificationBasis { by, ..IdentificationBasis::default() };
    assert!(
        said(by(IdentifiedBy::AssumedOnly), |_| ())
            .starts_with("Identified by assumption: the plan has no causal graph")
    );
    let audit = AllocationReport {
        units: 10,
        treated: 5,
        expected: 5.0,
        p_ratio: 1.0,
        covariates: 0,
        statistic: 0.0,
        p_covariates: 1.0,
        drawn: false,
    };
    let random = IdentificationBasis { allocation: Some(audit), ..by(IdentifiedBy::Randomised) };
    assert!(said(random, |case| case.plan.design = StudyDesign::Randomised).ends_with("the allocation was audited."));
    let drawn = |case: &mut Case| case.plan.graph = Some(GraphSource::Inline("dag { a -> b }".into()));
    assert!(said(by(IdentifiedBy::Graph), drawn).contains("no other path between treatment and outcome is open"));
    let not = IdentificationBasis {
        forbidden: vec!["passed_test".into()],
        instead: Some(vec!["age".into()]),
        ..by(IdentifiedBy::Not)
    };
    assert!(said(not, drawn).ends_with("Without `passed_test`, and given `age`, it would."));
}

#[test]
fn a_playbook_that_was_undone_is_not_named_as_applied() {
    let mut case = lalonde();
    case.results.answers[0].iteration = 4;
    let tried = |iteration, revisions| SpecTried { iteration, spec_sha256: hash(11), revisions, tiers: vec![] };
    let undo = oci_agent::spec::Revision {
        reverted: true,
        ..revision(Target::Ate, "richer_terms", "balance.priority", "Went back to the analysis of iteration 1.")
    };
    case.results.specs_tried = vec![
        tried(1, vec![]),
        tried(2, vec![revision(Target::Ate, "richer_terms", "balance.priority", "Two terms are added.")]),
        tried(3, vec![undo]),
        tried(4, vec![revision(Target::Ate, "crump_trim", "overlap.outside", "Keep the middle.")]),
        tried(5, vec![revision(Target::Ate, "too_late", "overlap.outside", "Nobody kept this.")]),
    ];
    let (page, _) = report(&case);
    let said = "Asked for the ATE, the run answers for the trimmed ATE. The loop applied `crump_trim` because of overlap.outside.";
    assert!(page.contains(&format!("- {said}\n")), "{page}");
    // What was tried is still on record.
    assert!(page.contains("ATE richer_terms undone: Went back to") && page.contains("ATE by richer_terms, because of"));
}

#[test]
fn the_estimator_and_not_the_plan_decides_an_interval_that_was_not_asked_for() {
    let mut case = alone(2.0, 0.5);
    let effect = case.results.answers[0].effect.as_ref().expect("there");
    let sample = Effect { inference: Inference::Sample, ..(**effect).clone() };
    case.results.answers[0].effect = Some(EffectDocument::new(sample, Vec::new()));
    case.results.answers[0].because = "The plan says so.".into();
    let said = "ATE: answered by AIPW. The plan says so. The interval is about the average effect among these very rows, since this estimator has no other.";
    assert!(report(&case).0.contains(said), "{}", report(&case).0);
    case.plan.analysis.inference = Some(Inference::Sample);
    assert!(report(&case).0.contains("among these very rows."), "as the plan asks");
}

/// The ATE became the ATO, which was asked for too.
#[test]
fn one_answer_to_two_questions_is_printed_once() {
    let mut case = nhefs();
    let ato = case.results.answers[2].clone();
    let ate = &mut case.results.answers[0];
    (ate.name, ate.effect, ate.sensitivity) = (ato.name.clone(), ato.effect.clone(), ato.sensitivity.clone());
    ate.population_numbers = ato.population_numbers.clone();
    let overlap = Estimand { target: Target::Ato, population: ALL };
    for row in case.results.effects.iter_mut().filter(|row| row.requested == Target::Ate && row.primary) {
        row.name = overlap.name();
        row.effect = ato.effect.clone().expect("there");
    }
    let (page, _) = report(&case);
    let page = squeezed(&page);
    assert!(page.contains("| ATE | ATO | the same as the ATO | | |"), "{page}");
    assert_eq!(page.matches("| ATO | ATO | 3.40").count(), 1, "{page}");
    let folded = page.split("<details id=\"sensitivity\">").nth(1).expect("the section");
    let folded = folded.split("</details>").next().expect("its end");
    assert!(folded.contains("ATT and ATO: ") && !folded.contains("ATE"), "{folded}");
    let shown = page.matches("AIPW** | **logistic, linear** | **3.40").count();
    assert_eq!(shown, 1, "the estimate is listed where it was asked for: {page}");
    assert_eq!(notebook::commands(&case.results).len(), 3, "the check and two estimates");
    let said = told(&case, 80, false);
    assert_eq!(said.matches("3.40 [").count(), 1 + usize::from(headline(&case).contains("3.40 [")), "{said}");
}

/// Sentences of four words and more that stand on a page more than once. Tables of numbers repeat what is the same.
fn said_twice(page: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for line in page.lines().filter(|line| {
        // Figures, code, and the headers of tables.
        !line.starts_with("![") && !line.starts_with("```") && !line.contains("[95 % interval]")
    }) {
        for cell in line.split('|').flat_map(|cell| cell.split(". ")) {
            let text = cell.trim().trim_start_matches("- ").trim_matches(['*', '.']).to_owned();
            if text.split_whitespace().count() >= 6 {
                *seen.entry(text).or_default() += 1;
            }
        }
    }
    seen.into_iter().filter(|entry| entry.1 > 1).map(|entry| entry.0).collect()
}

#[test]
fn no_text_stands_on_a_report_twice() {
    for case in [nhefs(), lalonde(), alone(2.0, 0.5)] {
        let mut case = case;
        // The documents are made up, with the same sentence in many places; only what the report itself says is held here.
        for answer in &mut case.results.answers {
            answer.population = format!("Those asked about by the {}.", answer.requested.acronym());
        }
        for graded in &mut case.results.critique.analyses {
            graded.departs_from_ate = format!("How the {} departs.", graded.requested.acronym());
        }
        let (page, _) = report(&case);
        let twice = said_twice(&page);
        assert!(twice.is_empty(), "{twice:#?}");
    }
}

#[test]
fn the_same_page_opens_report_notebook_and_terminal() {
    let case = lalonde();
    let page = first_page(&case.results, &case.plan);
    let (markdown, html) = report(&case);
    let bytes =
        notebook::render(&NotebookInput { results: &case.results, plan: &case.plan, figures: &[], recorded: &[] });
    let notebook: serde_json::Value = serde_json::from_slice(&bytes.expect("rendered")).expect("JSON");
    let first: String =
        notebook["cells"][0]["source"].as_array().expect("lines").iter().filter_map(|l| l.as_str()).collect();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace(['`', '\\'], "");
    let terminal = words(&told(&case, 80, false));
    let plain = |html: &str| words(&html.replace("<code>", "").replace("</code>", ""));
    let before_details = [words(markdown.split("<details").next().expect("a top")), words(&first), terminal];
    let said = page.caveats.iter().chain(&page.whom).chain([&page.answer, &page.sensitivity, &page.identification]);
    for line in said {
        for text in &before_details {
            assert!(text.contains(&words(line)), "lacks {line}: {text}");
        }
        assert!(plain(&html).contains(&words(line)), "the page lacks {line}");
    }
    // The caveats of the first answer come first, though the second is the one that is refused.
    assert!(page.caveats[0].starts_with("ATE and ATT: "), "{:?}", page.caveats);
    assert!(page.caveats.iter().any(|line| line.starts_with("ATT: `age` is 0.415 sd apart")), "{:?}", page.caveats);
    assert_eq!(
        (page.rows[0].with.as_str(), page.rows[1].with.as_str()),
        ("5", ""),
        "no means of what nobody may rely on"
    );
    for sign in ["⚠️ satisfactory with caveats", "❌ not satisfactory"] {
        assert!(markdown.contains(sign) && first.contains(sign), "{sign}");
    }
    assert!(html.contains("<span class=\"badge caveats\">▲ satisfactory with caveats</span>"));
    assert!(html.contains("<span class=\"badge not\">✘ not satisfactory</span>"));
}
