"use strict";

const chosen = []; // runs, at most two, in the order in which they were chosen
const dialog = one("#comparison");

function showTray() {
  one("#tray").hidden = chosen.length === 0;
  one("#compare").disabled = chosen.length < 2;
  one("#chosen").textContent = chosen.length === 2 ? `${short(chosen[0].name)} and ${short(chosen[1].name)} are chosen`
    : chosen.length === 1 ? `${short(chosen[0].name)} is chosen; choose a second run to compare` : "";
  for (const run of runs) run.row.classList.toggle("picked", chosen.includes(run));
}

for (const run of runs) {
  one("input[type=checkbox]", run.row)?.addEventListener("change", ({ target }) => {
    if (target.checked) {
      chosen.push(run);
      if (chosen.length > 2) one("input", chosen.shift().row).checked = false; // the one chosen first gives way
    } else {
      chosen.splice(chosen.indexOf(run), 1);
    }
    showTray();
  });
}
one("#unchoose").addEventListener("click", () => {
  for (const run of chosen.splice(0)) one("input", run.row).checked = false;
  showTray();
  controls.q.focus();
});
one("#compare").addEventListener("click", () => compareTwo(...chosen));

/** A table that becomes cards on a phone; roles are named, because CSS that changes the layout would take them away. */
function table(caption, heads, lines) {
  const cell = (text, i) => make("td", "", [make("span", text)], { role: "cell", "data-label": heads[i + 1] });
  const head = make("tr", "", heads.map((text) => make("th", text, [], { scope: "col", role: "columnheader" })), { role: "row" });
  const rows = lines.map(([name, ...cells]) => make("tr", "", [make("th", name, [], { scope: "row", role: "rowheader" }), ...cells.map(cell)], { role: "row" }));
  return make("table", "", [
    make("caption", caption),
    make("thead", "", [head], { role: "rowgroup" }),
    make("tbody", "", rows, { role: "rowgroup" }),
  ], { class: "cards", role: "table" });
}

function compareTwo(a, b) {
  const close = make("button", "Close", [], { type: "button" });
  close.addEventListener("click", () => dialog.close());
  const title = make("h2", "", [named("A", a), " ", named("B", b)], { id: "comparison-title" });
  const inner = make("div", "", [...scores(a, b), ...curves(a, b), ...settings(a, b), ...costs(a, b)], { class: "inner" });
  dialog.replaceChildren(make("div", "", [title, close], { class: "top" }), inner);
  offerCopies(dialog);
  dialog.showModal();
  close.focus();
  dialog.scrollTop = 0;
}

const named = (letter, run) => make("span", `${letter}: `, [
  run.link ? make("a", short(run.name, 80), [], { href: run.link }) : make("bdi", short(run.name, 80)),
  ` (${run.verdict ? data.words[run.verdict] : run.state})`,
]);

function scores(a, b) {
  const shared = Object.keys(a.results).filter((name) => name in b.results && a.results[name][0] === b.results[name][0]);
  const only = (one, other) => Object.keys(one.results).filter((name) => !shared.includes(name) || !(name in other.results));
  const parts = [make("h3", "Scores")];
  if (!shared.length) {
    parts.push(make("p", "They share no data set that was judged by the same metric."));
  } else {
    const pair = ([, , base, tuned]) => `${fraction(base)} → ${fraction(tuned)}`;
    parts.push(table("Base → tuned on the data sets that both were judged on", ["Data set", "Metric", "A", "B", "B tuned − A tuned", "Same test?"],
      shared.map((name) => {
        const [left, right] = [a.results[name], b.results[name]];
        return [name, left[0], pair(left), pair(right), change(right[3] - left[3]), sameTest(left, right)];
      })));
    const note = make("p", "Differences between two runs have no interval here, so they may be chance. For one, with a verdict, type:", [], { class: "note" });
    parts.push(note, make("pre", `embed-tune diff ${a.path} ${b.path}`, [], { "data-copy": "the command", tabindex: "0" }));
  }
  for (const [letter, names] of [["A", only(a, b)], ["B", only(b, a)]]) {
    if (names.length) parts.push(make("p", `Only in ${letter}: ${names.join(", ")}.`, [], { class: "soft" }));
  }
  return parts;
}

function sameTest(left, right) {
  if (left[4] !== null && right[4] !== null) return left[4] === right[4] ? "yes" : "no: not comparable";
  return left[1] === right[1] ? "not recorded" : `no: ${count(left[1])} and ${count(right[1])}`;
}

function settings(a, b) {
  const keys = [...new Set([...Object.keys(a.config), ...Object.keys(b.config)])];
  const differing = keys.filter((key) => key in a.config && key in b.config && a.config[key] !== b.config[key]);
  const lone = keys.filter((key) => !(key in a.config) || !(key in b.config));
  const lines = (names) => names.map((key) => [key, a.config[key] ?? "–", b.config[key] ?? "–"]);
  const parts = [make("h3", "Settings")];
  if (differing.length) parts.push(table("Settings that differ", ["Setting", "A", "B"], lines(differing)));
  if (lone.length) parts.push(table("Settings that only one of them has, or that were added by a later version", ["Setting", "A", "B"], lines(lone)));
  if (parts.length === 1) parts.push(make("p", "Both have the same settings."));
  return parts;
}

function costs(a, b) {
  const keys = [...new Set([...Object.keys(a.cost), ...Object.keys(b.cost)])];
  if (!keys.length) return [];
  return [make("h3", "Cost"), table("What each took", ["What", "A", "B"], keys.map((key) => [key, a.cost[key] ?? "", b.cost[key] ?? ""]))];
}

function curves(a, b) {
  if (a.curve.length < 2 || b.curve.length < 2) return [];
  const told = (run) => `${short(run.name)} from ${fraction(run.curve[0][1])} to ${fraction(run.curve.at(-1)[1])}`;
  const lines = [[a, "A", "s0"], [b, "B", "s1 dash1"]].map(([run, letter, look]) => ({ name: `${letter}: ${short(run.name)}`, told: `${letter}: ${told(run)}`, look, points: run.curve }));
  const label = `Line chart of dev scores by training step. ${lines.map((line) => line.told).join("; ")}.`;
  const key = (line) => make("li", "", [
    shape("svg", { "aria-hidden": "true", viewBox: "0 0 32 12" }, shape("line", { class: `line ${line.look}`, x1: 0, x2: 32, y1: 6, y2: 6 })),
    make("bdi", line.told),
  ]);
  return [
    make("h3", "Learning curves on dev"),
    make("figure", "", [
      make("ul", "", lines.map(key), { class: "picture-keys" }),
      ...[720, 360].map((width) => lineChart(width, lines, label, "dev score")),
      make("p", "Each on its own dev data; the two are comparable where data sets and split are the same.", [], { class: "small soft" }),
    ], { class: "picture" }),
  ];
}
