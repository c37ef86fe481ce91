// Curves and points, drawn by uPlot in the colours of the page.

/* global uPlot */

import { short } from "./numbers.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");

/** A line in the colour of this name. */
export const line = (name) => ({ stroke: () => colour(name), width: 2, pxAlign: 0, spanGaps: true, points: { show: false } });

/** Points in the colour of this name, not joined. */
export const points = (name) => ({
  stroke: () => colour(name),
  paths: () => null,
  points: { show: true, size: 8, width: 0, fill: () => colour(name) },
});

/** Ticks of a logarithmic axis that are to stay bare are null. */
const written = (tick) => (tick === null ? "" : short(tick, 6));
/** A little room on both sides, so that no point is cut. */
const roomy = (_, low, high) => (low === null ? [0, 1] : [low - (high - low || 1) * 0.02, high + (high - low || 1) * 0.02]);

export class Plot {
  /** In `place`, with axes of these names; `series` as `line` and `points` make them. */
  constructor(place, [across, up], series, { log = false } = {}) {
    this.place = place;
    const axis = (label, size, space) => ({ label, labelSize: 22, size, space, values: (_, ticks) => ticks.map(written), stroke: () => colour("--text"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { stroke: () => colour("--line"), width: 1 } });
    const options = {
      ...this.room(),
      legend: { show: false },
      cursor: { drag: { x: true, y: true } },
      scales: { x: { time: false, range: roomy }, y: { distr: log ? 3 : 1 } },
      axes: [axis(across, 36, 60), axis(up, 62, 22)],
      series: [{}, ...series],
    };
    this.chart = new uPlot(options, [[], ...series.map(() => [])], place);
    new ResizeObserver(() => this.chart.setSize(this.room())).observe(place);
    dark.addEventListener("change", () => this.chart.redraw(false));
  }

  room() {
    return { width: Math.max(this.place.clientWidth, 100), height: Math.max(this.place.clientHeight, 100) };
  }

  /** Names the axes. */
  name(across, up) {
    [across, up].forEach((label, i) => (this.chart.axes[i].label = label));
  }

  /** Shows columns: x, then one of each series, with null where it has nothing. `summary` is what screen readers say. */
  show(columns, summary) {
    this.chart.setData(columns);
    this.place.setAttribute("aria-label", summary);
  }
}

/** Series of [x, y] pairs on one common axis, in its order. */
export function together(...all) {
  const rows = all.flatMap((pairs, which) => pairs.map(([x, y]) => ({ x, y, which }))).sort((a, b) => a.x - b.x);
  return [rows.map(({ x }) => x), ...all.map((_, which) => rows.map((row) => (row.which === which ? row.y : null)))];
}
