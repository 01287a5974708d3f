//! The effects on the primary metrics by segment, below that on everyone.

use super::WIDTH;
use super::intervals::{self, IntervalRow, Panel};
use crate::plan::experiment::{EffectRequest, Role, Worse};
use crate::record::experiment::{EffectRow, ExperimentResults, MetricResult};
use crate::report::experiment::{first_page, shown, words};
use crate::report::plots::axis;
use crate::report::plots::scene::Scene;
use crate::text::escape;

/// Rows that a picture has room for; the table has them all.
const MOST_ROWS: usize = 48;

pub fn scene(results: &ExperimentResults) -> Option<Scene> {
    let primary = results.metrics.iter().filter(|metric| metric.role == Role::Primary);
    let all: Vec<Panel> = primary.flat_map(|metric| panels(results, metric)).collect();
    let (kept, more) = with_room(all);
    if kept.is_empty() {
        return None;
    }
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title = "Effects by segment".to_owned();
    scene.description = described(&kept);
    let title = scene.title.clone();
    let y = axis::draw_title(&mut scene, &title, &escape::one_line(&results.title));
    let y = intervals::draw_legend(&mut scene, y, &kept, &shown::level(results));
    let y = intervals::draw(&mut scene, &kept, y);
    let left_out = if more == 0 { String::new() } else { format!(" {more} more segments are in the table.") };
    let caption = format!(
        "In units of the metric; a number with a percent sign is the share of the mean under control in the segment. An effect in a segment is averaged over its units. Of many segments some differ by chance: the table has adjusted p-values.{left_out}"
    );
    scene.height = axis::draw_caption(&mut scene, y - 6.0, &caption);
    Some(scene)
}

/// The first panels with room, and how many rows are left out.
fn with_room(panels: Vec<Panel>) -> (Vec<Panel>, usize) {
    let mut room = MOST_ROWS;
    let mut left_out = 0;
    let mut kept = Vec::new();
    for mut panel in panels {
        let all = panel.rows.len();
        panel.rows.truncate(room);
        room -= panel.rows.len();
        left_out += all - panel.rows.len();
        if !panel.rows.is_empty() {
            kept.push(panel);
        }
    }
    (kept, left_out)
}

/// A panel for each arm that has segments.
fn panels(results: &ExperimentResults, metric: &MetricResult) -> Vec<Panel> {
    let arms = results.health.design.arms.iter().filter(|arm| !arm.control);
    arms.filter_map(|arm| panel(results, metric, &arm.arm)).collect()
}

fn panel(results: &ExperimentResults, metric: &MetricResult, arm: &str) -> Option<Panel> {
    let here = |row: &&EffectRow| {
        row.metric == metric.name && row.arm == arm && row.request == EffectRequest::Itt && row.segment.is_some()
    };
    let segments: Vec<IntervalRow> = results.segments.iter().filter(here).map(|row| interval(row, false)).collect();
    if segments.is_empty() {
        return None;
    }
    let everyone = first_page::assignment_effect(results, &metric.name, arm).map(|row| interval(row, true));
    let better = if metric.worse == Worse::Up { -1.0 } else { 1.0 };
    Some(Panel {
        heading: format!(
            "{}, {}: {}",
            escape::shortened(&escape::one_line(&metric.name), 24),
            escape::shortened(&escape::one_line(arm), 24),
            words::better(metric.worse)
        ),
        rows: everyone.into_iter().chain(segments).collect(),
        smallest: metric.smallest_effect.map(|size| better * size),
        margin: None,
    })
}

fn interval(row: &EffectRow, strong: bool) -> IntervalRow {
    let label = row.segment.as_ref().map_or_else(|| "everyone".to_owned(), |segment| escape::one_line(segment));
    let numbers = shown::absolute_and_share(row);
    IntervalRow { strong, ..IntervalRow::of_effect(row, label, numbers) }
}

fn described(panels: &[Panel]) -> String {
    let panel = |panel: &Panel| {
        let rows: Vec<String> = panel.rows.iter().map(|row| format!("{} {}", row.label, row.numbers)).collect();
        format!("{}: {}.", panel.heading, rows.join("; "))
    };
    panels.iter().map(panel).collect::<Vec<_>>().join(" ")
}
