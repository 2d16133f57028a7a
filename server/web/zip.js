// SPDX-License-Identifier: Apache-2.0
// Some files as one zip, stored as they are: models do not get smaller. And one file out of a zip.

const END = 0x06054b50, ENTRY = 0x02014b50, LOCAL = 0x04034b50;
const TAIL_MAX = 22 + 65535; // the end of a zip and its comment
const INSIDE_MAX = 64e6; // of a file that is read out of a zip
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
    const head = fields([4, LOCAL], ...about(row));
    directory.push(fields([4, ENTRY], [2, 20], ...about(row), [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), row.name);
    parts.push(head, row.name, blob);
    at += head.byteLength + row.name.length + blob.size;
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  if (at + size > SIZE_MAX) throw new Error("a zip of more than 4 GB is not made in the browser: take the files one by one");
  parts.push(...directory, fields([4, END], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, at], [2, 0]));
  return new Blob(parts, { type: "application/zip" });
}

async function view(blob, from, to) {
  return new DataView(await blob.slice(from, to).arrayBuffer());
}

function findEnd(tail) {
  for (let at = tail.byteLength - 22; at >= 0; at--) {
    if (tail.getUint32(at, true) === END) return at;
  }
  throw new Error("this is no zip");
}

/** The text of one file below the one folder that a zip has at its top. */
export async function unzip(blob, name) {
  const tail = await view(blob, Math.max(0, blob.size - TAIL_MAX));
  const end = findEnd(tail);
  const first = tail.getUint32(end + 16, true);
  const list = await view(blob, first, first + tail.getUint32(end + 12, true));
  for (let at = 0; at + 46 <= list.byteLength && list.getUint32(at, true) === ENTRY;) {
    const length = list.getUint16(at + 28, true);
    const found = new TextDecoder().decode(new Uint8Array(list.buffer, at + 46, length));
    if (found.slice(found.indexOf("/") + 1) === name) return inflate(blob, list, at);
    at += 46 + length + list.getUint16(at + 30, true) + list.getUint16(at + 32, true);
  }
  throw new Error(`${name} is not in the zip`);
}

async function inflate(blob, list, at) {
  const method = list.getUint16(at + 10, true), packed = list.getUint32(at + 20, true), from = list.getUint32(at + 42, true);
  if (list.getUint32(at + 24, true) > INSIDE_MAX) throw new Error("it is too large to be shown here: open the zip");
  const local = await view(blob, from, from + 30);
  const start = from + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const data = blob.slice(start, start + packed);
  return method === 0 ? data.text() : new Response(data.stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}
