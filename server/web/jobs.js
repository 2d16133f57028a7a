// SPDX-License-Identifier: Apache-2.0
// Jobs: those that this browser remembers, and those that the service shows to whoever asks.

import { json } from "./api.js";
import { bytes, h } from "./dom.js";
import { failure, verdictMark } from "./words.js";

const STORED = "kferry.jobs";
const STORED_MAX = 50;
const RECENT = 5;

/** What this browser knows of a job beyond what the service tells: {id, name, to, keras, options}. */
export function remembered() {
  try {
    const rows = JSON.parse(localStorage.getItem(STORED) || "[]");
    return Array.isArray(rows) ? rows : [];
  } catch {
    return [];
  }
}

export function remember(row) {
  const rows = [row, ...remembered().filter(({ id }) => id !== row.id)].slice(0, STORED_MAX);
  try {
    localStorage.setItem(STORED, JSON.stringify(rows));
  } catch { /* no room, or not allowed: the service knows the job still */ }
}

export function forget(id) {
  localStorage.setItem(STORED, JSON.stringify(remembered().filter((row) => row.id !== id)));
}

function ago(time) {
  const seconds = (Date.parse(time) - Date.now()) / 1000;
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (!Number.isFinite(seconds)) return "";
  if (seconds > -60) return "just now";
  if (seconds > -3600) return words.format(Math.round(seconds / 60), "minute");
  if (seconds > -86400) return words.format(Math.round(seconds / 3600), "hour");
  return words.format(Math.round(seconds / 86400), "day");
}

const STATES = { queued: "waits", running: "runs", cancelled: "cancelled", failed: "failed", succeeded: "done" };

export function stateMark(job) {
  if (job.state === "succeeded") return verdictMark(job.result.verdict || "exact", job.result.verdict ? undefined : "done");
  if (job.state === "failed") return verdictMark("refused", job.error?.status === 422 ? "refused" : "failed");
  return verdictMark(job.state === "cancelled" ? "none" : "busy", STATES[job.state]);
}

function rowOf(job) {
  const known = remembered().find(({ id }) => id === job.id);
  const name = job.source.filename || known?.name || job.id;
  const to = job.result?.filename || [job.to, known?.keras].filter(Boolean).join(" for Keras ");
  return h("tr", {},
    h("td", {}, h("a", { href: `#/jobs/${job.id}`, class: "mono" }, name)),
    h("td", { class: "mono" }, to),
    h("td", {}, stateMark(job)),
    h("td", { class: "soft" }, job.source.bytes == null ? "" : bytes(job.source.bytes)),
    h("td", { class: "soft" }, ago(job.created_at)));
}

function table(jobs) {
  const heads = ["File", "Result", "State", "Size", "When"];
  return h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Jobs" }, h("table", { class: "jobs" },
    h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, jobs.map(rowOf))));
}

/** The newest few of this browser, below the place to drop files; nothing where there are none. */
export async function recentList(page, element) {
  const known = new Set(remembered().map(({ id }) => id));
  if (!known.size) return; // and no key is asked for before somebody does something
  try {
    const all = await json("v1/jobs?limit=100", { signal: page.signal });
    const jobs = all.jobs.filter(({ id }) => known.has(id)).slice(0, RECENT);
    if (jobs.length) {
      element.append(h("section", { "aria-labelledby": "recent" }, h("h2", { id: "recent" }, "Recent jobs"), table(jobs),
        h("p", {}, h("a", { href: "#/jobs" }, "All jobs"))));
    }
  } catch (error) {
    if (!page.signal.aborted) element.append(failure(error));
  }
}

export async function showJobs(page) {
  const list = h("div", { "aria-live": "polite" });
  const more = h("button", { type: "button", hidden: true }, "Show more");
  let after = "";
  const load = async () => {
    try {
      const { jobs, next } = await json(`v1/jobs?limit=20${after ? `&after=${after}` : ""}`, { signal: page.signal });
      if (!jobs.length && !after) list.append(h("p", {}, "There are no jobs. ", h("a", { href: "#/" }, "Convert a file"), "."));
      else if (list.querySelector("tbody")) list.querySelector("tbody").append(...jobs.map(rowOf));
      else list.append(table(jobs));
      after = next;
      more.hidden = !next;
    } catch (error) {
      if (!page.signal.aborted) list.append(failure(error));
    }
  };
  more.addEventListener("click", load);
  page.element.append(h("h1", {}, "Jobs"), list, more);
  await load();
}
