// SPDX-License-Identifier: Apache-2.0
// How verdicts, problems and Keras releases are said.

import { h, prose } from "./dom.js";

const SIGNS = { exact: "=", adapted: "≈", lossy: "!", refused: "×", busy: "…", none: "–" };

export const VERDICTS = {
  exact: "Only names, order and layout change: every number stays as it is.",
  adapted: "Config or weights are rewritten for the target; the predictions are equal.",
  lossy: "Something that matters is left out, as was allowed.",
  refused: "Nothing was written.",
};

export const TRAINING = {
  none: "",
  kept: "The training state comes along.",
  adapted: "The training state comes along, rewritten for the target.",
  dropped: "The training state is left out: compile the model again after loading it.",
};

export function verdictMark(verdict, word = verdict) {
  return h("span", { class: `verdict ${verdict}` }, h("span", { "aria-hidden": "true", class: "sign" }, SIGNS[verdict] ?? "·"), word);
}

/** "tf_keras-2.16-2.21" as people say it. */
export function release(name) {
  return name.startsWith("tf_keras-") ? `tf_keras ${name.slice(9).replace("-", "–")}` : name.replace("-", "–");
}

/** What went wrong with a request, and the way out. */
export function failure(error, retry) {
  const problem = error.problem ?? { title: "That did not work", detail: error.message, code: "" };
  return h("div", { class: "failure", role: "alert" },
    h("p", {}, h("strong", {}, problem.title)),
    problem.detail && problem.detail !== problem.title ? h("p", {}, problem.detail) : null,
    problem.hint ? h("p", {}, prose(problem.hint[0].toUpperCase() + problem.hint.slice(1) + (/[.?!]$/.test(problem.hint) ? "" : "."))) : null,
    problem.retry_after_s ? h("p", { class: "soft" }, `Worth another try in ${problem.retry_after_s} s.`) : null,
    retry ? h("p", {}, h("button", { type: "button", onclick: retry }, "Try again")) : null,
    problem.request_id ? h("p", { class: "soft" }, "Request ", h("code", {}, problem.request_id)) : null);
}
