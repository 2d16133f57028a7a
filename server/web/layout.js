// SPDX-License-Identifier: Apache-2.0
// Where the boxes of a model stand. Time grows with the number of layers, not faster: a graph is cut
// where everything goes through one layer, a run of layers that only follow one another is one piece,
// branches that begin and end together stand side by side, and dagre gets what is left, if that is small.

import { graphlib, layout as dagre } from "./dagre.js";

export const GAP_X = 28, GAP_Y = 30, PAD = 18, HEAD = 40;
const DAGRE_MAX = 400; // what one graph costs dagre at most, in pieces and levels that its edges pass by
const DAGRE_ALL = 3000; // ... and all graphs of one picture; beyond it levels are stacked

/** Depths of the boxes, and the edges that lead back. Linear, and of a loop it opens one edge. */
export function depthsOf(n, edges) {
  const waits = new Int32Array(n), out = Array.from({ length: n }, () => []), depth = new Int32Array(n);
  for (const [from, to] of edges) {
    if (from === to) continue;
    waits[to]++;
    out[from].push(to);
  }
  const done = new Uint8Array(n), ready = [];
  let next = 0;
  for (let i = 0; i < n; i++) if (!waits[i]) ready.push(i);
  for (let at = 0, n_done = 0; n_done < n; n_done++) {
    if (at === ready.length) { // a loop: its first box begins
      while (done[next] || !waits[next]) next++;
      waits[next] = 0;
      ready.push(next);
    }
    const i = ready[at++];
    done[i] = 1;
    for (const to of out[i]) {
      if (done[to] || waits[to] === 0) continue;
      depth[to] = Math.max(depth[to], depth[i] + 1);
      if (--waits[to] === 0) ready.push(to);
    }
  }
  const back = new Set();
  edges.forEach(([from, to], i) => { if (depth[from] >= depth[to]) back.add(i); });
  return { depth, back };
}

// Boxes that nothing leads to stand right above the first that uses them.
function settleSources(n, edges, { depth, back }) {
  const first = new Float64Array(n).fill(Infinity), fed = new Uint8Array(n);
  edges.forEach(([from, to], i) => {
    if (back.has(i)) return;
    first[from] = Math.min(first[from], depth[to]);
    fed[to] = 1;
  });
  for (let i = 0; i < n; i++) if (!fed[i] && first[i] < Infinity) depth[i] = first[i] - 1;
}

// Boxes by depth, and which levels are one box that no edge passes by.
function levelsOf(n, edges, { depth, back }) {
  const levels = [];
  for (let i = 0; i < n; i++) (levels[depth[i]] ??= []).push(i);
  const passes = new Int32Array(levels.length + 1);
  edges.forEach(([from, to], i) => {
    if (back.has(i)) return;
    passes[depth[from] + 1]++;
    passes[depth[to]]--;
  });
  for (let d = 1; d < passes.length; d++) passes[d] += passes[d - 1];
  return { levels, cut: levels.map((level, d) => level.length === 1 && passes[d] === 0) };
}

// Runs of boxes that only follow one another, as pieces.
function piecesOf(boxes, inside, items) {
  const ins = new Map(boxes.map((i) => [i, []])), outs = new Map(boxes.map((i) => [i, []]));
  for (const [from, to] of inside) {
    outs.get(from)?.push(to);
    ins.get(to)?.push(from);
  }
  const follows = (i) => {
    const [one, more] = ins.get(i);
    return more === undefined && one !== undefined && outs.get(one)?.length === 1 ? one : undefined;
  };
  const pieces = [], pieceOf = new Map();
  for (const i of boxes) {
    const before = follows(i), piece = before === undefined ? undefined : pieces[pieceOf.get(before)];
    if (piece && piece.boxes.at(-1) === before) {
      piece.boxes.push(i);
      piece.height += GAP_Y + items[i].height;
      piece.width = Math.max(piece.width, items[i].width);
      pieceOf.set(i, pieceOf.get(before));
    } else {
      pieceOf.set(i, pieces.length);
      pieces.push({ boxes: [i], width: items[i].width, height: items[i].height });
    }
  }
  return { pieces, pieceOf };
}

// Branches side by side between two boxes, which stand at 0; null when it is something else.
function sideBySide(pieces, links) {
  if (links.some(([from, to]) => from !== undefined && to !== undefined)) return null;
  const used = new Set(links.flat());
  if (pieces.some((_, i) => !used.has(i))) return null;
  const width = pieces.reduce((sum, piece) => sum + piece.width + GAP_X, -GAP_X);
  const height = Math.max(...pieces.map((piece) => piece.height));
  let x = -width / 2;
  for (const piece of pieces) {
    piece.x = x + piece.width / 2;
    piece.y = (height - piece.height) / 2;
    x += piece.width + GAP_X;
  }
  return { height, points: () => null };
}

function byDagre(pieces, links, ends) {
  const graph = new graphlib.Graph();
  graph.setGraph({ ranksep: GAP_Y + 6, nodesep: GAP_X, edgesep: 18, ranker: pieces.length > 80 ? "tight-tree" : "network-simplex" });
  graph.setDefaultEdgeLabel(() => ({}));
  pieces.forEach((piece, i) => graph.setNode(i, { width: piece.width, height: piece.height }));
  if (ends.top) graph.setNode(-1, { width: ends.top.width, height: 0 });
  if (ends.bottom) graph.setNode(-2, { width: ends.bottom.width, height: 0 });
  links.forEach(([from, to]) => graph.setEdge(from === undefined ? -1 : from, to === undefined ? -2 : to));
  dagre(graph);
  return graph;
}

// What dagre says, moved so that the box above and below stand at 0.
function placed(pieces, links, ends) {
  const graph = byDagre(pieces, links, ends);
  const top = ends.top ? graph.node(-1) : null, bottom = ends.bottom ? graph.node(-2) : null;
  const around = [top, bottom].filter(Boolean).map(({ x }) => x);
  const middle = around.length ? around.reduce((a, b) => a + b) / around.length : graph.graph().width / 2;
  const start = top ? top.y + GAP_Y + 6 : 0;
  const end = bottom ? bottom.y - GAP_Y - 6 : graph.graph().height;
  pieces.forEach((piece, i) => {
    const node = graph.node(i);
    piece.x = node.x - middle;
    piece.y = node.y - piece.height / 2 - start;
  });
  const points = (from, to) => graph.edge(from, to)?.points.slice(1, -1).map(({ x, y }) => [x - middle, y - start]);
  return { height: end - start, points };
}

// What dagre would have to look at: it puts a box on each level that an edge passes by.
function costOf(pieces, links) {
  const { depth } = depthsOf(pieces.length, links.filter(([from, to]) => from !== undefined && to !== undefined));
  return links.reduce((sum, [from, to]) => sum + (to === undefined || from === undefined ? 1 : Math.abs(depth[to] - depth[from])), pieces.length);
}

// Boxes of a level near the middle of what they are tied to on the other side, in that order.
function order(level, pieces, tied) {
  for (const i of level) {
    const near = tied[i];
    pieces[i].want = near.length ? near.reduce((sum, k) => sum + pieces[k].x, 0) / near.length : pieces[i].x;
  }
  level.sort((a, b) => pieces[a].want - pieces[b].want);
  const width = level.reduce((sum, i) => sum + pieces[i].width + GAP_X, -GAP_X);
  let x = level.reduce((sum, i) => sum + pieces[i].want, 0) / level.length - width / 2;
  for (const i of level) {
    pieces[i].x = x + pieces[i].width / 2;
    x += pieces[i].width + GAP_X;
  }
}

// Too much for dagre: level below level, ordered a few times by what is above and what is below.
function stacked(pieces, links) {
  const inner = links.filter(([from, to]) => from !== undefined && to !== undefined);
  const found = depthsOf(pieces.length, inner);
  settleSources(pieces.length, inner, found);
  const above = pieces.map(() => []), below = pieces.map(() => []);
  for (const [from, to] of inner) {
    above[to].push(from);
    below[from].push(to);
  }
  const { levels } = levelsOf(pieces.length, inner, found);
  for (const piece of pieces) piece.x = 0;
  for (const level of levels) order(level, pieces, above);
  for (const level of [...levels].reverse()) order(level, pieces, below);
  for (const level of levels) order(level, pieces, above);
  let y = 0;
  for (const level of levels) {
    for (const i of level) pieces[i].y = y;
    y += Math.max(...level.map((i) => pieces[i].height)) + GAP_Y * 2;
  }
  return { height: y - GAP_Y * 2, points: () => null };
}

function affordable(pieces, links, budget) {
  const cost = pieces.length > DAGRE_MAX ? Infinity : costOf(pieces, links);
  if (cost > Math.min(DAGRE_MAX, budget.left)) return false;
  budget.left -= cost;
  return true;
}

// One stretch between two boxes that everything goes through, either of which may be missing.
function stretch(boxes, inside, items, ends, y, lines, budget) {
  const { pieces, pieceOf } = piecesOf(boxes, inside, items);
  const links = inside.map(([from, to]) => [pieceOf.get(from), pieceOf.get(to)]).filter(([from, to]) => from === undefined || from !== to);
  const found = sideBySide(pieces, links) ?? (affordable(pieces, links, budget) ? placed(pieces, links, ends) : stacked(pieces, links));
  for (const piece of pieces) {
    let at = y + piece.y;
    for (const i of piece.boxes) {
      items[i].x = piece.x - items[i].width / 2;
      items[i].y = at;
      at += items[i].height + GAP_Y;
    }
  }
  const right = Math.max(0, ...pieces.map((piece) => piece.x + piece.width / 2));
  for (const [from, to, index] of inside) {
    const a = pieceOf.get(from) ?? -1, b = pieceOf.get(to) ?? -2;
    const points = a === b ? null : found.points(a, b);
    if (points?.length) lines[index] = points.map(([x, at]) => [x, at + y]);
    else if (a === -1 && b === -2) lines[index] = [[right + GAP_X, y], [right + GAP_X, y + found.height]];
  }
  return y + found.height;
}

function edgesByDepth(edges, { depth, back }, levels) {
  const lists = levels.map(() => []);
  edges.forEach(([from, to], i) => { if (!back.has(i)) lists[depth[from]].push([from, to, i]); });
  return lists;
}

/**
 * Give each of `items` {width, height} an x and y, for the edges [from, to] between them. Returns
 * {width, height, lines}: of each edge the points on its way, without its ends; null is straight.
 */
export function layoutGraph(items, edges, budget = { left: DAGRE_ALL }) {
  const lines = new Array(edges.length).fill(null);
  if (!items.length) return { width: 0, height: 0, lines };
  const found = depthsOf(items.length, edges);
  settleSources(items.length, edges, found);
  const { levels, cut } = levelsOf(items.length, edges, found);
  const leaving = edgesByDepth(edges, found, levels);
  let y = 0, boxes = [], inside = [], top = null;
  const close = (bottom) => {
    if (boxes.length || inside.some(([, to]) => items[to] !== bottom)) {
      y = stretch(boxes, inside, items, { top, bottom }, y, lines, budget) + GAP_Y;
    }
    boxes = [];
    inside = [];
  };
  levels.forEach((level, d) => {
    if (cut[d]) {
      const item = items[level[0]];
      close(item);
      item.x = -item.width / 2;
      item.y = y;
      y += item.height + GAP_Y;
      top = item;
    } else {
      boxes.push(...level);
    }
    inside.push(...leaving[d]);
  });
  close(null);
  return shifted(items, lines, edges, found.back);
}

// Everything to the right of and below 0, with room for the edges that lead back.
function shifted(items, lines, edges, back) {
  const right = Math.max(...items.map((item) => item.x + item.width));
  for (const i of back) {
    const [from, to] = edges[i].map((k) => items[k]);
    lines[i] = [[right + GAP_X, from.y + from.height + 8], [right + GAP_X, to.y - 8]];
  }
  let left = Infinity, end = -Infinity, bottom = 0;
  for (const item of items) {
    left = Math.min(left, item.x);
    end = Math.max(end, item.x + item.width);
    bottom = Math.max(bottom, item.y + item.height);
  }
  for (const line of lines) for (const [x] of line ?? []) [left, end] = [Math.min(left, x), Math.max(end, x)];
  for (const item of items) item.x -= left;
  for (const line of lines) for (const point of line ?? []) point[0] -= left;
  return { width: end - left, height: bottom, lines };
}

// Boxes without edges, as the parts of a wrapper, in rows.
function rowsOf(items) {
  const across = Math.max(1, Math.min(3, items.length));
  let width = 0, y = 0;
  for (let i = 0; i < items.length; i += across) {
    const row = items.slice(i, i + across);
    let x = 0;
    for (const item of row) {
      item.x = x;
      item.y = y;
      x += item.width + GAP_X;
    }
    width = Math.max(width, x - GAP_X);
    y += Math.max(...row.map((item) => item.height)) + GAP_Y;
  }
  return { width, height: Math.max(0, y - GAP_Y), lines: [] };
}

/**
 * The whole tree: a node is {width, height}, and an open one has `nodes` and `edges` too. All get x
 * and y within the one that they are in; open ones get their size, and `lines`.
 */
export function layoutTree(tree, budget = { left: DAGRE_ALL }) {
  for (const node of tree.nodes) if (node.nodes) layoutTree(node, budget);
  const found = tree.edges.length ? layoutGraph(tree.nodes, tree.edges, budget) : rowsOf(tree.nodes);
  tree.lines = found.lines;
  tree.innerWidth = found.width;
  tree.width = Math.max(tree.width ?? 0, found.width + 2 * PAD);
  tree.height = found.height + HEAD + PAD;
  const left = (tree.width - found.width) / 2;
  for (const node of tree.nodes) {
    node.x += left;
    node.y += HEAD;
  }
  for (const line of tree.lines) for (const point of line ?? []) {
    point[0] += left;
    point[1] += HEAD;
  }
  return tree;
}
