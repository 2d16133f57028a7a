// SPDX-License-Identifier: Apache-2.0
// The description of the API as a page: nothing but openapi.json, the document's own words set as text.

import { h } from "./assets/dom.js";

const METHODS = ["get", "put", "post", "delete"];
const SHOWN_MAX = 200000; // letters of an answer
const api = await (await fetch("openapi.json")).json();

function follow(value) {
  while (value && value.$ref) {
    value = value.$ref.slice(2).split("/").reduce((node, name) => node[name], api);
  }
  return value;
}

// `code`, **strong** and plain text.
function words(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 1) return h("code", {}, part.slice(1, -1));
    if (part.startsWith("**")) return h("strong", {}, part.slice(2, -2));
    return part;
  });
}

// Paragraphs and lists of the descriptions.
function prose(text) {
  return (text || "").trim().split(/\n\n+/).filter(Boolean).map((block) => {
    const items = block.split(/\n(?=- )/);
    if (!block.startsWith("- ")) return h("p", {}, words(block.replace(/\n/g, " ")));
    return h("ul", {}, items.map((item) => h("li", {}, words(item.slice(2).replace(/\n\s*/g, " ")))));
  });
}

function nameOf(schema) {
  return schema.$ref ? schema.$ref.split("/").pop() : "";
}

function typeOf(schema) {
  const value = follow(schema);
  if (value.const !== undefined) return JSON.stringify(value.const);
  if (value.enum) return value.enum.map((word) => JSON.stringify(word)).join(" | ");
  if (value.oneOf || value.anyOf) return (value.oneOf || value.anyOf).map(typeOf).join(" | ");
  if (value.allOf) return value.allOf.map(typeOf)[0];
  if (value.type === "array") return "list of " + typeOf(value.items || {});
  if (value.type === "object" || value.properties) return nameOf(schema) || "object";
  const type = [value.type || "anything"].flat().join(" | ");
  return value.contentMediaType ? "bytes" : value.format ? `${type} (${value.format})` : type;
}

// What has members below it: itself, or what it is a list or a choice of.
function partsOf(schema) {
  const value = follow(schema);
  if (!value) return [];
  if (value.type === "array" && value.items) return partsOf(value.items);
  const choices = value.oneOf || value.anyOf || value.allOf;
  const below = choices ? choices.flatMap(partsOf) : [];
  return value.properties ? [value, ...below] : below;
}

function limits(value) {
  const told = [];
  if (value.default !== undefined) told.push(`unless given: ${value.default}`);
  if (value.minimum !== undefined) told.push(`at least ${value.minimum}`);
  if (value.maximum !== undefined) told.push(`at most ${value.maximum}`);
  if (value.pattern) told.push(`as ${value.pattern}`);
  return told.length ? h("span", { class: "small" }, " (" + told.join(", ") + ")") : null;
}

function member(name, schema, required) {
  const value = follow(schema);
  const head = [h("code", {}, name), " ", h("span", { class: "soft" }, typeOf(schema)), required ? "" : h("span", { class: "small" }, " may be missing"), limits(value)];
  const text = schema.description || value.description;
  const parts = partsOf(schema);
  if (!parts.length) return h("div", {}, head, text ? [h("br"), words(text.replace(/\n/g, " "))] : null);
  return opened(head, () => [text ? prose(text) : null, ...parts.map(members)]);
}

// A piece that is built when it is opened: schemas may hold themselves.
function opened(head, build, attributes = {}) {
  const details = h("details", attributes, h("summary", {}, head));
  const fill = () => {
    if (details.open && details.childElementCount === 1) details.append(h("div", { class: "members" }, build()));
  };
  details.addEventListener("toggle", fill);
  if (attributes.open) details.append(h("div", { class: "members" }, build()));
  return details;
}

function members(value) {
  const required = new Set(value.required || []);
  return h("div", {}, value.description ? prose(value.description) : null,
    Object.entries(value.properties).map(([name, schema]) => member(name, schema, required.has(name))));
}

function contents(content) {
  return Object.entries(content || {}).map(([kind, row]) => {
    const parts = row.schema ? partsOf(row.schema) : [];
    const example = row.example === undefined ? null
      : h("pre", {}, typeof row.example === "string" ? row.example : JSON.stringify(row.example, null, 2));
    const head = [h("code", {}, kind), " ", h("span", { class: "soft" }, row.schema ? nameOf(row.schema) || typeOf(row.schema) : "a file")];
    if (!parts.length && !example) return h("div", {}, head);
    return opened(head, () => [...parts.map(members), example]);
  });
}

function parametersOf(path, method) {
  const row = api.paths[path];
  return [...(row.parameters || []), ...(row[method].parameters || [])].map(follow);
}

function parameterTable(parameters) {
  if (!parameters.length) return null;
  return [h("h4", {}, "Parameters"), h("table", {},
    h("thead", {}, h("tr", {}, ["Name", "In", "What"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, parameters.map((parameter) => h("tr", {},
      h("td", {}, h("code", {}, parameter.name), parameter.required ? h("span", { class: "small" }, " always") : null),
      h("td", { class: "small" }, parameter.in),
      h("td", {}, prose(parameter.description), h("span", { class: "small" }, typeOf(parameter.schema)), limits(follow(parameter.schema)))))))];
}

function responses(operation) {
  return [h("h4", {}, "Answers"), Object.entries(operation.responses).map(([status, row]) => {
    const response = follow(row);
    const first = (response.description || "").trim().split("\n")[0];
    return opened([h("strong", {}, status), " ", words(first)], () => [
      prose(response.description),
      response.headers ? h("table", {}, h("tbody", {}, Object.entries(response.headers).map(([name, header]) =>
        h("tr", {}, h("td", {}, h("code", {}, name)), h("td", {}, words(follow(header).description || "")))))) : null,
      contents(response.content),
    ]);
  })];
}

function quote(text) {
  return /^[A-Za-z0-9_.\/:@=-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
}

// What the fields say, as a request.
function requestOf(path, method, parameters, form) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  for (const parameter of parameters) {
    const value = form.elements.namedItem(`${parameter.in} ${parameter.name}`)?.value ?? "";
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value) headers[parameter.name] = value;
  }
  const accept = form.elements.namedItem("accept")?.value;
  const key = document.getElementById("token").value;
  if (accept) headers.Accept = accept;
  if (key) headers.Authorization = `Bearer ${key}`;
  const files = [...(form.elements.namedItem("files")?.files || [])];
  let body;
  if (files.length) {
    body = new FormData();
    files.forEach((file) => body.append("file", file, file.name));
  }
  const url = target.slice(1) + (query.size ? "?" + query : "");
  return { url, method: method.toUpperCase(), headers, body, files };
}

function curlOf(request) {
  const words = ["curl", "-fsS"];
  if (request.method !== "GET") words.push("-X", request.method);
  for (const [name, value] of Object.entries(request.headers)) {
    words.push("-H", name === "Authorization" ? '"Authorization: Bearer $KEY"' : quote(`${name}: ${value}`));
  }
  request.files.forEach((file) => words.push("-F", quote(`file=@${file.name}`)));
  words.push(quote(new URL(request.url, location.href).href));
  return words.join(" ");
}

async function show(answer, output) {
  const kind = answer.headers.get("Content-Type") || "";
  const head = `${answer.status} ${answer.statusText}\n` + [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  output.replaceChildren(h("pre", { tabindex: 0 }, head));
  if (/json|text|yaml/.test(kind)) {
    const text = await answer.text();
    output.append(h("pre", { tabindex: 0 }, text.length > SHOWN_MAX ? text.slice(0, SHOWN_MAX) + "\n..." : text));
  } else {
    const blob = await answer.blob();
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "")?.[1] || "answer";
    if (blob.size) output.append(h("a", { href: URL.createObjectURL(blob), download: name }, `Save ${name} (${blob.size} bytes)`));
  }
}

function field(parameter) {
  const schema = follow(parameter.schema);
  const name = `${parameter.in} ${parameter.name}`;
  const input = schema.enum
    ? h("select", { name }, h("option", { value: "" }, ""), schema.enum.map((word) => h("option", {}, word)))
    : h("input", { name, required: Boolean(parameter.required), autocomplete: "off", placeholder: parameter.example ?? "" });
  return h("label", {}, h("code", {}, parameter.name), input);
}

function tryOut(path, method, operation) {
  const parameters = parametersOf(path, method);
  const body = follow(operation.requestBody);
  const kinds = Object.keys(follow(operation.responses["200"])?.content || {});
  const output = h("div", { "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    const request = requestOf(path, method, parameters, event.target);
    output.replaceChildren(h("p", {}, "…"));
    const command = h("pre", { tabindex: 0 }, curlOf(request));
    try {
      await show(await fetch(request.url, request), output);
    } catch (error) {
      output.replaceChildren(h("p", {}, `There was no answer: ${error.message}`));
    }
    output.prepend(command);
  };
  return opened("Try it", () => h("form", { onsubmit: submit },
    h("div", { class: "fields" }, parameters.map(field),
      body ? h("label", {}, "files", h("input", { type: "file", name: "files", multiple: true, required: true })) : null,
      kinds.length > 1 ? h("label", {}, "Accept", h("select", { name: "accept" }, kinds.map((kind) => h("option", {}, kind)))) : null),
    h("button", {}, "Send"), output));
}

function article(path, method, operation) {
  const body = follow(operation.requestBody);
  return h("article", { id: operation.operationId },
    h("h3", {}, h("span", { class: `method ${method}` }, method.toUpperCase()), " ", path),
    h("p", {}, h("strong", {}, operation.summary)), prose(operation.description),
    parameterTable(parametersOf(path, method)),
    body ? [h("h4", {}, "Body"), prose(body.description), contents(body.content)] : null,
    responses(operation), tryOut(path, method, operation));
}

function operationsOf(tag) {
  return Object.entries(api.paths).flatMap(([path, row]) => METHODS
    .filter((method) => row[method]?.tags?.includes(tag))
    .map((method) => ({ path, method, operation: row[method] })));
}

function find(event) {
  const wanted = event.target.value.toLowerCase();
  for (const item of document.querySelectorAll("#list li")) {
    item.hidden = !item.textContent.toLowerCase().includes(wanted);
  }
}

document.getElementById("about").append(h("h1", {}, api.info.title + ": the API"), h("p", {}, api.info.summary), ...prose(api.info.description));
for (const tag of api.tags) {
  const operations = operationsOf(tag.name);
  document.getElementById("list").append(h("h2", {}, tag.name), h("ul", {}, operations.map(({ path, method, operation }) =>
    h("li", {}, h("a", { href: "#" + operation.operationId, title: operation.summary },
      h("span", { class: `method ${method}` }, method.toUpperCase()), " ", path)))));
  document.getElementById("operations").append(h("h2", {}, tag.name), ...prose(tag.description),
    ...operations.map(({ path, method, operation }) => article(path, method, operation)));
}
document.getElementById("find").addEventListener("input", find);
document.getElementById("key").addEventListener("submit", (event) => event.preventDefault());
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
document.body.dataset.ready = "yes";
