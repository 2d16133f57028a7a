// SPDX-License-Identifier: Apache-2.0
// Numbers and shapes as data scientists write them.

export function shapeText(shape) {
  return shape ? `(${shape.map((size) => size ?? "None").join(", ")})` : "";
}

export function parametersText(n) {
  if (n < 10000) return n.toLocaleString("en");
  const at = n < 1e6 ? 0 : n < 1e9 ? 1 : 2;
  const value = n / [1e3, 1e6, 1e9][at];
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} ${"KMB"[at]}`;
}

export function countText(n, word, words = `${word}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? word : words}`;
}
