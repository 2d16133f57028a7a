// SPDX-License-Identifier: Apache-2.0
// What every part of the page uses: elements, numbers as people read them, a word for screen readers.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(9).filter((child) => child != null && child !== false));
  return element;
}

export function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  for (; n >= 1000 && at < units.length - 1; at++) n /= 1000;
  return `${at && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}

export function count(n, word, words = word + "s") {
  return `${n.toLocaleString("en")} ${n === 1 ? word : words}`;
}

// `code` in running text.
export function prose(text) {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith("`") && part.length > 1 ? h("code", {}, part.slice(1, -1)) : part));
}

// Said by screen readers; the same words twice are said twice.
export function announce(text) {
  const live = document.getElementById("live");
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}

// Move the keyboard to what is new on the page.
export function focusOn(element) {
  if (!element.hasAttribute("tabindex")) element.setAttribute("tabindex", "-1");
  element.focus({ preventScroll: true });
}

// What is made when it is opened.
export function opened(summary, make, attributes = {}) {
  const details = h("details", attributes, h("summary", {}, summary));
  const fill = () => {
    if (details.open && !details.dataset.filled) {
      details.dataset.filled = "yes";
      details.append(...[make()].flat(9).filter(Boolean));
    }
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = h("textarea", { class: "away", readonly: true, "aria-hidden": "true" }); // plain HTTP has no clipboard
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done ? Promise.resolve() : Promise.reject(new Error("the browser does not allow it"));
}

export function copyButton(what, text) {
  const button = h("button", { type: "button", class: "small", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await copyText(typeof text === "function" ? text() : text);
      button.textContent = "Copied";
      announce(`Copied ${what}`);
    } catch (error) {
      button.textContent = "Not copied";
      announce(`${what} could not be copied: ${error.message}`);
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}

// Lines to take along, with a button that copies them.
export function snippet(what, text) {
  return h("figure", { class: "snippet" }, h("figcaption", {}, what, copyButton(what, text)), h("pre", { tabindex: 0 }, text));
}

// A table whose rows are made as far as they are looked at: the first `step`, then more on demand.
export function longTable(heads, rows, rowOf, step = 100) {
  const body = h("tbody", {});
  const more = h("button", { type: "button", class: "small" });
  let shown = 0;
  const show = () => {
    body.append(...rows.slice(shown, shown + step).map(rowOf));
    shown = Math.min(rows.length, shown + step);
    more.textContent = `Show ${Math.min(step, rows.length - shown)} more of ${rows.length - shown}`;
    more.hidden = shown >= rows.length;
  };
  more.addEventListener("click", show);
  show();
  const table = h("table", {}, h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col" }, name)))), body);
  return [h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": heads.join(", ") }, table), more];
}
