"use strict";
// Lines that are chosen in the browser, drawn with the classes of drawing.css as train/report/drawing/ draws the others.

/** An element of SVG with a text or further elements in it. */
function shape(tag, attributes, ...inside) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, typeof value === "number" ? Math.round(value * 10) / 10 : value);
  element.append(...inside);
  return element;
}

/** A scale that holds the values: where each is, and round ticks with as many decimals as they differ by. */
function scaleOver(values, begin, end, most, room) {
  const [least, largest] = [Math.min(...values), Math.max(...values)];
  const free = largest > least ? room * (largest - least) : 0.01;
  const [low, high] = [least - free, largest + free];
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => (high - low) / one <= most);
  const ticks = [];
  for (let number = Math.ceil(low / step - 1e-9); number * step <= high + 1e-9 * step; number += 1) ticks.push(number * step + 0);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    place: (value) => begin + ((value - low) / (high - low)) * (end - begin),
    ticks: ticks.map((value) => [value, decimals ? value.toFixed(decimals) : count(value)]),
  };
}

/** Lines over steps for a desk (720) or a phone (360). `lines`: name, look and [step, value] points. */
function lineChart(width, lines, label, yName) {
  const broad = width > 400;
  const [left, right, top, bottom] = [48, width - 12, 28, broad ? 268 : 228];
  const points = lines.flatMap((line) => line.points);
  const x = scaleOver(points.map(([step]) => step), left, right, broad ? 6 : 4, 0);
  const y = scaleOver(points.map(([, value]) => value), bottom, top, 5, 0.06);
  const parts = [shape("text", { class: "axis", x: 2, y: top - 10 }, yName)];
  for (const [value, text] of y.ticks) {
    parts.push(shape("line", { class: "grid", x1: left, x2: right, y1: y.place(value), y2: y.place(value) }));
    parts.push(shape("text", { class: "tick", x: left - 6, y: y.place(value) + 4, "text-anchor": "end" }, text));
  }
  for (const [value, text] of x.ticks) {
    parts.push(shape("line", { class: "grid", x1: x.place(value), x2: x.place(value), y1: top, y2: bottom }));
    parts.push(shape("text", { class: "tick", x: x.place(value), y: bottom + 16, "text-anchor": x.place(value) > right - 16 ? "end" : "middle" }, text));
  }
  parts.push(shape("line", { class: "border", x1: left, x2: right, y1: bottom, y2: bottom }));
  parts.push(shape("text", { class: "axis", x: (left + right) / 2, y: bottom + 34, "text-anchor": "middle" }, "training step"));
  for (const { look, points: places } of lines) {
    const d = places.map(([step, value]) => `${x.place(step).toFixed(1)} ${y.place(value).toFixed(1)}`).join("L");
    parts.push(shape("path", { class: `line ${look}`, d: `M${d}` }));
  }
  for (const { name, look, points: places } of lines) {
    for (const [step, value] of places) {
      const title = shape("title", {}, `${name}, step ${count(step)}: ${fraction(value)}`);
      const css = `dot ${look.split(" ")[0]}`;
      parts.push(shape("circle", { class: css, cx: x.place(step), cy: y.place(value), r: 3.5 }, title));
    }
  }
  return shape("svg", { class: `plot ${broad ? "broad" : "slim"}`, role: "img", "aria-label": label, viewBox: `0 0 ${width} ${bottom + 44}` }, ...parts);
}
