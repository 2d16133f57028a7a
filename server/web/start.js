// SPDX-License-Identifier: Apache-2.0
// Where it begins: a place to drop files, and what was converted before.

import { announce, h, prose } from "./dom.js";
import { recentList } from "./jobs.js";
import { fromDrop, fromInput } from "./pack.js";

function picker(label, attributes, choose) {
  const input = h("input", { type: "file", class: "away", tabindex: -1, "aria-label": label, ...attributes });
  input.addEventListener("change", () => choose(fromInput(input)));
  return [h("button", { type: "button", class: attributes.multiple ? "main" : "", onclick: () => input.click() }, label), input];
}

const KINDS = "`.h5`, `.keras`, `.weights.h5`, `.json`, `.yaml`, a SavedModel folder, a TensorFlow checkpoint, or a `.zip` or `.tar` of them";

export function dropZone({ choose }) {
  return h("div", { class: "drop" },
    h("p", { class: "lead" }, "Drop a file, several, or a folder"),
    h("div", { class: "row" }, picker("Choose files", { multiple: true, id: "files" }, choose),
      picker("Choose a folder", { webkitdirectory: true, id: "folder" }, choose)),
    h("p", { class: "soft" }, prose(KINDS), ". Weights and their architecture go together."));
}

/** `lost`: the page was loaded again, and what had been chosen is not known any more. */
export async function showStart(page, { lost = false } = {}) {
  page.element.append(h("h1", {}, "Convert a Keras model to another Keras"),
    h("p", { class: "lead" }, "See what a file is, which Keras loads it, and what would change. What cannot predict the same is refused, with the reason."));
  if (lost) page.element.append(h("p", { class: "note", role: "status" }, "The page was loaded again, and a browser forgets chosen files then. Choose it again; jobs go on."));
  page.element.append(dropZone(page));
  await recentList(page, page.element);
}

/** Files that are dropped anywhere on the page are taken. */
export function dropAnywhere(choose) {
  let depth = 0;
  const mark = (over) => document.body.classList.toggle("over", over);
  const takes = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (takes(event)) mark(++depth > 0);
  });
  addEventListener("dragleave", (event) => {
    if (takes(event)) mark(--depth > 0);
  });
  addEventListener("dragover", (event) => {
    if (takes(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!takes(event)) return;
    event.preventDefault();
    depth = 0;
    mark(false);
    try {
      choose(await fromDrop(event.dataTransfer));
    } catch (error) {
      announce(`That could not be read: ${error.message}`);
    }
  });
}
