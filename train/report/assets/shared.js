"use strict";
// Parts that both pages use. Texts enter the page through textContent only, never as markup.

const data = JSON.parse(document.getElementById("page-data").textContent);
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** A new element with text and further children. */
function make(tag, text = "", children = [], attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A text as the search compares it, without case and accents, and for each of its units the place in the original (null: the same). */
function fold(text) {
  if (/^[\x00-\x7f]*$/.test(text)) return { folded: text.toLowerCase(), places: null };
  let folded = "";
  const places = [];
  for (let i = 0; i < text.length; i += 1) {
    const unit = text[i].normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    folded += unit;
    for (let k = 0; k < unit.length; k += 1) places.push(i);
  }
  return { folded, places };
}

const wordsOf = (query) => fold(query.normalize("NFC")).folded.split(/\s+/u).filter(Boolean);

const fraction = (value) => (Math.round(value * 1000) / 1000 + 0).toFixed(3);
const change = (value) => {
  const rounded = Math.round(value * 1000) / 1000 + 0;
  return (rounded < 0 ? "-" : "+") + Math.abs(rounded).toFixed(3);
};
const count = (value) => value.toLocaleString("en-GB");

/** On paper nothing can be opened, so everything is. */
function openForPrint() {
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const element of closed) element.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const element of closed) element.open = false;
  });
}

/** Puts a button beside each text that is meant to be taken along. */
function offerCopies(root = document) {
  for (const pre of all("pre[data-copy]", root)) {
    const button = make("button", "Copy", [], { type: "button", "aria-label": `Copy ${pre.dataset.copy}` });
    button.addEventListener("click", async () => {
      button.textContent = (await copied(pre)) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => { button.textContent = "Copy"; }, 2500);
    });
    const frame = make("div", "", [], { class: "copied" });
    pre.replaceWith(frame);
    frame.append(button, pre);
  }
}

async function copied(pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(pre); // no permission: the text is selected for the keyboard
    return false;
  }
}

const short = (name, length = 44) => (name.length > length ? `${name.slice(0, length - 1)}…` : name);
