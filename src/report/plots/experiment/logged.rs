//! Values of policies and credits of steps, each beside the scores under it: where a score and the reward disagree is to be seen.

use super::WIDTH;
use super::intervals::{self, IntervalRow, Panel};
use crate::record::experiment::{Estimate, ExperimentResults};
use crate::record::logged_actions::ScoreRow;
use crate::report::experiment::shown;
use crate::report::plots::axis;
use crate::report::plots::scene::Scene;
use crate::text::escape;

/// Panels that a picture has room for; the tables have them all.
const MOST_PANELS: usize = 8;

/// A policy or step with the estimate of its reward and its scores.
struct Subject<'a> {
    name: &'a str,
    effect: &'a Estimate,
    scores: &'a [ScoreRow],
}

pub fn scene(results: &ExperimentResults) -> Option<Scene> {
    let answers = results.logged_answers.as_ref()?;
    let policies = answers.policies.iter();
    let policies: Vec<Subject<'_>> =
        policies.map(|row| Subject { name: &row.policy, effect: &row.gain.effect, scores: &row.scores }).collect();
    let steps = answers.steps.iter();
    let steps: Vec<Subject<'_>> =
        steps.map(|row| Subject { name: &row.step, effect: &row.credit.effect, scores: &row.scores }).collect();
    let mut panels = panels(&policies, &answers.reward, "policies against the log");
    panels.extend(self::panels(&steps, &answers.reward, "steps, on against off"));
    let more = panels.len().saturating_sub(MOST_PANELS);
    panels.truncate(MOST_PANELS);
    if panels.is_empty() {
        return None;
    }
    let level = shown::level(results);
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title = format!("Policies and steps of the agent, with {level} intervals");
    let row = |row: &IntervalRow| format!("{} {}", row.label, row.numbers);
    let panel =
        |panel: &Panel| format!("{}: {}.", panel.heading, panel.rows.iter().map(row).collect::<Vec<_>>().join("; "));
    scene.description = panels.iter().map(panel).collect::<Vec<_>>().join(" ");
    let title = scene.title.clone();
    let y = axis::draw_title(&mut scene, &title, &escape::one_line(&results.title));
    let y = intervals::draw_legend(&mut scene, y, &panels, &level);
    let y = intervals::draw(&mut scene, &panels, y);
    let left_out = if more == 0 { String::new() } else { format!(" {more} more in the tables.") };
    let caption = format!("In bold the reward; below it the scores, which are no part of the answers.{left_out}");
    scene.height = axis::draw_caption(&mut scene, y - 6.0, &caption);
    Some(scene)
}

/// The reward, then each score.
fn panels(subjects: &[Subject<'_>], reward: &str, of: &str) -> Vec<Panel> {
    let Some(first) = subjects.first() else { return Vec::new() };
    let row = |name: &str, effect: &Estimate, strong: bool| IntervalRow {
        label: escape::one_line(name),
        numbers: shown::absolute(effect),
        effect: *effect,
        sequence: None,
        strong,
        exploratory: false,
    };
    let heading = |name: &str| format!("{}: {of}", escape::shortened(&escape::one_line(name), 30));
    let panel =
        |name: &str, rows: Vec<IntervalRow>| Panel { heading: heading(name), rows, smallest: None, margin: None };
    let mut panels = vec![panel(reward, subjects.iter().map(|it| row(it.name, it.effect, true)).collect())];
    for (at, score) in first.scores.iter().enumerate() {
        let of_score =
            subjects.iter().filter_map(|it| Some(row(it.name, &it.scores.get(at)?.difference.effect, false)));
        panels.push(panel(&score.score, of_score.collect()));
    }
    panels
}
