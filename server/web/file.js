// SPDX-License-Identifier: Apache-2.0
// A file that was chosen: what it is, which Keras loads it, and what it can become.

import { fact, send } from "./api.js";
import { announce, bytes, count, h, opened } from "./dom.js";
import { bodyOf, unreadable } from "./pack.js";
import { sending } from "./sending.js";
import { dropZone } from "./start.js";
import { makeChooser } from "./target.js";
import { failure, release } from "./words.js";

const LOADS = {
  yes: ["good", "✓", "Loads in"],
  unsure: ["doubt", "?", "May load in"],
  "with-the-rest": ["doubt", "+", "With the rest, loads in"],
  "other-numbers": ["bad", "≠", "Loads and predicts something else in"],
  no: ["bad", "×", "Does not load in"],
};

async function tooLarge(chosen) {
  const { limits } = await fact("v1/capacity");
  if (chosen.size <= limits.body_bytes) return null;
  return { problem: {
    title: "Too large for this service", detail: `${chosen.name} has ${bytes(chosen.size)}; the service takes ${bytes(limits.body_bytes)}.`,
    hint: "Whoever runs it can raise `KFERRY_BODY_MAX`; `kferry convert` on your own machine has no such limit",
  } };
}

// By what a file loads, and why: releases of one reason stand together.
function loadsRows(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.loads, row.where, row.reason]);
    if (!groups.has(key)) groups.set(key, { ...row, releases: [] });
    groups.get(key).releases.push(release(row.keras));
  }
  const order = Object.keys(LOADS);
  return [...groups.values()].sort((a, b) => order.indexOf(a.loads) - order.indexOf(b.loads));
}

function loadsList(rows) {
  if (!rows.length) return null;
  return h("section", { "aria-labelledby": "loads" }, h("h2", { id: "loads" }, "Which Keras loads it as it is"),
    h("ul", { class: "loads" }, loadsRows(rows).map((row) => {
      const [kind, sign, words] = LOADS[row.loads];
      return h("li", { class: kind }, h("span", { class: "sign", "aria-hidden": "true" }, sign),
        h("div", {}, h("p", {}, `${words} `, h("strong", {}, row.releases.join(", "))),
          row.reason ? h("p", { class: "soft" }, row.where ? [h("code", {}, row.where), ": "] : null, row.reason) : null));
    })));
}

function shape(sizes) {
  return `(${sizes.map((size) => size ?? "None").join(", ")})`;
}

function facts(inspection, chosen) {
  const { model, layers, tensors, report } = inspection;
  const inside = model ? `${model.class_name}, ${count(layers.length, "layer")}, ${count(model.parameters, "parameter")}`
    : tensors.length ? count(tensors.length, "tensor") : "";
  const training = !model ? "" : !model.compiled ? "Not compiled" : model.optimizer_state ? "Compiled, with the optimizer's state" : "Compiled, without the optimizer's state";
  const rows = [
    ["Format", `${inspection.title[0].toUpperCase()}${inspection.title.slice(1)}`],
    ["Written by", [inspection.keras_version && `Keras ${inspection.keras_version}`, inspection.backend && `on ${inspection.backend}`].filter(Boolean).join(" ") || (model ? "The file does not tell" : "")],
    ["Found at", report.source.member && h("code", {}, report.source.member)],
    [model ? "Model" : "Contents", [model?.name && h("code", {}, model.name), model?.name ? " · " : "", inside]],
    ["Inputs", model?.inputs?.map((input) => h("div", { class: "mono" }, `${input.name} ${shape(input.shape)} ${input.dtype}`))],
    ["Training", training],
    ["Size", bytes(chosen.size)],
    ["SHA-256", report.source.sha256 && h("code", { class: "hash" }, report.source.sha256)],
  ];
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value && (!Array.isArray(value) || value.some(Boolean)))
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

// The same class of remark on many layers is one remark.
function findings({ report }) {
  if (!report.findings.length) return null;
  return h("section", { "aria-labelledby": "findings" }, h("h2", { id: "findings" }, "Good to know"),
    h("ul", { class: "plain" }, report.findings.slice(0, 5).map((row) => h("li", { class: "note" }, row.where ? [h("code", {}, row.where), ": "] : null, row.reason))),
    report.findings.length > 5 ? opened(`${report.findings.length - 5} more`, () => h("ul", { class: "plain" }, report.findings.slice(5).map((row) =>
      h("li", { class: "note" }, row.where ? [h("code", {}, row.where), ": "] : null, row.reason)))) : null);
}

// What is missing can be put beside what is there.
function addFiles(page, chosen, label) {
  const input = h("input", { type: "file", multiple: true, class: "away", tabindex: -1, "aria-label": label });
  input.addEventListener("change", () => page.choose([...chosen.files, ...[...input.files].map((file) => ({ path: file.name, file }))]));
  return h("p", {}, h("button", { type: "button", onclick: () => input.click() }, label), input);
}

const MISSING = { "architecture-missing": "Add the architecture", "mapping-ambiguous": "Add the architecture", "weights-needed": "Add the weights", "shards-missing": "Add the other shards", "several-models": "Add a file" };

function way(page, chosen, inspection) {
  const codes = [...inspection.report.problems, ...(inspection.targets ?? [])].map(({ code }) => code);
  const code = Object.keys(MISSING).find((name) => codes.includes(name));
  return code ? addFiles(page, chosen, MISSING[code]) : null;
}

// What is no model, said with what it is instead; or what does not do without a file that is `missing`.
function noModel(inspection, missing) {
  const { report, title } = inspection;
  return h("section", { class: "failure", "aria-labelledby": "no-model" },
    h("h2", { id: "no-model" }, missing ? "This is not enough by itself" : `This is no Keras model: it is ${title || "unknown"}`),
    h("ul", { class: "plain" }, report.problems.map((row) => h("li", {}, h("p", {}, row.where ? [h("code", {}, row.where), ": "] : null, row.reason),
      row.way_out ? h("p", {}, h("strong", {}, "What to do: "), row.way_out) : null))),
    missing ?? h("p", { class: "soft" }, "A whole model comes from ", h("code", {}, "model.save(...)"), ", weights from ", h("code", {}, "model.save_weights(...)"), "."));
}

function bundle(inspection) {
  const { models, others = [] } = inspection;
  return h("section", { "aria-labelledby": "models" }, h("h2", { id: "models" }, count(models.length, "model"), " in it"),
    h("ul", { class: "plain" }, models.map((row) => h("li", {}, h("code", {}, row.path), h("span", { class: "soft" }, ` ${row.title}${row.latest ? ", the latest" : ""}`)))),
    others.length ? opened(`${count(others.length, "other file")}, left alone`, () => h("ul", { class: "plain" }, others.map((row) =>
      h("li", {}, h("code", {}, row.path ?? row.name ?? ""), h("span", { class: "soft" }, ` ${row.title ?? ""}`))))) : null);
}

function isModel({ model, tensors, models, targets = [] }) {
  return Boolean(model || tensors.length || models || targets.some(({ verdict }) => verdict !== "refused"));
}

function evidence({ report }) {
  const lines = report.source.evidence;
  return lines.length ? opened("How this is known", () => h("ul", {}, lines.map((line) => h("li", {}, line)))) : null;
}

// The picture and the tables of the model, in the colours of what the plan does.
async function showInside(page, inspection, chooser) {
  if (!inspection.layers.length && !inspection.tensors.length) return;
  const stage = h("div", {}), lists = h("div", {});
  page.element.append(h("section", { class: "inside", "aria-labelledby": "model" }, h("h2", { id: "model" }, "The model"), stage, lists));
  const [{ showModel }, { showTables }] = await Promise.all([import("./picture.js"), import("./tables.js")]);
  if (page.signal.aborted) return;
  const about = { inspect: inspection, plan: chooser.report, signal: page.signal };
  const picture = inspection.layers.length ? showModel(stage, about) : null;
  const tables = showTables(lists, { ...about, onLayer: (path) => {
    picture?.focus(path);
    stage.scrollIntoView({ block: "nearest" });
  } });
  chooser.onPlan = (plan) => {
    picture?.update({ plan });
    tables.update({ plan });
  };
}

async function showInspection(page, chosen, inspection) {
  const missing = way(page, chosen, inspection);
  const what = h("section", { "aria-labelledby": "what" }, h("h2", { id: "what" }, "What it is"), facts(inspection, chosen), evidence(inspection));
  announce(`${chosen.name} is ${inspection.title}`);
  if (!isModel(inspection)) {
    page.element.append(what, noModel(inspection, missing), dropZone(page));
    return;
  }
  const left = h("div", {}, what, inspection.models && bundle(inspection), findings(inspection), loadsList(inspection.loads_in));
  const chooser = await makeChooser(page, chosen, inspection, missing);
  page.element.append(h("div", { class: "columns" }, left, chooser.element), chooser.changes);
  await showInside(page, inspection, chooser);
}

export async function showFile(page, chosen) {
  const stop = new AbortController();
  page.signal.addEventListener("abort", () => stop.abort());
  page.element.append(h("h1", { class: "file" }, chosen.name),
    h("p", { class: "soft" }, chosen.files.length > 1 ? `${count(chosen.files.length, "file")}, ${bytes(chosen.size)}. ` : "", h("a", { href: "#/" }, "Choose another")));
  const { element, progress } = sending("Looking at it", () => { stop.abort(); page.go("#/"); });
  page.element.append(element);
  try {
    const wrong = await unreadable(chosen);
    const large = wrong ? { problem: { title: wrong } } : await tooLarge(chosen);
    if (large) throw large;
    const { body, headers, query } = bodyOf(chosen);
    chosen.inspection ??= await send(`v1/inspect?${new URLSearchParams(query)}`, body, { headers, progress, signal: stop.signal });
    element.remove();
    await showInspection(page, chosen, chosen.inspection);
  } catch (error) {
    if (page.signal.aborted || error.name === "AbortError") return;
    element.remove();
    page.element.append(failure(error, () => { page.element.replaceChildren(); showFile(page, chosen); }), dropZone(page));
  }
}

