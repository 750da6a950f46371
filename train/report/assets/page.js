"use strict";

const PATTERNS = [[], [8, 3], [11, 3, 2, 3]]; // as in page.css
const SHAPES = ["circle", "rect", "triangle", "rectRot"];
const FEW = 40; // checkpoints up to which each has a visible point
const AT_FIRST = 5; // cases of each group that are shown before somebody asks for more
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
      pointStyle: style.shape, pointRadius: curve.steps.map((step) => (step === curve.best ? (line.mean || place === 0 && curve.lines.length === 1 ? 6 : 4.5) : many ? 0 : 3.5)),
      pointHoverRadius: 6, pointHitRadius: 10, spanGaps: true, clip: 10,
    };
    const base = { label: "", source: line, main: false, order: 2, borderWidth: 1.5, borderDash: [2, 4], pointRadius: 0, pointHoverRadius: 0 };
    return curve.hasBase ? [main, base] : [main];
  });
  const chart = new Chart(canvas, { type: "line", data: { datasets: lines }, options: { animation: false }, plugins: [bestLine(curve)] });

  const asChange = () => modes.some((mode) => mode.checked && mode.value === "change");
  const format = (value) => (Math.abs(value) < 5e-4 ? "0" : asChange() ? change(value) : fraction(value));
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
      ctx.fillText(curve.word, x + (right ? 5 : -5), chartArea.top + 12);
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
  const groups = all(".group").map((element) => new Group(element));
  const cases = groups.flatMap((group) => group.cases);
  controls.hidden = one("#hits-row").hidden = false;

  function show() {
    const words = wordsOf(box.value);
    const kind = kinds.find((radio) => radio.checked).value;
    let hits = 0;
    for (const group of groups) {
      const fits = (!dataset || dataset.value === "" || group.dataset === dataset.value) && (kind === "" || group.kind === kind);
      hits += group.show(fits ? words : null);
    }
    const narrowed = hits < cases.length || words.length > 0;
    status.textContent = hits === 0 ? `Nothing found, of ${count(cases.length)}`
      : narrowed ? `${count(hits)} of ${count(cases.length)} found` : `${count(hits)} in all`;
    nothing.hidden = hits > 0;
    clear.disabled = !narrowed;
    highlight(cases.filter((found) => found.fits).flatMap((found) => found.parts), words);
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
  for (const [button, open] of [["#open-all", true], ["#close-all", false]]) {
    one(button).addEventListener("click", () => {
      for (const found of cases) Object.assign(found, { opened: false }).element.open = open && !found.item.hidden;
    });
  }
  show();
}

/** The cases of one data set and direction: the first few, until somebody searches or asks for all. */
class Group {
  constructor(element) {
    this.element = element;
    ({ dataset: this.dataset, kind: this.kind } = element.dataset);
    this.cases = all(".case", element).map((details) => {
      const parts = all(".text", details).filter((part) => part.firstChild).map((part) => ({ node: part.firstChild, ...fold(part.textContent) }));
      return {
        element: details,
        item: details.parentElement,
        parts,
        head: fold(one("summary .text", details).textContent).folded,
        all: parts.map((part) => part.folded).join("\n"),
        fits: true,
        opened: false, // by the search, which then closes it again
      };
    });
    this.whole = this.cases.length <= AT_FIRST + 1;
    this.more = make("button", `Show all ${this.cases.length}`, [], { type: "button", class: "more" });
    this.more.addEventListener("click", () => {
      this.whole = true;
      this.show([]);
      one("summary", this.cases[AT_FIRST].element).focus();
    });
    element.append(this.more);
  }

  /** Shows the cases with all of these words; null: none. Returns how many there are, with those behind the button. */
  show(words) {
    let hits = 0;
    const limit = this.whole || words?.length ? Infinity : AT_FIRST;
    for (const found of this.cases) {
      found.fits = words !== null && words.every((word) => found.all.includes(word));
      hits += found.fits;
      found.item.hidden = !found.fits || hits > limit;
      const inside = found.fits && !words.every((word) => found.head.includes(word));
      if (inside && !found.element.open) {
        found.element.open = found.opened = true;
      } else if (!inside && found.opened) {
        found.element.open = found.opened = false;
      }
    }
    this.element.hidden = hits === 0;
    this.more.hidden = hits <= limit;
    return hits;
  }
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
