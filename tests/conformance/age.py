"""Rewrites zoo files into the dialects of older Keras versions, which 2.15 no longer writes. Needs h5py only.

    age.py ZOO_DIR      adds old_*.h5, old_*.npz and lines to ZOO_DIR/MANIFEST.tsv

The reference of an aged file is that of the file it was made from. Whether 2.15 still reads it right is for judge.py, run in
2.15, to say; the note of a row says where it does not.
"""
import dataclasses
import json
import pathlib
import shutil
import sys

import h5py
import numpy as np

V3_KEYS = ("module", "registered_name", "build_config", "compile_config", "shared_object_id")
YOUNG_KEYS = ("groups", "time_major", "ragged", "synchronized", "zero_output_for_mask", "keepdims", "interpolation")
CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")
MODELS = ("Functional", "Model", "Sequential")


# ---- configs -------------------------------------------------------------------------------------------------------------

def walk(node, change):
    """A copy of a JSON tree with `change` applied to every dictionary, the inner ones first."""
    if isinstance(node, dict):
        return change({key: walk(value, change) for key, value in node.items()})
    if isinstance(node, list):
        return [walk(value, change) for value in node]
    return node


def plain(config):
    """Legacy dictionaries {class_name, config} throughout (before 2.13)."""
    def strip(node):
        return {k: v for k, v in node.items() if k not in V3_KEYS} if "class_name" in node else node
    return walk(config, strip)


def glorot(config):
    """Keras 2.0-2.3 wrote the Glorot and He initializers as VarianceScaling."""
    def spell(node):
        if node.get("class_name") == "GlorotUniform":
            return {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}}
        return node
    return walk(config, spell)


def initializer_dtype(config):
    """TF 1.x wrote a dtype into initializers."""
    def give(node):
        if node.get("class_name") in ("GlorotUniform", "Zeros", "Ones", "Orthogonal", "RandomUniform"):
            return {"class_name": node["class_name"], "config": {**node["config"], "dtype": "float32"}}
        return node
    return walk(config, give)


def initializer_v2(config):
    """TF 2.0-2.2 sometimes wrote initializers with the suffix V2."""
    def name(node):
        if node.get("class_name") in ("GlorotUniform", "Zeros"):
            return {**node, "class_name": node["class_name"] + "V2"}
        return node
    return walk(config, name)


def young_keys_dropped(config):
    """Keys that Keras 2.0-2.2 did not know, and dtype on all layers but the first."""
    def drop(node):
        if "class_name" in node and isinstance(node.get("config"), dict):
            inner = {k: v for k, v in node["config"].items() if k not in YOUNG_KEYS}
            if "batch_input_shape" not in inner:
                inner.pop("dtype", None)
            return {**node, "config": inner}
        return node
    return walk(config, drop)


def model_class(config):
    """Before 2.4 a functional model was a `Model`."""
    return walk(config, lambda n: {**n, "class_name": "Model"} if n.get("class_name") == "Functional" else n)


def unwrapped(layers):
    """Sequential layers without InputLayer; the first one has batch_input_shape and dtype instead."""
    if layers[0]["class_name"] != "InputLayer":
        return layers
    first, second, *rest = layers
    shape = {"batch_input_shape": first["config"]["batch_input_shape"], "dtype": "float32"}
    return [{**second, "config": {**second["config"], **shape}}] + rest


def sequential_dict(config):
    """Keras 2.2.3-2.3: {name, layers} without InputLayer."""
    def change(node):
        if node.get("class_name") == "Sequential":
            inner = {k: v for k, v in node["config"].items() if k in ("name", "layers", "build_input_shape")}
            return {**node, "config": {**inner, "layers": unwrapped(inner["layers"])}}
        return node
    return walk(config, change)


def sequential_list(config):
    """Keras 2.0-2.2.2: a bare list of layers."""
    def change(node):
        if node.get("class_name") == "Sequential":
            return {**node, "config": unwrapped(node["config"]["layers"])}
        return node
    return walk(config, change)


def short_nodes(config):
    """Early node form: [layer, node, tensor] without keyword arguments."""
    def change(node):
        if "inbound_nodes" in node:
            calls = [[spec[:3] for spec in call] for call in node["inbound_nodes"]]
            return {**node, "inbound_nodes": calls}
        return node
    return walk(config, change)


def renamed(**names):
    """Class names as others wrote them."""
    return lambda config: walk(config, lambda n: {**n, "class_name": names.get(n.get("class_name"), n.get("class_name"))} if "class_name" in n else n)


def without(class_name, *keys):
    """Without some keys in the config of one class."""
    def change(node):
        if node.get("class_name") == class_name:
            return {**node, "config": {k: v for k, v in node["config"].items() if k not in keys}}
        return node
    return lambda config: walk(config, change)


def with_values(class_name, **values):
    def change(node):
        return {**node, "config": {**node["config"], **values}} if node.get("class_name") == class_name else node
    return lambda config: walk(config, change)


def first_layer(**values):
    """Values for the first layer, where `dtype` of a Sequential without InputLayer stands."""
    def change(config):
        first, *rest = config["config"]
        inner = {k: v for k, v in first["config"].items() if k != "dtype"}
        return {**config, "config": [{**first, "config": {**inner, **values}}] + rest}
    return change


def causal(config):
    """Until 2.9 an attention layer was causal by its config, and not by an argument of its call."""
    def change(node):
        if node.get("class_name") not in ("Attention", "AdditiveAttention"):
            return node
        specs = [spec for call in node["inbound_nodes"] for spec in call]
        found = any(spec[3].pop("use_causal_mask", False) for spec in specs)
        return {**node, "config": {**node["config"], "causal": found}}
    return walk(config, change)


def silu(config):
    return walk(config, lambda n: {k: "silu" if v == "swish" else v for k, v in n.items()})


def policy(form):
    """The dtype policy of mixed layers as a dictionary of its time."""
    def change(node):
        name = node.get("dtype")
        name = name.get("config", {}).get("name") if isinstance(name, dict) else name
        return {**node, "dtype": form(name)} if isinstance(name, str) and name.startswith("mixed_") else node
    return lambda config: walk(config, change)


def policy_plain(name):
    return {"class_name": "Policy", "config": {"name": name}}


def policy_loss_scale(name):
    scale = {"class_name": "DynamicLossScale", "config": {"initial_loss_scale": 32768.0, "increment_period": 2000, "multiplier": 2.0}}
    return {"class_name": "Policy", "config": {"name": name, "loss_scale": scale}}


# ---- files ---------------------------------------------------------------------------------------------------------------

def configured(*changes):
    """A change of the file that puts its model_config through `changes`."""
    def apply(file):
        config = json.loads(file.attrs["model_config"])
        for change in changes:
            config = change(config)
        file.attrs["model_config"] = json.dumps(config).encode()
    return apply


def version(number, backend="tensorflow"):
    def apply(file):
        for holder in (file, file["model_weights"]):
            holder.attrs["keras_version"] = number.encode()
            holder.attrs["backend"] = backend.encode()
    return apply


def no_top_level(file):
    """Before 2.7 there was no group top_level_model_weights."""
    del file["model_weights/top_level_model_weights"]


def no_group_attributes(file):
    """model_weights without keras_version and backend: read as version 1."""
    for name in ("keras_version", "backend"):
        del file["model_weights"].attrs[name]


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def fixed_strings(file):
    """h5py 2: names as fixed-length, null-padded bytes."""
    for holder in name_holders(file):
        for key in ("layer_names", "weight_names"):
            if key in holder.attrs:
                names = [text(n).encode() for n in holder.attrs[key]]
                holder.attrs[key] = np.array(names, dtype=f"S{max([len(n) for n in names] + [0]) + 3}") if names else np.array([], dtype="S1")
    for key, value in list(file.attrs.items()):
        file.attrs[key] = np.bytes_(text(value).encode())


def variable_strings(file):
    """Names as variable-length UTF-8, as files that other tools wrote have them."""
    for holder in name_holders(file):
        for key in ("layer_names", "weight_names"):
            if key in holder.attrs:
                holder.attrs.create(key, [text(n) for n in holder.attrs[key]], dtype=h5py.string_dtype())


def name_holders(file):
    return [file["model_weights"]] + [g for g in file["model_weights"].values()]


def replace(group, name, values, **options):
    del group[name]
    return group.create_dataset(name, data=values, **options)


def datasets(file):
    found = []
    file["model_weights"].visititems(lambda name, item: found.append((item.parent, item.name.rsplit("/", 1)[-1], item[()])) if isinstance(item, h5py.Dataset) else None)
    return found


def stored(dtype=None, unlimited=False, **options):
    """Every dataset written again with other storage; scalars stay contiguous."""
    def apply(file):
        for group, name, values in datasets(file):
            values = np.asarray(values)
            chosen = {**options, "maxshape": (None,) * values.ndim if unlimited else None} if values.ndim else {}
            replace(group, name, values.astype(dtype) if dtype and values.dtype.kind == "f" else values, **chosen)
    return apply


def weights_of(file, layer):
    group = file["model_weights"][layer]
    return [(group, text(n)) for n in group.attrs["weight_names"]]


def flipped(file):
    """Theano convolves with turned kernels: what Keras 2.0-2.3 on Theano stored."""
    config = json.loads(file.attrs["model_config"])["config"]
    for layer in config if isinstance(config, list) else config["layers"]:
        if layer["class_name"] in CONVOLUTIONS:
            count = 2 if layer["class_name"] == "ConvLSTM2D" else 1
            for group, name in weights_of(file, layer["config"]["name"])[:count]:
                values = group[name][()]
                turned = values[tuple(slice(None, None, -1) for _ in range(values.ndim - 2))]
                group[name][...] = turned


def named(change):
    """Weight names, and the paths of their datasets, put through `change(layer, name)`."""
    def apply(file):
        for layer, group in file["model_weights"].items():
            names = [text(n) for n in group.attrs.get("weight_names", [])]
            moved = {old: change(layer, old) for old in names}
            values = {old: group[old][()] for old in names}
            for old in names:
                del group[old]
            for child in [c for c in group if isinstance(group[c], h5py.Group)]:
                del group[child]
            for old, new in moved.items():
                group.create_dataset(new, data=values[old])
            if names:
                group.attrs["weight_names"] = [moved[n].encode() for n in names]
    return apply


def cell_dropped(layer, name):
    """lstm/lstm_cell/kernel:0 -> lstm/kernel:0 (up to 2.3.1 and TF 2.1)."""
    parts = name.split("/")
    return "/".join(p for p in parts if not p.endswith("_cell"))


def suffix_dropped(layer, name):
    return name.removesuffix(":0")


def twice_numbered(layer, name):
    """A model built late in a session: dense/kernel_7:0."""
    return name.removesuffix(":0") + "_7:0"


def graph_prefixed(layer, name):
    """TF 1.x: the names hold the path in the graph, other than the layer's."""
    return f"model_1/{layer}_1/{name.rsplit('/', 1)[-1]}"


def old_optimizer(file):
    """Keras 2.0-2.2: lr and decay, loss and metrics by their short names."""
    config = json.loads(file.attrs["training_config"])
    inner = config["optimizer_config"]["config"]
    rate = inner.pop("learning_rate")
    kept = {k: inner[k] for k in ("beta_1", "beta_2", "epsilon", "amsgrad", "momentum", "nesterov", "rho") if k in inner}
    config["optimizer_config"] = {"class_name": config["optimizer_config"]["class_name"], "config": {"lr": rate, **kept, "decay": 0.0}}
    config.update(metrics=["acc"], sample_weight_mode=None, loss_weights=None)
    config.pop("weighted_metrics", None)
    file.attrs["training_config"] = json.dumps(config).encode()


def copied(**options):
    """Rewrites the whole file with other options of the library."""
    def apply(path):
        other = path.with_suffix(".tmp")
        with h5py.File(path, "r") as source, h5py.File(other, "w", **options) as target:
            for key, value in source.attrs.items():
                target.attrs[key] = value
            for name in source:
                source.copy(name, target)
        other.replace(path)
    return apply


# ---- the table -----------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Row:
    id: str
    source: str
    changes: list
    note: str = ""
    whole: object = None    # a change of the file as a whole, after the others
    expect: str = ""        # where it is another than the source's


ERA = (plain, glorot, young_keys_dropped)
OLD = [version("2.1.3"), no_top_level, fixed_strings]
NOT = "2.15 does not read it right: "

TABLE = [
    # Sequential
    Row("old_sequential_list", "sequential_input", [configured(*ERA, sequential_list)] + OLD),
    Row("old_sequential_list_conv", "conv2d_stack", [configured(*ERA, sequential_list)] + OLD),
    Row("old_sequential_list_lstm", "lstm_stack", [configured(*ERA, sequential_list), named(cell_dropped)] + OLD),
    Row("old_sequential_list_embedding", "sequential_embedding_first", [configured(*ERA, sequential_list)] + OLD),
    Row("old_sequential_list_nested", "nested_in_sequential", [configured(plain, model_class, sequential_list), version("2.2.2")],
        note="nested models in a bare list"),
    Row("old_sequential_dict", "sequential_input", [configured(*ERA, sequential_dict), version("2.2.4"), no_top_level]),
    Row("old_sequential_dict_conv", "conv2d_stack", [configured(plain, sequential_dict), version("2.2.4-tf"), no_top_level]),
    Row("old_sequential_dict_masked", "embedding_masked_lstm", [configured(plain, sequential_dict), version("2.2.4"), named(cell_dropped)]),
    Row("old_sequential_dict_frozen", "sequential_frozen_first", [configured(plain, sequential_dict), version("2.3.1")]),
    Row("old_sequential_batch_norm", "batch_norm_twins", [configured(*ERA, sequential_list, with_values("BatchNormalization", axis=-1))] + OLD),
    # functional
    Row("old_model_class", "functional_residual", [configured(plain, model_class), version("2.3.1")]),
    Row("old_model_class_nested", "nested_twice_difference", [configured(plain, model_class), version("2.2.4-tf"), no_top_level]),
    Row("old_model_era", "functional_two_towers", [configured(*ERA, model_class)] + OLD),
    Row("old_model_era_shared", "shared_at_depths", [configured(*ERA, model_class)] + OLD),
    Row("old_model_era_unet", "functional_unet", [configured(*ERA, model_class)] + OLD),
    Row("old_short_nodes", "functional_residual", [configured(plain, model_class, short_nodes), version("2.0.2")]),
    Row("old_model_two_outputs", "functional_output_order", [configured(*ERA, model_class), version("2.0.8")]),
    Row("old_nested_sequential_dict", "nested_sequential", [configured(plain, model_class, sequential_dict), version("2.2.4")],
        note="nested Sequential without InputLayer"),
    Row("old_nested_frozen", "nested_frozen_norm", [configured(plain, model_class), version("2.2.4-tf")]),
    # recurrent eras
    Row("old_lstm_hard", "hard_lstm_recurrent", [configured(*ERA, sequential_list), named(cell_dropped)] + OLD),
    Row("old_gru_hard", "hard_gru_before", [configured(*ERA, sequential_list), named(cell_dropped)] + OLD),
    Row("old_gru_no_reset_after", "hard_gru_before", [configured(*ERA, sequential_list, without("GRU", "reset_after")), named(cell_dropped)] + OLD,
        note=NOT + "a GRU without reset_after is reset_after=False"),
    Row("old_gru_no_reset_after_plain", "gru_before_sequences", [configured(plain, model_class, without("GRU", "reset_after")), version("2.1.2"), named(cell_dropped)],
        note=NOT + "a GRU without reset_after is reset_after=False"),
    Row("old_bidirectional_hard", "hard_bidirectional", [configured(*ERA, sequential_list), version("2.1.6")]),
    Row("old_conv_lstm2d", "conv_lstm2d", [configured(plain, model_class, young_keys_dropped), version("2.2.4")]),
    Row("old_time_distributed", "time_distributed_cnn_lstm", [configured(*ERA, sequential_list)] + OLD),
    Row("old_lstm_implementation_0", "hard_lstm_no_bias", [configured(*ERA, with_values("LSTM", implementation=0)), version("2.0.8")]),
    # initializers, policies, class names
    Row("old_initializer_dtype", "dense_on_sequence", [configured(plain, initializer_dtype), version("2.2.4-tf")]),
    Row("old_initializer_dtype_lstm", "lstm_masked", [configured(plain, initializer_dtype), version("2.2.4-tf")]),
    Row("old_initializer_v2", "sequential_input", [configured(plain, initializer_v2), version("2.2.4-tf")]),
    Row("old_policy", "mixed_float16_dense", [configured(plain, policy(policy_plain)), version("2.4.0")]),
    Row("old_policy_bfloat16", "mixed_bfloat16_conv", [configured(plain, policy(policy_plain)), version("2.5.0")]),
    Row("old_policy_loss_scale", "mixed_float16_conv", [configured(plain, policy(policy_loss_scale)), version("2.3.0-tf")]),
    Row("old_batch_norm_v1", "batch_norm_image", [configured(plain, renamed(BatchNormalization="BatchNormalizationV1")), version("2.2.4-tf")]),
    Row("old_batch_norm_v2", "batch_norm_twins", [configured(plain, renamed(BatchNormalization="BatchNormalizationV2")), version("2.2.4-tf")]),
    Row("old_batch_norm_axis_list", "batch_norm_image", [configured(plain, with_values("BatchNormalization", axis=[3])), version("2.2.4-tf")]),
    Row("old_batch_norm_axis_int", "batch_norm_image", [configured(plain, with_values("BatchNormalization", axis=3)), version("2.2.4")]),
    Row("old_batch_norm_axis_1", "batch_norm_axis_1", [configured(plain, with_values("BatchNormalization", axis=[1])), version("2.3.0")]),
    Row("old_lstm_v2", "lstm", [configured(plain, renamed(LSTM="LSTMV2")), version("2.2.4-tf")]),
    Row("old_gru_v1", "gru_before", [configured(plain, renamed(GRU="GRUV1")), version("2.2.4-tf")]),
    Row("old_lstm_v1", "lstm_sequences", [configured(plain, renamed(LSTM="LSTMV1")), version("2.2.4-tf")]),
    Row("old_unified_lstm", "lstm_initial_state", [configured(plain, renamed(LSTM="UnifiedLSTM")), version("2.2.4-tf")]),
    Row("old_gru_v2", "gru", [configured(plain, renamed(GRU="GRUV2")), version("2.2.4-tf")]),
    Row("old_unified_gru", "bidirectional_gru", [configured(plain, renamed(GRU="UnifiedGRU")), version("2.2.4-tf")]),
    # keys that came and went
    Row("old_input_dtype", "sequential_input", [configured(*ERA, sequential_list, first_layer(input_dtype="float32"))] + OLD),
    Row("old_input_layer_keys", "functional_two_towers", [configured(*ERA, model_class,
        with_values("InputLayer", trainable=True, input_dtype="float32", type_spec=None))] + OLD),
    Row("old_layer_flags", "functional_residual", [configured(plain, model_class, with_values("Dense", dynamic=False, autocast=True)), version("2.2.4-tf")]),
    Row("old_embedding_sparse", "embedding_masked_lstm", [configured(plain, with_values("Embedding", sparse=False))]),
    Row("old_batch_norm_mode", "batch_norm_twins", [configured(*ERA, sequential_list, with_values("BatchNormalization", axis=-1, mode=0))] + OLD),
    Row("old_batch_norm_tf1", "batch_norm_image", [configured(plain, model_class, renamed(BatchNormalization="BatchNormalizationV1"),
        with_values("BatchNormalizationV1", fused=True, renorm=False, renorm_clipping=None, renorm_momentum=0.99, virtual_batch_size=None, adjustment=None)),
        version("2.1.6-tf")]),
    Row("old_depthwise_filters", "depthwise2d_multiplier", [configured(plain, model_class, with_values("DepthwiseConv2D", filters=None)), version("2.2.4-tf")]),
    Row("old_lstm_input_dim", "lstm_masked", [configured(*ERA, sequential_list, with_values("LSTM", input_dim=3, input_length=5, num_constants=None)), named(cell_dropped)] + OLD),
    Row("old_gru_input_dim", "hard_gru_before", [configured(*ERA, sequential_list, with_values("GRU", input_dim=3, input_length=None)), named(cell_dropped)] + OLD),
    Row("old_lstm_no_recurrent_activation", "hard_lstm_recurrent", [configured(*ERA, sequential_list, without("LSTM", "recurrent_activation")), named(cell_dropped)] + OLD,
        note=NOT + "an LSTM without recurrent_activation is a hard_sigmoid one"),
    Row("old_gru_no_recurrent_activation", "hard_gru_before", [configured(*ERA, sequential_list, without("GRU", "recurrent_activation")), named(cell_dropped)] + OLD,
        note=NOT + "a GRU without recurrent_activation is a hard_sigmoid one"),
    Row("old_stacked_cells_order", "rnn_stacked_mixed", [configured(plain, model_class, with_values("StackedRNNCells", reverse_state_order=False)), version("2.2.4-tf")]),
    Row("old_string_lookup_flag", "string_lookup_embedding", [configured(plain, with_values("StringLookup", has_input_vocabulary=True)), version("2.8.0")]),
    Row("old_integer_lookup_flag", "integer_lookup_multi_hot", [configured(plain, with_values("IntegerLookup", has_input_vocabulary=True)), version("2.8.0")]),
    Row("old_text_vectorization_flag", "text_vectorization_lstm", [configured(plain, with_values("TextVectorization", has_input_vocabulary=True)), version("2.8.0")]),
    Row("old_silu", "dense_swish", [configured(plain, silu), version("2.8.0")]),
    Row("old_attention_causal", "attention_causal", [configured(plain, causal), version("2.4.0")]),
    Row("old_attention_not_causal", "attention_masked_pooled", [configured(plain, causal), version("2.4.0")]),
    Row("old_additive_attention_causal", "additive_attention_causal", [configured(plain, causal), version("2.9.0")]),
    # classes that are gone
    Row("old_sequence_features", "dense_features", [configured(plain, renamed(DenseFeatures="SequenceFeatures"))], expect="refused:SequenceFeatures"),
    Row("old_module_wrapper", "custom_layer", [configured(plain, renamed(**{"zoo>Scale": "ModuleWrapper"})), version("2.6.0")], expect="refused:ModuleWrapper"),
    Row("old_peephole_lstm_cell", "rnn_cell_lstm", [configured(plain, renamed(LSTMCell="PeepholeLSTMCell")), version("2.3.0-tf")], expect="refused:PeepholeLSTMCell"),
    Row("old_conv_rnn2d", "conv_lstm2d", [configured(plain, model_class, renamed(ConvLSTM2D="ConvRNN2D")), version("2.2.4")], expect="refused:ConvRNN2D"),
    Row("old_maxout_dense", "sequential_input", [configured(*ERA, sequential_list, renamed(Dense="MaxoutDense"), with_values("MaxoutDense", nb_feature=4))] + OLD,
        expect="refused:MaxoutDense"),
    Row("old_highway", "sequential_input", [configured(*ERA, sequential_list, renamed(Dense="Highway"))] + OLD, expect="refused:Highway"),
    Row("old_atrous1d", "conv1d_dilated", [configured(*ERA, renamed(Conv1D="AtrousConvolution1D"), with_values("AtrousConvolution1D", atrous_rate=2))] + OLD,
        expect="refused:AtrousConvolution1D"),
    Row("old_atrous2d", "conv2d_dilated", [configured(*ERA, renamed(Conv2D="AtrousConvolution2D"), with_values("AtrousConvolution2D", atrous_rate=[2, 2]))] + OLD,
        expect="refused:AtrousConvolution2D"),
    Row("old_merge", "concatenate_two", [configured(*ERA, renamed(Concatenate="Merge"), with_values("Merge", mode="concat", concat_axis=-1))] + OLD),
    # Theano
    Row("old_theano_conv2d", "conv2d_stack", [configured(*ERA, sequential_list), version("2.0.6", "theano"), flipped], note=NOT + "kernels are turned by 180 degrees"),
    Row("old_theano_conv1d", "conv1d", [configured(plain, model_class), version("2.1.3", "theano"), flipped], note=NOT + "kernels are turned"),
    Row("old_theano_conv3d", "conv3d", [configured(plain, model_class), version("2.1.3", "theano"), flipped], note=NOT + "kernels are turned"),
    Row("old_theano_unet", "functional_unet", [configured(plain, model_class), version("2.2.4", "theano"), flipped], note=NOT + "kernels are turned, also of the transposed"),
    Row("old_theano_conv_lstm2d", "conv_lstm2d", [configured(plain, model_class), version("2.2.4", "theano"), flipped], note=NOT + "kernels and recurrent kernels are turned"),
    Row("old_theano_separable2d", "separable2d", [configured(plain, model_class), version("2.2.4", "theano")], note="which way kernels go is not known",
        expect="refused:backend"),
    Row("old_theano_depthwise2d", "depthwise2d", [configured(plain, model_class), version("2.2.4", "theano")], note="which way kernels go is not known",
        expect="refused:backend"),
    Row("old_theano_conv3d_transpose", "conv3d_transpose", [configured(plain, model_class), version("2.2.4", "theano")], note="which way kernels go is not known",
        expect="refused:backend"),
    Row("old_theano_dense", "sequential_input", [configured(plain, sequential_list), version("2.0.6", "theano")], note="nothing to turn"),
    Row("old_cntk_conv2d", "conv2d_stack", [configured(plain, sequential_list), version("2.0.6", "cntk")], note="CNTK kernels are as TensorFlow's"),
    # names and storage
    Row("old_names_variable_length", "functional_residual", [variable_strings]),
    Row("old_names_fixed_length", "lstm_stack", [fixed_strings]),
    Row("old_names_no_suffix", "sequential_input", [named(suffix_dropped)]),
    Row("old_names_numbered", "functional_two_towers", [named(twice_numbered)]),
    Row("old_names_graph", "sequential_input", [named(graph_prefixed)]),
    Row("old_no_group_attributes", "sequential_input", [no_group_attributes]),
    Row("old_gzip", "conv2d_twins", [stored(chunks=True, compression="gzip")]),
    Row("old_gzip_shuffle", "lstm_stack", [stored(chunks=True, compression="gzip", shuffle=True, fletcher32=True)]),
    Row("old_chunked_unlimited", "functional_residual", [stored(chunks=True, unlimited=True)]),
    Row("old_big_endian", "conv2d_stack", [stored(">f4")]),
    Row("old_big_endian_gzip", "gru_stack", [stored(">f4", chunks=True, compression="gzip")]),
    Row("old_float64_datasets", "sequential_input", [stored("f8")], note="weights stored wider than the layers are"),
    Row("old_library_latest", "functional_two_towers", [], whole=copied(libver="latest")),
    Row("old_library_latest_batch_norm", "batch_norm_twins", [], whole=copied(libver="latest")),
    Row("old_library_v108", "lstm_stack", [], whole=copied(libver=("v108", "v108"))),
    Row("old_user_block", "sequential_input", [], whole=copied(userblock_size=1024)),
    Row("old_trained_adam", "train_legacy_adam", [configured(plain, model_class), old_optimizer, version("2.1.6"), no_top_level]),
    Row("old_trained_sgd", "train_legacy_sgd", [configured(plain, model_class), old_optimizer, version("2.2.4"), no_top_level]),
]


def age(row, directory, line):
    """Makes one aged file; returns its line of the manifest."""
    path = directory / f"{row.id}.h5"
    shutil.copyfile(directory / f"{row.source}.h5", path)
    with h5py.File(path, "r+") as file:
        for change in row.changes:
            change(file)
    (row.whole or copied())(path)
    shutil.copyfile(directory / f"{row.source}.npz", directory / f"{row.id}.npz")
    with h5py.File(path, "r") as file:
        number = text(file.attrs["keras_version"])
    note = f"made from {row.source}" + (f"; {row.note}" if row.note else "")
    return [row.id, "age", line[2], row.expect or line[3], note, line[5], number]


def main(directory):
    directory = pathlib.Path(directory)
    manifest = directory / "MANIFEST.tsv"
    header, *lines = [line.split("\t") for line in manifest.read_text().splitlines()]
    known = {line[0]: line for line in lines if line[1] != "age"}
    aged = [age(row, directory, known[row.source]) for row in TABLE]
    manifest.write_text("\n".join("\t".join(line) for line in [header] + list(known.values()) + aged) + "\n")
    print(f"{len(aged)} aged files")


if __name__ == "__main__":
    main(sys.argv[1])
