"use strict";

const PATTERNS = [[], [8, 3], [11, 3, 2, 3]]; // as in page.css
const SHAPES = ["circle", "rect", "triangle", "rectRot"];
const FEW = 40; // checkpoints up to which each has a visible point
const MOST_MARKS = 4000; // more would only slow the page down

/** The learning curve: a line a data set and their mean, each with its base, as scores or as changes. */
function drawCurve(curve) {
  const figure = one("#curve-figure");
  const canvas = one("canvas", figure);
  const boxes = all("#curve-legend input");
  const modes = all("input[name=curve-mode]");
  figure.hidden = false;
  const many = curve.steps.length > FEW;

  const lines = curve.lines.flatMap((line) => {
    const place = Math.max(line.number - 1, 0);
    const style = line.mean ? { width: 3.5, dash: [], shape: "circle" }
      : { width: 2, dash: PATTERNS[Math.floor(place / 4) % 3], shape: SHAPES[place % 4] };
    const main = {
      label: short(line.name), source: line, main: true, order: line.mean ? 0 : 1, borderWidth: style.width, borderDash: style.dash,
      pointStyle: style.shape, pointRadius: curve.steps.map((step) => (step === curve.best ? 6 : many ? 0 : 3.5)),
      pointHoverRadius: 6, pointHitRadius: 10, spanGaps: true, clip: 10,
    };
    const base = { label: "", source: line, main: false, order: 2, borderWidth: 1.5, borderDash: [2, 4], pointRadius: 0, pointHoverRadius: 0 };
    return curve.hasBase ? [main, base] : [main];
  });
  const chart = new Chart(canvas, { type: "line", data: { datasets: lines }, options: {}, plugins: [bestLine(curve)] });

  const asChange = () => modes.some((mode) => mode.checked && mode.value === "change");
  const format = (value) => (asChange() ? change(value) : fraction(value));
  function paint() {
    const shown = new Map(boxes.map((box) => [Number(box.value), box.checked]));
    for (const line of lines) {
      const { source } = line;
      const first = source.values[0];
      const value = (v) => (v === null ? null : asChange() ? v - first : v);
      line.data = curve.steps.map((x, i) => ({ x, y: line.main ? value(source.values[i]) : value(first) }));
      line.borderColor = line.backgroundColor = line.pointBorderColor = colour(line.main || !asChange() ? source.colour : "--strong");
      line.hidden = shown.get(source.number) === false;
    }
    const options = lineOptions(format);
    Object.assign(options.scales.x, { min: curve.steps[0], max: curve.steps.at(-1) });
    Object.assign(options.plugins.tooltip, {
      filter: (item) => item.dataset.main,
      callbacks: {
        title: (items) => (items.length ? `step ${count(items[0].parsed.x)}${curve.hasBase && items[0].dataIndex === 0 ? " (base)" : ""}` : ""),
        label: (item) => {
          const { values } = item.dataset.source;
          const against = curve.hasBase && item.dataIndex > 0 ? ` (${change(values[item.dataIndex] - values[0])})` : "";
          return ` ${item.dataset.label}: ${fraction(values[item.dataIndex])}${against}`;
        },
      },
    });
    chart.options = options;
    chart.update();
  }
  for (const control of [...boxes, ...modes]) control.addEventListener("change", paint);
  onColours(paint);
}

/** Marks the checkpoint that was judged. */
function bestLine(curve) {
  return {
    id: "best",
    afterDatasetsDraw(chart) {
      if (curve.best === null) return;
      const { ctx, chartArea, scales } = chart;
      const x = scales.x.getPixelForValue(curve.best);
      ctx.save();
      ctx.strokeStyle = colour("--good");
      ctx.setLineDash([2, 3]);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      ctx.fillStyle = colour("--good");
      ctx.font = "600 12px system-ui, sans-serif";
      const right = x < (chartArea.left + chartArea.right) / 2;
      ctx.textAlign = right ? "left" : "right";
      ctx.fillText("best", x + (right ? 5 : -5), chartArea.top + 12);
      ctx.restore();
    },
  };
}

/** Search box and filters over the queries and pairs that changed most. */
function searchCases() {
  const controls = one("#search-cases");
  if (!controls) return;
  const box = one("input[type=search]", controls);
  const dataset = one("select", controls);
  const kinds = all("input[name=kind]", controls);
  const status = one("#hits");
  const clear = one("#clear");
  const nothing = one("#nothing");
  const cases = all(".case").map((element) => {
    const parts = all(".text", element).filter((part) => part.firstChild).map((part) => ({ node: part.firstChild, ...fold(part.textContent) }));
    return {
      element,
      item: element.parentElement,
      parts,
      head: fold(one("summary .text", element).textContent).folded,
      all: parts.map((part) => part.folded).join("\n"),
      opened: false, // by the search, which then closes it again
    };
  });
  controls.hidden = one("#hits-row").hidden = false;

  function show() {
    const words = wordsOf(box.value);
    const kind = kinds.find((radio) => radio.checked).value;
    let hits = 0;
    for (const found of cases) {
      const { element } = found;
      const fits = (dataset === null || dataset.value === "" || element.dataset.dataset === dataset.value)
        && (kind === "" || element.dataset.kind === kind) && words.every((word) => found.all.includes(word));
      found.item.hidden = !fits;
      hits += fits;
      const inside = fits && words.length > 0 && !words.every((word) => found.head.includes(word));
      if (inside && !element.open) {
        element.open = found.opened = true;
      } else if (!inside && found.opened) {
        element.open = found.opened = false;
      }
    }
    const narrowed = hits < cases.length || words.length > 0;
    status.textContent = hits === 0 ? `Nothing found, of ${count(cases.length)}`
      : narrowed ? `${count(hits)} of ${count(cases.length)} found` : `${count(hits)} shown`;
    nothing.hidden = hits > 0;
    clear.disabled = !narrowed;
    highlight(cases.filter((found) => !found.item.hidden).flatMap((found) => found.parts), words);
  }

  box.addEventListener("input", show);
  for (const control of [dataset, ...kinds].filter(Boolean)) control.addEventListener("change", show);
  clear.addEventListener("click", () => {
    box.value = "";
    if (dataset) dataset.value = "";
    kinds[0].checked = true;
    show();
    box.focus();
  });
  one("#open-all").addEventListener("click", () => setAll(true));
  one("#close-all").addEventListener("click", () => setAll(false));
  function setAll(open) {
    for (const found of cases.filter(({ item }) => !item.hidden)) {
      found.element.open = open;
      found.opened = false;
    }
  }
  show();
}

/** Marks the words in the texts, without a change to the document (CSS Custom Highlight API). */
function highlight(parts, words) {
  if (!("highlights" in CSS)) return;
  const found = new Highlight();
  for (const { node, folded, places } of parts) {
    for (const word of words) {
      for (let at = folded.indexOf(word); at >= 0 && found.size < MOST_MARKS; at = folded.indexOf(word, at + word.length)) {
        const range = new Range();
        const last = at + word.length - 1;
        range.setStart(node, places ? places[at] : at);
        range.setEnd(node, (places ? places[last] : last) + 1);
        found.add(range);
      }
    }
  }
  CSS.highlights.set("found", found);
}

for (const details of all("details[data-fold]")) details.open = false; // open only for those without JavaScript
if (data.curve) drawCurve(data.curve);
searchCases();
offerCopies();
openForPrint();
