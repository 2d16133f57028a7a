// SPDX-License-Identifier: Apache-2.0
// What is taken along from a job: the files, the same as a command, and the lines that load the result.

import { call, storedKey } from "./api.js";
import { bytes, copyButton, h, snippet } from "./dom.js";
import { failure } from "./words.js";
import { unzip, zip } from "./zip.js";

function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function blobOf(path) {
  return (await call(path)).blob();
}

// A link where the browser can fetch it by itself; with a key the page has to.
function download(label, path, name, kind) {
  if (!storedKey()) return h("a", { class: `button ${kind}`, href: path, download: name }, label);
  return h("button", { type: "button", class: kind, onclick: busy(async () => save(await blobOf(path), name)) }, label);
}

// A button that waits for what it does, and says what went wrong.
function busy(work) {
  return async ({ currentTarget: button }) => {
    button.disabled = true;
    button.parentElement.querySelector(".failure")?.remove();
    try {
      await work();
    } catch (error) {
      button.parentElement.append(failure(error));
    }
    button.disabled = false;
  };
}

/** Reads files of a job's zip; it is fetched once, when the first is wanted. */
export function reader(id) {
  let blob = null;
  return async (path) => {
    blob ??= blobOf(`v1/jobs/${id}/artifact`);
    return JSON.parse(await unzip(await blob, path));
  };
}

function stem(name) {
  return name.replace(/\.(keras|weights\.h5|h5|json|onnx|npz|safetensors|zip|tar)$/, "");
}

/** The buttons of a job that succeeded. */
export function downloads(job) {
  const { result, id } = job;
  const artifact = `v1/jobs/${id}/artifact`;
  const report = `v1/jobs/${id}/report`;
  const packed = result.media_type === "application/zip";
  const all = async () => save(await zip([
    { name: result.filename, blob: await blobOf(artifact) },
    { name: `${result.filename}.report.json`, blob: await blobOf(report) },
  ]), `${stem(result.filename)}.zip`);
  if (result.gone) return h("p", { class: "note" }, "The result had to make room for newer ones: convert the file again.");
  return h("div", {}, h("div", { class: "row" },
    download(`Download ${result.filename} (${bytes(result.bytes)})`, artifact, result.filename, "main"),
    download("Report", report, `${result.filename}.report.json`, ""),
    packed ? null : h("button", { type: "button", onclick: busy(all) }, "Both as zip")),
  h("p", { class: "soft" }, "SHA-256 ", h("code", { class: "hash" }, result.sha256), " ", copyButton("the SHA-256", result.sha256)));
}

function quote(text) {
  return /^[A-Za-z0-9_.\/:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The same conversion by curl. `known` is what the browser remembers of the job. */
export function curlOf(job, known) {
  const { id, name, files = [], folder, to, ...options } = known;
  const base = new URL("v1/convert", document.baseURI).href;
  const output = quote(job.result?.filename ?? "result");
  const query = new URLSearchParams(options).toString();
  const words = ["curl", "-fsS"];
  if (storedKey()) words.push("-H", '"Authorization: Bearer $KEY"');
  if (folder) {
    const tar = `${name}.tar`;
    return `tar -cf ${quote(tar)} ${quote(name)}\n${[...words, "-T", quote(tar), "-o", output, quote(`${base}/${to}/${encodeURIComponent(tar)}${query && `?${query}`}`)].join(" ")}`;
  }
  if (files.length > 1) {
    if (job.result?.media_type === "application/zip") words.push("-H", "'Accept: application/zip'");
    return [...words, ...files.flatMap((file) => ["-F", quote(`file=@${file}`)]), "-o", output, quote(`${base}/${to}${query && `?${query}`}`)].join(" ");
  }
  return [...words, "-T", quote(name), "-o", output, quote(`${base}/${to}/${encodeURIComponent(name)}${query && `?${query}`}`)].join(" ");
}

// What is installed and imported for a release of Keras.
function keras(version) {
  const tf = /^tf_keras-(\d+\.\d+)/.exec(version ?? "");
  if (tf) return [`pip install "tf_keras~=${tf[1]}.0"`, "import tf_keras as keras"];
  const old = /^2\.(\d+)/.exec(version ?? "");
  if (old) return [`pip install "tensorflow~=2.${old[1]}.0"`, "from tensorflow import keras"];
  return [`pip install "keras>=${version ?? "3"}"`, "import keras"];
}

const LOADERS = {
  keras: (file, code) => `model = keras.models.load_model(${file}${code ? ", safe_mode=False" : ""})`,
  h5: (file) => `model = keras.models.load_model(${file})`,
  "h5-weights": (file) => `model = ...  # built by your own code\nmodel.load_weights(${file})`,
  "weights.h5": (file) => `model = ...  # built by your own code\nmodel.load_weights(${file})`,
  json: (file) => `with open(${file}) as text:\n    model = keras.models.model_from_json(text.read())`,
};

// Targets that something else than Keras loads.
const OTHERS = {
  onnx: (file) => `# pip install onnxruntime\nimport onnxruntime\n\nsession = onnxruntime.InferenceSession(${file})\nprint([(each.name, each.shape) for each in session.get_inputs()])`,
  npz: (file) => `import numpy\n\nwith numpy.load(${file}) as arrays:\n    model.set_weights([arrays[name] for name in arrays.files])  # of a model that is built the same way`,
  safetensors: (file) => `# pip install safetensors\nfrom safetensors.numpy import load_file\n\ntensors = load_file(${file})\nprint({name: each.shape for name, each in tensors.items()})`,
};

/** The lines of Python that load the result, or null for a target that Python has no single way to load. */
export function pythonOf(job, report) {
  if (report.models) return null;
  const { format, keras_version: version } = report.target;
  const file = JSON.stringify(job.result.filename);
  if (OTHERS[format]) return OTHERS[format](file);
  if (!LOADERS[format]) return null;
  const [install, load] = keras(version);
  const code = report.findings.some(({ code }) => code === "carries-code");
  return `# ${install}\n${load}\n\n${LOADERS[format](file, code)}`;
}

export function snippets(job, known, report) {
  const python = pythonOf(job, report);
  return h("div", { class: "snippets" }, python ? snippet("Load it in Python", python) : null,
    known?.to ? snippet("The same by curl", curlOf(job, known)) : null);
}
