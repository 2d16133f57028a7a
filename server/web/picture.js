// SPDX-License-Identifier: Apache-2.0
// The picture of a model: its layers as boxes, what goes from one to the other, and what a conversion
// does to each. showModel() is all that a page needs; picture.css goes with it.

import { EFFECTS, SIGNS, WORDS } from "./effects.js";
import { countText } from "./figures.js";
import { boxesOf, colour, place, spoken, treeOf, widthOf } from "./picture_boxes.js";
import { makeDetails, makeLegend, makeTools } from "./picture_controls.js";
import { NEAR, makeFar, makeMeasure, makeNear, makePalette, sightOf } from "./picture_draw.js";
import { makeMap } from "./picture_map.js";
import { listen, makeView } from "./picture_view.js";
import { stepFrom } from "./picture_walk.js";

// The layout in another thread; where there is none, here.
function makeLayouter(signal) {
  let worker = null, last = 0, waiting = null;
  const here = async (tree) => (await import("./layout.js")).layoutTree(tree);
  try {
    worker = new Worker(new URL("./layout_worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => { if (data.id === last) waiting?.(data); });
    worker.addEventListener("error", () => {
      worker = null;
      waiting?.({ failed: true });
    });
    signal.addEventListener("abort", () => worker?.terminate());
  } catch {
    worker = null;
  }
  return async (tree) => {
    const id = ++last;
    if (!worker) return here(tree);
    const answer = await new Promise((resolve) => {
      waiting = resolve;
      worker.postMessage({ id, tree });
    });
    return answer.failed ? here(tree) : answer.tree;
  };
}

class Picture {
  constructor(element, { inspect, plan, signal, onLayer }) {
    this.stop = new AbortController();
    signal?.addEventListener("abort", () => this.destroy(), { once: true });
    this.element = element;
    this.onLayer = onLayer;
    this.model = boxesOf(inspect);
    this.drawn = { boxes: [], edges: [] };
    this.size = { width: 1, height: 1 };
    this.matches = new Set();
    this.selected = null;
    this.layout = makeLayouter(this.stop.signal);
    this.build();
    this.measure = makeMeasure(this.stage);
    this.width = widthOf(this.model, this.measure.measure);
    this.near = makeNear(this.stage, this.measure);
    this.far = makeFar(this.stage, this.measure);
    this.map = makeMap(this.stage, (x, y) => this.pane.moveTo(x, y), this.stop.signal);
    this.update({ plan });
    this.ready = this.arrange().then(() => this.begin());
  }

  build() {
    const { signal } = this.stop;
    this.tools = makeTools(this, signal);
    this.legend = makeLegend(this);
    this.details = makeDetails(this);
    this.stage = document.createElement("div");
    this.stage.className = "stage";
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-roledescription", "picture of the model");
    this.stage.setAttribute("aria-label", `${countText(this.model.all.length - 1, "layer")}. Arrow keys go along the connections, Enter opens what has layers inside. The table of layers says the same.`);
    this.probe = document.createElement("span");
    this.probe.className = "probe";
    this.stage.append(this.probe);
    this.box = document.createElement("div");
    this.box.className = "picture";
    this.box.append(this.tools.element, this.stage, this.details.element, this.legend.element);
    this.element.append(this.box);
    this.pane = makeView(this.stage, () => this.soon());
    listen(this.stage, this.pane, { tap: (...at) => this.tap(...at), signal });
    this.stage.addEventListener("keydown", (event) => this.key(event), { signal });
    this.watch();
  }

  // Sizes and colours change while it is open.
  watch() {
    this.sizes = new ResizeObserver(() => {
      this.pane.resize(this.stage.clientWidth, this.stage.clientHeight);
      this.renew();
    });
    this.sizes.observe(this.stage);
    const { signal } = this.stop;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.renew(), { signal });
    this.theme = new MutationObserver(() => this.renew());
    this.theme.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "style", "data-theme"] });
  }

  async arrange() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.stage.setAttribute("aria-busy", "true");
    const tree = await this.layout(treeOf(this.model.root, this.width));
    if (turn !== this.turn || this.stop.signal.aborted) return;
    this.stage.removeAttribute("aria-busy");
    this.drawn = place(this.model.root, tree);
    this.size = { width: this.model.root.width, height: this.model.root.height };
    this.pane.setWorld(this.size);
    this.pane.resize(this.stage.clientWidth, this.stage.clientHeight);
    this.renew();
  }

  begin() {
    const first = this.model.root.boxes[0];
    this.pane.begin(first ? first.x + first.width / 2 : 0);
  }

  // What is drawn has changed as a whole, not only what of it is in sight.
  renew() {
    if (this.stop.signal.aborted) return;
    this.palette = makePalette(this.probe);
    this.near.clear();
    this.map.renew(this.drawn, this.size, this.pane.view, this.palette);
    this.soon();
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.stop.signal.aborted && this.palette) this.draw();
    });
  }

  draw() {
    const sight = sightOf(this.pane.view), marks = { selected: this.selected, matches: this.matches };
    if (sight.scale >= NEAR) {
      this.far.hide();
      this.near.draw(this.drawn, sight, marks);
    } else {
      this.near.hide();
      this.far.draw(this.drawn, sight, marks, this.palette);
    }
    this.map.mark(sight, this.palette);
    this.tools.zoomed(sight.scale);
  }

  at(x, y) {
    const { view } = this.pane, px = (x - view.x) / view.scale, py = (y - view.y) / view.scale;
    return this.drawn.boxes.findLast((box) => px >= box.x && px <= box.x + box.width && py >= box.y && py <= box.y + box.height);
  }

  tap(x, y, clicks) {
    const box = this.at(x, y);
    if (!box) { this.select(null); return; }
    const { view } = this.pane;
    const fromRight = (box.x + box.width - (x - view.x) / view.scale), fromTop = (y - view.y) / view.scale - box.y;
    const onChevron = box.boxes && fromRight < 36 && (box.open ? fromTop < 40 : fromTop > 26);
    this.select(box, { move: false });
    if (box.boxes && (onChevron || clicks === 2)) this.toggle(box);
  }

  async toggle(box, open = !box.open) {
    if (!box.boxes || box.open === open) return;
    const { view } = this.pane, before = { x: box.x * view.scale + view.x, y: box.y * view.scale + view.y };
    box.open = open;
    if (!open && this.within(this.selected, box)) this.selected = box;
    await this.arrange();
    this.pane.set(before.x - box.x * view.scale, before.y - box.y * view.scale, view.scale); // it stays where it was
    this.say(box);
  }

  within(box, outer) {
    for (; box; box = box.parent) if (box === outer) return true;
    return false;
  }

  async openAll(open) {
    for (const box of this.model.all) if (box.parent && box.boxes) box.open = open;
    await this.arrange();
    this.begin();
  }

  select(box, { move = true } = {}) {
    this.selected = box;
    if (box && move) this.pane.reveal(box);
    this.soon();
    this.say(box);
    if (box) this.onLayer?.(box.path);
  }

  say(box) {
    this.details.show(box, box ? spoken(box, WORDS) : "");
  }

  /** Open what a layer is in, and go to it. */
  async go(box) {
    let closed = false;
    for (let outer = box.parent; outer; outer = outer.parent) {
      closed ||= !outer.open;
      outer.open = true;
    }
    if (closed) await this.arrange();
    await this.ready;
    this.select(box);
  }

  async focus(path) {
    const box = this.model.byPath.get(path);
    if (box?.parent) await this.go(box);
    return Boolean(box?.parent);
  }

  find(words) {
    const wanted = words.trim().toLowerCase();
    const found = wanted ? this.model.all.filter((box) => box.parent && `${box.path} ${box.className}`.toLowerCase().includes(wanted)) : [];
    this.matches = new Set(found);
    this.soon();
    return found;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const done = { "+": () => this.pane.zoomIn(), "=": () => this.pane.zoomIn(), "-": () => this.pane.zoomOut(), 0: () => this.pane.fit(),
      "/": () => this.tools.search.focus(), Enter: () => this.selected && this.toggle(this.selected), " ": () => this.selected && this.toggle(this.selected),
      Escape: () => this.select(this.selected?.parent?.parent ? this.selected.parent : null) }[key] ?? this.walk(key);
    if (!done) return;
    event.preventDefault();
    done();
  }

  walk(key) {
    const next = stepFrom(this.selected, key, this.model.root, this.drawn.boxes);
    if (next === undefined) return null;
    return () => { if (next) this.select(next); };
  }

  /** The layers to which the conversion does this, to be gone through one after the other. */
  nextOf(effect) {
    const such = this.model.all.filter((box) => box.parent && box.effect === effect);
    const at = such.findIndex((box) => box.id > (this.selected?.id ?? -1));
    if (such.length) this.go(such[Math.max(0, at)]);
  }

  update({ plan }) {
    colour(this.model, plan);
    this.plan = plan;
    this.details.about(plan ? this.model.root.entries : []);
    const counts = plan ? Object.fromEntries(EFFECTS.map((effect) => [effect, this.model.all.filter((box) => box.parent && box.effect === effect).length])) : null;
    this.legend.show(counts, SIGNS, WORDS);
    this.say(this.selected);
    this.renew();
  }

  destroy() {
    if (this.stop.signal.aborted) return;
    this.stop.abort();
    this.sizes.disconnect();
    this.theme.disconnect();
    this.pane.stop();
    this.box.remove();
  }
}

/**
 * Draw the model of an answer of /v1/inspect into `element`, coloured by `plan`, a report of /v1/plan,
 * where there is one. `onLayer` hears the path of a layer that was chosen.
 *
 * Returns {update({plan}), focus(path), destroy(), ready}; `ready` is fulfilled when it is drawn.
 */
export function showModel(element, options) {
  const picture = new Picture(element, options);
  return {
    update: (change) => picture.update(change),
    focus: (path) => picture.focus(path),
    destroy: () => picture.destroy(),
    ready: picture.ready,
  };
}
