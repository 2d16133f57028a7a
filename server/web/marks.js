// SPDX-License-Identifier: Apache-2.0
// Two names beside each other, with the parts marked in which they differ.

const SAME_MAX = 400; // pieces of a name that are compared one by one

function pieces(text) {
  return text.match(/[A-Za-z]+|[0-9]+|[^A-Za-z0-9]/g) ?? [];
}

// Lengths of the longest common subsequences of all ends of both.
function lengths(a, b) {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

function push(parts, text, changed) {
  const last = parts.at(-1);
  if (last && last.changed === changed) last.text += text;
  else parts.push({ text, changed });
}

/** Both texts as parts {text, changed}. */
export function compare(before, after) {
  const a = pieces(before), b = pieces(after);
  if (a.length * b.length > SAME_MAX ** 2) {
    return [[{ text: before, changed: true }], [{ text: after, changed: true }]];
  }
  const table = lengths(a, b);
  const left = [], right = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push(left, a[i++], false);
      push(right, b[j++], false);
    } else if (j >= b.length || (i < a.length && table[i + 1][j] >= table[i][j + 1])) {
      push(left, a[i++], true);
    } else {
      push(right, b[j++], true);
    }
  }
  return [left, right];
}
