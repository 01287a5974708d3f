//! One mutation for each check: it fails, and no other does.

use super::{EXPERIMENT, audit, copied, data, estimate, fails, git, json, rewrite, rewrite_as_is, study, with};
use crate::cli::oci_agent;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn a_run_that_nobody_touched_passes() {
    let world = study();
    let dir = world.path();
    let found = json(dir, &[]);
    assert_eq!(with(&found, "fail"), std::collections::BTreeSet::new(), "{:#}", super::faults(&found));
    assert_eq!(with(&found, "not_checked"), std::collections::BTreeSet::new());
    assert_eq!(with(&found, "not_applicable").into_iter().collect::<Vec<_>>(), ["gates"]);
    assert_eq!(found["counts"], json!({"pass": 13, "fail": 0, "not_applicable": 1, "not_checked": 0}));
    assert_eq!(found["event"], "audited");
    let ran = audit(dir, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.starts_with("13 of 14 checks pass; 1 has no meaning here."), "{}", ran.stdout);
    for words in ["the plan has no gates", "iteration 2, ATE: richer-propensity-terms", "1 unblinded before"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
}

#[test]
fn a_plan_that_came_after_the_data_or_was_changed() {
    let world = study();
    let dir = world.path();
    let dataset = std::fs::read_to_string(dir.join("runs/out/dataset.json")).expect("a document");
    rewrite(dir, |step| {
        if step.at == 0 {
            step.remove("plan.yaml");
            step.write("dataset.json", &dataset);
        }
    });
    let fault = fails(dir, "plan_first", "before_plan");
    assert_eq!((&fault["file"], fault["commit"].as_str().map(str::len)), (&json!("dataset.json"), Some(40)));
    let world = study();
    let dir = world.path();
    rewrite_as_is(dir, |step| {
        if step.is_about("report") || step.is_about("notebook") {
            step.replace("plan.yaml", "Motivation is not", "Little is");
        }
    });
    fails(dir, "plan_first", "plan_changed");
}

#[test]
fn a_history_that_was_touched() {
    let world = study();
    let dir = world.path();
    let tip = git(dir, &["rev-parse", "HEAD"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", "more"]);
    fails(dir, "history", "commit_after_end");
    git(dir, &["reset", "-q", "--hard", &tip]);
    let file = dir.join("runs/out/report.md");
    std::fs::write(&file, std::fs::read_to_string(&file).expect("a report") + "\nMine.\n").expect("written");
    assert_eq!(fails(dir, "history", "edited_file")["file"], "report.md");
    git(dir, &["reset", "-q", "--hard", &tip]);
    git(dir, &["replace", &git(dir, &["rev-parse", "HEAD:report.md"]), &git(dir, &["rev-parse", "HEAD:plan.yaml"])]);
    fails(dir, "history", "replaced");
    std::fs::remove_dir_all(dir.join("runs/out/.git/refs/replace")).expect("removed");
    rewrite(dir, |step| {
        if step.is_about("report") || step.is_about("notebook") {
            step.replace("dataset.json", "\"rows\": 600", "\"rows\": 601");
        }
    });
    assert_eq!(fails(dir, "history", "rewritten")["file"], "dataset.json");
    git(dir, &["reset", "-q", "--hard", &tip]);
    git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
    fails(dir, "history", "not_finished");
}

#[test]
fn a_spec_that_is_not_what_the_plan_says() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| step.replace("spec.yaml", "\nseed: 3\n", "\nseed: 4\n"));
    let fault = fails(dir, "alignment", "not_aligned");
    assert_eq!((&fault["check"], &fault["iteration"]), (&json!("seed"), &json!(1)));
}

#[test]
fn an_estimator_that_the_plan_leaves_out() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| step.replace("results.json", "\"estimator\": \"gformula\"", "\"estimator\": \"tmle\""));
    let fault = fails(dir, "tools", "estimator_not_allowed");
    assert_eq!((&fault["estimator"], &fault["file"]), (&json!("tmle"), &json!("results.json")));
    let line = usize::try_from(fault["line"].as_u64().expect("a line")).expect("small");
    let text = std::fs::read_to_string(dir.join("runs/out/results.json")).expect("results");
    assert!(text.lines().nth(line - 1).expect("the line").contains("tmle"));
}

/// A leak, and the same run without it.
fn leaks(change: impl Fn(&super::Step, f64), file: Option<&str>) {
    let world = study();
    let dir = world.path();
    let estimate = estimate(dir);
    rewrite(dir, |step| change(step, estimate));
    let fault = fails(dir, "blindness", "effect_leaked");
    assert_eq!(fault.get("file").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()), file);
    assert_eq!(fault["effect"], "answers[0].effect.estimate");
}

#[test]
fn an_estimate_in_a_blind_document() {
    leaks(
        |step, estimate| {
            step.edit("design.json", |design| {
                if design["iteration"] == 1 {
                    // To the six digits of that document.
                    design["note"] = json!([format!("{estimate:.5e}").parse::<f64>().expect("a number")]);
                }
            });
        },
        Some("design.json"),
    );
}

#[test]
fn a_rounded_estimate_in_blind_prose() {
    leaks(
        |step, estimate| {
            for path in step.named("critique.md") {
                let text = step.read(&path).expect("text");
                step.write(&path, &format!("{text}\nAn effect of about {estimate:.3} kg is to be expected.\n"));
            }
        },
        Some("critique.md"),
    );
}

#[test]
fn an_estimate_in_a_blind_message() {
    let world = study();
    let dir = world.path();
    let estimate = estimate(dir);
    rewrite(dir, |step| {
        if step.is_about("iteration 1, design") {
            step.message = step.message.replacen("\n\n", &format!("\n\nIt will be {estimate:.3}.\n\n"), 1);
        }
    });
    let fault = fails(dir, "blindness", "effect_leaked");
    assert!(fault.get("file").is_none() && fault["commit"].is_string());
}

#[test]
fn results_before_the_last_critique() {
    let world = study();
    let dir = world.path();
    let results = std::fs::read_to_string(dir.join("runs/out/results.json")).expect("results");
    rewrite(dir, |step| {
        if step.is_about("iteration 2, critique") {
            step.write("results.json", &results);
        }
    });
    fails(dir, "blindness", "after_unblinding");
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        if step.is_about("iteration 1, design") {
            std::fs::create_dir_all(step.folder.join("plots")).expect("a folder");
            step.write("plots/forest.svg", "<svg/>\n");
        }
    });
    fails(dir, "blindness", "effect_file");
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("critique.json", |critique| {
            let blind = critique["stage"] == "design" && critique["iteration"] == 1;
            let findings = critique["analyses"][0]["findings"].as_array_mut().expect("findings");
            for finding in findings.iter_mut().filter(|it| blind && it["code"] == "estimate.width") {
                finding["value"] = json!(0.5);
            }
        });
    });
    assert_eq!(fails(dir, "blindness", "blind_critique")["code"], "estimate.width");
}

#[test]
fn a_spec_that_was_tried_and_is_not_reported() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("results.json", |results| results["specs_tried"][0]["spec_sha256"] = json!("ab".repeat(32)));
    });
    assert_eq!(fails(dir, "specs_reported", "spec_not_reported")["iteration"], 1);
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        let hash = step.read("results.json").map(|text| {
            let results: Value = serde_json::from_str(&text).expect("JSON");
            results["specs_tried"][0]["spec_sha256"].as_str().expect("a hash")[..10].to_owned()
        });
        if let (Some(hash), Some(report)) = (hash, step.read("report.md")) {
            let kept: Vec<&str> = report.lines().filter(|line| !line.contains(&hash)).collect();
            step.write("report.md", &(kept.join("\n") + "\n"));
        }
    });
    assert_eq!(fails(dir, "specs_reported", "spec_not_reported")["iteration"], 1);
}

#[test]
fn an_earlier_run_that_is_not_reported() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("results.json", |results| {
            drop(results.as_object_mut().expect("an object").remove("unblinded_before"))
        });
        if let Some(report) = step.read("report.md") {
            let kept: Vec<&str> = report.lines().filter(|line| !line.contains("`first`")).collect();
            step.write("report.md", &(kept.join("\n") + "\n"));
        }
    });
    let fault = fails(dir, "earlier_runs", "earlier_not_reported");
    assert_eq!((&fault["run"], &fault["file"]), (&json!("first"), &json!("oci-ledger.jsonl")));
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        let trailer = step.message.lines().find(|line| line.starts_with("Unblinded-Before: ")).map(str::to_owned);
        if let Some(trailer) = trailer {
            step.message = step.message.replace(&trailer, "Unblinded-Before: 0");
        }
    });
    fails(dir, "earlier_runs", "earlier_count_differs");
    let world = study();
    let dir = world.path();
    let ledger = dir.join("runs/oci-ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).expect("a ledger");
    std::fs::write(&ledger, text.lines().nth(1).expect("a second line").to_owned() + "\n").expect("written");
    fails(dir, "earlier_runs", "record_damaged");
    std::fs::remove_file(&ledger).expect("removed");
    fails(dir, "earlier_runs", "record_gone");
}

/// Adds a term to every analysis of every spec, and to the propensities that were fitted.
fn adjusted_for(dir: &Path, column: &str) {
    rewrite(dir, |step| {
        step.replace("spec.yaml", "  terms:\n  - a\n  - b\n", &format!("  terms:\n  - a\n  - b\n  - {column}\n"));
        for path in step.named("propensity.csv") {
            let text = step.read(&path).expect("text");
            step.write(&path, &format!("{text}ate,ATE,{column},0.25,0.125\n"));
        }
    });
}

#[test]
fn a_covariate_from_after_treatment() {
    let world = study();
    let dir = world.path();
    adjusted_for(dir, "later");
    let fault = fails(dir, "covariates", "measured_after");
    assert_eq!(fault["column"], "later");
    let file = dir.join("runs/out").join(fault["file"].as_str().expect("a file"));
    let line = usize::try_from(fault["line"].as_u64().expect("a line")).expect("small");
    // In the commit that the evidence names.
    let text = git(
        dir,
        &[
            "show",
            &format!("{}:{}", fault["commit"].as_str().expect("a commit"), fault["file"].as_str().expect("a file")),
        ],
    );
    assert_eq!(text.lines().nth(line - 1).map(str::trim), Some("- later"), "{}", file.display());
    let world = study();
    let dir = world.path();
    adjusted_for(dir, "unheard_of");
    fails(dir, "covariates", "not_a_confounder");
    // What must never be adjusted for by the plan itself.
    let world = study();
    let dir = world.path();
    adjusted_for(dir, "z");
    fails(dir, "covariates", "not_aligned");
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("design.json", |design| {
            design["structure"] = json!({"determined": [{"column": "b", "relation": "linear", "r_squared": 0.999}]});
        });
    });
    fails(dir, "covariates", "determines_outcome");
}

#[test]
fn a_diagnostic_that_was_not_run() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("design.json", |design| {
            if design["iteration"] == 1 {
                design["analyses"][0]["balance"] = Value::Null;
            }
        });
    });
    let fault = fails(dir, "diagnostics", "diagnostic_missing");
    assert_eq!((&fault["diagnostic"], &fault["iteration"]), (&json!("balance"), &json!(1)));
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("critique.json", |critique| {
            if critique["stage"] == "design" && critique["iteration"] == 1 {
                let findings = critique["analyses"][0]["findings"].as_array_mut().expect("findings");
                findings.retain(|finding| finding["code"] != "placebo.effect");
            }
        });
    });
    assert_eq!(fails(dir, "diagnostics", "diagnostic_missing")["diagnostic"], "placebo.effect");
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("results.json", |results| results["answers"][0]["sensitivity"] = Value::Null);
        // The report's figures about it went with it.
        if let Some(report) = step.read("report.md") {
            let traced = report.split("<details id=\"sensitivity\">").next().expect("a first part").to_owned();
            let rest = report.split("<details id=\"trial\">").nth(1).expect("a rest");
            step.write("report.md", &format!("{traced}<details id=\"trial\">{rest}"));
        }
    });
    let found = json(dir, &[]);
    assert!(with(&found, "fail").contains("diagnostics"), "{found:#}");
}

#[test]
fn a_deviation_that_is_not_explained() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        step.edit("critique.json", |critique| {
            if critique["stage"] == "final" {
                critique["trial_contrast"][2]["this_analysis"] = json!(" ");
            }
        });
    });
    assert_eq!(fails(dir, "deviations", "deviation_unexplained")["component"], "assignment");
}

#[test]
fn a_remediation_that_is_not_reported() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| step.edit("results.json", |results| results["specs_tried"][1]["revisions"] = json!([])));
    let fault = fails(dir, "remediations", "remediation_not_reported");
    assert_eq!((&fault["playbook"], &fault["iteration"]), (&json!("richer-propensity-terms"), &json!(2)));
    // An analysis that changed without a word.
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        for path in step.named("spec.yaml") {
            let text = step.read(&path).expect("a spec");
            if let (true, Some((head, rest))) = (text.contains("\niteration: 2\n"), text.split_once("\nrevisions:\n")) {
                let tail = rest.split_once("\ninference:").expect("what follows").1;
                step.write(&path, &format!("{head}\nrevisions: []\ninference:{tail}"));
            }
        }
        step.edit("results.json", |results| results["specs_tried"][1]["revisions"] = json!([]));
    });
    fails(dir, "remediations", "changed_in_silence");
}

#[test]
fn a_number_that_is_nowhere() {
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        if let Some(report) = step.read("report.md") {
            step.write("report.md", &format!("{report}\nIn another analysis it was 48,213.77 kg.\n"));
        }
    });
    let fault = fails(dir, "numbers", "number_untraced");
    assert_eq!((&fault["figure"], &fault["file"]), (&json!("48,213.77"), &json!("report.md")));
    // An answer that was changed in the report alone.
    let world = study();
    let dir = world.path();
    let found = json(dir, &[]);
    let estimate = estimate(dir);
    let figures = found["numbers"].as_array().expect("numbers").iter().filter_map(|it| it["figure"].as_str());
    let mut near = figures.filter(|it| it.parse::<f64>().is_ok_and(|it| it != 1.0 && (it - estimate).abs() < 0.01));
    let figure = near.next().expect("the answer").to_owned();
    rewrite(dir, |step| step.replace("report.md", &format!(" {figure} ["), " 9.8765432 ["));
    fails(dir, "numbers", "number_untraced");
}

#[test]
fn data_that_are_others_now() {
    let world = study();
    let dir = world.path();
    let text = std::fs::read_to_string(dir.join("data.csv")).expect("data");
    std::fs::write(dir.join("data.csv"), text.replacen("\n0,", "\n1,", 1)).expect("written");
    assert_eq!(fails(dir, "data", "data_differs")["file"], "data.csv");
    std::fs::remove_file(dir.join("data.csv")).expect("removed");
    let ran = audit(dir, &[]);
    assert!(ran.code == 0 && ran.stdout.contains("--data-root DIR"), "{}", ran.stdout);
    assert_eq!(with(&json(dir, &[]), "not_checked").into_iter().collect::<Vec<_>>(), ["data"]);
    let world = study();
    let dir = world.path();
    rewrite(dir, |step| {
        if step.is_about("report") {
            let trailer =
                step.message.lines().find(|line| line.starts_with("Data-SHA256: ")).expect("a trailer").to_owned();
            step.message = step.message.replace(&trailer, &format!("Data-SHA256: {}", "ab".repeat(32)));
        }
    });
    fails(dir, "data", "other_data");
}

#[test]
fn experiments_fail_likewise() {
    let made = tempfile::tempdir().expect("temporary directory");
    std::fs::create_dir(made.path().join("runs")).expect("a folder");
    std::fs::write(made.path().join("data.csv"), data()).expect("data");
    for (question, out) in [("Another?", "runs/first"), ("Q?", "runs/out")] {
        std::fs::write(made.path().join("plan.yaml"), EXPERIMENT.replace("Q?", question)).expect("a plan");
        let ran = oci_agent(made.path(), &["run", "plan.yaml", "--out", out]);
        assert!(ran.code <= 1, "{}{}", ran.stdout, ran.stderr);
    }
    let found = json(made.path(), &[]);
    assert_eq!(with(&found, "fail"), std::collections::BTreeSet::new(), "{:#}", super::faults(&found));
    let expected = ["deviations", "gates", "remediations", "specs_reported", "tools"];
    assert_eq!(with(&found, "not_applicable").into_iter().collect::<Vec<_>>(), expected);
    assert!(found["target"].as_array().is_some_and(Vec::is_empty));
    let results: Value =
        serde_json::from_slice(&std::fs::read(made.path().join("runs/out/results.json")).expect("results"))
            .expect("JSON");
    let effect = results["effects"][0]["effect"]["estimate"].as_f64().expect("an effect");
    type Change<'a> = (&'a str, &'a str, &'a dyn Fn(&super::Step));
    let changes: [Change<'_>; 6] = [
        ("blindness", "effect_leaked", &|step| step.edit("health.json", |it| it["note"] = json!(effect))),
        ("earlier_runs", "earlier_not_reported", &|step| step.edit("looks.json", |it| *it = json!([]))),
        ("alignment", "not_planned", &|step| {
            step.edit("results.json", |it| {
                let mut row = it["effects"][0].clone();
                row["metric"] = json!("unplanned");
                it["effects"].as_array_mut().expect("effects").push(row);
            });
        }),
        ("covariates", "not_planned", &|step| {
            step.edit("health.json", |it| it["design"]["covariates"] = json!(["a", "later"]));
        }),
        ("diagnostics", "diagnostic_missing", &|step| {
            step.edit("health.json", |it| it["checks"].as_array_mut().expect("checks").truncate(3));
        }),
        ("numbers", "number_untraced", &|step| step.replace("report.md", "A test", "A test of 7,654,321")),
    ];
    for (code, kind, change) in changes {
        let world = copied(made.path());
        rewrite(world.path(), |step| change(step));
        fails(world.path(), code, kind);
    }
}
