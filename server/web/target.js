// SPDX-License-Identifier: Apache-2.0
// What a file can become: target, Keras release and options, with what the plan says of each choice.

import { fact, plan, send } from "./api.js";
import { announce, bytes, h, opened, prose } from "./dom.js";
import { remember } from "./jobs.js";
import { bodyOf } from "./pack.js";
import { changesOf, verdictSentence } from "./report.js";
import { sending } from "./sending.js";
import { failure, release, verdictMark } from "./words.js";

const PLANNED_MAX = 64e6; // bytes that are sent for a plan without being asked
const WAIT_MS = 250;
const OWN = new Set(["to", "from", "keras", "filename", "architecture", "verify"]); // parameters that are no options
const WORDS = /^[a-z0-9-]+( [a-z0-9-]+)*$/; // a list of values, against a description of them

const LABELS = {
  allow: "Accept at worst", custom: "Custom classes and Lambda", require: "Insist on", guess: "Take likely mappings",
  backend: "Backend of a Keras 1 model", input_shape: "Input shape", checksum: "Checksums", checkpoints: "Checkpoints", histograms: "Histograms", archive: "Archive", opset: "ONNX operator set", quantize: "Quantized weights",
};

// Options that a refusal with this code may be answered by.
const ANSWERS = {
  "custom-class": "custom", lambda: "custom", "mapping-ambiguous": "guess", "not-allowed": "allow",
  "input-shape-missing": "input_shape", "backend-unknown": "backend", "training-required": "require",
};

function optionField({ name, values, help }, change) {
  const label = h("span", {}, LABELS[name] ?? name, " ", h("code", {}, name));
  const input = WORDS.test(values)
    ? h("select", { name, onchange: change }, h("option", { value: "" }, "as usual"), values.split(" ").map((word) => h("option", {}, word)))
    : h("input", { name, placeholder: values, autocomplete: "off", spellcheck: "false", oninput: change });
  return h("label", { "data-option": name }, label, input, h("span", { class: "soft" }, prose(`${help[0].toUpperCase()}${help.slice(1)}.`)));
}

function reasonOf(target, hints) {
  const hint = hints[target.code];
  return h("span", { class: "reason" }, target.where ? [h("code", {}, target.where), ": "] : null, target.reason ?? "",
    hint ? h("span", { class: "way" }, " ", prose(`${hint[0].toUpperCase()}${hint.slice(1)}.`)) : null);
}

function targetRow(target, format, hints, checked) {
  const id = `to-${target.to}`;
  return h("div", { class: `target ${target.verdict}` },
    h("input", { type: "radio", name: "to", id, value: target.to, checked, "aria-describedby": target.verdict === "refused" ? `${id}-why` : null }),
    h("label", { for: id }, h("strong", {}, format.title), target.verdict === "unknown" ? null : verdictMark(target.verdict)),
    target.verdict === "refused" ? h("p", { class: "soft", id: `${id}-why` }, reasonOf(target, hints)) : null);
}

// The radio buttons: what is possible first, and below it what is not, with the reason.
function targetList(targets, formats, hints) {
  const format = (target) => formats.targets.find(({ name }) => name === target.to) ?? { title: target.to };
  const possible = targets.filter(({ verdict }) => verdict !== "refused");
  const refused = targets.filter(({ verdict }) => verdict === "refused");
  const first = possible[0] ?? refused[0];
  const rows = (some) => some.map((target) => targetRow(target, format(target), hints, target === first));
  return h("fieldset", { class: "targets" }, h("legend", {}, "Target"), rows(possible),
    refused.length ? h("details", { open: !possible.length }, h("summary", {}, `Not possible for this file as it is: ${refused.length}`), rows(refused)) : null);
}

function familyOf(keras) {
  if (keras.startsWith("tf_keras-")) return "tf_keras (Keras 2 beside TensorFlow 2.16 and later)";
  return `Keras ${keras.split(".")[0]}`;
}

function releaseSelect(format) {
  const groups = new Map();
  for (const row of [...format.releases].reverse()) {
    const family = familyOf(row.keras);
    if (!groups.has(family)) groups.set(family, []);
    groups.get(family).push(h("option", { value: row.keras, selected: row.version === format.keras_default }, `${release(row.keras)}${row.version === format.keras_default ? " (usual)" : ""}`));
  }
  return h("select", { name: "keras", id: "keras" }, [...groups].map(([family, options]) => h("optgroup", { label: family }, options)));
}

/** The parameters that the form says; what is as usual is left out. */
function parametersOf(form, format) {
  const parameters = { to: format.name };
  const keras = form.elements.namedItem("keras")?.value;
  const usual = format.releases.find(({ version }) => version === format.keras_default)?.keras;
  if (keras && keras !== usual) parameters.keras = keras;
  for (const field of form.querySelectorAll("[data-option] [name]")) {
    if (field.value.trim() && !field.closest("[hidden]")) parameters[field.name] = field.value.trim();
  }
  return parameters;
}

function queryOf(parameters, query) {
  return new URLSearchParams({ ...query, ...parameters });
}

// A key of its own for each conversion: an answer that was lost is asked for again without a second job.
function onceKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

class Chooser {
  constructor(page, chosen, inspection, formats, hints) {
    Object.assign(this, { page, chosen, inspection, formats });
    const targets = inspection.targets ?? formats.targets.map(({ name }) => ({ to: name, verdict: "unknown" }));
    const change = () => this.changed();
    this.version = h("div", {});
    this.outcome = h("div", { class: "outcome", "aria-live": "polite" });
    this.changes = h("div", {});
    this.options = h("details", { class: "options" }, h("summary", {}, "Options"), h("div", { class: "fields" },
      formats.parameters.filter(({ name }) => !OWN.has(name)).map((row) => optionField(row, change))));
    this.button = h("button", { class: "main" }, "Convert");
    this.form = h("form", { onsubmit: (event) => { event.preventDefault(); this.convert(); } },
      targetList(targets, formats, hints), this.version, this.options, this.outcome, h("div", { class: "row" }, this.button));
    this.chooseCheckpoints();
    this.form.addEventListener("change", (event) => { if (event.target.name === "to") this.showVersions(); });
    this.showVersions();
  }

  // Where several are shown, several are meant.
  chooseCheckpoints() {
    const option = this.options.querySelector('[data-option="checkpoints"]');
    option.hidden = !this.inspection.models?.some(({ latest }) => latest);
    if (!option.hidden) option.querySelector("select").value = "all";
  }

  get format() {
    const to = new FormData(this.form).get("to");
    return this.formats.targets.find(({ name }) => name === to);
  }

  get parameters() {
    return parametersOf(this.form, this.format);
  }

  showVersions() {
    const { format } = this;
    this.version.replaceChildren();
    this.form.querySelector('[data-option="opset"]')?.toggleAttribute("hidden", !format.name.startsWith("onnx"));
    this.form.querySelector('[data-option="quantize"]')?.toggleAttribute("hidden", format.name !== "tfjs");
    this.form.querySelector('[data-option="archive"]')?.toggleAttribute("hidden", !/^savedmodel|^onnx-data/.test(format.name));
    if (format.releases.length > 1) {
      const select = releaseSelect(format);
      const note = h("p", { class: "soft" });
      const say = () => {
        const row = format.releases.find(({ keras }) => keras === select.value);
        note.textContent = row.unverified ? `Keras ${release(row.keras)}: by the rules of the releases beside it; no test loads the result there.` : "";
      };
      select.addEventListener("change", () => { say(); this.changed(); });
      say();
      this.version.append(h("p", { class: "version" }, h("label", { for: "keras" }, "Keras that is to load the result "), select), note);
    }
    this.changed();
  }

  // Whatever was chosen: ask what it would do, unless that is a long way to send.
  changed() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.button.disabled = false;
    this.changes.replaceChildren();
    if (this.chosen.size > PLANNED_MAX) {
      this.tell(null);
      this.outcome.replaceChildren(h("p", { class: "soft" }, `To say what would change, the ${bytes(this.chosen.size)} are sent once more.`),
        h("button", { type: "button", onclick: () => this.plan() }, "See what would change"));
      return;
    }
    this.timer = setTimeout(() => this.plan(), WAIT_MS);
  }

  async plan() {
    const asked = this.asked = new AbortController();
    this.page.signal.addEventListener("abort", () => asked.abort());
    this.outcome.setAttribute("aria-busy", "true");
    const { body, headers, query } = bodyOf(this.chosen);
    try {
      const report = await plan(`v1/plan?${queryOf(this.parameters, query)}`, body, { headers, signal: asked.signal });
      if (!asked.signal.aborted) this.showPlan(report);
    } catch (error) {
      if (!asked.signal.aborted) this.outcome.replaceChildren(failure(error));
    }
    if (this.asked === asked) this.outcome.removeAttribute("aria-busy");
  }

  showPlan(report) {
    const refused = report.verdict === "refused";
    this.button.disabled = refused;
    this.outcome.replaceChildren(verdictSentence(report, "plan"));
    this.changes.replaceChildren(refused ? changesOf(report) : opened(h("h2", {}, "What would change"), () => changesOf(report), { class: "changes" }));
    for (const { code } of report.problems ?? []) {
      const option = ANSWERS[code] && this.options.querySelector(`[data-option="${ANSWERS[code]}"]`);
      this.options.open ||= Boolean(option);
      option?.classList.add("wanted");
    }
    this.tell(report);
  }

  tell(report) {
    this.report = report;
    this.onPlan?.(report);
  }

  async convert() {
    const stop = new AbortController();
    this.page.signal.addEventListener("abort", () => stop.abort());
    const parameters = this.parameters;
    const { body, headers, query } = bodyOf(this.chosen);
    const { element, progress } = sending("Sending it", () => stop.abort());
    const warn = (event) => event.preventDefault();
    this.button.disabled = true;
    this.form.after(element);
    element.querySelector("button").focus();
    addEventListener("beforeunload", warn);
    try {
      const more = { "Idempotency-Key": onceKey(), ...this.inspection.models ? { Accept: "application/zip" } : {} };
      const job = await send(`v1/jobs?${queryOf({ histograms: "yes", ...parameters }, query)}`, body, { headers: { ...headers, ...more }, progress, signal: stop.signal });
      remember({ id: job.id, name: this.chosen.name, files: this.chosen.files.slice(0, 20).map(({ path }) => path), folder: this.chosen.folder, ...parameters });
      this.page.go(`#/jobs/${job.id}`);
    } catch (error) {
      if (error.name === "AbortError") announce("Cancelled");
      else this.outcome.replaceChildren(failure(error, () => this.convert()));
    } finally {
      removeEventListener("beforeunload", warn);
      element.remove();
      this.button.disabled = false;
    }
  }
}

/** The form, as `element`, and below all else what the plan says, as `changes`. `missing`: a way to add what is missing. */
export async function makeChooser(page, chosen, inspection, missing) {
  const [formats, { problems }] = await Promise.all([fact("v1/formats"), fact("problems")]);
  const hints = Object.fromEntries(problems.map(({ code, hint }) => [code, hint]));
  const chooser = new Chooser(page, chosen, inspection, formats, hints);
  chooser.element = h("section", { "aria-labelledby": "convert" }, h("h2", { id: "convert" }, "Convert it"), missing, chooser.form);
  return chooser;
}
