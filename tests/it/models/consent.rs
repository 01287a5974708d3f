//! A plan that somebody else wrote: it sends no key and no aggregates where the person did not agree.

use super::{KEY, Study, actor, content, program};
use crate::cli::Ran;

/// Runs with these arguments, variables, and nothing agreed to but what they say.
fn ask(study: &Study, words: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut all = vec![("OCI_AGENT_TRUST", ""), ("OPENAI_API_KEY", KEY), ("MY_SECRET", "of-nobody-elses-business")];
    all.extend(variables);
    program(study.dir.path(), words, &all)
}

const RUN: [&str; 4] = ["run", "plan.yaml", "--out", "out"];

fn with(words: &[&'static str]) -> Vec<&'static str> {
    [&RUN[..], words].concat()
}

#[test]
fn this_machine_is_asked_without_a_key() {
    let server = content("openai");
    let study = Study::new(&actor("openai", &server.url()));
    let ran = ask(&study, &RUN, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!server.requests().is_empty());
    assert!(server.requests().iter().all(|request| !request.to_lowercase().contains("authorization")));
    let hint = format!("--trust OPENAI_API_KEY@{}", server.address);
    assert!(ran.stderr.contains("without the key in OPENAI_API_KEY") && ran.stderr.contains(&hint), "{}", ran.stderr);
    study.is_clean();
}

#[test]
fn a_key_is_sent_where_the_person_agreed_by_flag_by_variable_or_for_good() {
    let server = content("openai");
    let url = server.url();
    let study = Study::new(&actor("openai", &url));
    let config = study.dir.path().join("oci-agent");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("trust"), "# mine\n\nOPENAI_API_KEY@127.0.0.1  # the lab's\n").unwrap();
    for (words, variables, listed) in [
        (with(&["--trust", "OPENAI_API_KEY@127.0.0.1"]), vec![], false),
        (RUN.to_vec(), vec![("OCI_AGENT_TRUST", "models.example.org, OPENAI_API_KEY@127.0.0.1")], false),
        (RUN.to_vec(), vec![], true),
    ] {
        let place = if listed { study.dir.path().to_path_buf() } else { study.dir.path().join("nothing") };
        let place = place.to_string_lossy().into_owned();
        let variables = [variables, vec![("XDG_CONFIG_HOME", place.as_str())]].concat();
        let before = server.requests().len();
        let ran = ask(&study, &words, &variables);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(server.requests()[before..].iter().all(|request| request.contains(KEY)), "{words:?}");
    }
    std::fs::write(config.join("trust"), "what is this\n").unwrap();
    let ran = ask(&study, &RUN, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("what is this") && ran.stderr.contains("trust"), "{}", ran.stderr);
}

#[test]
fn another_variable_of_the_persons_goes_nowhere() {
    let server = content("openai");
    let section = format!("actor: {{provider: openai, model: m, base_url: \"{}\", key: MY_SECRET}}\n", server.url());
    let study = Study::new(&section);
    // A consent for one variable is none for another.
    let ran = ask(&study, &with(&["--trust", "OPENAI_API_KEY@127.0.0.1"]), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(server.requests().iter().all(|request| !request.contains("of-nobody-elses-business")));
    for vendor in ["", ", base_url: \"https://api.openai.com/v1\""] {
        study.plan(&format!("actor: {{provider: openai, model: m, key: MY_SECRET{vendor}}}\n"));
        let ran = ask(&study, &with(&["--force"]), &[]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("MY_SECRET") && ran.stderr.contains("--trust MY_SECRET@api.openai.com"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn another_host_is_not_asked() {
    for role in ["actor", "critic"] {
        let section = |url: &str| format!("{role}: {{provider: openai, model: m, base_url: \"{url}\"}}\n");
        for (url, host) in [
            ("https://models.example.org/v1", "models.example.org"),
            ("http://models.example.org:8080", "models.example.org:8080"),
            ("https://api.openai.com.example.org", "api.openai.com.example.org"),
            ("http://api.openai.com", "api.openai.com"),
        ] {
            let study = Study::new(&section(url));
            let ran = ask(&study, &RUN, &[]);
            assert_eq!(ran.code, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains(&format!("--trust {host}")), "{}", ran.stderr);
            assert!(ran.stderr.contains("nothing was sent") && !study.out().exists(), "{}", ran.stderr);
            // `check` says so, and sends nothing.
            let checked = ask(&study, &["check", "plan.yaml"], &[]);
            assert_eq!(checked.code, 0, "{}", checked.stderr);
            assert!(
                checked.stderr.contains("needs your consent") && checked.stderr.contains(host),
                "{}",
                checked.stderr
            );
            // Without a model there is nothing to agree to.
            let ran = ask(&study, &with(&["--no-model"]), &[]);
            assert_eq!(ran.code, 0, "{}", ran.stderr);
        }
    }
}

#[test]
fn check_says_what_would_go_where() {
    let study = Study::new(
        "actor: {provider: openai, model: gpt-6-sol}\ncritic: {provider: anthropic, model: claude-opus-5-5}\n",
    );
    let checked = ask(&study, &["check", "plan.yaml"], &[]);
    for words in
        ["the actor is asked at https://api.openai.com", "with the key in OPENAI_API_KEY", "the critic is asked at"]
    {
        assert!(checked.stderr.contains(words), "{words}: {}", checked.stderr);
    }
    assert!(!checked.stdout.contains("asked at"), "what the notebook repeats stays as it is");
    let json = ask(&study, &["--json", "check", "plan.yaml"], &[]);
    let event: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(event["outward"].as_array().map(Vec::len), Some(2), "{event}");
}

/// A study whose data lie in the folder above, by a path, a pattern or a link.
fn elsewhere(models: &str, source: &str) -> Study {
    let study = Study::new(models);
    let inner = study.dir.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let plan = std::fs::read_to_string(study.dir.path().join("plan.yaml")).unwrap();
    std::fs::write(inner.join("plan.yaml"), plan.replace("data.csv", source)).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(study.dir.path().join("data.csv"), inner.join("link.csv")).unwrap();
    study
}

#[test]
fn data_from_elsewhere_are_named_and_shown_to_no_model_without_consent() {
    let server = content("openai");
    let run = ["run", "inner/plan.yaml", "--out", "out", "--force"];
    for source in ["../data.csv", "../d*.csv", "link.csv"] {
        let study = elsewhere(&actor("openai", &server.url()), source);
        let before = server.requests().len();
        for words in
            [&run[..], &["mcp", "inner/plan.yaml", "--out", "out"], &["baseline", "inner/plan.yaml", "--out", "b"]]
        {
            let ran = ask(&study, words, &[]);
            assert_eq!(ran.code, 2, "{words:?} {}", ran.stderr);
            assert!(ran.stderr.contains("data.csv") && ran.stderr.contains("--trust"), "{}", ran.stderr);
        }
        assert_eq!(server.requests().len(), before, "nobody was asked");
        let checked = ask(&study, &["check", "inner/plan.yaml"], &[]);
        assert!(checked.stderr.contains("data.csv") && checked.stderr.contains("--trust"), "{}", checked.stderr);
        // Without a model they are named, and that is all.
        let ran = ask(&study, &[&run[..], &["--no-model"]].concat(), &[]);
        assert!(ran.code == 0 && ran.stderr.contains("the data are outside"), "{}", ran.stderr);
        let ran = ask(&study, &[&run[..], &["--trust", "."]].concat(), &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(server.requests().len() > before);
    }
    let study = elsewhere(&actor("openai", &server.url()), "data.csv");
    let ran = ask(&study, &[&run[..], &["--data-root", "."]].concat(), &[]);
    assert!(ran.code == 0 && !ran.stderr.contains("the data are outside"), "{}", ran.stderr);
}
