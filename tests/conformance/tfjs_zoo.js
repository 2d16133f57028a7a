// SPDX-License-Identifier: Apache-2.0
// Builds layers models in TensorFlow.js and saves them as it does: node tfjs_zoo.js MODULES OUT
//
// OUT/<id>/model.json and its shards, and OUT/<id>.json with {"inputs", "outputs", "names"} of one prediction, each tensor as
// {"dtype", "shape", "data"}. Weights and inputs are seeded.
const fs = require('fs');
const path = require('path');

const tf = require(path.resolve(process.argv[2], '@tensorflow', 'tfjs'));
const L = tf.layers;

let state = 7;
function random() {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return state / 0x7fffffff * 2 - 1;
}

// A chain of layers on one input.
const chain = (shape, ...layers) => () => {
  const input = tf.input({shape});
  return tf.model({inputs: input, outputs: layers.reduce((x, make) => make().apply(x), input)});
};

const sequential = (...layers) => () => tf.sequential({layers: layers.map(make => make())});

function nested() {
  const inner = tf.sequential({layers: [L.dense({units: 3, inputShape: [4, 3]}), L.activation({activation: 'tanh'})]});
  const input = tf.input({shape: [4, 3]});
  const x = inner.apply(input);
  return tf.model({inputs: input, outputs: [L.add().apply([x, input]), L.dot({axes: -1, normalize: true}).apply([x, input])]});
}

function shared() {
  const dense = L.dense({units: 3, name: 'shared'});
  const inputs = [tf.input({shape: [2], name: 'left'}), tf.input({shape: [2], name: 'right'})];
  const [a, b] = inputs.map(input => dense.apply(input));
  return tf.model({inputs, outputs: L.concatenate().apply([L.average().apply([a, b]), L.maximum().apply([a, b]), L.minimum().apply([a, b]), L.multiply().apply([a, b])])});
}

const cells = () => [L.lstmCell({units: 2}), L.gruCell({units: 3}), L.simpleRNNCell({units: 4})];

const MODELS = {
  sequential: sequential(
      () => L.dense({units: 5, inputShape: [4], activation: 'relu6', kernelInitializer: 'leCunNormal'}),
      () => L.dropout({rate: 0.2}),
      () => L.dense({units: 3, name: 'last', activation: 'softmax', kernelRegularizer: 'l1l2', kernelConstraint: 'nonNeg'})),
  activations: chain(
      [6], ...['elu', 'hardSigmoid', 'linear', 'relu', 'selu', 'softplus', 'softsign', 'swish', 'gelu', 'mish'].map(
                 activation => () => L.dense({units: 6, activation}))),
  activation_layers: chain(
      [4, 3], () => L.leakyReLU({alpha: 0.2}), () => L.prelu(), () => L.elu(), () => L.thresholdedReLU({theta: 0.1}),
      () => L.reLU({maxValue: 2}), () => L.softmax({axis: -1})),
  activation_prelu: chain([4, 3], () => L.prelu({sharedAxes: [1]})),
  conv: chain(
      [9, 9, 3], () => L.conv2d({filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'hardSigmoid'}),
      () => L.batchNormalization(), () => L.depthwiseConv2d({kernelSize: 2, depthMultiplier: 2}),
      () => L.separableConv2d({filters: 3, kernelSize: [2, 1]}), () => L.conv2dTranspose({filters: 2, kernelSize: 3, strides: 2}),
      () => L.zeroPadding2d({padding: [[1, 0], [0, 2]]}), () => L.cropping2D({cropping: [[0, 1], [1, 0]]}),
      () => L.upSampling2d({}), () => L.flatten()),
  conv_1d: chain([8, 3], () => L.conv1d({filters: 4, kernelSize: 3, dilationRate: 2}), () => L.maxPooling1d({poolSize: 2}), () => L.globalAveragePooling1d()),
  conv_3d: chain(
      [5, 5, 5, 2], () => L.conv3d({filters: 3, kernelSize: 2}), () => L.averagePooling3d({poolSize: 2}),
      () => L.conv3dTranspose({filters: 2, kernelSize: 2})),
  pooling: chain(
      [8, 8, 3], () => L.maxPooling2d({poolSize: 3, strides: 2, padding: 'same'}), () => L.averagePooling2d({poolSize: 2, strides: 1, padding: 'same'}),
      () => L.layerNormalization({axis: -1}), () => L.globalMaxPooling2d({})),
  shapes: chain(
      [6], () => L.repeatVector({n: 4}), () => L.permute({dims: [2, 1]}), () => L.reshape({targetShape: [-1, 3]}), () => L.averagePooling1d({poolSize: 2}),
      () => L.rescaling({scale: 0.5, offset: 1})),
  embedding: chain([5], () => L.embedding({inputDim: 10, outputDim: 4}), () => L.spatialDropout1d({rate: 0.1}), () => L.globalMaxPooling1d()),
  lstm: chain([5, 3], () => L.lstm({units: 4, returnSequences: true}), () => L.lstm({units: 2, recurrentActivation: 'sigmoid', goBackwards: true})),
  gru: chain([5, 3], () => L.gru({units: 4, returnSequences: true}), () => L.gru({units: 2, recurrentActivation: 'sigmoid', useBias: false})),
  simple_rnn: chain([5, 3], () => L.simpleRNN({units: 4, activation: 'relu'})),
  bidirectional: chain(
      [5, 3], () => L.bidirectional({layer: L.lstm({units: 2, returnSequences: true}), mergeMode: 'concat'}),
      () => L.bidirectional({layer: L.gru({units: 3}), mergeMode: 'sum'})),
  rnn_cell: chain([5, 3], () => L.rnn({cell: L.lstmCell({units: 4}), returnSequences: true})),
  rnn_cells: chain([5, 3], () => L.rnn({cell: cells()})),
  conv_lstm: chain([3, 5, 5, 2], () => L.convLstm2d({filters: 2, kernelSize: 2, returnSequences: true})),
  time_distributed: chain([3, 4, 4, 2], () => L.timeDistributed({layer: L.conv2d({filters: 2, kernelSize: 2})}), () => L.timeDistributed({layer: L.flatten()})),
  nested,
  nested_sequential: () => tf.sequential({layers: [tf.sequential({layers: [L.dense({units: 3, inputShape: [4]})]}), L.dense({units: 2})]}),
  shared,
  compiled: () => {
    const model = tf.sequential({layers: [L.dense({units: 3, inputShape: [4]}), L.dense({units: 1})]});
    model.compile({loss: 'meanSquaredError', optimizer: tf.train.adam(0.01), metrics: ['accuracy']});
    return model;
  },
  masked: chain([5, 3], () => L.masking(), () => L.dense({units: 2})),
  masked_embedding: chain([5], () => L.embedding({inputDim: 10, outputDim: 4, maskZero: true}), () => L.dense({units: 2})),
  approximate_gelu: chain([4], () => L.dense({units: 3, activation: 'gelu_new'})),
  batch_normalization_axis: chain([4, 4, 3], () => L.batchNormalization({axis: 1})),
};

// Of what a weight may be.
function seed(model) {
  model.setWeights(model.weights.map(weight => {
    const size = weight.shape.reduce((a, b) => a * b, 1), positive = weight.originalName.endsWith('variance');
    return tf.tensor(Float32Array.from({length: size}, () => positive ? 1 + random() / 2 : random() * 0.6), weight.shape);
  }));
}

function inputOf(model, tensor, id) {
  const shape = tensor.shape.map(size => size || 4);
  const size = shape.reduce((a, b) => a * b, 1), whole = id.includes('embedding');
  return tf.tensor(Float32Array.from({length: size}, () => whole ? Math.floor((random() + 1) * 4.99) : random() * 2), shape);
}

const kept = tensor => ({dtype: tensor.dtype, shape: tensor.shape, data: Array.from(tensor.dataSync())});

// As the handlers of TensorFlow.js write files, but that larger models have two. Source: tfjs-core/src/io/io_utils.ts (4.22.0)
function handlerOf(folder) {
  return tf.io.withSaveHandler(async artifacts => {
    fs.mkdirSync(folder, {recursive: true});
    const bytes = Buffer.from(tf.io.CompositeArrayBuffer.join(artifacts.weightData)), cut = bytes.length > 400 ? 301 : bytes.length;
    const paths = cut < bytes.length ? ['group1-shard1of2.bin', 'group1-shard2of2.bin'] : ['weights.bin'];
    paths.forEach((name, i) => fs.writeFileSync(path.join(folder, name), i ? bytes.subarray(cut) : bytes.subarray(0, cut)));
    const {weightData, weightSpecs, ...document} = artifacts;
    document.weightsManifest = [{paths, weights: weightSpecs}];
    fs.writeFileSync(path.join(folder, 'model.json'), JSON.stringify(document));
    return {modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts)};
  });
}

async function main(out) {
  console.warn = () => {};
  await tf.setBackend('cpu');
  for (const [id, build] of Object.entries(MODELS)) {
    const model = build();
    seed(model);
    if (id === 'compiled') await model.fit(tf.ones([4, 4]), tf.ones([4, 1]), {verbose: 0});
    const inputs = model.inputs.map(tensor => inputOf(model, tensor, id));
    const outputs = model.predict(inputs.length === 1 ? inputs[0] : inputs);
    await model.save(handlerOf(path.join(out, id)), {includeOptimizer: id === 'compiled'});
    fs.writeFileSync(path.join(out, `${id}.json`), JSON.stringify({
      names: model.inputNames,
      inputs: inputs.map(kept),
      outputs: (Array.isArray(outputs) ? outputs : [outputs]).map(kept),
    }));
  }
}

main(process.argv[3]);
