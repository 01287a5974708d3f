//! What a reader sees where language models took part: their words stay inert, their grades stand beside the computed
//! ones, figures that nobody computed are marked, and a run without them reads as before.

use super::cases::{Case, lalonde, lalonde_blind, nhefs};
use super::documents::{figures, lalonde_spec, only_own_links, placed, report, show, squeezed, tables_line_up, told};
use oci_agent::critique::flag_figures::flag_figures;
use oci_agent::critique::model_review;
use oci_agent::record::documents::{Conduct, RoleUsage};
use oci_agent::record::model_review::{ModelGrade, ModelReview};
use oci_agent::report::{markdown, notebook};

const BY: &str = "anthropic claude-test";

fn grade(requested: &str, credibility: &str, reason: &str) -> ModelGrade {
    ModelGrade {
        requested: requested.into(),
        credibility: credibility.into(),
        reason: reason.into(),
        departs_from_ate: format!("The {requested} asked holds for the 452 people kept, not for all 16,177."),
    }
}

fn opinion() -> ModelReview {
    ModelReview {
        blind_spots: vec![
            "Motivation to enrol is unmeasured; it could raise earnings by 950 dollars on its own.".into(),
            "The controls were surveyed in another year and another labour market.".into(),
        ],
        alignment: "Plan and spec agree, except that a trimmed ATE was analysed where the ATE was asked.".into(),
        grades: vec![
            grade(
                "ate",
                "not_satisfactory",
                "Only 2.8 % of the rows are kept, and the share outside is 12.8 %, so that \
                   little is left of the question; 0.37 of the treated have no counterpart.",
            ),
            grade(
                "att",
                "satisfactory_with_caveats",
                "The worst standardised difference, 0.415, is that of `age` alone.",
            ),
            grade("atc", "not_satisfactory", "There is no design, so there is nothing to believe."),
        ],
        trial_contrast: "In the trial the assignment was random; here the controls come from a survey.".into(),
        alternatives: vec!["An encouragement design: offer the training by lottery.".into()],
        remediations: vec!["crump_trim".into()],
    }
}

fn usage(calls: u32, input: u64, output: u64) -> RoleUsage {
    RoleUsage {
        calls,
        tool_calls: 22,
        repairs: 1,
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: input / 2,
        cache_write_tokens: 100,
        reasoning_tokens: 0,
        longest_input: 0,
    }
}

fn conduct() -> Conduct {
    Conduct {
        actor: BY.into(),
        critic: "openai gpt-test".into(),
        actor_usage: usage(9, 20_204, 3_110),
        critic_usage: usage(5, 11_000, 2_000),
        cost_usd: Some(0.1234),
        stopped: None,
        shortfalls: vec![],
        flagged: vec![],
        left_out_bytes: 0,
    }
}

/// The LaLonde run with a model as actor and another as critic: one grade lower, one higher, figures that nobody computed.
pub fn spoken(opinion: ModelReview) -> Case {
    let mut case = lalonde();
    let results = &mut case.results;
    results.critique = model_review::hold(results.critique.clone(), BY, opinion);
    for (answer, graded) in results.answers.iter_mut().zip(&results.critique.analyses) {
        answer.tier = graded.tier;
    }
    results.conduct = Some(conduct());
    results.specs_tried[1].revisions[0].reason =
        Some("Only 12.8 % lie outside, and trimming at 0.07 keeps the\nmost of 452 people.".into());
    flag_figures(results).expect("flagged");
    case
}

#[test]
fn grades_disagreements_and_words_are_told_apart() {
    let (page, html) = report(&spoken(opinion()));
    show("report_spoken.md", page.as_bytes());
    show("report_spoken.html", html.as_bytes());
    tables_line_up(&page);
    let page = squeezed(&page);
    for said in [
        "- ATE: the computed grade is satisfactory with caveats; anthropic claude-test lowered it to not satisfactory",
        "A verdict is the lower of two grades",
        "<summary><h2>What the language model said</h2></summary>",
        "| ATT | not satisfactory | satisfactory with caveats | not satisfactory | “The worst standardised difference, 0.415,",
        "The model graded the ATE lower than the rubric (not satisfactory against satisfactory with caveats), for this reason: “Only 2.8 %",
        "no counterpart.”; the verdict is lowered to not satisfactory.",
        "The model graded the ATT higher than the rubric (satisfactory with caveats against not satisfactory). The computed grade is a cap, so the verdict stays not satisfactory.",
        "> **The model on blind spots:**\n>\n> - Motivation to enrol",
        "> **The model on departures from the ATE, where the ATE was asked:**",
        "> **The actor on iteration 2, ATE, crump_trim:**\n>\n> Only 12.8 % lie outside, and trimming at 0.07 keeps the\n>\n> most of 452 people.",
        "| critic | openai gpt-test | 5 | 22 | 1 | 11,000 | 5,500 | 100 | 2,000 |",
        "| **together** | | **14** | **44** | **2** | **31,204** |",
        "Cost by the price table: \\$0.12.",
    ] {
        assert!(page.contains(said), "lacks: {said}\n{page}");
    }
    assert_eq!(html.matches("<blockquote class=\"model\">").count(), html.matches("</blockquote>").count());
    assert!(html.contains("<p class=\"who\">The model on blind spots</p>\n<ul>"));
    assert!(html.contains("<td class=\"prose model\">“There is no design"));
}

#[test]
fn every_line_with_a_figure_that_nobody_computed_is_shown() {
    let case = spoken(opinion());
    let reviewed = case.results.critique.reviewed.as_ref().expect("reviewed");
    let places: Vec<(&str, &str)> = reviewed.flagged.iter().map(|f| (f.place.as_str(), f.figure.as_str())).collect();
    assert_eq!(places, [("blind_spots[0]", "950"), ("grades.ate.reason", "0.37")]);
    let actor = &case.results.conduct.as_ref().expect("conduct").flagged;
    assert_eq!(
        actor.iter().map(|f| (f.place.as_str(), f.figure.as_str())).collect::<Vec<_>>(),
        [("iteration 2, ate, crump_trim", "0.07")]
    );
    let (page, html) = report(&case);
    let shown = "- ⚠ `950` This figure is not in results.json. It stands in `blind_spots[0]`: “Motivation to enrol";
    assert!(page.contains(shown), "{page}");
    assert!(page.contains("figures in these words, 2 are not in results.json:"), "{page}");
    assert!(
        page.contains("- ⚠ `0.07` This figure is not in results.json. It stands in `iteration 2, ate, crump_trim`:")
    );
    assert_eq!(html.matches("<mark>⚠ ").count(), 3);
    let mut again = case.results.clone();
    flag_figures(&mut again).expect("flagged");
    assert_eq!(again, case.results, "what was flagged is no evidence the second time");
}

#[test]
fn hostile_words_stay_inert() {
    let evil = "fine.” The verdict is fully satisfactory. <script>alert(1)</script> ![x](http://evil.example/p.png) \
                [go](javascript:alert(1)) www.evil.example me@evil.example | a | b | `open\n# A heading\n\n- item\n> out\n\
                <img src=x onerror=alert(1)>\n[ref]: http://evil.example\n</blockquote>\n{{ 7*7 }} **bold** &lt; \u{202e}";
    let mut opinion = opinion();
    opinion.blind_spots = vec![evil.into()];
    (opinion.alignment, opinion.trial_contrast) = (evil.into(), evil.into());
    (opinion.alternatives, opinion.remediations) = (vec![evil.into(), evil.into()], vec![evil.into()]);
    for grade in &mut opinion.grades {
        (grade.reason, grade.departs_from_ate) = (evil.into(), evil.into());
    }
    let plain = report(&lalonde());
    let mut case = spoken(opinion);
    case.results.specs_tried[1].revisions[0].reason = Some(evil.into());
    let conduct = case.results.conduct.as_mut().expect("conduct");
    (conduct.shortfalls, conduct.stopped) = (vec![evil.into()], Some(evil.into()));
    flag_figures(&mut case.results).expect("flagged");
    let (page, html) = report(&case);
    show("report_hostile.md", page.as_bytes());
    show("report_hostile.html", html.as_bytes());
    only_own_links(&html);
    for tag in ["<script", "<img", "onerror=alert(1)>"] {
        assert!(!html.contains(tag), "{tag}");
    }
    assert_eq!(html.matches("</blockquote>").count(), html.matches("<blockquote class").count());
    assert_eq!(html.matches("<figure>").count(), plain.1.matches("<figure>").count());
    tables_line_up(&page);
    let quoted = page.replace("> ", "");
    assert!(!quoted.contains("\n# A heading") && !quoted.contains("\n[ref]:") && !page.contains(" <script"));
    assert_eq!(page.matches("\n![").count(), plain.0.matches("\n![").count(), "no picture of the model's own");
    let mut rest = page.as_str();
    while let Some(at) = rest.find("](javascript") {
        assert!(rest[..at].ends_with('\\'), "a link to a script");
        rest = &rest[at + 1..];
    }
    for line in page.lines() {
        for address in ["http://evil", "www.evil", "me@evil"] {
            let outside: String = line.split('`').step_by(2).collect();
            // Backticks of the model's own are escaped, so an odd part is a code span only where there is no such one.
            assert!(line.contains("\\`") || !outside.contains(address), "{address} could be a link: {line}");
            assert!(!line.contains(&format!(" {address}")), "{address} is bare: {line}");
        }
    }
    let said = told(&case, 80, false);
    assert!(!said.contains('\u{202e}') && !said.contains("\n#"), "{said}");
}

#[test]
fn an_opinion_that_is_missing_is_said() {
    let mut case = nhefs();
    case.results.critique = model_review::without(case.results.critique, BY, "three answers could not be read", None);
    let sentence =
        "The model gave no valid critique: three answers could not be read. The computed critique stands alone.";
    let (page, html) = report(&case);
    assert!(page.contains(sentence) && html.contains(sentence));
    assert!(page.contains("A verdict is computed from the checks below") && !page.contains("Its grade can lower"));
    let said = told(&case, 200, false);
    assert!(said.contains(sentence), "{said}");
}

#[test]
fn a_run_that_a_budget_ended_says_so_at_the_top() {
    let mut case = spoken(opinion());
    let conduct = case.results.conduct.as_mut().expect("conduct");
    conduct.stopped = Some("80 answers were allowed and 80 were given.".into());
    conduct.shortfalls = vec!["the critic gave no valid grade of the ATC in iteration 1".into()];
    conduct.cost_usd = None;
    let (page, html) = report(&case);
    show("report_stopped.html", html.as_bytes());
    let sentence =
        "This run was ended by its budget: 80 answers were allowed and 80 were given. What follows is what it had.";
    let top = page.split("<details").next().expect("a top");
    assert!(top.contains(&format!("**{sentence}**")), "{top}");
    assert!(top.contains("\n- The critic gave no valid grade of the ATC in iteration 1.\n"), "{top}");
    assert!(html.contains(&format!("<p class=\"notice\" role=\"note\"><strong>{sentence}</strong></p>")));
    assert!(page.contains("unknown: no price for anthropic claude-test or openai gpt-test"));
    for width in [60, 80, 140] {
        let said = told(&case, width, false);
        show(&format!("terminal_spoken_{width}.txt"), said.as_bytes());
        assert!(said.lines().all(|line| line.chars().count() <= width), "{said}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "rubric: satisfactory with caveats, model: not satisfactory",
            "rubric: not satisfactory, model: satisfactory with caveats",
            "This run was ended by its budget: 80 answers were allowed and 80 were given.",
            "3 figures in the words of language models are not in results.json",
            "language models: 14 answers, 31,204 tokens in, 5,110 out, cost unknown: no price for anthropic claude-test",
        ] {
            assert!(said.contains(words), "lacks {words}: {said}");
        }
        assert_eq!(said.matches("rubric: ").count(), 2, "only where they differ");
    }
}

#[test]
fn a_critique_of_a_design_has_the_models_words_and_checks_no_figure_yet() {
    let case = lalonde();
    let plain = markdown::critique(&lalonde_blind(), &lalonde_spec(true), &case.plan).expect("markdown");
    let mut same = opinion();
    for grade in &mut same.grades {
        let tier = lalonde_blind().analyses.iter().find(|a| a.requested.key() == grade.requested).expect("it").tier;
        grade.credibility = tier.key().into();
    }
    let critique = model_review::hold(lalonde_blind(), BY, same);
    let page = markdown::critique(&critique, &lalonde_spec(true), &case.plan).expect("markdown");
    show("critique_spoken.md", page.as_bytes());
    tables_line_up(&page);
    assert!(page.contains("The two agree on every grade.") && page.contains("once the run has one."));
    let (before, rest) = page.split_once("## What the language model said").expect("the section");
    let (_, after) = rest.split_once("## How the estimands depart").expect("the next");
    assert_eq!(format!("{before}## How the estimands depart{after}"), plain, "the rest is as it was");
}

#[test]
fn the_notebook_says_it_too() {
    let case = spoken(opinion());
    let figures = figures(&case);
    let input =
        notebook::NotebookInput { results: &case.results, plan: &case.plan, figures: &placed(&figures), recorded: &[] };
    let text = String::from_utf8(notebook::render(&input).expect("rendered")).expect("text");
    assert!(text.contains("## What the language model said") && text.contains("The actor on iteration 2"));
}

#[test]
fn a_run_of_the_playbooks_reads_as_before() {
    for case in [nhefs(), lalonde()] {
        let mut flagged = case.results.clone();
        flag_figures(&mut flagged).expect("nothing to do");
        assert_eq!(flagged, case.results);
        let (page, html) = report(&case);
        let said = told(&case, 80, false);
        for text in [page, html, said.to_string()] {
            for word in ["language model", "blockquote", "The model", "<mark", "rubric:", "class=\"notice\""] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
