//! Many plans below a folder: drafted, checked, run, left, gone on with; and what a host may read of a run, and when.

use super::Host;
use crate::examples::plan;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A folder with a study in it, small enough to be run in a moment.
fn study() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("tempdir");
    let from = plan("nhefs");
    let folder = dir.path().join("smoking");
    std::fs::create_dir_all(folder.join("data")).expect("a folder");
    std::fs::copy(&from, folder.join("plan.yaml")).expect("the plan");
    std::fs::copy(from.with_file_name("data").join("nhefs.csv"), folder.join("data/nhefs.csv")).expect("the data");
    dir
}

fn greeted(dir: &Path) -> Host {
    let mut host = Host::with(dir, &["--folder", "."]);
    let instructions = host.shake_hands();
    assert!(instructions.contains("start_run") && instructions.contains("never see an effect"), "{instructions}");
    host
}

/// The text of every document of every run, by its address.
fn documents(host: &mut Host) -> Vec<(String, String)> {
    let listed = host.ask("resources/list", json!({}))["result"]["resources"].as_array().expect("a list").clone();
    let addresses = listed.iter().map(|resource| resource["uri"].as_str().expect("an address").to_owned());
    let mut read = Vec::new();
    for uri in addresses {
        let answer = host.ask("resources/read", json!({"uri": uri}));
        let text = answer["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{uri}: {answer}"));
        read.push((uri, text.to_owned()));
    }
    read
}

fn git(run: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(run).args(args).output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn code(refused: &Value) -> &str {
    refused["error"]["code"].as_str().unwrap_or_else(|| panic!("not refused: {refused}"))
}

#[test]
fn a_host_plans_runs_leaves_and_comes_back() {
    let dir = study();
    let mut host = greeted(dir.path());
    // Every tool says what it is.
    for tool in host.listed() {
        let name = tool["name"].as_str().expect("a name").to_owned();
        assert!(tool["title"].is_string() && tool["description"].is_string(), "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} {hint}");
        }
    }
    assert_eq!(code(&host.structured("check_balance", json!({"estimand": "ate"}))), "no_run");

    // A plan with problems is an answer, a path that leads out a refusal.
    std::fs::write(dir.path().join("bad.yaml"), "title: x\nfoo: 1\n").expect("a plan");
    let bad = host.structured("check_plan", json!({"plan": "bad.yaml"}));
    assert_eq!((&bad["ok"], &bad["valid"]), (&json!(true), &json!(false)), "{bad}");
    assert!(bad["problems"].as_array().is_some_and(|problems| problems.iter().any(|it| it["line"] == 2)), "{bad}");
    let good = host.structured("check_plan", json!({"plan": "smoking/plan.yaml"}));
    assert!(good["valid"] == true && good["accepted"] == true && good["checked"]["plan_sha256"].is_string(), "{good}");
    let elsewhere = tempfile::tempdir().expect("tempdir");
    std::fs::write(elsewhere.path().join("secret.csv"), "a,b,c\n1,0,2\n").expect("a table");
    let mut out = vec!["../plan.yaml", "/etc/passwd", "", ".hidden/plan.yaml", "smoking/../../plan.yaml"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("link")).expect("a link");
        out.push("link/plan.yaml");
    }
    for path in out {
        for (tool, key) in [("check_plan", "plan"), ("start_run", "plan")] {
            assert_eq!(code(&host.structured(tool, json!({key: path}))), "outside", "{tool} {path}");
        }
        assert_eq!(
            code(&host.structured("draft_plan", json!({"data": path, "treatment": "a", "outcome": "b"}))),
            "outside"
        );
    }
    let secret = elsewhere.path().join("secret.csv").display().to_string();
    let text = format!("title: x\ndata: {{source: {secret}}}\ntreatment: {{column: a}}\noutcome: {{column: c}}\n");
    std::fs::write(dir.path().join("reaching.yaml"), text).expect("a plan");
    let reaching = host.structured("check_plan", json!({"plan": "reaching.yaml"}));
    assert_eq!(code(&reaching), "consent", "{reaching}");
    assert_eq!(code(&host.structured("check_plan", json!({"plan": 7}))), "arguments");

    // A draft asks for what the data cannot say; a host that cannot ask is told so, with the columns.
    let asked = host.structured("draft_plan", json!({"data": "smoking/data/nhefs.csv"}));
    assert_eq!(code(&asked), "arguments");
    let columns = asked["error"]["details"]["columns"].as_array().expect("columns");
    assert!(columns.contains(&json!("qsmk")), "{columns:?}");
    let place =
        json!({"data": "smoking/data/nhefs.csv", "treatment": "qsmk", "outcome": "wt82_71", "plan": "draft.yaml"});
    let draft = host.structured("draft_plan", place.clone());
    assert!(draft["text"].as_str().is_some_and(|text| text.contains("source: smoking/data/nhefs.csv")), "{draft}");
    assert!(dir.path().join("draft.yaml").exists());
    assert_eq!(code(&host.structured("draft_plan", place)), "exists");

    // Nothing was run so far.
    assert!(!dir.path().join("oci-runs").exists());
    let started = host.structured("start_run", json!({"plan": "smoking/plan.yaml"}));
    assert_eq!((&started["run"], &started["finished"]), (&json!("oci-runs/smoking"), &json!(false)), "{started}");
    let looked = host.structured("check_balance", json!({"estimand": "ate"}));
    assert!(looked["data"].is_object() && looked["stage"] == "blind", "{looked}");
    assert!(looked["said"][0].as_str().is_some_and(|said| said.contains("This is the task")), "{looked}");
    for (tool, arguments, reason) in [
        ("estimate", json!({}), "blind"),
        ("submit_critique", json!({}), "unknown"),
        ("check_balance", json!({"estimand": 3}), "arguments"),
    ] {
        if reason == "unknown" {
            assert_eq!(host.ask("tools/call", json!({"name": tool, "arguments": arguments}))["error"]["code"], -32602);
        } else {
            assert_eq!(code(&host.structured(tool, arguments)), reason, "{tool}");
        }
    }
    assert_eq!(host.structured("propose_spec", json!({"changes": []}))["stage"], "blind");
    let status = host.structured("status", json!({}));
    let mut blind = documents(&mut host);
    blind.push(("status".to_owned(), status.to_string()));
    assert_eq!(
        (&status["at"], &status["runs"][0]["verdicts"][0]["of"]),
        (&json!("oci-runs/smoking"), &json!("design"))
    );
    assert!(
        blind.iter().any(|(uri, text)| uri.ends_with("/report.md") && text.contains("This run is blind")),
        "{blind:?}"
    );
    let refused = host.ask("resources/read", json!({"uri": "oci-agent://runs/oci-runs/smoking/results.json"}));
    assert_eq!(refused["error"]["code"], -32002, "{refused}");
    let traversal = host.ask("resources/read", json!({"uri": "oci-agent://runs/oci-runs/smoking/../../draft.yaml"}));
    assert_eq!(traversal["error"]["code"], -32002, "{traversal}");
    // A folder of many runs: whatever became of them, the host has left.
    assert_eq!(host.leave().0, 0);

    let mut host = greeted(dir.path());
    let status = host.structured("status", json!({}));
    assert_eq!(status["runs"][0]["state"], "stopped", "{status}");
    let again = host.structured("start_run", json!({"plan": "smoking/plan.yaml"}));
    assert!(again["recorded_steps"].as_u64().is_some_and(|steps| steps > 3), "{again}");
    let settled = host.structured("propose_spec", json!({"changes": []}));
    assert_eq!(settled["stage"], "unblinded", "{settled}");
    let run = dir.path().join("oci-runs/smoking");
    let results: Value =
        serde_json::from_slice(&std::fs::read(run.join("results.json")).expect("results")).expect("JSON");
    let whole = documents(&mut host);
    for needed in ["/report.md", "/report.html", "/critique.md", "/results.json", "/spec.yaml", ".svg"] {
        assert!(whole.iter().any(|(uri, _)| uri.ends_with(needed)), "{needed}");
    }
    let report = &whole.iter().find(|(uri, _)| uri.ends_with("/report.md")).expect("a report").1;
    let mut compared = 0;
    for effect in results["effects"].as_array().expect("effects") {
        for key in ["estimate", "ci_lower", "ci_upper"] {
            let number = effect["effect"][key].as_f64().expect("a number");
            let told = format!("{number:.2}");
            compared += usize::from(report.contains(&told));
            for (uri, text) in &blind {
                let exact = format!("{number:.4}");
                assert!(!text.contains(&exact), "{uri} tells {key} {exact} of a blind run");
            }
        }
    }
    assert!(compared > 5, "the report tells estimates, or nothing was compared");
    let status = host.structured("status", json!({}));
    assert_eq!((&status["runs"][0]["state"], &status["runs"][0]["unblinded"]), (&json!("finished"), &json!(true)));
    assert_eq!(code(&host.structured("trim", json!({"estimand": "ate"}))), "run_finished");
    // The repository is free again, though the host is still there.
    git(&run, &["fsck", "--strict"]);
    assert_eq!(git(&run, &["status", "--porcelain"]), "");
    let verified = crate::cli::oci_agent(dir.path(), &["verify", "oci-runs/smoking"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    assert_eq!(host.leave().0, 0);

    // A finished run is read, and nothing is added to it.
    let tip = git(&run, &["rev-parse", "HEAD"]);
    let mut host = greeted(dir.path());
    assert_eq!(host.structured("start_run", json!({"plan": "smoking/plan.yaml"}))["finished"], true);
    let read = host.structured("estimate", json!({}));
    assert!(read["data"].is_object() && read["stage"] == "unblinded", "{read}");
    assert_eq!(host.leave().0, 0);
    assert_eq!(git(&run, &["rev-parse", "HEAD"]), tip);
}
