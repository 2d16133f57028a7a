// SPDX-License-Identifier: Apache-2.0
// Loads layers models in TensorFlow.js and runs them: node tfjs_run.js MODULES JOBS RESULTS
//
// A line of JOBS: {"id", "model": folder with a model.json, "feeds": [{"name", "dtype", "shape", "data"}]}; the feeds are taken by
// name where those are the model's, else in their order. A line of RESULTS: {"id", "stage", "error" or "outputs"}.
const fs = require('fs');
const path = require('path');

const tf = require(path.resolve(process.argv[2], '@tensorflow', 'tfjs'));

const DTYPES = {bool: 'bool', float16: 'float32', float32: 'float32', float64: 'float32'};

function handlerOf(folder) {
  return {
    load: async () => {
      const document = JSON.parse(fs.readFileSync(path.join(folder, 'model.json'), 'utf8'));
      const specs = [], shards = [];
      for (const group of document.weightsManifest) {
        specs.push(...group.weights);
        group.paths.forEach(name => shards.push(fs.readFileSync(path.join(folder, name))));
      }
      const bytes = Buffer.concat(shards);
      return {
        modelTopology: document.modelTopology,
        weightSpecs: specs,
        weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
      };
    },
  };
}

function tensorOf(feed) {
  const dtype = DTYPES[feed.dtype] || 'int32';
  return tf.tensor(dtype === 'float32' ? new Float32Array(feed.data) : new Int32Array(feed.data), feed.shape, dtype);
}

async function run(job, result) {
  const model = await tf.loadLayersModel(handlerOf(job.model));
  result.stage = 'predict';
  const feeds = Object.fromEntries(job.feeds.map(feed => [feed.name, tensorOf(feed)]));
  let inputs = model.inputs.map(input => feeds[input.name]);
  if (inputs.some(input => input === undefined)) inputs = job.feeds.map(feed => feeds[feed.name]);
  const outputs = model.predict(inputs.length === 1 ? inputs[0] : inputs);
  result.outputs = (Array.isArray(outputs) ? outputs : [outputs]).map(
      output => ({shape: output.shape, data: Array.from(output.dataSync(), value => Number.isFinite(value) ? value : String(value))}));
  result.stage = 'done';
}

async function main(jobs, results) {
  console.warn = () => {};
  await tf.setBackend('cpu');
  const log = fs.openSync(results, 'w');
  for (const line of fs.readFileSync(jobs, 'utf8').split('\n').filter(line => line)) {
    const job = JSON.parse(line), result = {id: job.id, stage: 'load'};
    tf.engine().startScope();
    try {
      await run(job, result);
    } catch (error) {
      result.error = String(error.message).slice(0, 400);
    }
    tf.engine().endScope();
    fs.writeSync(log, JSON.stringify(result) + '\n');
  }
}

main(process.argv[3], process.argv[4]);
