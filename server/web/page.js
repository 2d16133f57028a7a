// SPDX-License-Identifier: Apache-2.0
// The page: which of its views is shown, by the address behind #. Back, forward and reload are the browser's.

import { fact, onKeyWanted, storedKey, storeKey } from "./api.js";
import { announce, focusOn, h } from "./dom.js";
import { showFile } from "./file.js";
import { showJob } from "./job.js";
import { showJobs } from "./jobs.js";
import { choice } from "./pack.js";
import { dropAnywhere, showStart } from "./start.js";
import { failure } from "./words.js";

const content = document.getElementById("content");
const keyButton = document.getElementById("key");
let leave = new AbortController(); // ends what the view before was still at
let chosen = null; // what was chosen last, as far as this page has not been loaded again

function go(hash) {
  if (location.hash === hash) show();
  else location.hash = hash;
}

function choose(files) {
  if (!files.length) return;
  chosen = choice(files);
  go("#/file");
}

const views = [
  [/^#?\/?$/, "kferry", (page) => showStart(page)],
  [/^#\/file$/, () => chosen?.name ?? "kferry", (page) => (chosen ? showFile(page, chosen) : showStart(page, { lost: true }))],
  [/^#\/jobs$/, "Jobs", (page) => showJobs(page)],
  [/^#\/jobs\/([0-9a-f-]+)$/, "Job", (page, id) => showJob(page, id)],
];

async function show() {
  leave.abort();
  leave = new AbortController();
  const hash = location.hash;
  const [pattern, title, view] = views.find(([row]) => row.test(hash)) ?? views[0];
  const element = h("div", { class: "view" });
  const first = !content.dataset.ready;
  content.replaceChildren(element);
  content.dataset.ready = "yes";
  document.title = [typeof title === "function" ? title() : title, "kferry"].filter((word, i, all) => all.indexOf(word) === i).join(" · ");
  scrollTo(0, 0);
  if (!first) focusOn(content);
  const { signal } = leave;
  try {
    await view({ element, signal, go, choose, chosen: () => chosen }, pattern.exec(hash)?.[1]);
  } catch (error) {
    if (!signal.aborted) element.append(failure(error, show));
  }
}

function showKeyButton() {
  keyButton.hidden = !storedKey();
}

function askForKey(why) {
  const dialog = document.getElementById("ask");
  const field = document.getElementById("ask-key");
  document.getElementById("ask-why").textContent = why;
  field.value = "";
  dialog.returnValue = "cancel";
  if (!dialog.open) dialog.showModal();
  field.focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    const key = dialog.returnValue === "use" ? field.value.trim() : "";
    field.value = "";
    keyButton.hidden = !key && !storedKey();
    resolve(key || null);
  }, { once: true }));
}

// Enter in the field is the first button; several requests that want a key ask once.
let asking = null;
onKeyWanted((why) => {
  asking ??= askForKey(why).finally(() => { asking = null; });
  return asking;
});
keyButton.addEventListener("click", async () => {
  const key = await askForKey("Another key takes the place of the one in use; an empty one removes it.");
  storeKey(key);
  showKeyButton();
  announce(key ? "The key was changed" : "The key was removed");
});
addEventListener("hashchange", show);
dropAnywhere(choose);
showKeyButton();
fact("version").then(({ version }) => {
  document.getElementById("build").textContent = `kferry ${version}. Files go to this service and nowhere else.`;
}, () => {});
show();
