// SPDX-License-Identifier: Apache-2.0
// A table of any length: real rows, of which the page has those in sight; sorted, filtered, walked by keys.

const ROW = 34; // height of a row, as in tables.css
const AROUND = 8; // rows beyond what is in sight

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// Room for the rows that are not there.
function spacer() {
  const row = make("tr", { class: "spacer", "aria-hidden": "true" });
  return { row, set(rows) { row.style.height = `${rows * ROW}px`; row.hidden = !rows; } };
}

/**
 * A table in `element` of `rows` with `columns`: {name, value(row), cell?(row), number?}. `text(row)` is
 * what the filter looks at. Returns {update(rows), element}.
 */
export function longTable({ title, columns, rows, text, signal }) {
  let order = { column: -1, down: 1 }, words = "", shown = [], first = 0;
  const kept = new Map();
  const above = spacer(), below = spacer(), body = make("tbody", {}, above.row, below.row);
  const heads = columns.map(({ name, number }, i) => {
    const sort = make("button", { type: "button" }, name);
    sort.addEventListener("click", () => sortBy(i), { signal });
    return make("th", { scope: "col", "aria-sort": "none", class: number ? "number" : null }, sort);
  });
  const table = make("table", { "aria-label": title }, make("thead", {}, make("tr", { "aria-rowindex": 1 }, ...heads)), body);
  const region = make("div", { class: "rows", role: "region", tabindex: 0, "aria-label": `${title}, scrolls` }, table);
  const filter = make("input", { type: "search", placeholder: "Filter", "aria-label": `Filter: ${title}`, autocomplete: "off", spellcheck: "false" });
  const said = make("span", { class: "how-many", role: "status" });
  const none = make("p", { class: "none" }, "Nothing here has that in it.");

  function sortBy(column) {
    order = { column, down: order.column === column ? -order.down : 1 };
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== column ? "none" : order.down > 0 ? "ascending" : "descending"));
    renew();
  }

  function renew() {
    const wanted = words.toLowerCase();
    shown = wanted ? rows.filter((row) => text(row).toLowerCase().includes(wanted)) : [...rows];
    const column = columns[order.column];
    if (column) shown.sort((a, b) => order.down * compare(column.value(a), column.value(b)));
    said.textContent = wanted ? `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : rows.length.toLocaleString("en");
    table.setAttribute("aria-rowcount", shown.length + 1);
    none.hidden = shown.length > 0;
    for (const row of kept.values()) row.remove();
    kept.clear();
    region.scrollTop = 0;
    draw();
  }

  const rowOf = (row, index) => make("tr", { "aria-rowindex": index + 2 }, ...columns.map(({ value, cell, number }, i) =>
    make(i ? "td" : "th", { scope: i ? null : "row", class: number ? "number" : null }, ...[cell ? cell(row) : String(value(row))].flat())));

  function draw() {
    first = Math.max(0, Math.floor(region.scrollTop / ROW) - AROUND);
    const end = Math.min(shown.length, first + Math.ceil((region.clientHeight || 400) / ROW) + 2 * AROUND);
    for (const [index, row] of kept) if ((index < first || index >= end) && !row.contains(document.activeElement)) {
      row.remove();
      kept.delete(index);
    }
    for (let index = first; index < end; index++) if (!kept.has(index)) kept.set(index, rowOf(shown[index], index));
    const there = [...kept.keys()].filter((index) => index >= first && index < end).sort((a, b) => a - b).map((index) => kept.get(index));
    const held = [...kept].filter(([index]) => index < first || index >= end).map(([, row]) => row); // has the keyboard
    above.set(first);
    below.set(shown.length - end);
    const wanted = [above.row, ...there, below.row, ...held];
    if (wanted.some((row, i) => body.children[i] !== row)) {
      const active = document.activeElement;
      body.replaceChildren(...wanted);
      if (body.contains(active)) active.focus({ preventScroll: true });
    }
    for (const row of held) row.classList.add("held");
    for (const row of there) row.classList.remove("held");
  }

  // Arrow keys go from row to row where rows can be pressed.
  function walk(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key], row = event.target.closest("tbody tr");
    if (!by || !row) return;
    const index = Number(row.getAttribute("aria-rowindex")) - 2 + by;
    if (index < 0 || index >= shown.length) return;
    event.preventDefault();
    const top = index * ROW, space = region.clientHeight - ROW;
    if (top < region.scrollTop) region.scrollTop = top;
    if (top + ROW > region.scrollTop + space) region.scrollTop = top + ROW - space;
    draw();
    kept.get(index)?.querySelector("button")?.focus({ preventScroll: true });
    draw();
  }

  filter.addEventListener("input", () => {
    words = filter.value.trim();
    renew();
  }, { signal });
  region.addEventListener("scroll", draw, { signal, passive: true });
  body.addEventListener("keydown", walk, { signal });
  const sizes = new ResizeObserver(draw);
  sizes.observe(region);
  signal.addEventListener("abort", () => sizes.disconnect());
  renew();
  return {
    element: make("div", { class: "long-table" }, make("div", { class: "above" }, filter, said), region, none),
    update(changed) {
      rows = changed;
      const at = region.scrollTop;
      renew();
      region.scrollTop = at;
      draw();
    },
  };
}
