// SPDX-License-Identifier: Apache-2.0
// A small map at the side of a tall model: all of it at once, its colours, and what is in sight.

const STRONG = { exact: "edge", adapted: "accent", lossy: "doubt", refused: "bad" };
const WIDTH = 56;

/** A map in `element`; `go` gets the place in the model that was pointed at. */
export function makeMap(element, go, signal) {
  const canvas = document.createElement("canvas"), all = document.createElement("canvas");
  canvas.className = "map";
  canvas.setAttribute("aria-hidden", "true");
  element.append(canvas);
  let world = { width: 1, height: 1 }, height = 0;
  const pointed = (event) => {
    if (!event.buttons) return;
    const { left, top } = canvas.getBoundingClientRect();
    event.stopPropagation();
    go(((event.clientX - left) / WIDTH) * world.width, ((event.clientY - top) / height) * world.height);
  };
  for (const kind of ["pointerdown", "pointermove"]) canvas.addEventListener(kind, pointed, { signal });
  return {
    get shown() { return !canvas.hidden; },
    /** Draw the whole model anew, where it is large enough to need a map. */
    renew(drawn, size, view, palette) {
      const ratio = devicePixelRatio || 1;
      world = size;
      height = view.height;
      canvas.hidden = view.width < 420 || size.height * 0.45 < view.height;
      if (canvas.hidden) return;
      for (const one of [canvas, all]) [one.width, one.height] = [WIDTH * ratio, height * ratio];
      const context = all.getContext("2d"), inset = 6, across = (WIDTH - 2 * inset) / Math.max(size.width, 500), down = height / size.height;
      context.setTransform(ratio, 0, 0, ratio, inset * ratio + ((WIDTH - 2 * inset - size.width * across) / 2) * ratio, 0);
      for (const rank of ["exact", "adapted", "lossy", "refused"]) { // what matters is not painted over
        context.fillStyle = palette[STRONG[rank]];
        for (const box of drawn.boxes) {
          if (box.open || (box.worst ?? "exact") !== rank) continue;
          context.fillRect(box.x * across, box.y * down, Math.max(3, box.width * across), Math.max(rank === "exact" ? 0.5 : 1.2, box.height * down - 0.5));
        }
      }
    },
    mark(view, palette) {
      if (canvas.hidden) return;
      const context = canvas.getContext("2d"), ratio = devicePixelRatio || 1;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.drawImage(all, 0, 0);
      const top = (-view.y / view.scale / world.height) * canvas.height, tall = (view.height / view.scale / world.height) * canvas.height;
      context.strokeStyle = palette.accent;
      context.lineWidth = 1.5 * ratio;
      context.strokeRect(ratio, Math.max(ratio, top), canvas.width - 2 * ratio, Math.max(4 * ratio, Math.min(tall, canvas.height - 2 * ratio)));
    },
  };
}
