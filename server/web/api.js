// SPDX-License-Identifier: Apache-2.0
// The service as the page talks to it: /v1/ beside the page, with a key where it wants one.

const STORED_KEY = "kferry.key"; // of this tab, until that is closed
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

// What the service, or the way to it, has against a request.
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

let ask = async () => null;

/** `wanted(why)` is called where the service wants a key, and gives it or null. */
export function onKeyWanted(wanted) {
  ask = wanted;
}

export function storedKey() {
  return sessionStorage.getItem(STORED_KEY) || "";
}

export function storeKey(key) {
  if (key) sessionStorage.setItem(STORED_KEY, key);
  else sessionStorage.removeItem(STORED_KEY);
}

function withKey(headers = {}) {
  const key = storedKey();
  return key ? { ...headers, Authorization: `Bearer ${key}` } : headers;
}

function silent() {
  return new Problem({
    code: "no-answer", title: "The service did not answer", retryable: true,
    detail: "The connection to the service ended without an answer.",
    hint: "Is the service running, and does it take a body of this size? Then try again.",
  });
}

function problemOf(status, text) {
  try {
    const problem = JSON.parse(text);
    if (problem.code) return new Problem(problem);
  } catch { /* not from kferry itself: a proxy's page */ }
  return new Problem({ code: `http-${status}`, status, retryable: status >= 500, title: `The answer was HTTP ${status}`,
    detail: `The answer was HTTP ${status}, and not from kferry: something stands between.` });
}

/** One request again with a key, as long as somebody gives one. */
async function keyed(request) {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (error.problem?.code !== "unauthenticated") throw error;
      const key = await ask(error.message);
      if (!key) throw error;
      storeKey(key);
    }
  }
}

/** An answer of fetch; what is no 2xx is thrown as a Problem. */
export function call(path, { method = "GET", headers = {}, signal } = {}) {
  return keyed(async () => {
    let answer;
    try {
      answer = await fetch(path, { method, headers: withKey(headers), signal, cache: "no-store" });
    } catch (error) {
      throw signal?.aborted ? error : silent();
    }
    if (!answer.ok) throw problemOf(answer.status, await answer.text());
    return answer;
  });
}

export async function json(path, options) {
  return (await call(path, options)).json();
}

function sendOnce(path, body, { progress, signal, headers }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
    const stop = () => request.abort();
    request.open("POST", path);
    for (const [name, value] of Object.entries(withKey(headers))) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => progress?.(event.loaded, event.lengthComputable ? event.total : 0));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(problemOf(request.status, request.responseText));
    });
    request.addEventListener("error", () => reject(silent()));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    request.addEventListener("loadend", () => signal?.removeEventListener("abort", stop));
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    else request.send(body);
  });
}

/** POST a body; `progress(sent, total)` in bytes. The answer as JSON, or a Problem is thrown. */
export function send(path, body, options = {}) {
  return keyed(() => sendOnce(path, body, { headers: {}, ...options }));
}

/** What a file converts to would be, or why not: a report either way. */
export async function plan(path, body, options) {
  try {
    return await send(path, body, options);
  } catch (error) {
    if (error.problem?.report) return error.problem.report;
    throw error;
  }
}

function* eventsOf(lines) {
  for (const block of lines) {
    const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
    if (data) yield JSON.parse(data);
  }
}

async function* stream(id, signal) {
  const answer = await call(`v1/jobs/${id}/events`, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    yield* eventsOf(blocks);
  }
}

/** The job each time that it changes, until it has ended. A connection that breaks is made again. */
export async function* follow(id, signal) {
  for (let failures = 0; ;) {
    let job = null;
    try {
      for await (job of stream(id, signal)) {
        failures = 0;
        yield job;
        if (job.done) return;
      }
    } catch (error) {
      if (signal?.aborted || (error.problem && !error.problem.retryable)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]));
  }
}

let known = {};

/** What seldom changes, asked for once: v1/formats, v1/capacity, problems, version. */
export function fact(path) {
  known[path] ??= json(path).catch((error) => {
    delete known[path];
    throw error;
  });
  return known[path];
}
