"use strict";

const AT_FIRST = 5; // cases of each group that are shown before somebody asks for more
const MOST_MARKS = 4000; // more would only slow the page down

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
        openAll(open) {
          for (const one of [details, ...all("details", details)]) one.open = open; // both rankings are folded inside
          this.opened = open;
        },
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
        found.openAll(true);
      } else if (!inside && found.opened) {
        found.openAll(false);
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
searchCases();
offerCopies();
openForPrint();
