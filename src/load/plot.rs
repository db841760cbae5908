//! Curves as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::error::{LoadError, Result};
use crate::growth::Row;
use crate::report::Report;

/// The curve of each latency of each report: milliseconds over the share of operations that took longer.
pub(crate) fn latencies(path: &Path, reports: &[Report]) -> Result<()> {
    draw(path, reports).map_err(|e| LoadError::about(path.display(), e))
}

fn draw(path: &Path, reports: &[Report]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (900, 540)).into_drawing_area();
    root.fill(&WHITE)?;
    let all = || reports.iter().flat_map(|report| report.latencies.iter().map(move |l| (report, l)));
    let longest = all().map(|(_, latency)| latency.max / 1e3).fold(0.1, f64::max);
    let title = reports.first().map_or_else(String::new, |report| report.workload.clone());
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("{title}: latency"), ("sans-serif", 22))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..5.0, (0.01..longest * 1.2).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("percentile")
        .y_desc("ms")
        .x_label_formatter(&|nines: &f64| match *nines {
            n if n < 0.5 => "0".to_owned(),
            n if n < 1.5 => "90".to_owned(),
            n if n < 2.5 => "99".to_owned(),
            n => format!("99.{}", "9".repeat((n - 1.5_f64).max(1.0) as usize)),
        })
        .x_labels(6)
        .draw()?;
    for (n, (report, latency)) in all().enumerate() {
        let colour = Palette99::pick(n).to_rgba();
        // Nines of the quantile: 0.99 is two of them.
        let points = latency.quantiles.iter().filter(|(q, _)| *q < 1.0);
        let points = points.map(|(q, us)| (-(1.0 - q).log10(), (us / 1e3).max(0.01)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(format!("{} {}", report.server, latency.to))
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}

/// Each row as a bar: how many times as much it is. One is marked, and so is the most that is asked for.
pub(crate) fn growth(path: &Path, rows: &[Row]) -> Result<()> {
    draw_growth(path, rows).map_err(|e| LoadError::about(path.display(), e))
}

fn draw_growth(path: &Path, rows: &[Row]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let height = 110 + 26 * u32::try_from(rows.len()).unwrap_or(0);
    let root = SVGBackend::new(path, (1000, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let most = rows.iter().map(Row::ratio).fold(2.0, f64::max);
    let n = i32::try_from(rows.len()).unwrap_or(0);
    let mut chart = ChartBuilder::on(&root)
        .caption("much / little", ("sans-serif", 20))
        .margin(14)
        .x_label_area_size(36)
        .y_label_area_size(520)
        .build_cartesian_2d(0.0..most * 1.1, (0..n).into_segmented())?;
    let label = |at: &SegmentValue<i32>| match at {
        SegmentValue::CenterOf(at) => usize::try_from(n - 1 - at)
            .ok()
            .and_then(|at| rows.get(at))
            .map_or_else(String::new, |row| format!("{} {}-{}, {}", row.grows, row.from, row.to, row.what)),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(rows.len())
        .y_label_formatter(&label)
        .y_label_style(("sans-serif", 12))
        .draw()?;
    for (at, row) in (0..n).rev().zip(rows) {
        let ends = [(0.0, SegmentValue::Exact(at)), (row.ratio(), SegmentValue::Exact(at + 1))];
        let mut bar = Rectangle::new(ends, BLUE.mix(0.5).filled());
        bar.set_margin(4, 4, 0, 0);
        chart.draw_series(std::iter::once(bar))?;
    }
    for (at, colour) in [(1.0, BLACK), (1.3, RED)] {
        let line = [(at, SegmentValue::Exact(0)), (at, SegmentValue::Exact(n))];
        chart.draw_series(std::iter::once(PathElement::new(line, colour)))?;
    }
    root.present()?;
    Ok(())
}
