//! Playbooks: the front matter, the catalogue, and which playbooks a finding calls for.

#![allow(clippy::expect_used, reason = "helpers of tests, not tests themselves")]

use causal::estimand::{Target, TrimRule};
use oci_agent::critique::rubric;
use oci_agent::finding::{Code, Finding, Severity};
use oci_agent::playbook::{Catalogue, Change, PlaybookError, parse};
use proptest::prelude::*;

const GOOD: &str = "---
name: mine
title: A title
addresses: [overlap.outside, balance.priority]
estimands: [ate, att]
order: 7
change: {kind: trim, trim: {rule: fixed, alpha: 0.05}}
estimand_effect: It changes.
---

# Prose

Text with --- inside.
";

fn finding(code: Code, severity: Severity) -> Finding {
    rubric::rule(code).finding(severity, "test")
}

fn names(findings: &[Finding], requested: Target, current: Target) -> Vec<String> {
    let catalogue = Catalogue::embedded().expect("embedded playbooks");
    catalogue.matching(findings, requested, current).iter().map(|p| p.front.name.clone()).collect()
}

#[test]
fn a_good_file_is_read_in_full() {
    let playbook = parse("dir/mine.md", GOOD.as_bytes()).expect("good");
    assert_eq!(playbook.front.addresses, [Code::OverlapOutside, Code::BalancePriority]);
    assert_eq!(playbook.front.estimands, [Target::Ate, Target::Att]);
    assert_eq!(playbook.front.change, Change::Trim { trim: TrimRule::Fixed { alpha: 0.05 } });
    assert_eq!(playbook.front.order, 7);
    assert!(playbook.front.keep_only_if_not_worse, "the default is to keep only what is not worse");
    assert_eq!(playbook.prose, "# Prose\n\nText with --- inside.");
}

#[test]
fn the_hash_is_sha256_of_the_bytes() {
    // Computed from the bytes of GOOD with Python's hashlib.
    let playbook = parse("mine.md", GOOD.as_bytes()).expect("good");
    assert_eq!(playbook.sha256, "dc636ef8d898de6acdb2275f37d4e05f496f3e37b85c4fc600a3a1dfd2ae895f");
    let windows = GOOD.replace('\n', "\r\n");
    let other = parse("mine.md", windows.as_bytes()).expect("Windows line ends");
    assert_eq!(other.front, playbook.front);
    assert_ne!(other.sha256, playbook.sha256, "the hash is of the file, not of its meaning");
}

#[test]
fn every_kind_of_change_is_read() {
    let with = |change: &str, estimands: &str| {
        let text = GOOD
            .replace("{kind: trim, trim: {rule: fixed, alpha: 0.05}}", change)
            .replace("estimands: [ate, att]", &format!("estimands: {estimands}"));
        parse("mine.md", text.as_bytes()).map(|p| p.front.change)
    };
    assert_eq!(
        with("{kind: trim, trim: {rule: crump_optimal}}", "[ate]"),
        Ok(Change::Trim { trim: TrimRule::CrumpOptimal })
    );
    assert_eq!(with("{kind: switch_target, target: ato}", "[ate]"), Ok(Change::SwitchTarget { target: Target::Ato }));
    assert_eq!(with("{kind: enrich_terms}", "[ate]"), Ok(Change::EnrichTerms));
    assert_eq!(with("{kind: none}", "[ate]"), Ok(Change::None));
}

#[test]
fn malformed_files_name_the_file_the_key_and_the_fix() {
    let cases: [(&str, &str, &[&str]); 19] = [
        ("---\nname: mine", "name: mine", &["does not start with front matter", "`---`"]),
        ("Text with --- inside.", "Text", &[]),
        ("effect: It changes.\n---", "effect: It changes.\n", &["never closed", "`---`"]),
        ("order: 7", "ordre: 7", &["ordre", "order"]),
        ("order: 7\n", "", &["order"]),
        ("order: 7", "order: soon", &["soon", "line 6"]),
        ("order: 7", "order: -1", &["line 6"]),
        ("title: A title", "title: \"\"", &["`title`", "empty"]),
        ("estimand_effect: It changes.", "estimand_effect: ' '", &["`estimand_effect`", "empty"]),
        ("name: mine", "name: yours", &["`name`", "yours.md"]),
        ("[overlap.outside, balance.priority]", "[overlap]", &["overlap", "line 4"]),
        ("[overlap.outside, balance.priority]", "[]", &["`addresses`", "empty"]),
        ("[overlap.outside, balance.priority]", "[alignment, alignment]", &["`addresses`", "twice"]),
        ("[ate, att]", "[ate, atx]", &["atx"]),
        ("[ate, att]", "[]", &["`estimands`", "empty"]),
        ("{kind: trim, trim: {rule: fixed, alpha: 0.05}}", "{kind: magic}", &["magic"]),
        ("alpha: 0.05", "alpha: 0.5", &["`change`", "0.5", "below 0.5"]),
        ("alpha: 0.05", "alpha: .nan", &["line 7", "alpha: .nan"]),
        (
            "{kind: trim, trim: {rule: fixed, alpha: 0.05}}",
            "{kind: switch_target, target: att}",
            &["`change`", "att", "estimands"],
        ),
    ];
    for (from, to, expected) in cases {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD, "the case `{to}` changes nothing");
        match parse("books/mine.md", text.as_bytes()) {
            Ok(_) => assert!(expected.is_empty(), "`{to}` was accepted"),
            Err(error) => {
                let error = error.to_string();
                assert!(!expected.is_empty(), "`{to}` was refused: {error}");
                assert!(error.contains("books/mine.md"), "{error}");
                for part in expected {
                    assert!(error.contains(part), "`{to}`: `{part}` is not in: {error}");
                }
            }
        }
    }
}

#[test]
fn unknown_keys_are_refused_inside_the_change_too() {
    for change in [
        "{kind: enrich_terms, degree: 2}",
        "{kind: none, target: ato}",
        "{kind: switch_target, target: ato, x: 1}",
        "{kind: trim, trim: {rule: crump_optimal, alpha: 0.2}}",
    ] {
        let text = GOOD.replace("{kind: trim, trim: {rule: fixed, alpha: 0.05}}", change);
        let error = parse("mine.md", text.as_bytes()).expect_err(change).to_string();
        assert!(error.contains("mine.md") && error.contains("change"), "{error}");
    }
}

#[test]
fn a_file_without_prose_or_text_is_refused() {
    let (front, _) = GOOD.split_once("# Prose").expect("prose");
    let error = parse("mine.md", front.as_bytes()).expect_err("no prose").to_string();
    assert!(error.contains("prose"), "{error}");
    let error = parse("mine.md", &[b'-', 0xff, 0xfe]).expect_err("not text");
    assert_eq!(error, PlaybookError::NotText { file: "mine.md".into(), byte: 1 });
    assert!(parse("mine.md", b"").is_err());
    assert!(parse("mine.txt", GOOD.as_bytes()).is_err(), "the file must end in .md");
}

#[test]
fn names_and_orders_are_unique() {
    let other = |name: &str, order: &str| GOOD.replace("name: mine", name).replace("order: 7", order);
    let same_order = other("name: other", "order: 7");
    let error = Catalogue::from_files([("mine.md", GOOD), ("other.md", &same_order)]).expect_err("same order");
    assert_eq!(
        error,
        PlaybookError::Duplicate { key: "order", value: "7".into(), first: "mine".into(), second: "other".into() }
    );
    let same_name = other("name: mine", "order: 8");
    let error = Catalogue::from_files([("a/mine.md", GOOD), ("b/mine.md", &same_name)]).expect_err("same name");
    assert!(matches!(error, PlaybookError::Duplicate { key: "name", .. }), "{error}");
}

#[test]
fn one_malformed_file_refuses_the_catalogue() {
    let error = Catalogue::from_files([("mine.md", GOOD), ("broken.md", "no front matter")]).expect_err("broken");
    assert!(error.to_string().contains("broken.md"), "{error}");
}

#[test]
fn files_may_come_in_any_order() {
    let late = GOOD.replace("name: mine", "name: late").replace("order: 7", "order: 9");
    let one = Catalogue::from_files([("mine.md", GOOD), ("late.md", &late)]).expect("good");
    let two = Catalogue::from_files([("late.md", late.as_str()), ("mine.md", GOOD)]).expect("good");
    assert_eq!(one, two);
    assert_eq!(one.iter().map(|p| p.front.order).collect::<Vec<_>>(), [7, 9]);
    assert_eq!(one.hashes().len(), 2);
}

#[test]
fn the_embedded_catalogue_is_the_folder() {
    let catalogue = Catalogue::embedded().expect("embedded playbooks");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("playbooks/")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .map(|path| (path.to_string_lossy().into_owned(), std::fs::read(&path).expect("file")))
        .collect();
    assert_eq!(Catalogue::from_files(files).expect("folder"), catalogue);
}

#[test]
fn every_embedded_playbook_has_the_sections_a_reader_needs_and_references() {
    for playbook in Catalogue::embedded().expect("embedded playbooks").iter() {
        let name = &playbook.front.name;
        for section in ["## When", "## Why", "## What to check afterwards", "## References"] {
            assert!(playbook.prose.contains(section), "{name}: {section}");
        }
        let (_, references) = playbook.prose.split_once("## References").expect("references");
        assert!(references.matches("doi:10.").count() >= 2, "{name}: references with DOI");
    }
}

#[test]
fn what_is_not_a_warning_or_a_failure_calls_for_nothing() {
    for severity in [Severity::Pass, Severity::Withheld, Severity::NotApplicable] {
        let all: Vec<Finding> = Code::ALL.iter().map(|code| finding(*code, severity)).collect();
        assert!(names(&all, Target::Ate, Target::Ate).is_empty(), "{severity:?}");
    }
}

#[test]
fn each_code_calls_for_its_playbooks_in_order() {
    let of = |code, target| names(&[finding(code, Severity::Warn)], target, target);
    assert_eq!(
        of(Code::OverlapOutside, Target::Ate),
        ["trim-crump", "trim-crump-optimal", "switch-to-overlap-weights"]
    );
    assert_eq!(of(Code::OverlapOutside, Target::Att), ["trim-crump", "trim-crump-optimal"]);
    assert!(of(Code::OverlapOutside, Target::Ato).is_empty(), "overlap weights need no trimming");
    assert_eq!(
        of(Code::BalancePriority, Target::Ate),
        ["richer-propensity-terms"],
        "for a balance's sake nobody is left out"
    );
    assert_eq!(of(Code::BalancePriority, Target::Ato), ["richer-propensity-terms"]);
    assert_eq!(of(Code::PlaceboEffect, Target::Atc), ["failed-placebo"]);
    assert_eq!(of(Code::SensitivityRobustness, Target::Att), ["fragile-to-hidden-confounding"]);
    assert_eq!(of(Code::DesignFailed, Target::Ato), ["no-design"]);
    assert_eq!(of(Code::StructureOneArm, Target::Att), ["one-arm-level"]);
    assert_eq!(of(Code::StructureOutcome, Target::Ate), ["outcome-among-confounders"]);
    assert!(of(Code::Alignment, Target::Ate).is_empty());
    assert!(of(Code::Blindness, Target::Ate).is_empty());
}

#[test]
fn an_analysis_switched_to_overlap_weights_is_not_trimmed() {
    let findings = [finding(Code::OverlapOutside, Severity::Warn), finding(Code::BalancePriority, Severity::Fail)];
    assert_eq!(names(&findings, Target::Ate, Target::Ato), ["richer-propensity-terms"]);
}

#[test]
fn advice_changes_nothing() {
    let advice: Vec<String> = Catalogue::embedded()
        .expect("embedded playbooks")
        .iter()
        .filter(|p| p.front.change == Change::None)
        .map(|p| p.front.name.clone())
        .collect();
    assert_eq!(
        advice,
        ["failed-placebo", "fragile-to-hidden-confounding", "no-design", "one-arm-level", "outcome-among-confounders"]
    );
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..400, junk in ".{0,20}") {
        let _ = parse("mine.md", &bytes);
        let mut text = GOOD.to_owned();
        let cut = (0..=cut.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.insert_str(cut, &junk);
        let _ = parse("mine.md", text.as_bytes());
    }
}
