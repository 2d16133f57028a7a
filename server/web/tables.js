// SPDX-License-Identifier: Apache-2.0
// The layers and the tensors of a model as tables, with what a conversion does to them. They say all
// that the picture says, for those who read; tables.css goes with them.

import { SIGNS, WORDS, effectsOf } from "./effects.js";
import { countText, shapeText } from "./figures.js";
import { longTable } from "./long_table.js";

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// Shapes by path, from the graph and the graphs in it.
function shapesOf(graph, found = new Map()) {
  for (const node of graph?.nodes ?? []) {
    const shapes = [...new Set(node.calls.map((call) => shapeText(call.output_shape)).filter(Boolean))];
    found.set(node.path, shapes.join(" "));
    if (node.model) shapesOf(node.model, found);
  }
  return found;
}

function layerRows(inspect, plan) {
  const shapes = shapesOf(inspect.graph), effects = effectsOf(inspect.layers.map(({ path }) => path), plan);
  return inspect.layers.map((layer) => {
    const { effect = null, entries = [] } = effects?.get(layer.path) ?? {};
    const reasons = entries.map(({ key, reason }) => (key ? `${key}: ${reason}` : reason)).join("; ");
    return { ...layer, shape: shapes.get(layer.path) ?? "", effect, reasons };
  });
}

// A tensor of the plan by where it was: layer and name.
function tensorRows(inspect, plan) {
  const planned = new Map((plan?.tensors ?? []).map((row) => [`${row.layer}\n${row.source}`, row]));
  return inspect.tensors.map((tensor) => {
    const row = planned.get(`${tensor.layer}\n${tensor.name}`);
    const shape = row?.shape.after && shapeText(row.shape.after) !== shapeText(tensor.shape) ? shapeText(row.shape.after) : "";
    const changes = [row && row.done !== "copied" ? row.done : "", shape && `becomes ${shape}`, row?.dtype.after && row.dtype.after !== tensor.dtype ? `becomes ${row.dtype.after}` : ""];
    return { ...tensor, shape: shapeText(tensor.shape), to: row?.target ?? "", change: changes.filter(Boolean).join("; ") };
  });
}

function layerButton(path, onLayer) {
  if (!onLayer) return path;
  const button = element("button", "link", path);
  button.type = "button";
  button.title = "Show it in the picture";
  button.addEventListener("click", () => onLayer(path));
  return button;
}

function whatHappens({ effect, reasons }) {
  if (!effect) return reasons ? [clipped(reasons)] : [];
  const sign = element("span", "swatch", SIGNS[effect]);
  sign.setAttribute("aria-hidden", "true");
  const word = element("span", "word", ` ${WORDS[effect]}`);
  return [element("span", effect, sign), reasons ? element("span", "away-word", `${WORDS[effect]}: `) : word, reasons ? clipped(reasons) : ""];
}

function clipped(text) {
  const made = element("span", "clipped", ` ${text}`);
  made.title = text;
  return made;
}

const ORDER = { refused: 0, lossy: 1, adapted: 2, exact: 3 };

function layerColumns(plan, onLayer) {
  return [
    { name: "Layer", value: (row) => row.path, cell: (row) => layerButton(row.path, onLayer) },
    { name: "Class", value: (row) => row.class_name },
    { name: "Output shape", value: (row) => row.shape, cell: (row) => element("code", "", row.shape) },
    { name: "Parameters", value: (row) => row.parameters, cell: (row) => row.parameters.toLocaleString("en"), number: true },
    ...(plan ? [{ name: "What happens to it", value: (row) => `${ORDER[row.effect] ?? 4} ${row.reasons}`, cell: whatHappens }] : []),
  ];
}

function tensorColumns(plan, onLayer) {
  return [
    { name: "Tensor", value: (row) => row.name, cell: (row) => element("code", "", row.name) },
    { name: "Layer", value: (row) => row.layer, cell: (row) => layerButton(row.layer, onLayer) },
    { name: "Shape", value: (row) => row.shape, cell: (row) => element("code", "", row.shape) },
    { name: "Type", value: (row) => row.dtype },
    ...(plan ? [{ name: "New name", value: (row) => row.to, cell: (row) => element("code", "", row.to || "–") },
      { name: "Change", value: (row) => row.change, cell: (row) => (row.change ? clipped(row.change) : "") }] : []),
  ];
}

function section(title, table) {
  return element("section", "of-model", element("h3", "", title), table.element);
}

/**
 * Tables of an answer of /v1/inspect in `element`; `plan` is a report of /v1/plan, where there is one.
 * `onLayer` gets the path of a layer that was pressed. Returns {update({plan}), destroy()}.
 */
export function showTables(container, { inspect, plan, onLayer, signal }) {
  let stop = new AbortController(), layers, tensors;
  const box = element("div", "tables");
  const build = () => {
    stop.abort();
    stop = new AbortController();
    layers = longTable({ title: "Layers", columns: layerColumns(plan, onLayer), rows: layerRows(inspect, plan), signal: stop.signal,
      text: (row) => `${row.path} ${row.class_name} ${row.shape} ${row.effect ?? ""} ${row.reasons}` });
    tensors = longTable({ title: "Tensors", columns: tensorColumns(plan, onLayer), rows: tensorRows(inspect, plan), signal: stop.signal,
      text: (row) => `${row.name} ${row.layer} ${row.dtype} ${row.shape} ${row.to} ${row.change}` });
    box.replaceChildren(...[inspect.layers.length && section(countText(inspect.layers.length, "layer"), layers),
      inspect.tensors.length && section(countText(inspect.tensors.length, "tensor"), tensors)].filter(Boolean));
  };
  const destroy = () => {
    stop.abort();
    box.remove();
  };
  build();
  container.append(box);
  signal?.addEventListener("abort", destroy, { once: true });
  return {
    update(change) {
      const columns = Boolean(plan) === Boolean(change.plan);
      plan = change.plan;
      if (!columns) return build();
      layers.update(layerRows(inspect, plan));
      return tensors.update(tensorRows(inspect, plan));
    },
    destroy,
  };
}
