// SPDX-License-Identifier: Apache-2.0
// A model as boxes: what an inspection says, as a tree that is opened and closed, laid out and coloured.

import { effectsOf, worse } from "./effects.js";
import { parametersText, shapeText } from "./figures.js";

export const HEIGHT = 60;
const WIDTH_MIN = 150, WIDTH_MAX = 250;

function boxOf(node, parent, all) {
  const inside = node.model?.nodes ?? node.parts;
  const calls = Array.isArray(node.calls) ? node.calls : []; // of a list of layers their number
  const shapes = [...new Set(calls.map((call) => shapeText(call.output_shape)).filter(Boolean))];
  const box = {
    id: all.length, path: node.path, name: node.attribute && parent ? `${node.attribute} · ${node.name}` : node.name, layer: node.name,
    className: node.class_name, parameters: node.parameters, frozen: node.trainable === false, shape: shapes.join(" "),
    calls: calls.length || node.calls, parent, open: false, boxes: null, edges: [], ins: [], outs: [], effect: null, worst: null, entries: [],
  };
  all.push(box);
  if (inside?.length) {
    box.boxes = inside.map((one) => boxOf(one, box, all));
    box.edges = connect(box.boxes, inside);
  }
  return box;
}

// What goes from one box to another beside it, once for each pair however often it is called.
function connect(boxes, nodes) {
  const at = new Map(boxes.map((box, i) => [box.path, i]));
  const edges = [], seen = new Set();
  nodes.forEach((node, to) => {
    if (!Array.isArray(node.calls)) return;
    for (const end of node.calls.flatMap((call) => call.inbound)) {
      const from = at.get(end.path);
      if (from === undefined || seen.has(from * nodes.length + to)) continue;
      seen.add(from * nodes.length + to);
      edges.push([from, to]);
      boxes[from].outs.push(boxes[to]);
      boxes[to].ins.push(boxes[from]);
    }
  });
  return edges;
}

/** The tree of an inspection; its root is the model itself. Without a graph a list of layers. */
export function boxesOf(inspect) {
  const all = [];
  const about = inspect.model ?? {};
  const nodes = inspect.graph?.nodes ?? inspect.layers ?? [];
  const root = boxOf({ path: "", name: about.name ?? "", class_name: about.class_name ?? "", parameters: about.parameters ?? 0,
    calls: [], model: { nodes } }, null, all);
  root.open = true;
  root.boxes ??= [];
  const byPath = new Map();
  for (const box of all) if (!byPath.has(box.path)) byPath.set(box.path, box);
  return { root, all, byPath, drawn: Boolean(inspect.graph), more: inspect.graph?.more ?? 0 };
}

/** Put what the conversion does into the boxes; of what is closed the worst of what is in it. */
export function colour(model, plan) {
  const found = effectsOf(model.all.slice(1).map((box) => box.path), plan);
  for (const box of [...model.all].reverse()) {
    const row = found?.get(box.path);
    box.effect = found ? row.effect : null;
    box.entries = row?.entries ?? [];
    box.worst = box.boxes && found ? box.boxes.reduce((worst, one) => worse(worst, one.worst), box.effect) : box.effect;
  }
}

/** One width for all boxes, so that they stand in line: what most of the texts need. */
export function widthOf(model, measure) {
  const widths = model.all.slice(1).map((box) => Math.max(measure(box.name, "name") + 46, measure(box.className, "class") + (box.parameters ? 90 : 40),
    measure(box.shape, "shape") + (box.boxes ? 110 : 34)));
  widths.sort((a, b) => a - b);
  return Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, widths[Math.floor(widths.length * 0.95)] ?? WIDTH_MIN)));
}

/** What the layout needs of the open boxes, and nothing else: it goes to another thread. */
export function treeOf(box, width) {
  const open = box.open && box.boxes;
  return { width, height: HEIGHT, nodes: open ? box.boxes.map((one) => treeOf(one, width)) : null, edges: open ? box.edges : null };
}

/** Take the places that the layout gave, from the corner of everything: what is to be drawn. */
export function place(box, tree, x = 0, y = 0, drawn = { boxes: [], edges: [] }) {
  Object.assign(box, { x: x + (tree.x ?? 0), y: y + (tree.y ?? 0), width: tree.width, height: tree.height });
  if (box.parent) drawn.boxes.push(box);
  if (!tree.nodes) return drawn;
  box.boxes.forEach((one, i) => place(one, tree.nodes[i], box.x, box.y, drawn));
  box.edges.forEach(([from, to], i) => drawn.edges.push(edgeOf(box.boxes[from], box.boxes[to], tree.lines[i], box)));
  return drawn;
}

function edgeOf(from, to, line, parent) {
  const points = [[from.x + from.width / 2, from.y + from.height], ...(line ?? []).map(([x, y]) => [x + parent.x, y + parent.y]), [to.x + to.width / 2, to.y]];
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  return { from, to, points, left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys), path: null };
}

/** A line that leaves and arrives upright. */
export function pathOf(edge) {
  if (edge.path) return edge.path;
  const [[x, y], ...rest] = edge.points;
  let [px, py] = [x, y], text = `M${x} ${y}`;
  for (const [nx, ny] of rest) {
    const bend = Math.abs(nx - px) < 0.5 ? null : Math.max(Math.abs(ny - py) / 2, 12);
    text += bend === null ? `L${nx} ${ny}` : `C${px} ${py + bend} ${nx} ${ny - bend} ${nx} ${ny}`;
    [px, py] = [nx, ny];
  }
  edge.path = text;
  return text;
}

/** What a screen reader says of a box. */
export function spoken(box, words) {
  const facts = [box.name, box.className];
  if (box.shape) facts.push(`gives ${box.shape}`);
  if (box.parameters) facts.push(`${box.parameters.toLocaleString("en")} parameters`);
  if (box.calls > 1) facts.push(`called ${box.calls} times`);
  if (box.boxes) facts.push(`${box.boxes.length} inside, ${box.open ? "open" : "closed"}`);
  if (box.worst) facts.push(words[box.worst]);
  return facts.join(", ");
}

export function smallFacts(box) {
  const facts = [];
  if (box.parameters) facts.push(parametersText(box.parameters));
  if (box.calls > 1) facts.push(`×${box.calls}`);
  if (box.frozen && box.parameters) facts.push("frozen");
  return facts.join(" · ");
}
