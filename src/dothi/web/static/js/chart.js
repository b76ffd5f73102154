// Time series from the table beside it: a line with its threshold, gaps where nothing was measured.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { onTheme, token } from "./theme.js";

const ZONE = "Asia/Ho_Chi_Minh";

function loadStyles() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../vendor/uplot/uPlot.min.css", import.meta.url).href;
  document.head.prepend(link);
}

/** [times (s), values or null] from the rows of a table. */
function read(table) {
  const rows = [...table.querySelectorAll("tr[data-at]")];
  return [rows.map((row) => Number(row.dataset.at)), rows.map((row) => (row.dataset.value === "" ? null : Number(row.dataset.value)))];
}

function options(box) {
  const { label, unit, threshold, thresholdLabel, clear, clearLabel, language } = box.dataset;
  const bands = (box.dataset.bands ?? "").split(" ").filter(Boolean).map((one) => one.split("-").map(Number));
  const numbers = new Intl.NumberFormat(language === "en" ? "en" : "vi", { maximumFractionDigits: 2 });
  const ink = token("--ink");
  const soft = token("--ink-soft");
  const grid = { stroke: token("--edge"), width: 1 };
  const font = '12px "Be Vietnam Pro"';
  const line = (plot, value, said, colour) => {
    if (value === undefined) return;
    const y = plot.valToPos(Number(value), "y", true);
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour;
    ctx.fillStyle = colour;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `${12 * devicePixelRatio}px "Be Vietnam Pro"`;
    ctx.textAlign = "left";
    const [start, base] = [bbox.left + 6 * devicePixelRatio, y - 6 * devicePixelRatio]; // Far from the latest value.
    ctx.setLineDash([]);
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.strokeStyle = token("--paper"); // A halo, so that it is read where the series runs through it.
    ctx.lineJoin = "round";
    ctx.strokeText(`${said} ${numbers.format(Number(value))} ${unit}`.trim(), start, base);
    ctx.fillText(`${said} ${numbers.format(Number(value))} ${unit}`.trim(), start, base);
    ctx.restore();
  };
  const limit = (plot) => {
    line(plot, clear, clearLabel, soft);
    line(plot, threshold, thresholdLabel, token("--bad"));
  };
  const spans = (plot) => { // When an alarm was up: a band behind the series.
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.globalAlpha = 0.14;
    ctx.fillStyle = token("--bad");
    for (const [start, end] of bands) {
      const left = Math.max(bbox.left, plot.valToPos(start, "x", true));
      const right = Math.min(bbox.left + bbox.width, end ? plot.valToPos(end, "x", true) : bbox.left + bbox.width);
      if (right >= bbox.left) ctx.fillRect(left, bbox.top, Math.max(right - left, 2 * devicePixelRatio), bbox.height);
    }
    ctx.restore();
  };
  const measure = ({ ctx, bbox }) => {
    ctx.save();
    ctx.fillStyle = soft;
    ctx.font = `${12 * devicePixelRatio}px "Be Vietnam Pro"`;
    ctx.textAlign = "right";
    ctx.fillText(unit, bbox.left - 10 * devicePixelRatio, bbox.top - 8 * devicePixelRatio);
    ctx.restore();
  };
  const latest = (plot) => plot.setLegend({ idx: plot.data[0].length - 1 }); // Until somebody points at another value.
  return {
    width: box.clientWidth, height: 260, padding: [22, 24, 0, 0], tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), ZONE),
    cursor: { points: { size: 7 } },
    scales: { y: { range: (_, low, high) => uPlot.rangeNum(Math.min(low, 0), Math.max(high, Number(threshold ?? high)), 0.1, true) } },
    axes: [
      { stroke: soft, grid, ticks: grid, font, values: [[86400, "{DD}/{MM}", null, null, null, null, null, null, 1], [3600, "{HH}:{mm}", "\n{DD}/{MM}", null, "\n{DD}/{MM}", null, null, null, 1], [1, "{HH}:{mm}", "\n{DD}/{MM}", null, "\n{DD}/{MM}", null, null, null, 1]] },
      { stroke: soft, grid, ticks: grid, font, size: 56, values: (_, ticks) => ticks.map((tick) => numbers.format(tick)) },
    ],
    series: [
      { value: "{HH}:{mm} {DD}/{MM}/{YYYY}", label: box.dataset.time ?? "" },
      { label, stroke: ink, width: 1.75, points: { show: false }, spanGaps: false, value: (_, value) => (value === null ? "–" : `${numbers.format(value)} ${unit}`) },
    ],
    hooks: { drawClear: [spans], draw: [limit, measure], ready: [latest] },
  };
}

function draw(box) {
  const table = document.getElementById(box.dataset.chart);
  const data = table ? read(table) : [[], []];
  if (!data[1].some((value) => value !== null)) return;
  box.hidden = false;
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", box.dataset.label);
  let plot = new uPlot(options(box), data, box);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: 260 })).observe(box);
  onTheme(() => {
    plot.destroy();
    plot = new uPlot(options(box), data, box);
  });
  box.dataset.ready = "yes";
}

function begin() {
  for (const box of document.querySelectorAll("[data-chart]:not([data-ready])")) draw(box);
}

loadStyles();
document.fonts.load('12px "Be Vietnam Pro"').then(begin);
document.addEventListener("fresh", begin);
