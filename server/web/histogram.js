// SPDX-License-Identifier: Apache-2.0
// How the values of a tensor are spread, before in grey and after as a line, on one axis.

import { h } from "./dom.js";

const WIDTH = 280, HEIGHT = 72;
const SVG = "http://www.w3.org/2000/svg";

function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function end({ low, width, counts }) {
  return low + width * counts.length;
}

function number(value) {
  return Number(value.toPrecision(3)).toString().replace("-", "−");
}

// The outline of the bins, closed at the bottom. Heights are densities: bins of both may differ in width.
function outline({ low, width, counts }, x, y) {
  const steps = counts.map((count, i) => `V${y(count / width).toFixed(1)}H${x(low + width * (i + 1)).toFixed(1)}`);
  return `M${x(low).toFixed(1)} ${HEIGHT}${steps.join("")}V${HEIGHT}Z`;
}

function picture(before, after, words) {
  const low = Math.min(before.low, after.low), high = Math.max(end(before), end(after));
  const top = Math.max(...[before, after].flatMap(({ counts, width }) => counts.map((count) => count / width)));
  const x = (value) => ((value - low) / (high - low)) * WIDTH;
  const y = (density) => HEIGHT - (density / top) * (HEIGHT - 2);
  const parts = [s("path", { d: outline(before, x, y), class: "was" }), s("path", { d: outline(after, x, y), class: "is" })];
  if (low < 0 && high > 0) parts.unshift(s("line", { x1: x(0), x2: x(0), y1: 0, y2: HEIGHT, class: "zero" }));
  return s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "histogram", role: "img", "aria-label": words, preserveAspectRatio: "none" }, ...parts);
}

function range({ least, greatest, mean }) {
  return `${number(least)} to ${number(greatest)}, mean ${number(mean)}`;
}

/** A figure of a row of the report's tensors that has histograms. */
export function histogramOf({ target, layer, done, histograms: { before, after } }) {
  const same = JSON.stringify(before) === JSON.stringify(after);
  const words = same ? `${range(after)}: the same values, placed otherwise` : `before ${range(before)}; after ${range(after)}`;
  return h("figure", { class: "spread" }, h("figcaption", {}, h("code", {}, target), h("span", { class: "soft" }, done ?? layer)),
    before.counts.length && after.counts.length ? picture(before, after, words) : null,
    h("p", { class: "soft" }, same ? words : [h("span", { class: "key was" }, "before"), ` ${range(before)}`, h("br"), h("span", { class: "key is" }, "after"), ` ${range(after)}`]),
    after.not_finite ? h("p", { class: "soft" }, `${after.not_finite} of the values are NaN or infinite.`) : null);
}
