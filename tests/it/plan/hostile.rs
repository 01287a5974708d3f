//! Files that are no plans at all, and files that were made to hurt.

use super::{full_plan, line, only, problems, short_plan, with};
use oci_agent::plan::{LARGEST_PLAN, parse, parse_bytes, render_problems};
use proptest::prelude::*;

#[test]
fn a_50_mb_plan_is_refused_before_it_is_read() {
    let huge = vec![b'#'; 50 << 20];
    let all = parse_bytes(&huge).expect_err("too large");
    assert_eq!(all.len(), 1);
    assert!(all[0].message.contains("52428800 bytes") && all[0].place.is_none(), "{all:?}");
    assert!(parse(&"#".repeat(LARGEST_PLAN + 1)).is_err());
}

#[test]
fn not_utf8_names_the_byte() {
    let mut bytes = short_plan().as_bytes().to_vec();
    bytes[20] = 0xff;
    let all = parse_bytes(&bytes).expect_err("not UTF-8");
    assert!(all[0].message.contains("byte 0xff at offset 20, on line 2"), "{all:?}");
}

#[test]
fn not_yaml_names_line_and_column() {
    let problem = only("title: a\nquestion: b: c\n");
    let place = problem.place.expect("place");
    assert_eq!((place.line, place.column), (2, 12), "{problem:?}");
    assert!(problem.hint.contains("quotes"));
    for text in ["title: [a\n", "title: \"a\n", "title: a\n\tb: c\n", "a: b\n c: d\n", "{", "@x", "%x", "a: `b`"] {
        let problem = only(text);
        assert!(problem.message.contains("not YAML") && problem.place.is_some(), "{text:?}: {problem:?}");
    }
}

#[test]
fn empty_files_other_documents_and_data_files_are_told_apart() {
    for text in ["", "\n\n", "# only a comment\n", "---\n"] {
        let problem = only(text);
        assert!(problem.message.contains("empty") || problem.message.contains("nothing"), "{text:?} {problem:?}");
        assert!(problem.hint.contains("oci-agent init"));
    }
    assert!(only("a,b,c\n1,2,3\n").message.contains("a single value"));
    assert!(only("- a\n- b\n").message.contains("a list"));
    let two = format!("{}---\n{}", short_plan(), short_plan());
    assert_eq!(line(&only(&two)), 8);
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for i in 1..40 {
        let inner = vec![format!("*a{}", i - 1); 9].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{inner}]\n"));
    }
    let all = problems(&bomb);
    assert!(all.len() <= 101 && all.iter().all(|p| p.message.contains("anchor") || p.message.contains("alias")));
    let merged = with("loop:", "loop: &l\n  <<: *l");
    assert!(problems(&merged).iter().any(|p| p.message.contains("alias")));
}

#[test]
fn deep_nesting_is_refused_without_exhausting_the_stack() {
    for text in [
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 18),
        "- ".repeat(1 << 19),
        "? ".repeat(1 << 19),
        "a: [".repeat(1 << 18),
        (0..1000).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>(),
    ] {
        let all = problems(&text);
        assert!(all.len() <= 2, "{} {:?}", &text[..8], all.first());
    }
}

#[test]
fn a_mebibyte_of_anything_is_answered_in_a_few_problems() {
    let keys = |n: usize| (0..n).map(|i| format!("key_{i}: {i}\n")).collect::<String>();
    let list = |n: usize| short_plan().replace("[x]", &format!("[{}]", vec!["x"; n].join(",")));
    let both = |n: usize| format!("{}placebo_outcomes: [{}]\n", list(n), vec!["x"; n].join(","));
    for text in [keys(60_000), "title: x\n".repeat(100_000), list(500_000), both(250_000)] {
        assert!(only(&text).message.contains("more than 20000 keys and values"));
    }
    for text in [keys(9_000), "title: x\n".repeat(9_000), list(19_000), both(9_000)] {
        let all = problems(&text);
        assert_eq!(all.len(), 101);
        assert!(all[100].message.contains("more problems are not listed"));
        assert!(render_problems("plan.yaml", &text, &all, false, 80).len() < 100_000);
    }
    for text in ["a".repeat(1 << 20), "\"".repeat(1 << 20), "# \n".repeat(300_000)] {
        assert_eq!(problems(&text).len(), 1);
    }
}

#[test]
fn tags_and_odd_keys_are_refused() {
    assert!(only(&with("seed: 7", "seed: !!int 7")).message.contains("tag"));
    assert!(only("? [a, b]\n: c\n").message.contains("key"));
    let text = format!("{}? ", full_plan());
    let problem = only(&text);
    assert_eq!((problem.message.as_str(), line(&problem)), ("a key is empty", 49));
}

proptest! {
    #[test]
    fn parse_never_panics_on_text(text in any::<String>(), yaml in "[a-z:\\-\\[\\]{}#&*!|>'\"%@ \n\t,?~0-9]{0,80}") {
        let _ = parse(&text);
        let _ = parse(&yaml);
        if let Err(all) = parse(&yaml) {
            prop_assert!(!all.is_empty());
            let _ = render_problems("plan.yaml", &yaml, &all, false, 80);
        }
    }

    #[test]
    fn parse_never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_bytes(&bytes);
    }

    #[test]
    fn parse_never_panics_on_mutated_plans_and_points_into_the_file(
        at in 0usize..1400, cut in 0usize..30, insert in "[a-zé:\\-\\[\\]{}#&*!|>'\" \n\t,?~0-9]{0,6}"
    ) {
        let text = full_plan();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        let text = format!("{}{insert}{}", &text[..at], &text[end..]);
        match parse(&text) {
            Ok(plan) => for (path, place) in &plan.places {
                prop_assert!(text.get(place.offset..place.offset + place.length).is_some(), "{path} {place:?}");
            },
            Err(all) => {
                for problem in &all {
                    prop_assert!(!problem.message.is_empty() && !problem.hint.is_empty());
                    let Some(place) = problem.place else { continue };
                    let pointed = text.get(place.offset..place.offset + place.length);
                    prop_assert!(pointed.is_some_and(|p| !p.contains('\n')), "{problem:?}");
                    let line = text[..place.offset].matches('\n').count() + 1;
                    prop_assert_eq!(line, place.line, "{:?}", problem);
                }
                let places: Vec<_> = all.iter().map(|problem| problem.place).collect();
                prop_assert!(places.is_sorted());
                prop_assert!(render_problems("plan.yaml", &text, &all, true, 60).contains("problem"));
            }
        }
    }
}
