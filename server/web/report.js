// SPDX-License-Identifier: Apache-2.0
// A report as people read it: the verdict in one sentence, what does not match first, then what changed.

import { count, h, longTable, opened } from "./dom.js";
import { histogramOf } from "./histogram.js";
import { compare } from "./marks.js";
import { TRAINING, VERDICTS, failure, release, verdictMark } from "./words.js";

const OPEN_MAX = 12; // rows that are shown without being asked for
const SHOWN_MAX = 20; // rows of a table before "Show more"
const GROUPED_MIN = 4; // times that a change is made before it becomes one line
const SPREADS_MAX = 6; // histograms beside each other
const VALUE_MAX = 200; // letters of a value

/** The verdict with what it means here. `tense` is "plan" for what would be, else it has been. */
export function verdictSentence(report, tense = "done") {
  if (report.models) return summarySentence(report);
  const { target, verdict } = report;
  const to = [target.format, target.keras_version && `for Keras ${release(target.keras_version)}`].filter(Boolean).join(" ");
  const refusal = report.problems.length > 1 ? `${count(report.problems.length, "reason")} against it.` : "";
  const sentence = verdict === "refused" ? (tense === "plan" ? `It cannot be converted that way. ${refusal}` : `${VERDICTS.refused} ${refusal}`) : VERDICTS[verdict];
  return h("div", { class: `sentence ${verdict}` },
    h("p", {}, verdictMark(verdict), " ", h("strong", {}, sentence), " ", verdict === "refused" ? "" : TRAINING[report.training]),
    verdict === "refused" ? null : h("p", { class: "soft" }, [to, ...figures(report.counts)].filter(Boolean).join(" · ")));
}

function figures(counts) {
  const rows = [["tensors", "tensor"], ["parameters", "parameter"], ["renamed_tensors", "tensor renamed", "tensors renamed"],
    ["config_changes", "config change"], ["layer_mismatches", "mismatch", "mismatches"], ["lost", "loss", "losses"]];
  return rows.filter(([key]) => counts[key]).map(([key, ...words]) => count(counts[key], ...words));
}

function summarySentence({ counts, models }) {
  return h("div", { class: `sentence ${counts.failed ? "lossy" : "exact"}` },
    h("p", {}, h("strong", {}, `${counts.succeeded} of ${count(models.length, "model")} converted.`), counts.failed ? ` ${counts.failed} refused.` : ""));
}

function where(row) {
  return h("code", {}, row.where || "the file");
}

function value(what) {
  if (what === undefined) return h("span", { class: "soft" }, "–");
  const text = typeof what === "string" ? what : JSON.stringify(what);
  return h("code", {}, text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text);
}

// What somebody has to read: place, reason, way out.
function remarks(title, all, kind) {
  const rows = [...new Map(all.map((row) => [JSON.stringify(row), row])).values()]; // two tensors of a layer say the same twice
  if (!rows.length) return null;
  const item = (row) => h("li", { class: kind }, h("p", {}, where(row), row.key ? [" ", h("code", {}, row.key)] : null, ": ", row.reason),
    row.before !== undefined || row.after !== undefined ? h("p", { class: "soft" }, value(row.before), " → ", value(row.after)) : null,
    row.way_out ? h("p", { class: "way" }, h("strong", {}, "What to do: "), row.way_out) : null);
  return h("section", {}, h("h3", {}, `${title} (${rows.length})`), h("ul", { class: "plain remarks" }, rows.slice(0, OPEN_MAX).map(item)),
    rows.length > OPEN_MAX ? opened(`${rows.length - OPEN_MAX} more`, () => h("ul", { class: "plain remarks" }, rows.slice(OPEN_MAX).map(item))) : null);
}

function changeRow(row) {
  return h("tr", {}, h("td", {}, where(row)), h("td", {}, row.key ? h("code", {}, row.key) : null),
    h("td", {}, row.before === undefined && row.after === undefined ? null : [value(row.before), h("span", { class: "soft" }, " → "), value(row.after)]),
    h("td", {}, row.reason));
}

// The same change on many layers is one line that opens; the others are a table.
function changes(title, rows) {
  if (!rows.length) return null;
  const groups = [...Map.groupBy(rows, (row) => JSON.stringify([row.key ?? "", row.reason])).values()];
  const many = groups.filter((group) => group.length >= GROUPED_MIN).sort((a, b) => b.length - a.length);
  const single = groups.filter((group) => group.length < GROUPED_MIN).flat();
  const item = (group) => h("li", {}, opened([group[0].key ? [h("code", {}, group[0].key), " "] : null, group[0].reason, " ", h("span", { class: "times" }, count(group.length, "time"))],
    () => longTable(["Layer", "Key", "Before → after", "Why"], group, changeRow)));
  return h("section", {}, h("h3", {}, `${title} (${rows.length})`), h("ul", { class: "plain groups" }, many.map(item)),
    single.length ? longTable(["Layer", "Key", "Before → after", "Why"], single, changeRow, SHOWN_MAX) : null);
}

function rewritten(rows) {
  if (!rows.length) return null;
  return h("section", {}, h("h3", {}, `Rewritten weights (${rows.length})`), longTable(["Layer", "What was done"], rows,
    (row) => h("tr", {}, h("td", {}, where(row)), h("td", {}, row.reason)), SHOWN_MAX));
}

function marked(parts, tag) {
  return h("code", {}, parts.map(({ text, changed }) => (changed ? h(tag, {}, text) : text)));
}

function renamedRow({ before, after, layer }) {
  const [left, right] = compare(before, after);
  return h("tr", {}, h("td", {}, marked(left, "del")), h("td", {}, marked(right, "ins")), h("td", {}, h("code", {}, layer)));
}

function renamed(rows) {
  if (!rows.length) return null;
  return h("section", {}, h("h3", {}, `Renamed tensors (${rows.length})`), longTable(["Before", "After", "Layer"], rows, renamedRow, SHOWN_MAX));
}

function sum({ checksum }) {
  const { before, after } = checksum;
  if (!before && !after) return h("span", { class: "soft" }, "not computed");
  const same = before && after && before.value === after.value;
  if (same) return [h("span", { class: "good" }, "= "), h("code", { class: "hash" }, before.value)];
  return [before, after].map((each, i) => h("div", {}, h("span", { class: "soft" }, i ? "after " : "before "), h("code", { class: "hash" }, each?.value ?? "–")));
}

function pair(before, after, text) {
  const a = text(before), b = after == null ? "–" : text(after);
  return a === b ? a : h("span", {}, `${a} → `, h("strong", {}, b));
}

function tensorRow(row) {
  const shape = (sizes) => `(${sizes.join(", ")})`;
  return h("tr", {},
    h("td", {}, h("code", {}, row.target ?? row.source)), h("td", {}, row.done ?? h("strong", {}, "left out")),
    h("td", { class: "mono" }, pair(row.shape.before, row.shape.after, shape)), h("td", { class: "mono" }, pair(row.dtype.before, row.dtype.after, String)),
    h("td", {}, sum(row)));
}

// Of the tensors whose values were rewritten, where the conversion was asked for it.
function spreads(tensors) {
  const rows = tensors.filter(({ histograms }) => histograms);
  if (!rows.length) return null;
  const figures = (some) => h("div", { class: "spreads" }, some.map(histogramOf));
  return h("section", {}, h("h3", {}, `Values before and after (${rows.length})`), figures(rows.slice(0, SPREADS_MAX)),
    rows.length > SPREADS_MAX ? opened(`${rows.length - SPREADS_MAX} more`, () => figures(rows.slice(SPREADS_MAX))) : null);
}

// Those that were worked on first, each with its checksums; a field keeps those that are looked for.
function tensors(rows) {
  if (!rows.length) return null;
  const changed = rows.filter(({ done }) => done !== "copied").length;
  const sorted = [...rows].sort((a, b) => (a.done === "copied") - (b.done === "copied"));
  return opened(`Tensors (${rows.length}${changed ? `, ${changed} with other values or another layout` : ", all of them copied"})`, () => {
    const list = h("div", {});
    const show = (wanted) => list.replaceChildren(...longTable(["Tensor", "What was done", "Shape", "Type", "Checksum"],
      sorted.filter((row) => `${row.source} ${row.target} ${row.layer} ${row.done}`.toLowerCase().includes(wanted.toLowerCase())), tensorRow).flat());
    show("");
    return [h("label", { class: "find" }, "Find ", h("input", { type: "search", oninput: (event) => show(event.target.value) })), list];
  }, { class: "section" });
}

// A report that stands in the zip beside the result is read when it is looked at.
function modelReport(row, read) {
  if (!row.report) return h("p", {}, row.reason ?? "Its worker came to no report.");
  if (typeof row.report === "object") return [verdictSentence(row.report), changesOf(row.report)];
  const place = h("div", {}, h("p", { class: "soft" }, "Reading its report …"));
  read(row.report).then((report) => place.replaceChildren(verdictSentence(report), changesOf(report)), (error) => place.replaceChildren(failure(error)));
  return place;
}

function summaryModels(summary, read) {
  return h("ul", { class: "plain groups" }, summary.models.map((row) => h("li", {},
    opened([verdictMark(row.verdict ?? "refused"), " ", h("code", {}, row.path), row.artifact ? h("span", { class: "soft" }, " → ", h("code", {}, row.artifact)) : null,
      row.reason ? h("span", { class: "soft" }, ` ${row.reason}`) : null], () => modelReport(row, read)))));
}

/** All that a report says below its verdict. `read(path)` gives a report that stands in the result of several models. */
export function changesOf(report, read) {
  if (report.models) return summaryModels(report, read);
  const refused = new Set(report.problems.map((row) => JSON.stringify(row)));
  const others = (rows) => rows.filter((row) => !refused.has(JSON.stringify(row)));
  const parts = [
    remarks("Why not", report.problems, "bad"),
    remarks("No match", others(report.layer_mismatches), "bad"),
    remarks("Left out", others(report.lost), "doubt"),
    remarks("To be supplied", others(report.needs), "doubt"),
    remarks("Good to know", others(report.findings), "note"),
    ...report.verdict === "refused" ? [] : [
      renamed(report.renamed_tensors),
      remarks("Renamed layers", report.renamed_layers, ""),
      rewritten(report.config_changes.filter(({ code }) => code === "tensor-rewritten")),
      spreads(report.tensors),
      changes("Config", report.config_changes.filter(({ code }) => code !== "tensor-rewritten")),
      tensors(report.tensors),
    ],
  ].filter(Boolean);
  return h("div", { class: "report" }, parts.length ? parts : h("p", { class: "soft" }, "Nothing but the container changes."));
}
