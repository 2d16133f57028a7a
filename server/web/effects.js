// SPDX-License-Identifier: Apache-2.0
// What a conversion does to each layer, by the entries of its report.

const HEADINGS = ["problems", "needs", "lost", "layer_mismatches", "renamed_layers", "config_changes", "findings"];
// Codes that are told and change nothing, and those that change the numbers.
const NOTES = ["nodes-rewritten", "training-rewritten", "training-dropped", "extra-dropped", "finding", "carries-code", "training-differs"];
const LOSSY = ["dequantized", "quantized"];

export const EFFECTS = ["exact", "adapted", "lossy", "refused"];
export const SIGNS = { exact: "=", adapted: "≈", lossy: "!", refused: "×" };
export const WORDS = {
  exact: "as it is",
  adapted: "adapted, predicts the same",
  lossy: "loses something",
  refused: "cannot be converted",
};

/** The worse of two effects, either of which may be null. */
export function worse(a, b) {
  return EFFECTS.indexOf(a) > EFFECTS.indexOf(b) ? a : b;
}

function effectOf(heading, code) {
  if (heading === "problems") return "refused";
  if (LOSSY.includes(code)) return "lossy";
  return NOTES.includes(code) ? "exact" : "adapted";
}

// The layer that a place in the report is in: "block/conv.activation" is in "block/conv".
function ownerOf(where, known) {
  for (let path = where; path; path = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf(".")))) {
    if (known.has(path)) return path;
    if (!/[./]/.test(path)) break;
  }
  return "";
}

/**
 * What a report says of the layers whose paths are `paths`: a map of path to {effect, entries}; null
 * without a report. A layer that it does not name is "exact", and null where the report refuses: then
 * nobody looked any further. What belongs to no layer stands at "".
 */
export function effectsOf(paths, report) {
  if (!report) return null;
  const known = new Set(paths);
  const rest = report.verdict === "refused" ? null : "exact";
  const found = new Map([...known, ""].map((path) => [path, { effect: rest, entries: [] }]));
  const seen = new Set();
  for (const heading of HEADINGS) {
    for (const entry of report[heading] ?? []) {
      const row = found.get(ownerOf(entry.where, known));
      const name = JSON.stringify([entry.where, entry.code, entry.key ?? "", entry.reason]);
      row.effect = worse(row.effect, effectOf(heading, entry.code));
      if (!seen.has(name)) row.entries.push(entry); // what refuses stands under its own heading too
      seen.add(name);
    }
  }
  return found;
}
