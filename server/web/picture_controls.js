// SPDX-License-Identifier: Apache-2.0
// What stands around the picture: search and zoom, the legend, and what is known of the chosen layer.

import { SIGNS, WORDS } from "./effects.js";
import { countText } from "./figures.js";

const ENTRIES_SHOWN = 6;

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value != null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== ""));
  return made;
}

function button(label, text, onclick) {
  return element("button", { type: "button", "aria-label": label, title: label, onclick }, text);
}

// A field that goes from one find to the next.
function makeSearch(picture, signal) {
  const search = element("input", { type: "search", placeholder: "Find a layer", "aria-label": "Find a layer by its name or class", autocomplete: "off", spellcheck: "false" });
  const said = element("span", { class: "found", role: "status" });
  let found = [], at = -1;
  const step = (by) => {
    if (!found.length) return;
    at = (at + by + found.length) % found.length;
    said.textContent = `${at + 1} of ${found.length}`;
    picture.go(found[at]);
  };
  search.addEventListener("input", () => {
    found = picture.find(search.value);
    at = -1;
    said.textContent = !search.value.trim() ? "" : found.length ? "" : "none";
    step(1);
  }, { signal });
  search.addEventListener("keydown", (event) => {
    const by = { Enter: event.shiftKey ? -1 : 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && !search.value) picture.stage.focus();
    if (!by) return;
    event.preventDefault();
    step(by);
  }, { signal });
  return { search, element: element("div", { class: "search", role: "search" }, search, said) };
}

export function makeTools(picture, signal) {
  const { search, element: field } = makeSearch(picture, signal);
  const scale = element("output", { class: "scale", "aria-hidden": "true" });
  const nested = picture.model.all.some((box) => box.parent && box.boxes);
  const tools = element("div", { class: "tools" }, field, element("div", { class: "buttons", role: "group", "aria-label": "View" },
    nested ? button("Open everything that has layers inside", "Open all", () => picture.openAll(true)) : null,
    nested ? button("Close everything", "Close all", () => picture.openAll(false)) : null,
    button("Smaller", "−", () => picture.pane.zoomOut()), scale, button("Larger", "+", () => picture.pane.zoomIn()),
    button("All of it", "Fit", () => picture.pane.fit())));
  return { element: tools, search, zoomed(value) { scale.textContent = `${Math.max(1, Math.round(value * 100))} %`; } };
}

/** What the colours mean and how many there are of each; a click goes to the next such layer. */
export function makeLegend(picture) {
  const list = element("ul", { class: "legend", "aria-label": "What the conversion does to the layers" });
  return {
    element: list,
    show(counts) {
      list.hidden = !counts;
      list.replaceChildren(...Object.entries(counts ?? {}).filter(([, n]) => n).map(([effect, n]) => element("li", {},
        element("button", { type: "button", class: effect, onclick: () => picture.nextOf(effect), title: `Go to the next layer that is ${effect}` },
          element("span", { class: "swatch", "aria-hidden": "true" }, SIGNS[effect]), ` ${n.toLocaleString("en")} ${WORDS[effect]}`))));
    },
  };
}

function entryLine({ where, key, reason, way_out: way, before, after }, path) {
  const from = where === path ? "" : `${path && where.startsWith(path) ? where.slice(path.length + 1) : where} `;
  const value = (one) => JSON.stringify(one) ?? "nothing";
  const change = key ? [element("code", {}, from + key), before !== undefined || after !== undefined ? ` ${value(before)} → ${value(after)}: ` : ": "] : [from && `${from.trim()}: `];
  return element("li", {}, ...change, reason, way ? element("em", {}, ` ${way}`) : null);
}

function entriesOf(entries, path) {
  if (!entries.length) return "";
  return element("ul", {}, ...entries.slice(0, ENTRIES_SHOWN).map((entry) => entryLine(entry, path)),
    entries.length > ENTRIES_SHOWN ? element("li", {}, `and ${entries.length - ENTRIES_SHOWN} more`) : null);
}

/** The chosen layer in words; heard by those who do not see the picture. */
export function makeDetails(picture) {
  const heard = element("p", { class: "heard", role: "status" });
  const facts = element("div", { class: "facts-of" });
  const hint = picture.model.drawn ? matchMedia("(pointer: coarse)").matches ? "Drag to move, pinch to zoom, touch a layer to choose it."
    : "Drag to move, Ctrl and the wheel to zoom. A click or the arrow keys choose a layer." : "The file does not tell how its layers are connected.";
  const more = picture.model.more ? ` ${countText(picture.model.more, "connection")} are not listed.` : "";
  let whole = [];
  return {
    element: element("div", { class: "details" }, facts, heard),
    /** What the report says of the file as a whole. */
    about(entries) { whole = entries; },
    show(box, words) {
      heard.textContent = words;
      if (!box) {
        facts.replaceChildren(element("p", { class: "hint" }, hint + more), entriesOf(whole, ""));
        return;
      }
      const line = [box.className, box.shape, box.parameters ? countText(box.parameters, "parameter") : "", box.calls > 1 ? `called ${box.calls} times` : "",
        box.frozen ? "frozen" : "", box.boxes ? `${box.boxes.length} inside` : ""].filter(Boolean).join(" · ");
      const effect = box.open ? box.effect : box.worst;
      facts.replaceChildren(element("p", {}, element("strong", {}, box.path), " ", element("span", { class: "soft-of" }, line)),
        effect ? element("p", { class: `effect ${effect}` }, element("span", { class: "swatch", "aria-hidden": "true" }, SIGNS[effect]), ` ${WORDS[effect]}`) : "",
        entriesOf(box.entries, box.path));
    },
  };
}
