//! The effects of every metric and arm, each metric on an axis of its own.

use super::WIDTH;
use super::intervals::{self, IntervalRow, Panel};
use crate::plan::experiment::{EffectRequest, Role, Worse};
use crate::record::experiment::{EffectRow, ExperimentResults, MetricResult};
use crate::report::experiment::{shown, words};
use crate::report::plots::axis;
use crate::report::plots::scene::Scene;
use crate::text::escape;

/// Panels that a picture has room for; the table has them all.
const MOST_PANELS: usize = 12;

pub fn scene(results: &ExperimentResults) -> Option<Scene> {
    let mut metrics: Vec<&MetricResult> = results.metrics.iter().collect();
    // A stable sort: metrics of the same role stay in the order of the plan.
    metrics.sort_by_key(|metric| metric.role);
    let mut panels: Vec<Panel> = metrics.into_iter().filter_map(|metric| panel(results, metric)).collect();
    let more = panels.len().saturating_sub(MOST_PANELS);
    panels.truncate(MOST_PANELS);
    if panels.is_empty() {
        return None;
    }
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title = format!("Effects, with {} intervals", shown::level(results));
    scene.description = described(&panels);
    let title = scene.title.clone();
    let y = axis::draw_title(&mut scene, &title, &escape::one_line(&results.title));
    let y = intervals::draw_legend(&mut scene, y, &panels, &shown::level(results));
    let y = intervals::draw(&mut scene, &panels, y);
    scene.height = axis::draw_caption(&mut scene, y - 6.0, &caption(&panels, more));
    Some(scene)
}

fn panel(results: &ExperimentResults, metric: &MetricResult) -> Option<Panel> {
    let effects = results.effects.iter().filter(|row| row.metric == metric.name && row.segment.is_none());
    let rows: Vec<IntervalRow> = effects.map(|effect| row(metric, effect)).collect();
    let (better, worse) = match metric.worse {
        Worse::Up => (-1.0, 1.0),
        Worse::Down => (1.0, -1.0),
    };
    let heading = format!(
        "{} ({}): {}",
        escape::shortened(&escape::one_line(&metric.name), 30),
        words::role(metric.role),
        words::better(metric.worse)
    );
    (!rows.is_empty()).then(|| Panel {
        heading,
        rows,
        smallest: metric.smallest_effect.map(|size| better * size),
        margin: metric.margin.map(|size| worse * size),
    })
}

fn row(metric: &MetricResult, effect: &EffectRow) -> IntervalRow {
    let of = match effect.request {
        EffectRequest::Itt => "",
        EffectRequest::Late => ", on those moved",
        EffectRequest::Att => ", on the treated",
        EffectRequest::Ate => ", on everyone",
    };
    let numbers = shown::absolute_and_share(effect);
    let label = format!("{}{of}", escape::one_line(&effect.arm));
    let row = IntervalRow::of_effect(effect, label, numbers);
    IntervalRow { strong: metric.role == Role::Primary, ..row }
}

fn described(panels: &[Panel]) -> String {
    let panel = |panel: &Panel| {
        let rows: Vec<String> = panel.rows.iter().map(|row| format!("{} {}", row.label, row.numbers)).collect();
        format!("{}: {}.", panel.heading, rows.join("; "))
    };
    panels.iter().map(panel).collect::<Vec<_>>().join(" ")
}

fn caption(panels: &[Panel], more: usize) -> String {
    let mut said = vec![
        "Each metric has an axis of its own, in its units. A number with a percent sign is the share of the mean under control. The line at zero: no effect."
            .to_owned(),
    ];
    if intervals::clipped(panels) {
        said.push("An arrow: the interval reaches beyond the axis.".to_owned());
    }
    if more > 0 {
        let noun = if more == 1 { "metric is" } else { "metrics are" };
        said.push(format!("{more} more {noun} in the table."));
    }
    said.join(" ")
}
