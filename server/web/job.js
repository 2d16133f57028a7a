// SPDX-License-Identifier: Apache-2.0
// A job: how far it is, and what came of it. Its address is the page's, so that a reload comes back to it.

import { call, follow, json } from "./api.js";
import { announce, bytes, focusOn, h } from "./dom.js";
import { forget, remembered, stateMark } from "./jobs.js";
import { changesOf, verdictSentence } from "./report.js";
import { downloads, reader, snippets } from "./take.js";
import { failure } from "./words.js";

const PHASES = { queued: "Waits for a worker", running: "Converting" };

class Watched {
  constructor(page, id) {
    this.page = page;
    this.id = id;
    this.known = remembered().find((row) => row.id === id);
    this.title = h("h1", { class: "file" }, this.known?.name ?? "Job");
    this.bar = h("progress", { max: 100, "aria-label": "The conversion" });
    this.text = h("p", { class: "soft" }, "Asking how far it is …");
    this.cancel = h("button", { type: "button", onclick: () => this.stop() }, "Cancel");
    this.progress = h("div", { class: "progress" }, this.text, this.bar, this.cancel);
    page.element.append(this.title, this.progress);
  }

  async stop() {
    this.cancel.disabled = true;
    try {
      await call(`v1/jobs/${this.id}:cancel`, { method: "POST" });
    } catch (error) {
      this.cancel.disabled = false;
      this.progress.append(failure(error));
    }
  }

  show(job) {
    const { progress } = job;
    const target = job.result?.filename ?? [job.to, this.known?.keras && `for Keras ${this.known.keras}`].filter(Boolean).join(" ");
    this.title.replaceChildren(job.source.filename ?? this.known?.name ?? "Job", h("span", { class: "arrow" }, " → "), target);
    document.title = `${job.source.filename ?? "Job"} → ${target} · kferry`;
    this.text.textContent = PHASES[job.state] ?? "";
    if (job.state !== "running" || !progress) {
      this.bar.removeAttribute("value");
      return;
    }
    this.bar.value = progress.percent;
    const parts = [`${progress.percent} %`, progress.models_total > 1 && `model ${progress.models_done + 1} of ${progress.models_total}`,
      progress.tensors_total && `${progress.tensors_done} of ${progress.tensors_total} tensors`,
      progress.bytes_total && `${bytes(progress.bytes_done)} of ${bytes(progress.bytes_total)}`];
    this.text.textContent = `${PHASES.running}: ${parts.filter(Boolean).join(", ")}`;
  }

  again() {
    const chosen = this.page.chosen();
    return h("p", {}, chosen ? [h("a", { href: "#/file" }, `Convert ${chosen.name} to something else`), " · "] : null, h("a", { href: "#/" }, "Convert another file"));
  }

  remove() {
    const done = async ({ currentTarget }) => {
      try {
        await call(`v1/jobs/${this.id}`, { method: "DELETE" });
        forget(this.id);
        announce("The job and its files are gone");
        this.page.go("#/");
      } catch (error) {
        currentTarget?.after(failure(error));
      }
    };
    return h("p", { class: "soft" }, h("button", { type: "button", class: "small", onclick: done }, "Delete this job and its files"));
  }

  async ended(job) {
    this.progress.remove();
    const head = h("h2", {}, stateMark(job));
    const view = h("div", {}, head);
    this.page.element.append(view);
    if (job.state === "succeeded") await this.succeeded(job, view);
    else if (job.state === "failed") await this.failed(job, view);
    else view.append(h("p", {}, "It was cancelled, and nothing was kept."));
    if (this.page.signal.aborted) return;
    view.append(this.again(), job.expires_at ? h("p", { class: "soft" }, `Kept until ${new Date(job.expires_at).toLocaleString("en-GB")}.`) : "", this.remove());
    focusOn(head);
  }

  async succeeded(job, view) {
    const report = await json(`v1/jobs/${this.id}/report`, { signal: this.page.signal });
    view.replaceChildren(view.firstChild, verdictSentence(report), downloads(job), snippets(job, this.known, report),
      h("h2", {}, "Report"), changesOf(report, reader(this.id)));
    view.firstChild.classList.add("away");
    announce(`Converted: ${job.result.verdict ?? "done"}. ${job.result.filename} is ready.`);
  }

  async failed(job, view) {
    const { error } = job;
    announce(`Not converted: ${error.title}`);
    let report = null;
    try {
      report = error.report ?? await json(`v1/jobs/${this.id}/report`, { signal: this.page.signal });
    } catch { /* what failed before a worker had a look has no report */ }
    view.append(...report ? [verdictSentence(report), changesOf(report)] : [failure({ problem: error })]);
  }
}

export async function showJob(page, id) {
  const watched = new Watched(page, id);
  try {
    for await (const job of follow(id, page.signal)) {
      watched.show(job);
      if (job.done) await watched.ended(job);
    }
  } catch (error) {
    if (page.signal.aborted) return;
    if (error.problem?.code === "job-not-found") forget(id);
    watched.progress.remove();
    page.element.append(failure(error), h("p", {}, h("a", { href: "#/" }, "Convert a file")));
  }
}
