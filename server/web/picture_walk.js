// SPDX-License-Identifier: Apache-2.0
// Where an arrow key leads: down and up along the connections, left and right to what stands beside.

function firstOf(box) {
  return box.boxes.find((one) => !one.ins.length) ?? box.boxes[0];
}

function lastOf(box) {
  return box.boxes.findLast((one) => !one.outs.length) ?? box.boxes.at(-1);
}

const middle = (box) => box.x + box.width / 2;

// Of several the one most nearly below or above.
function nearest(boxes, box) {
  return boxes.reduce((best, one) => (Math.abs(middle(one) - middle(box)) < Math.abs(middle(best) - middle(box)) ? one : best));
}

function down(box) {
  if (box.open) return firstOf(box);
  for (let one = box; one.parent; one = one.parent) if (one.outs.length) return nearest(one.outs, one);
  return null;
}

function up(box) {
  if (box.ins.length) {
    const before = nearest(box.ins, box);
    return before.open ? lastOf(before) : before;
  }
  return box.parent?.parent ? box.parent : null;
}

function aside(box, boxes, sign) {
  const beside = boxes.filter((one) => one !== box && one.parent === box.parent && (middle(one) - middle(box)) * sign > 0
    && one.y < box.y + box.height && one.y + one.height > box.y);
  return beside.length ? nearest(beside, box) : null;
}

/** The box that `key` leads to from `box`; null where it ends, undefined when the key is no such key. */
export function stepFrom(box, key, root, boxes) {
  if (!/^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(key) || !root.boxes.length) return undefined;
  if (key === "End") return lastOf(root);
  if (key === "Home" || !box) return firstOf(root);
  return { ArrowDown: () => down(box), ArrowUp: () => up(box), ArrowLeft: () => aside(box, boxes, -1), ArrowRight: () => aside(box, boxes, 1) }[key]();
}
