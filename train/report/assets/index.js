"use strict";

const runs = data.runs.map((run, i) => ({
  ...run,
  row: one("#runs tbody").rows[i],
  fits: true,
  text: fold([run.name, run.keys.verdict, run.keys.model, run.keys.datasets, run.keys.state, run.search].filter(Boolean).join("\n")).folded,
}));
const headers = all("#runs th[data-key]");
const controls = { q: one("#search"), verdict: one("#verdict"), model: one("#model") };
let sorted = runs;
let limit = 100; // rows shown before somebody asks for all
const order = { key: "dev", descending: true }; // test is for judging, not for choosing
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Numbers as numbers, words as words with their numbers, and runs that have nothing there always last. */
function compareRuns(a, b) {
  const [left, right] = [a.keys[order.key], b.keys[order.key]];
  if (left === null || right === null) return (left === null) - (right === null);
  const found = typeof left === "number" ? left - right : collator.compare(left, right);
  return order.descending ? -found : found;
}

/** Puts the rows into their order and shows the first of those that fit; thousands at once would be slow to lay out. */
function layOut() {
  let place = 0;
  for (const run of sorted) {
    place += run.fits;
    run.row.hidden = !run.fits || place > limit;
  }
  one("#more").hidden = place <= limit;
  one("#more").textContent = `Show all ${count(place)}`;
}

function sortRows() {
  sorted = runs.toSorted(compareRuns);
  for (const run of runs) run.row.hidden = true;
  one("#runs tbody").append(...sorted.map((run) => run.row));
  layOut();
  for (const header of headers) {
    const mine = header.dataset.key === order.key;
    header.setAttribute("aria-sort", mine ? (order.descending ? "descending" : "ascending") : "none");
  }
  one("#sort").value = `${order.key} ${order.descending ? "down" : "up"}`;
}

function filterRows() {
  const words = wordsOf(controls.q.value);
  const { verdict: { value: verdict }, model: { value: model } } = controls;
  let hits = 0;
  for (const run of runs) {
    const fits = (verdict === "" || (run.verdict ?? "none") === verdict) && (model === "" || run.model === model)
      && words.every((word) => run.text.includes(word));
    run.fits = fits;
    hits += fits;
  }
  layOut();
  const narrowed = words.length > 0 || verdict !== "" || model !== "";
  one("#hits").textContent = narrowed ? `${count(hits)} of ${count(runs.length)} found` : `${count(hits)} in all`;
  one("#nothing").hidden = hits > 0;
  one("#clear").disabled = !narrowed;
}

/** Keeps order and filters in the address, so that going back, reloading and bookmarks bring them back. */
function remember() {
  const state = new URLSearchParams();
  for (const [name, control] of Object.entries(controls)) if (control.value) state.set(name, control.value);
  if (order.key !== "dev" || !order.descending) state.set("sort", `${order.key} ${order.descending ? "down" : "up"}`);
  try {
    history.replaceState(null, "", `#${state}`);
  } catch { /* some browsers refuse it for files */ }
}

function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const [name, control] of Object.entries(controls)) control.value = state.get(name) ?? "";
  for (const name of ["verdict", "model"]) if (controls[name].selectedIndex < 0) controls[name].value = "";
  const [key, direction] = (state.get("sort") ?? "").split(" ");
  if (headers.some((header) => header.dataset.key === key)) Object.assign(order, { key, descending: direction === "down" });
}

function sortBy(key, descending) {
  Object.assign(order, { key, descending });
  sortRows();
  remember();
}

for (const header of headers) {
  const { key, first } = header.dataset;
  one("button", header).addEventListener("click", () => {
    sortBy(key, order.key === key ? !order.descending : first === "descending");
  });
  for (const direction of first === "descending" ? ["down", "up"] : ["up", "down"]) {
    const name = one("button", header).textContent.trim();
    one("#sort").append(make("option", `${name} ${direction === "down" ? "↓" : "↑"}`, [], { value: `${key} ${direction}` }));
  }
}
one("#sort").addEventListener("change", (event) => {
  const [key, direction] = event.target.value.split(" ");
  sortBy(key, direction === "down");
});
for (const control of Object.values(controls)) {
  control.addEventListener("input", () => {
    filterRows();
    remember();
  });
}
one("#more").addEventListener("click", () => {
  const next = sorted.filter((run) => run.fits)[limit].row;
  limit = Infinity;
  layOut();
  one("a, input", next)?.focus();
});
one("#clear").addEventListener("click", () => {
  for (const control of Object.values(controls)) control.value = "";
  filterRows();
  remember();
  controls.q.focus();
});
one("#filters").hidden = one("#hits-row").hidden = false;
recall();
sortRows();
filterRows();
openForPrint();
