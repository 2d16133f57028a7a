// SPDX-License-Identifier: Apache-2.0
// Some files as one zip, stored as they are: models do not get smaller.

const SIZE_MAX = 2 ** 32 - 1; // above it a zip needs fields that this does not write
const PIECE = 1 << 22;

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

async function crc32(blob) {
  let crc = 0xffffffff;
  for (let at = 0; at < blob.size; at += PIECE) {
    for (const byte of new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer())) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

// Fields of two and four bytes, the lowest first.
function fields(...rows) {
  const view = new DataView(new ArrayBuffer(rows.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of rows) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return view.buffer;
}

const DATE = [[2, 0], [2, 0x21]]; // the first day that a zip knows: the same files give the same zip

function about({ crc, blob, name }) {
  return [[2, 20], [2, 0x800], [2, 0], ...DATE, [4, crc], [4, blob.size], [4, blob.size], [2, name.length], [2, 0]];
}

/** A Blob of the zip of [{name, blob}]; the blobs are read once for their checksums. */
export async function zip(files) {
  const parts = [], directory = [];
  let at = 0;
  for (const { name, blob } of files) {
    const row = { blob, name: new TextEncoder().encode(name), crc: await crc32(blob) };
    const head = fields([4, 0x04034b50], ...about(row));
    directory.push(fields([4, 0x02014b50], [2, 20], ...about(row), [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), row.name);
    parts.push(head, row.name, blob);
    at += head.byteLength + row.name.length + blob.size;
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  if (at + size > SIZE_MAX) throw new Error("a zip of more than 4 GB is not made in the browser: take the files one by one");
  parts.push(...directory, fields([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, at], [2, 0]));
  return new Blob(parts, { type: "application/zip" });
}
