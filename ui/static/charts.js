"use strict";
// Curves over time, drawn by uPlot from what the page carries; the page has them as a table too.

const charts = document.querySelector("[data-curves]");
const curves = charts ? JSON.parse(charts.dataset.curves) : null;
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();
const colours = {
  PASS: colour("pass"), FAIL: colour("fail"), VETO: colour("veto"), PARTIAL: colour("partial"), ERROR: colour("error"),
  waiting: colour("dim"), work: colour("accent"), "US dollars": colour("accent"),
};

// Each row on top of those before it.
function stacked(rows) {
  const sums = [];
  return rows.map((row) => row.map((value, at) => (sums[at] = (sums[at] ?? 0) + (value ?? 0))));
}

function draw(element) {
  const given = Object.entries(curves[element.dataset.chart]);
  const isBars = element.dataset.kind === "bars";
  const rows = isBars ? stacked(given.map(([, row]) => row)) : given.map(([, row]) => row);
  const order = isBars ? given.map((_, place) => given.length - 1 - place) : given.map((_, place) => place);
  const axis = { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const bars = isBars ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined;
  const options = {
    width: element.clientWidth,
    height: 200,
    cursor: { drag: { setScale: false } },
    legend: { live: false },
    axes: [axis, { ...axis, size: 56 }],
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    series: [
      {},
      ...order.map((place) => ({
        label: given[place][0],
        stroke: colours[given[place][0]],
        fill: isBars ? colours[given[place][0]] : undefined,
        width: isBars ? 0 : 2,
        points: { show: !isBars && curves.at.length < 40 },
        paths: bars,
        spanGaps: false,
      })),
    ],
  };
  const plot = new uPlot(options, [curves.at, ...order.map((place) => rows[place])], element);
  new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 200 })).observe(element);
}

if (curves) document.querySelectorAll("[data-chart]").forEach(draw);
