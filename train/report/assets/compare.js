"use strict";

/** The columns of the table can be sorted; what is not known stays at the end. */
function sortModels() {
  const table = one("#ranking");
  const body = one("tbody", table);
  const rows = all("tr", body).map((element) => ({ element, values: JSON.parse(element.dataset.values) }));
  for (const head of all("th[data-sort]", table)) {
    const button = make("button", head.textContent, [], { type: "button" });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const order = before ? (before === "ascending" ? "descending" : "ascending") : head.dataset.first;
      for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = Number(head.dataset.sort);
      const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
      const sorted = rows.toSorted(({ values: { [key]: a } }, { values: { [key]: b } }) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * compare(a, b);
      });
      body.append(...sorted.map((row) => row.element));
    });
  }
}

/** A pointer on a model shows it in every drawing and in the table. */
function pointOut() {
  const parts = all("[data-letter]");
  const show = (letter) => {
    for (const part of parts) part.classList.toggle("pointed", part.dataset.letter === letter);
  };
  for (const part of parts) {
    part.addEventListener("pointerenter", () => show(part.dataset.letter));
    part.addEventListener("pointerleave", () => show(null));
  }
}

for (const details of all("details[data-fold]")) details.open = false; // open only for those without JavaScript
sortModels();
pointOut();
offerCopies();
openForPrint();
