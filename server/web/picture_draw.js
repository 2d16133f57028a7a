// SPDX-License-Identifier: Apache-2.0
// What is in sight, drawn: near as SVG, whose boxes have texts; from afar on a canvas, thousands at once.

import { SIGNS } from "./effects.js";
import { HEIGHT, pathOf, smallFacts } from "./picture_boxes.js";

export const NEAR = 0.45; // scale from which on texts can be read
const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 60;
const NAMES_FROM = 0.17;
let pictures = 0;

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Widths of texts, and texts cut to a width. */
export function makeMeasure(element) {
  const context = document.createElement("canvas").getContext("2d");
  const family = getComputedStyle(element).fontFamily, mono = getComputedStyle(element).getPropertyValue("--mono") || "monospace";
  const fonts = { name: `600 13px ${family}`, class: `12px ${family}`, shape: `11px ${mono}` };
  const measure = (text, kind) => {
    context.font = fonts[kind];
    return context.measureText(text).width;
  };
  const cut = (text, kind, width) => {
    if (measure(text, kind) <= width) return text;
    let low = 0, high = text.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (measure(`${text.slice(0, middle)}…`, kind) <= width) low = middle;
      else high = middle - 1;
    }
    return `${text.slice(0, low)}…`;
  };
  return { measure, cut, family };
}

function arrow(id) {
  return svg("defs", {}, svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" },
    svg("path", { d: "M0 .6 7.4 4 0 7.4Z", class: "tip" })));
}

function inSight(what, view) {
  return what.right >= view.left && what.left <= view.right && what.bottom >= view.top && what.top <= view.bottom;
}

function boxInSight(box, view) {
  return box.x + box.width >= view.left && box.x <= view.right && box.y + box.height >= view.top && box.y <= view.bottom;
}

function text(x, y, kind, value, end = false) {
  return svg("text", { x, y, class: kind, "text-anchor": end ? "end" : null }, value);
}

function stripe(box) {
  return svg("path", { class: "stripe", d: `M4.5 .5H8V${box.height - 0.5}H4.5A4 4 0 0 1 .5 ${box.height - 4.5}V4.5A4 4 0 0 1 4.5 .5Z` });
}

function chevron(box) {
  return svg("g", { class: "chevron", transform: `translate(${box.width - 32} ${box.open ? 10 : box.height - 24})` },
    svg("rect", { width: 26, height: 20, rx: 4 }), svg("path", { d: box.open ? "M8 7.5H18L13 13.5Z" : "M10.5 5V15L16.5 10Z" }));
}

function headOf(box, { measure, cut }) {
  const name = cut(box.name, "name", box.width - 60), left = box.width - 74 - measure(name, "name");
  const facts = [[box.className, smallFacts(box)].filter(Boolean).join(" · "), box.className].find((words) => measure(words, "class") <= left) ?? "";
  return [text(18, 25, "name", name), text(box.width - 38, 25, "class", facts, true)];
}

function bodyOf(box, { cut }) {
  const facts = smallFacts(box), inside = box.boxes ? `${box.boxes.length} inside` : "";
  const parts = [text(18, 20, "name", cut(box.name, "name", box.width - 44)), text(18, 36, "class", cut(box.className, "class", box.width - 30 - facts.length * 6.5)),
    text(box.width - 10, 36, "class", facts, true), text(18, 51, "shape", cut(box.shape, "shape", box.width - (inside ? 112 : 28)))];
  if (inside) parts.push(text(box.width - 34, 51, "class", inside, true));
  return parts;
}

function drawBox(box, measure) {
  const group = svg("g", { class: `box${box.boxes ? " holds" : ""}${box.open ? " open" : ""}`, transform: `translate(${box.x} ${box.y})`, "data-id": box.id });
  if (box.boxes && !box.open) group.append(svg("rect", { class: "behind", x: 4, y: 4, width: box.width, height: box.height, rx: 5 }));
  group.append(svg("rect", { class: "frame", x: 0.5, y: 0.5, width: box.width - 1, height: box.height - 1, rx: 5 }));
  const effect = box.open ? box.effect : box.worst;
  if (effect) {
    group.classList.add(effect);
    group.append(stripe(box));
    if (!box.open) group.append(text(box.width - 16, 20, "sign mark", SIGNS[effect]));
  }
  group.append(...(box.open ? headOf(box, measure) : bodyOf(box, measure)));
  if (box.boxes) group.append(chevron(box));
  group.append(svg("title", {}, [box.path || box.name, box.className, box.shape].filter(Boolean).join("\n")));
  return group;
}

// Make what came into sight and remove what left it; true when anything did.
function keep(map, wanted, make, parent) {
  let changed = false;
  for (const [one, node] of map) if (!wanted.has(one)) {
    node.remove();
    map.delete(one);
    changed = true;
  }
  for (const one of wanted) if (!map.has(one)) {
    map.set(one, make(one));
    parent.append(map.get(one));
    changed = true;
  }
  return changed;
}

/** Draws near views into `element`; its DOM has what is in sight and no more. */
export function makeNear(element, measure) {
  const id = `picture-tip-${++pictures}`;
  const frames = svg("g"), edges = svg("g"), boxes = svg("g"), world = svg("g", {}, frames, edges, boxes);
  const root = svg("svg", { class: "near", "aria-hidden": "true", focusable: "false" }, arrow(id), world);
  const shown = { frames: new Map(), boxes: new Map(), edges: new Map() };
  element.append(root);
  const make = (box) => drawBox(box, measure);
  const makeEdge = (edge) => svg("path", { d: pathOf(edge), class: "edge", "marker-end": `url(#${id})` });
  const clear = () => {
    for (const map of Object.values(shown)) keep(map, new Set(), null, null);
  };
  return {
    clear,
    draw(drawn, view, { selected, matches }) {
      const some = drawn.boxes.filter((box) => boxInSight(box, view));
      root.classList.remove("out");
      world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
      if (keep(shown.frames, new Set(some.filter(({ open }) => open)), make, frames)) { // what is inside lies above
        frames.append(...[...shown.frames.keys()].sort((one, other) => one.id - other.id).map((box) => shown.frames.get(box)));
      }
      keep(shown.boxes, new Set(some.filter(({ open }) => !open)), make, boxes);
      keep(shown.edges, new Set(drawn.edges.filter((edge) => inSight(edge, view))), makeEdge, edges);
      for (const [edge, node] of shown.edges) node.classList.toggle("lit", edge.from === selected || edge.to === selected);
      for (const map of [shown.frames, shown.boxes]) for (const [box, node] of map) {
        node.classList.toggle("selected", box === selected);
        node.classList.toggle("match", matches.has(box));
      }
    },
    hide() {
      clear();
      root.classList.add("out");
    },
  };
}

// Colours as the style sheet has them now: canvases know no custom properties.
export function makePalette(probe) {
  const style = getComputedStyle(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name})`; // through the object model, which the policy allows
    return style.color;
  };
  return Object.fromEntries(["ink", "soft", "line", "edge", "paper", "shade", "accent", "good", "doubt", "bad", "good-tint", "tint", "doubt-tint", "bad-tint"]
    .map((name) => [name, colour(name)]));
}

const STRONG = { exact: "good", adapted: "accent", lossy: "doubt", refused: "bad" };

function colourOf(box, { selected, matches }, palette) {
  const effect = box.open ? null : box.worst;
  if (box === selected) return palette.accent;
  if (matches.has(box)) return palette.doubt;
  return effect && effect !== "exact" ? palette[STRONG[effect]] : palette.edge;
}

// From very far boxes are spots, painted colour by colour.
function farSpots(context, boxes, marks, palette) {
  const colours = new Map();
  for (const box of boxes) {
    const colour = colourOf(box, marks, palette);
    if (!colours.has(colour)) colours.set(colour, []);
    colours.get(colour).push(box);
  }
  for (const [colour, some] of colours) {
    context.fillStyle = colour;
    context.beginPath();
    for (const { x, y, width, height } of some) context.rect(x, y, width, height);
    context.fill();
  }
}

function farBox(context, box, scale, marks, palette, family) {
  const effect = box.open ? null : box.worst;
  const [x, y, width, height] = [box.x, box.y, box.width, box.height];
  context.fillStyle = box.open ? palette.shade : effect && effect !== "exact" ? palette[`${STRONG[effect]}-tint`] ?? palette.tint : palette.paper;
  context.strokeStyle = colourOf(box, marks, palette);
  context.lineWidth = (box === marks.selected || marks.matches.has(box) ? 3 : 1) / scale;
  context.beginPath();
  context.roundRect(x, y, width, height, 6);
  context.fill();
  context.stroke();
  if (effect) {
    context.fillStyle = palette[STRONG[effect]];
    context.fillRect(x, y, 8, height);
  }
  if (box.open && scale < 0.25) return;
  const size = Math.min(11 / scale, HEIGHT * 0.55);
  context.fillStyle = palette.ink;
  context.font = `${size}px ${family}`;
  context.fillText(box.open ? box.name : box.className, x + 22, y + (box.open ? 26 : height / 2 + size * 0.35), width - 30);
}

// All lines as one, made once for each layout.
function allLines(drawn) {
  drawn.lines ??= new Path2D(drawn.edges.map((edge) => (edge.bottom - edge.top < 60 ? `M${edge.points[0].join(" ")}L${edge.points.at(-1).join(" ")}` : pathOf(edge))).join(""));
  return drawn.lines;
}

/** Draws far views on a canvas. */
export function makeFar(element, measure) {
  const canvas = document.createElement("canvas");
  canvas.className = "far";
  canvas.setAttribute("aria-hidden", "true");
  element.append(canvas);
  return {
    draw(drawn, view, marks, palette) {
      const ratio = devicePixelRatio || 1, context = canvas.getContext("2d"), spots = view.scale < NAMES_FROM;
      canvas.width = Math.round(view.width * ratio);
      canvas.height = Math.round(view.height * ratio);
      canvas.hidden = false;
      context.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
      const some = drawn.boxes.filter((box) => boxInSight(box, view)), closed = some.filter(({ open }) => !open);
      for (const box of some) if (box.open) farBox(context, box, view.scale, marks, palette, measure.family);
      context.strokeStyle = palette.edge;
      context.lineWidth = Math.max(1, 0.7 / view.scale);
      if (spots) context.stroke(allLines(drawn));
      else for (const edge of drawn.edges) if (inSight(edge, view)) context.stroke(new Path2D(pathOf(edge)));
      if (spots) farSpots(context, closed, marks, palette);
      else for (const box of closed) farBox(context, box, view.scale, marks, palette, measure.family);
    },
    hide() { canvas.hidden = true; },
  };
}

export function sightOf({ x, y, scale, width, height }) {
  const margin = MARGIN / scale;
  return { x, y, scale, width, height, left: -x / scale - margin, top: -y / scale - margin, right: (width - x) / scale + margin, bottom: (height - y) / scale + margin };
}
