//! `oci-agent plan`: a draft by rules and with a model, accepted role by role, and what is refused until then.

use crate::cli::Ran;
use crate::llm::support::Server;
use crate::models::{KEY, Study, calling, program};
use serde_json::{Value, json};
use std::path::Path;

/// The program with a name for whoever decides.
fn oci(dir: &Path, args: &[&str]) -> Ran {
    std::fs::write(dir.join(".gitconfig"), "[user]\n  name = Ada Lovelace\n  email = ada@example.org\n")
        .expect("a name");
    let home = dir.display().to_string();
    program(dir, args, &[("HOME", &home), ("OPENAI_API_KEY", KEY), ("ANTHROPIC_API_KEY", KEY)])
}

/// A folder with the data of a small study, and no plan.
fn study() -> Study {
    let study = Study::new("");
    std::fs::remove_file(study.dir.path().join("plan.yaml")).expect("the plan");
    study
}

fn text(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("plan.yaml")).expect("a plan")
}

/// A message without the breaks of its lines.
fn unwrapped(message: &str) -> String {
    message.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// The role of each column in a draft, as `--json` tells it.
fn roles(ran: &Ran) -> Vec<(String, String)> {
    let event: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    let word = |one: &Value, key: &str| one[key].as_str().expect(key).to_owned();
    event["roles"].as_array().expect("roles").iter().map(|one| (word(one, "column"), word(one, "role"))).collect()
}

#[test]
fn a_draft_by_rules_runs_when_every_judgement_is_accepted_and_is_on_record_with_it() {
    let study = study();
    let dir = study.dir.path();
    let drafted = oci(dir, &["plan", "does t change y?", "data.csv"]);
    assert_eq!(drafted.code, 0, "{}", drafted.stderr);
    assert!(drafted.stdout.contains("undecided         x, w, z: Undecided: only you can say"), "{}", drafted.stdout);
    assert!(drafted.stdout.contains("no time zero"), "{}", drafted.stdout);
    let before = text(dir);
    for command in [&["run", "plan.yaml"][..], &["check", "plan.yaml"], &["mcp", "plan.yaml"]] {
        let refused = oci(dir, command);
        assert_eq!(refused.code, 2, "{command:?} {}", refused.stderr);
        for words in ["`t` as treatment", "undecided: `x`, `w`, `z`", "oci-agent plan accept plan.yaml"] {
            assert!(unwrapped(&refused.stderr).contains(words), "{command:?} {words}: {}", refused.stderr);
        }
    }
    assert!(!dir.join("oci-runs").exists(), "nothing was run");
    let again = oci(dir, &["plan", "does t change y?", "data.csv"]);
    assert!(again.code == 2 && again.stderr.contains("--force") && text(dir) == before, "{}", again.stderr);
    let nothing = oci(dir, &["plan", "accept", "plan.yaml"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("--undecided confounder"), "{}", nothing.stderr);
    let slip = oci(dir, &["plan", "accept", "plan.yaml", "--role", "xx=confounder"]);
    assert!(slip.code == 2 && slip.stderr.contains("no judgement on `xx`") && text(dir) == before, "{}", slip.stderr);

    let some = oci(dir, &["plan", "accept", "plan.yaml", "--all-as-drafted", "--role", "w=predictor"]);
    assert!(some.code == 4 && some.stderr.contains("2 still to be decided"), "{}{}", some.code, some.stderr);
    let args = ["plan", "accept", "plan.yaml", "--role", "x=confounder", "--role", "z=placebo-outcome"];
    let all = oci(dir, &args);
    assert_eq!(all.code, 0, "{}", all.stderr);
    let plan = text(dir);
    for words in [
        "accepted: \"Ada Lovelace <ada@example.org>\"",
        "drafted: undecided",
        "priority:\n    - x\n",
        "other:\n    - w\n",
    ] {
        assert!(plan.contains(words), "{words}\n{plan}");
    }
    let checked = oci(dir, &["check", "plan.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let ran = oci(dir, &["run", "plan.yaml", "--out", "out", "--set", "analysis.estimator=aipw"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let committed = study.git(&["show", "HEAD:plan.yaml"]);
    assert!(committed.contains("placebo_outcomes:\n  - z") && committed.contains("Ada Lovelace"), "{committed}");

    // A plan that uses a column otherwise than was accepted is refused, and accepting again mends it.
    std::fs::write(
        dir.join("plan.yaml"),
        plan.replace("priority:\n    - x\n", "priority:\n    - x\n    - z\n")
            .replace("placebo_outcomes:\n  - z\n", "placebo_outcomes: []\n"),
    )
    .expect("an edit");
    let refused = oci(dir, &["run", "plan.yaml"]);
    assert!(refused.code == 2 && refused.stderr.contains("`z` was accepted as placebo_outcome"), "{}", refused.stderr);
    let mended = oci(dir, &["plan", "accept", "plan.yaml", "--as-drafted", "t", "--role", "z=mediator"]);
    assert_eq!((mended.code, oci(dir, &["check", "plan.yaml"]).code), (0, 0), "{}", mended.stderr);
}

#[test]
fn rules_decide_what_names_and_values_say_and_leave_the_rest() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, question, expected) in [
        (
            "examples/nhefs/data/nhefs.csv",
            "does qsmk change wt82_71?",
            vec![
                ("seqn", "identifier"),
                ("sex", "confounder"),
                ("age", "confounder"),
                ("education", "undecided"),
                ("wt71", "undecided"),
            ],
        ),
        (
            "examples/lalonde/data/lalonde.csv",
            "what does treat do to re78",
            vec![("re74", "confounder"), ("re75", "confounder"), ("educ", "undecided"), ("black", "confounder")],
        ),
        (
            "examples/rollout/data/rollout.csv",
            "does new checkout raise spent_after",
            vec![("user", "identifier"), ("spent_before", "confounder"), ("country", "undecided")],
        ),
        (
            "examples/bad_control/data/bad_control.csv",
            "does course change work_after?",
            vec![("passed_test", "undecided")],
        ),
    ] {
        let data = root.join(file).display().to_string();
        let ran = oci(dir.path(), &["--json", "plan", question, &data, "--force"]);
        let found = roles(&ran);
        for (column, role) in expected {
            let known = found.iter().find(|one| one.0 == column).map(|one| one.1.as_str());
            assert_eq!(known, Some(role), "{file}: {column}");
        }
    }
    // A leak, a copy, a constant, a column of later, one that splits the arms.
    let mut rows = String::from("t,y,leak,copy,same,score_post,month\n");
    for i in 0..60 {
        let (t, y) = (i % 2, f64::from(i * 7 % 13));
        rows += &format!("{t},{y},{},{t},5,{},{}\n", 2.0 * y + 1.0, i % 5, i % 12);
    }
    std::fs::write(dir.path().join("d.csv"), rows).expect("data");
    let found = roles(&oci(dir.path(), &["--json", "plan", "t on y", "d.csv", "--force"]));
    let of = |name: &str| found.iter().find(|one| one.0 == name).map(|one| one.1.as_str()).expect("a role");
    assert_eq!(["leak", "copy", "same"].map(of), ["left_out"; 3]);
    assert_eq!((of("score_post"), of("month")), ("post_treatment", "undecided"));
}

#[test]
fn names_questions_and_files_that_are_odd() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = dir.path();
    let mut rows = String::from("t,y,\"a: b #c\",\"q\"\"uote\",\"two\nlines\",<b>&amp;,- x,\"{f}\",é=1\n");
    for i in 0..40 {
        rows += &format!(
            "{},{},{},{},{},{},{},{},{}\n",
            i % 2,
            i * 7 % 11,
            i % 3,
            i % 5,
            i % 7,
            i % 4,
            i % 6,
            i % 9,
            i % 8
        );
    }
    std::fs::write(at.join("d.csv"), rows).expect("data");
    let drafted = oci(at, &["plan", "does \u{1b}[31m t\u{202e} change y?\n\"quoted\"", "d.csv"]);
    assert_eq!(drafted.code, 0, "{}", drafted.stderr);
    assert!(!drafted.stdout.contains('\u{1b}') && !text(at).contains(['\u{1b}', '\u{202e}']), "{}", text(at));
    let accept = [
        "plan",
        "accept",
        "plan.yaml",
        "--all-as-drafted",
        "--role",
        "é=1=mediator",
        "--role",
        "two\nlines=instrument",
        "--undecided",
        "confounder",
    ];
    let accepted = oci(at, &accept);
    assert_eq!(accepted.code, 0, "{}{}", accepted.stdout, accepted.stderr);
    let checked = oci(at, &["check", "plan.yaml"]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains("5 (5 with priority)"), "{}", checked.stdout);

    for (question, words) in [
        ("", "the question is empty"),
        ("what is life?", "names no column"),
        ("does t matter?", "names one column of d.csv, `t`"),
        ("t, y and é=1", "names 3 columns"),
    ] {
        let refused = oci(at, &["plan", question, "d.csv", "--output", "other.yaml"]);
        assert!(refused.code == 2 && refused.stderr.contains(words), "{question}: {}", refused.stderr);
    }
    let same = oci(at, &["plan", "q", "d.csv", "--treatment", "t", "--outcome", "t", "--output", "other.yaml"]);
    assert!(same.code == 2 && same.stderr.contains("both the treatment and the outcome"), "{}", same.stderr);
    std::fs::write(at.join("one.csv"), "t\n1\n0\n").expect("data");
    let one = oci(at, &["plan", "t", "one.csv", "--output", "other.yaml"]);
    assert!(one.code == 2 && one.stderr.contains("has 1 column"), "{}", one.stderr);
    assert!(!at.join("other.yaml").exists());
    std::fs::write(at.join("no.yaml"), "title: a\n").expect("a plan");
    let no_draft = oci(at, &["plan", "accept", "no.yaml", "--all-as-drafted"]);
    assert!(no_draft.code == 2 && no_draft.stderr.contains("no `draft:`"), "{}", no_draft.stderr);
    let role = oci(at, &["plan", "accept", "plan.yaml", "--role", "t=boss"]);
    assert!(role.code == 2 && role.stderr.contains("the roles are"), "{}", role.stderr);
}

fn role(column: &str, role: &str) -> Value {
    json!({"column": column, "role": role, "reason": format!("Because {column} is so")})
}

fn edges(pairs: &[(&str, &str)]) -> Vec<Value> {
    pairs.iter().map(|pair| json!({"from": pair.0, "to": pair.1})).collect()
}

#[test]
fn a_model_drafts_in_stages_is_sent_back_where_it_invents_and_replays_without_a_server() {
    for provider in ["openai", "anthropic"] {
        let all = [role("x", "confounder"), role("w", "predictor"), role("z", "placebo_outcome")];
        let trial = json!({"eligibility": "Everyone in the file", "treatment_strategies": "t against none", "assignment": "", "time_zero":
            "the day of \u{1b}[31menrolment", "follow_up": "", "outcome": "", "causal_contrast": "", "analysis_plan": ""});
        let drawn = edges(&[("x", "t"), ("x", "y"), ("w", "y"), ("t", "y"), ("u", "t"), ("u", "y")]);
        let answers = vec![
            calling(provider, "ask_principal", &json!({"question": "Was x measured before t?"})),
            calling(
                provider,
                "submit_roles",
                &json!({"roles": [role("x", "confounder"), role("income", "confounder")]}),
            ),
            calling(provider, "submit_roles", &json!({"roles": all})),
            calling(provider, "submit_trial", &trial),
            calling(
                provider,
                "submit_graph",
                &json!({"edges": drawn, "latent": ["u"], "reason": "Taste drives both."}),
            ),
            calling(
                provider,
                "submit_threats",
                &json!({"threats": ["Taste is not measured"], "data_to_ask_for": ["A survey of taste"]}),
            ),
            calling(
                provider,
                "submit_plan_review",
                &json!({"remarks": [{"column": "w", "remark": "Is w known before t?"}]}),
            ),
        ];
        let server = Server::start(answers);
        let study = study();
        let dir = study.dir.path();
        let model = format!("{{provider: {provider}, model: some-model, base_url: \"{}\"}}", server.url());
        let args = ["plan", "does t change y?", "data.csv", "--model", &model, "--questions", "1"];
        let drafted = oci(dir, &args);
        assert_eq!(drafted.code, 0, "{}{}", drafted.stdout, drafted.stderr);
        assert!(drafted.stderr.contains("The model asks: Was x measured before t?"), "{}", drafted.stderr);
        assert!(drafted.stdout.contains("w: Is w known before t?"), "{}", drafted.stdout);
        assert_eq!(server.requests().len(), 7);
        let sent = server.bodies().iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        assert!(sent.contains("`income` is no column of the file") && !sent.contains(KEY), "{sent}");
        let plan = text(dir);
        for words in [
            "by: model",
            "because: Because x is so.",
            "\"u\" [latent=true]",
            "Taste is not measured",
            "A survey of taste",
            "transcript: plan.draft",
            "question: \"Was x measured before t?\"",
        ] {
            assert!(plan.contains(words), "{words}\n{plan}");
        }
        assert!(!plan.contains('\u{1b}'));
        let shown = program(dir, &["transcript", "show", "plan.draft"], &[]);
        assert!(shown.code == 0 && shown.stdout.contains("submit_graph"), "{}{}", shown.stdout, shown.stderr);

        // The same plan from the recording, without a server or a key.
        drop(server);
        std::fs::rename(dir.join("plan.draft"), dir.join("first")).expect("a recording");
        std::fs::remove_file(dir.join("plan.yaml")).expect("the plan");
        let again = program(
            dir,
            &["plan", "does t change y?", "data.csv", "--model", &model, "--questions", "1", "--replay", "first"],
            &[],
        );
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert_eq!(text(dir), plan);

        // Accepted, the graph and the roles agree; another role of `x` contradicts the graph, which is a finding.
        assert_eq!(oci(dir, &["plan", "accept", "plan.yaml", "--all-as-drafted"]).code, 0);
        let checked = oci(dir, &["check", "plan.yaml"]);
        assert!(
            checked.code == 0 && checked.stdout.contains("Is w known before t?"),
            "{}{}",
            checked.stdout,
            checked.stderr
        );
        let other = oci(dir, &["plan", "accept", "plan.yaml", "--role", "x=mediator"]);
        assert!(
            other.stdout.contains("By its role `x` is a mediator, and by the graph treatment does not change it"),
            "{}",
            other.stdout
        );
    }
}

#[test]
fn a_model_does_not_raise_what_the_rules_hold_and_slips_of_hands_are_refused() {
    let all = [role("x", "confounder"), role("dropout", "confounder"), role("leak", "confounder")];
    let nothing = ["eligibility", "treatment_strategies", "assignment", "time_zero", "follow_up", "outcome"]
        .iter()
        .chain(&["causal_contrast", "analysis_plan"])
        .map(|key| ((*key).to_owned(), json!("")))
        .collect();
    let server = Server::start(vec![
        calling("openai", "ask_principal", &json!({"question": "leak: before t?"})),
        calling("openai", "submit_roles", &json!({"roles": all})),
        calling("openai", "submit_trial", &Value::Object(nothing)),
    ]);
    let study = study();
    let dir = study.dir.path();
    let mut rows = String::from("t,y,x,dropout,leak\n");
    for i in 0..60 {
        let y = f64::from(i * 7 % 13);
        rows += &format!("{},{y},{},{},{}\n", i % 2, i % 5, i % 3, 2.0 * y + 1.0);
    }
    std::fs::write(dir.join("d.csv"), rows).expect("data");
    let model = format!("{{provider: openai, model: some-model, base_url: \"{}\"}}", server.url());
    let args = [
        "--json",
        "plan",
        "does t change y?",
        "d.csv",
        "--model",
        &model,
        "--questions",
        "1",
        "--budget",
        "{turns: 3}",
    ];
    let drafted = oci(dir, &args);
    assert!(drafted.code == 0 && drafted.stderr.contains("The model asks: leak: before t?"), "{}", drafted.stderr);
    let found = roles(&drafted);
    let of = |name: &str| found.iter().find(|one| one.0 == name).map(|one| one.1.as_str());
    assert_eq!(["x", "dropout", "leak"].map(of), [Some("confounder"), Some("post_treatment"), Some("left_out")]);
    let plan = text(dir);
    assert_eq!(plan.matches("The model would have it as confounder").count(), 2, "{plan}");
    assert!(!plan.contains("part: target_trial"), "an empty trial is nothing to accept: {plan}");

    assert_eq!(oci(dir, &["plan", "accept", "plan.yaml", "--all-as-drafted"]).code, 0);
    let plan = text(dir);
    std::fs::write(dir.join("plan.yaml"), plan.replace("other: []", "other: [leak]")).expect("an edit");
    let refused = oci(dir, &["run", "plan.yaml"]);
    assert!(refused.code == 2 && refused.stderr.contains("`leak` was accepted as left_out"), "{}", refused.stderr);

    // A link to a plan stays one.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("plan.yaml", dir.join("link.yaml")).expect("a link");
        let linked = oci(dir, &["plan", "accept", "link.yaml", "--role", "leak=left_out"]);
        assert_eq!(linked.code, 0, "{}", linked.stderr);
        assert!(dir.join("link.yaml").is_symlink(), "a link");
        assert_eq!(oci(dir, &["check", "plan.yaml"]).code, 0);
    }
}

#[test]
fn a_model_that_never_answers_leaves_the_draft_of_the_rules() {
    let words = calling("openai", "submit_roles", &json!({"roles": []}));
    let server = Server::start(vec![words]);
    let study = study();
    let dir = study.dir.path();
    let model = format!("{{provider: openai, model: some-model, base_url: \"{}\"}}", server.url());
    let drafted = oci(dir, &["plan", "does t change y?", "data.csv", "--model", &model, "--budget", "{repairs: 1}"]);
    assert_eq!(drafted.code, 0, "{}", drafted.stderr);
    assert!(
        drafted.stderr.contains("no valid `submit_roles`") && drafted.stderr.contains("no role yet"),
        "{}",
        drafted.stderr
    );
    assert!(drafted.stdout.contains("undecided         x, w, z"), "{}", drafted.stdout);
    assert_eq!(server.requests().len(), 2);
    let few =
        oci(dir, &["plan", "does t change y?", "data.csv", "--force", "--model", &model, "--budget", "{turns: 1}"]);
    assert!(few.code == 0 && few.stderr.contains("`budget.turns` is reached"), "{}", few.stderr);
    let stranger = model.replace("127.0.0.1", "models.example.org");
    for (model, told) in [
        ("gpt", "whose model"),
        ("{provider: playbook}", "drafts nothing"),
        ("nobody/x", "provider"),
        (&stranger, "nothing was sent"),
    ] {
        let refused = oci(dir, &["plan", "does t change y?", "data.csv", "--output", "other.yaml", "--model", model]);
        assert!(refused.code == 2 && refused.stderr.contains(told), "{model}: {}", refused.stderr);
    }
}
