// SPDX-License-Identifier: Apache-2.0
// What somebody chose, as the API takes it: one file as it is, several as a form, a folder as a tar.

const BLOCK = 512;
const FILES_MAX = 20000;
const FORM_MAX = 100; // files of a form; more go as a tar
const OCTAL_MAX = 8 ** 11; // of the size in a tar's header
const NOISE = /(^|\/)(\.DS_Store|Thumbs\.db|__MACOSX|\.git|\.ipynb_checkpoints|__pycache__)(\/|$)/;

const encoder = new TextEncoder();

function octal(value, length) {
  return value.toString(8).padStart(length - 1, "0");
}

// Where a path can be cut in two to fit the header's fields, or -1.
function cutOf(path) {
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
    if (at <= 155 && path.length - at - 1 <= 100) return at;
  }
  return -1;
}

function header(path, size, type) {
  const block = new Uint8Array(BLOCK);
  const put = (at, text) => block.set(encoder.encode(text), at);
  const cut = path.length > 100 ? cutOf(path) : -1;
  put(0, path.slice(cut + 1, cut + 101));
  if (cut > 0) put(345, path.slice(0, cut));
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, octal(size, 12));
  put(136, octal(0, 12));
  put(148, " ".repeat(8));
  put(156, type);
  put(257, "ustar");
  put(263, "00");
  put(148, octal(block.reduce((sum, byte) => sum + byte, 0), 7) + "\0 ");
  return block;
}

function padding(size) {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

// A pax record counts its own length: "30 path=...\n".
function paxRecord(path) {
  const body = ` path=${path}\n`;
  const n = encoder.encode(body).length;
  let length = n + 1;
  while (String(length).length + n !== length) length = String(length).length + n;
  return encoder.encode(length + body);
}

function plain(path) {
  return /^[\x20-\x7e]+$/.test(path) && (path.length <= 100 || cutOf(path) > 0);
}

/** The files as a tar. Nothing is read: a Blob only remembers what it is made of. */
export function tar(files) {
  const parts = [];
  for (const { path, file } of files) {
    if (file.size >= OCTAL_MAX) throw new Error(`${path} is too large for a tar made in the browser: send it by itself`);
    if (!plain(path)) {
      const record = paxRecord(path);
      parts.push(header("pax", record.length, "x"), record, padding(record.length));
    }
    parts.push(header(plain(path) ? path : "file", file.size, "0"), file, padding(file.size));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts, { type: "application/x-tar" });
}

/** A choice: its name, its files with their paths, their bytes together. */
export function choice(files) {
  const kept = files.filter(({ path }) => !NOISE.test(path));
  const folder = kept.some(({ path }) => path.includes("/"));
  const first = kept[0]?.path ?? "";
  return {
    files: kept,
    folder,
    name: folder ? first.split("/")[0] : kept.length === 1 ? first : `${first} and ${kept.length - 1} more`,
    size: kept.reduce((sum, { file }) => sum + file.size, 0),
  };
}

/** The choice as a body, with the headers and the parameters that it takes. */
export function bodyOf(chosen) {
  const { files, folder } = chosen;
  const raw = { "Content-Type": "application/octet-stream" };
  if (files.length === 1 && !folder) return { body: files[0].file, headers: raw, query: { filename: files[0].path } };
  if (folder || files.length > FORM_MAX) {
    return { body: tar(files), headers: raw, query: { filename: `${folder ? chosen.name : "models"}.tar` } };
  }
  const form = new FormData();
  for (const { path, file } of files) form.append("file", file, path);
  return { body: form, headers: {}, query: {} };
}

/** Null, or why a file of the choice cannot be read: it was moved, or is a folder. */
export async function unreadable(chosen) {
  for (const { path, file } of chosen.files.slice(0, FORM_MAX)) {
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      return `${path} cannot be read any more: it was moved, changed or is a folder. Choose it again.`;
    }
  }
  return null;
}

export function fromInput(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

function readAll(reader) {
  return new Promise((resolve, reject) => {
    const all = [];
    const next = () => reader.readEntries((entries) => {
      if (!entries.length) return resolve(all);
      all.push(...entries);
      return next();
    }, reject);
    next();
  });
}

async function walk(entry, path, found) {
  if (found.length >= FILES_MAX) throw new Error(`there are more than ${FILES_MAX} files in this folder`);
  if (entry.isFile) {
    found.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    return;
  }
  for (const child of await readAll(entry.createReader())) {
    if (!NOISE.test(child.name)) await walk(child, `${path}/${child.name}`, found);
  }
}

/** The files of a drop, folders walked. The entries must be asked for before anything is awaited. */
export async function fromDrop(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const found = [];
  for (const { entry, file } of entries) {
    if (entry) await walk(entry, entry.name, found);
    else if (file) found.push({ path: file.name, file });
  }
  return found;
}
