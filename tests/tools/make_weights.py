#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the inputs of the golden cases whose weights and architecture are two files, or only one of them.

    make_weights.py tests/golden        needs h5py and numpy; the same calls give the same bytes
"""
import json
import pathlib
import sys

import h5py
import numpy as np

OUT = pathlib.Path(sys.argv[1])


def path(case, name):
    folder = OUT / case
    folder.mkdir(exist_ok=True)
    return folder / name


def layer(class_name, name, **config):
    return {"class_name": class_name, "config": {"name": name, "trainable": True, "dtype": "float32", **config}}


def dense(name, units, activation="linear", **config):
    return layer("Dense", name, units=units, activation=activation, use_bias=True, **config)


def lstm(name, units, recurrent_activation):
    return layer("LSTM", name, units=units, activation="tanh", recurrent_activation=recurrent_activation, use_bias=True)


def sequential(*layers, version="2.15.0"):
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}, "keras_version": version,
            "backend": "tensorflow"}


def first(made, *shape):
    """The layer that says what goes in, as Keras 2 before 2.3 wrote it."""
    made["config"]["batch_input_shape"] = [None, *shape]
    return made


def write_json(case, model, name="in.json", text=None):
    path(case, name).write_text(text or json.dumps(model))


def write_options(case, **options):
    if options.get("to") == "json":
        options.setdefault("keras", "3.15")
    path(case, "options.json").write_text(json.dumps(options) + "\n")


def group(above, name):
    properties = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    properties.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(above.id, name.encode(), gcpl=properties))


def put(above, name, array):
    *groups, last = name.split("/")
    for one in groups:
        above = above[one] if one in above else group(above, one)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple(array.shape) if array.shape else h5py.h5s.create(h5py.h5s.SCALAR)
    made = h5py.h5d.create(above.id, last.encode(), h5py.h5t.py_create(array.dtype), space, dcpl=properties)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, array)


def values(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("f4")


def write_legacy(case, layers, name="in.h5", version="2.15.0", root="", backend="tensorflow"):
    """A legacy weights file: [(layer, [(weight, array)])]."""
    with h5py.File(path(case, name), "w", libver="earliest") as f:
        if version:
            f.attrs["keras_version"] = version.encode()
            f.attrs["backend"] = backend.encode()
        top = group(f, root) if root else f
        top.attrs["layer_names"] = np.array([n.encode() for n, _ in layers])
        for n, weights in layers:
            made = group(top, n)
            made.attrs["weight_names"] = np.array([w.encode() for w, _ in weights])
            for w, array in weights:
                put(made, w, array)


def dense_weights(name, inputs, units, seed):
    return name, [(f"{name}/kernel:0", values(inputs, units, seed=seed)), (f"{name}/bias:0", values(units, seed=seed + 1))]


def write_saving_lib(case, tree, name="in.weights.h5", names=None):
    """saving_lib's weights: {group: [array]}, and the names of the layers where the release wrote them."""
    with h5py.File(path(case, name), "w", libver="earliest") as f:
        for at, arrays in tree.items():
            above = f
            for one in [*at.split("/"), "vars"] if at else ["vars"]:
                above = above[one] if one in above else group(above, one)
            if names:
                above.attrs["name"] = names[at]
            for i, array in enumerate(arrays):
                if array is not None:
                    put(above, str(i), array)


TWO = sequential(first(dense("a", 4), 3), dense("b", 4, "relu"))
WEIGHTS = [dense_weights("a", 3, 4, 1), dense_weights("b", 4, 4, 3)]


def architectures():
    write_json("json_two_dense", TWO)
    write_options("json_two_dense", to="json")
    write_json("json_for_2_15", TWO)
    write_options("json_for_2_15", to="json", keras="2.15")
    write_json("json_without_weights_refused", TWO)
    write_json("json_lstm_hard_sigmoid_refused", sequential(first(lstm("rnn", 2, "hard_sigmoid"), 5, 3)))
    write_options("json_lstm_hard_sigmoid_refused", to="json")
    write_json("json_input_shape_missing", sequential(dense("a", 4)))
    write_options("json_input_shape_missing", to="json")
    write_json("json_input_shape_given", sequential(dense("a", 4)))
    write_options("json_input_shape_given", to="json", input_shape="3")
    write_json("json_dense_hard_sigmoid_for_3_0", sequential(first(layer("Activation", "act", activation="hard_sigmoid"), 3)))
    write_options("json_dense_hard_sigmoid_for_3_0", to="json", keras="3.0")
    lone = sequential(first(dense("a", 4), 3), layer("Dot", "product", axes=[1, 1], normalize=False))
    for case, keras in (("json_dot_of_one_refused", "3.15"), ("json_dot_of_one_for_2_15_refused", "2.15")):
        write_json(case, lone)
        write_options(case, to="json", keras=keras)
    normalization = layer("Normalization", "norm", axis=[-1], mean=None, variance=None)
    write_json("json_normalization_axis_refused", sequential(first(normalization, None)))
    write_options("json_normalization_axis_refused", to="json")


YAML = """backend: tensorflow
class_name: Sequential
config:
  layers:
  - class_name: Dense
    config:
      activation: relu
      activity_regularizer: null
      batch_input_shape: !!python/tuple [null, 3]
      dtype: float32
      kernel_initializer: &id001
        class_name: RandomUniform
        config: {maxval: 5.0e-02, minval: -0.05, seed: null}
      bias_initializer: *id001
      name: !!python/unicode 'a'
      trainable: true
      units: 4
      use_bias: yes
  name: sequential_1
keras_version: 2.3.1
"""


def yaml():
    def case(name, text, **options):
        path(name, "in.yaml").write_text(text)
        write_options(name, to="json", **options)

    case("yaml_dense", YAML)
    case("yaml_python_tag_refused", YAML.replace("!!python/unicode", "!!python/object/apply:os.system"))
    case("yaml_alias_of_itself_refused", YAML.replace("*id001", "&id002 [*id002]"))
    bomb = "".join(f"x{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10) if i else 'lol'}]\n" for i in range(10))
    case("yaml_bomb_refused", bomb + YAML)
    case("yaml_deep_refused", YAML + "x: " + "[" * 600 + "]" * 600 + "\n")
    case("yaml_key_twice", YAML + YAML.replace("units: 4", "units: 5"))


def theano_counter():
    """A compiled model of Keras 2.0 on Theano: the optimizer's counter stands at the root, by its name."""
    by_name = sorted(weight for _, weights in WEIGHTS for weight in weights)
    moments = [values(*array.shape, seed=9 + i) for i, (_, array) in enumerate(by_name)]
    names = ["/iterations", *(f"param_{i + 1}" for i in range(len(moments)))]
    optimizer = {"class_name": "SGD", "config": {"lr": 0.25, "momentum": 0.5, "decay": 0.0, "nesterov": False}}
    write_legacy("old_theano_counter", WEIGHTS, root="model_weights", version="2.0.5", backend="theano")
    with h5py.File(path("old_theano_counter", "in.h5"), "r+", libver="earliest") as f:
        f.attrs["model_config"] = json.dumps({**TWO, "config": TWO["config"]["layers"]}).encode()
        f.attrs["training_config"] = json.dumps({"optimizer_config": optimizer, "loss": "mean_squared_error", "metrics": [],
                                                 "sample_weight_mode": None, "loss_weights": None}).encode()
        state = group(f, "optimizer_weights")
        state.attrs["weight_names"] = np.array([n.encode() for n in names])
        put(f, "iterations", np.array(7, "f4"))
        for name, moment in zip(names[1:], moments):
            put(state, name, moment)


def legacy_weights():
    def pair(case, layers, model=TWO, **options):
        write_legacy(case, layers)
        write_json(case, model, "architecture.json")
        if options:
            write_options(case, **options)

    pair("weights_two_dense", WEIGHTS, to="weights.h5", checksum="sha256")
    pair("weights_to_keras", WEIGHTS)
    pair("weights_to_json", WEIGHTS, to="json")
    pair("weights_lstm_hard_sigmoid_to_json", [("rnn", [("rnn/kernel:0", values(3, 8)), ("rnn/recurrent_kernel:0", values(2, 8)),
                                                        ("rnn/bias:0", values(8))])],
         sequential(first(lstm("rnn", 2, "hard_sigmoid"), 5, 3)), to="json")
    pair("weights_by_position", [dense_weights("dense_7", 3, 4, 1), ("drop", []), dense_weights("dense_8", 4, 4, 3)])
    swapped = [("x_norm", [("x_norm/gamma:0", values(4)), ("x_norm/beta:0", values(4)), ("x_norm/moving_mean:0", values(4)),
                           ("x_norm/moving_variance:0", np.ones(4, "f4"))]), dense_weights("x", 3, 4, 1)]
    normalised = sequential(first(dense("a", 4), 3), layer("BatchNormalization", "norm", axis=-1))
    pair("weights_in_other_order_refused", swapped, normalised)
    pair("weights_in_other_order_guessed", swapped, normalised, guess="yes")
    other = sequential(first(dense("a", 3), 3), dense("b", 3))
    crossed = [dense_weights("b", 3, 3, 3), dense_weights("a", 3, 3, 1)]
    pair("weights_names_crossed_refused", crossed, other)
    pair("weights_names_crossed_guessed", crossed, other, guess="yes")
    pair("weights_surplus_refused", WEIGHTS + [dense_weights("c", 4, 4, 5)])
    pair("weights_partial_refused", WEIGHTS[:1])
    pair("weights_of_another_model_refused", [dense_weights("a", 3, 4, 1), dense_weights("b", 4, 5, 3)])
    write_legacy("weights_without_config", WEIGHTS, root="model_weights", version=None)
    write_json("weights_without_config", TWO, "architecture.json")
    write_legacy("weights_alone_refused", WEIGHTS)



A, B = [values(3, 4), values(4)], [values(4, 4, seed=2), values(4, seed=3)]


def saving_lib():
    layers = {"": [], "layers/dense": A, "layers/dense_1": B}
    names = {"": "model", "layers/dense": "a", "layers/dense_1": "b"}

    def pair(case, tree, names=None, **options):
        write_saving_lib(case, tree, names=names)
        write_json(case, TWO, "architecture.json")
        if options:
            write_options(case, **options)

    pair("weights_h5_to_keras", layers, names)
    pair("weights_h5_of_2_13", {"": [], "_layer_checkpoint_dependencies/dense": A, "_layer_checkpoint_dependencies/dense_2": B},
         to="weights.h5")
    pair("weights_h5_names_swapped_refused", layers, {**names, "layers/dense": "b", "layers/dense_1": "a"})
    pair("weights_h5_layer_missing_refused", {"": [], "layers/dense": A})


def shards():
    def case(name, first, second, found=("shard_0.weights.h5", "shard_1.weights.h5"), **weight_map):
        write_json(name, {"metadata": {"total_size": 132.0},
                          "weight_map": {"/layers/dense/vars": "shard_0.weights.h5",
                                         "/layers/dense_1/vars": ["shard_0.weights.h5", "shard_1.weights.h5"], **weight_map}},
                   "in.weights.json")
        for file, tree in zip(found, (first, second)):
            write_saving_lib(name, tree, file)
        write_json(name, TWO, "architecture.json")

    left, right = {"": [], "layers/dense": A, "layers/dense_1": B[:1]}, {"layers/dense_1": [None, B[1]]}
    case("shards_two", left, right)
    case("shards_missing_refused", left, right, found=("shard_0.weights.h5",))
    case("shards_stranger_refused", left, right, found=("shard_0.weights.h5", "shard_2.weights.h5"))
    case("shards_path_refused", left, right, **{"/vars": "../shards_two/shard_0.weights.h5"})
    case("shards_dataset_twice_refused", left, {"layers/dense_1": B})
    case("shards_group_missing_refused", left, right, **{"/layers/dense_2/vars": "shard_1.weights.h5"})



def alone():
    """Weights without an architecture."""
    mha = "layers/multi_head_attention"
    heads = {f"{mha}/{part}_dense": [values(4, 2, 3), values(2, 3)] for part in ("_query", "_key", "_value")}
    inner = {"layers/functional/layers/dense": A, "layers/functional/layers/batch_normalization": [values(4)] * 4}

    write_saving_lib("alone_2_15", {"": [], "layers/input_layer": [], **heads, f"{mha}/_output_dense": [values(2, 3, 4), values(4)],
                                    **inner, "layers/normalization": [values(4), values(4), np.array(3)],
                                    "optimizer": [np.zeros((), "i8"), values(3, 4)]})
    write_options("alone_2_15", to="weights.h5")
    deep = "_layer_checkpoint_dependencies"
    write_saving_lib("alone_2_13", {"": [], f"{deep}/dense": A, f"{deep}/dense_2": B, f"{deep}/dropout": [], f"{deep}/dropout_1": [],
                                    f"{deep}/sequential/{deep}/dense": B, f"{deep}/sequential/{deep}/dense_2": B})
    write_options("alone_2_13", to="weights.h5")
    named = {"": "model", "layers/dense": "a", "layers/dense_1": "b"}
    write_saving_lib("alone_3_15_for_3_0", {"": [], "layers/dense": A, "layers/dense_1": B}, names=named)
    write_options("alone_3_15_for_3_0", to="weights.h5", keras="3.0.1")
    write_saving_lib("alone_3_15_for_2_13", {"": [], "layers/dense": A, "layers/dense_1": B, "layers/dropout": [], "layers/dropout_1": []},
                     names={**named, "layers/dropout": "d", "layers/dropout_1": "e"})
    write_options("alone_3_15_for_2_13", to="weights.h5", keras="2.13")
    write_saving_lib("alone_activation_refused", {"": [], "layers/dense": A, "layers/activation": []})
    write_options("alone_activation_refused", to="weights.h5")
    write_saving_lib("alone_activation_guessed", {"": [], "layers/dense": A, "layers/activation": []})
    write_options("alone_activation_guessed", to="weights.h5", guess="yes")
    write_saving_lib("alone_masks_refused", {"": [], "layers/embedding": [values(9, 4)], "layers/add": []})
    write_options("alone_masks_refused", to="weights.h5")
    write_saving_lib("alone_gaps_refused", {"": [], "layers/dense": A, "layers/dense_2": B})
    write_options("alone_gaps_refused", to="weights.h5")
    write_saving_lib("alone_attributes_refused", {"": [], "fc1": A, "layers/dense": B})
    write_options("alone_attributes_refused", to="weights.h5")
    write_saving_lib("alone_attributes_named", {"": [], "fc1": A, "layers/dense_1": B},
                     names={"": "actor", "fc1": "dense", "layers/dense_1": "dense_1"})
    write_options("alone_attributes_named", to="weights.h5")
    write_saving_lib("alone_to_keras_refused", {"": [], "layers/dense": A})


    def legacy(case, layers, version="2.15.0", **options):
        write_legacy(case, layers, version=version)
        write_options(case, to="weights.h5", **options)

    lstm = [values(3, 8), values(2, 8), values(8)]

    def cell(scope):
        return [(f"{scope}/{name}:0", array) for name, array in zip(("kernel", "recurrent_kernel", "bias"), lstm)]

    norm = ("batch_normalization_7", [(f"batch_normalization_7/{name}:0", values(4)) for name in ("beta", "moving_mean", "moving_variance")])
    both = ("bidirectional", cell("bidirectional/forward_lstm/lstm_cell") + cell("bidirectional/backward_lstm/lstm_cell_1"))
    legacy("alone_legacy", [("input_1", []), dense_weights("dense_3", 3, 4, 1), ("dropout", []), norm, dense_weights("dense_5", 4, 4, 3)])
    legacy("alone_legacy_rnn_guessed", [both, dense_weights("dense_5", 4, 4, 3)], guess="yes")
    legacy("alone_legacy_old_rnn_refused", [("lstm_1", cell("lstm_1"))], version="2.2.4")
    legacy("alone_legacy_of_1_refused", [dense_weights("dense_1", 3, 4, 1)], version=None)
    legacy("alone_legacy_named_refused", WEIGHTS)
    legacy("alone_legacy_named_guessed", WEIGHTS, guess="yes")
    legacy("alone_legacy_nested_refused", [("model_1", WEIGHTS[0][1] + WEIGHTS[1][1])])
    legacy("alone_legacy_wrong_shape_refused", [("conv2d", [("conv2d/kernel:0", values(3, 4)), ("conv2d/bias:0", values(4))])])


if __name__ == "__main__":
    architectures()
    yaml()
    theano_counter()
    legacy_weights()
    saving_lib()
    shards()
    alone()
