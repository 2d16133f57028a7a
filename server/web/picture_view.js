// SPDX-License-Identifier: Apache-2.0
// What part of the picture is in sight: dragged, pinched, scrolled, zoomed, and moved to a box.

const SCALE_MAX = 2, STEP = 1.25;
const READABLE = 0.9; // what a picture begins with that is too large to be seen at once
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** A view of `element`, which calls `change` when it moved; `world` is {width, height} of everything. */
export function makeView(element, change) {
  const view = { x: 0, y: 0, scale: 1, width: 0, height: 0 };
  let world = { width: 1, height: 1 }, moving = 0;

  const fitting = () => Math.min(1, (view.width - 32) / world.width, (view.height - 32) / world.height);
  const bound = () => { // some of the picture stays in sight
    const keep = 60;
    view.x = Math.min(view.width - keep, Math.max(keep - world.width * view.scale, view.x));
    view.y = Math.min(view.height - keep, Math.max(keep - world.height * view.scale, view.y));
  };
  const set = (x, y, scale) => {
    Object.assign(view, { x, y, scale });
    bound();
    change();
  };
  const glide = (x, y, scale) => {
    cancelAnimationFrame(moving);
    if (still.matches) { set(x, y, scale); return; }
    const from = { ...view }, begun = performance.now();
    const step = (now) => {
      const t = Math.min(1, (now - begun) / 180), ease = 1 - (1 - t) ** 3;
      set(from.x + (x - from.x) * ease, from.y + (y - from.y) * ease, from.scale + (scale - from.scale) * ease);
      if (t < 1) moving = requestAnimationFrame(step);
    };
    moving = requestAnimationFrame(step);
  };
  const zoomAt = (factor, x = view.width / 2, y = view.height / 2) => {
    const scale = Math.min(SCALE_MAX, Math.max(Math.min(fitting(), 0.02), view.scale * factor));
    set(x - ((x - view.x) * scale) / view.scale, y - ((y - view.y) * scale) / view.scale, scale);
  };
  const middle = (scale) => (view.width - world.width * scale) / 2;
  return {
    view, set, zoomAt,
    zoomIn: () => zoomAt(STEP),
    zoomOut: () => zoomAt(1 / STEP),
    panBy: (x, y) => set(view.x + x, view.y + y, view.scale),
    resize(width, height) {
      if (view.width) view.x += (width - view.width) / 2;
      Object.assign(view, { width, height });
    },
    setWorld(size) { world = size; },
    fit() {
      const scale = fitting();
      glide(middle(scale), (view.height - world.height * scale) / 2, scale);
    },
    /** Begin with all of it if that can be read, else with its top; of what is too wide around `x`. */
    begin(x) {
      const scale = fitting();
      if (scale >= 0.6) set(middle(scale), (view.height - world.height * scale) / 2, scale);
      else set(world.width * READABLE < view.width ? middle(READABLE) : view.width / 2 - x * READABLE, -16, READABLE);
    },
    moveTo(x, y) { glide(view.width / 2 - x * view.scale, view.height / 2 - y * view.scale, view.scale); },
    /** Bring a box into sight, near enough to be read; the less movement the better. */
    reveal(box) {
      const scale = Math.max(view.scale, READABLE), near = scale === view.scale;
      const left = view.x + box.x * scale, top = view.y + box.y * scale, height = Math.min(box.height, 60) * scale;
      const inside = left > 8 && left + box.width * scale < view.width - 8 && top > 8 && top + height < view.height - 8;
      if (near && inside) { change(); return; }
      glide(view.width / 2 - (box.x + box.width / 2) * scale, view.height / 2 - box.y * scale - height / 2, scale);
    },
    /** Whether scrolling by `y` would still show something new. */
    canPan: (y) => (y > 0 ? view.y + world.height * view.scale > view.height - 16 : view.y < 16),
    stop: () => cancelAnimationFrame(moving),
  };
}

/** Mouse, pen, fingers and wheel; `tap` gets where it was touched without being moved. */
export function listen(element, pane, { tap, signal }) {
  const pointers = new Map();
  let moved = 0, apart = 0;
  const at = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const distance = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pointers.set(event.pointerId, at(event));
    moved = pointers.size > 1 ? 99 : 0;
    if (pointers.size === 2) apart = distance();
    pane.stop();
  }, { signal });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    pointers.set(event.pointerId, now);
    if (moved < 4) return;
    element.setPointerCapture(event.pointerId);
    element.classList.add("dragged");
    pane.panBy((now[0] - before[0]) / pointers.size, (now[1] - before[1]) / pointers.size);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], far = distance();
      pane.zoomAt(far / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      apart = far;
    }
  }, { signal });
  for (const kind of ["pointerup", "pointercancel"]) element.addEventListener(kind, (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (kind === "pointerup" && moved < 4) tap(...at(event), event.detail);
    element.classList.remove("dragged");
  }, { signal });
  element.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) pane.zoomAt(Math.exp(-event.deltaY / (event.deltaMode ? 20 : 200)), ...at(event));
    else if (element.matches(":focus, :focus-within") && pane.canPan(event.deltaY)) pane.panBy(-event.deltaX, -event.deltaY * (event.deltaMode ? 20 : 1));
    else return; // the page scrolls
    event.preventDefault();
  }, { signal, passive: false });
}
