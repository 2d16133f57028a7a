# SPDX-License-Identifier: Apache-2.0
"""SavedModels and checkpoints that are made to break a reader: each is refused, by name and in time."""

import io
import json
import tarfile

import pytest
from tables import block, child, entry, graph, header, masked, message, number, shape, string, table, tensor, value, varint
from test_hostile import convert

CONFIG = {"class_name": "Sequential", "keras_version": "2.15.0", "backend": "tensorflow", "config": {"name": "m", "layers": [
    {"class_name": "Dense", "config": {"name": "d", "units": 1, "use_bias": False, "batch_input_shape": [None, 1]}}]}}
LOOKUP = {**CONFIG, "config": {"name": "m", "layers": [
    {"class_name": "StringLookup", "config": {"name": "s", "dtype": "int64", "vocabulary": None, "batch_input_shape": [None, 1]}}]}}
DENSE = (child(1, "layer-0"), child(2, "kernel"), value("k"))


def index(*entries, **told):
    return table(block(header(), *entries), **told)


def checkpoint(nodes, *entries):
    """{name: bytes} of a bundle with an object graph and further tensors; 64 bytes of zeros stand behind the graph."""
    data, graph_entry = string(graph(*nodes))
    return {"variables/variables.index": index(entry(b"_CHECKPOINTABLE_OBJECT_GRAPH", graph_entry), *entries),
            "variables/variables.data-00000-of-00001": data + bytes(64)}


def good(offset=None):
    size = len(string(graph(*DENSE))[0])
    return entry(b"k", tensor(1, (1, 1), offset=size if offset is None else offset, check=masked(bytes(4)) if offset is None else 0))


def saved(config, *nodes, more=(), graph=b"", functions=b""):
    """A saved_model.pb whose first object is the model of a config."""
    root = message(4, message(1, b"_tf_keras_sequential"), message(3, json.dumps(config).encode()))
    objects = message(7, message(1, *nodes[:1], root), *(message(1, node) for node in nodes[1:]), functions)
    return number(1, 1) + message(2, message(1, message(4, b"serve"), message(5, b"2.3.0")), message(2, graph), objects, *more)


def lookup(bound, *nodes, graph=b""):
    """A lookup layer whose table was filled by a function with these inputs."""
    functions = message(2, message(1, b"f"), message(2, message(2, b"".join(map(varint, bound)))))
    return saved(LOOKUP, child(1, "layer-0"), child(2, "lookup_table"), child(3, "_initialize"), message(6, message(1, b"f")), *nodes,
                 graph=graph, functions=functions)


def constant(name, dtype, dims, *values):
    tensor = message(8, number(1, dtype), shape(*dims), *(message(8, v) if dtype == 7 else number(10, v) for v in values))
    return message(1, message(1, name), message(2, b"Const"), message(5, message(1, b"value"), message(2, tensor)))


BLOCK = block(header(), entry(b"k", tensor()))
PLAIN = {"saved_model.pb": saved(CONFIG)}
TEXTS = {"saved_model.pb": None, **checkpoint((child(1, "layer-0"), b""))}
INDICES = {
    "cut": (table(BLOCK)[:-50], "corrupt-model"),
    "restarts": (table(block(header(), count=1 << 30)), "corrupt-model"),
    "entry_outside": (table(block(header(), b"\0\1\xff\xff\xff\xff\x0fk")), "corrupt-model"),
    "shared_outside": (table(block(header(), entry(b"k", tensor(), shared=9))), "corrupt-model"),
    "block_outside": (table(BLOCK, handles=[varint(1 << 40) + varint(10)]), "corrupt-model"),
    "block_wraps": (table(BLOCK, handles=[varint(-8) + varint(100)]), "corrupt-model"),
    "block_large": (table(BLOCK, handles=[varint(0) + varint(1 << 60)]), "limit-exceeded"),
    "block_twice": (table(BLOCK, twice=True), "corrupt-model"),
    "key_long": (table(block(header(), entry(b"k" * 9000, tensor()))), "limit-exceeded"),
    "snappy_bomb": (table(varint(1 << 40) + b"\0a", kinds=[1]), "corrupt-model"),
    "snappy_before": (table(varint(9) + b"\0a" + b"\x15\x09", kinds=[1]), "corrupt-model"),
    "unknown_compression": (table(BLOCK, kinds=[7]), "corrupt-model"),
    "no_header": (table(block(entry(b"k", tensor()))), "corrupt-model"),
    "shards_many": (table(block(header(1 << 30))), "corrupt-model"),
    "shards_negative": (table(block(header(-1))), "corrupt-model"),
    "not_sorted": (table(block(header(), entry(b"k", tensor()), entry(b"a", tensor()))), "corrupt-model"),
    "same_name_twice": (table(block(header(), entry(b"k", tensor()), entry(b"k", tensor()))), "corrupt-model"),
    "axes_many": (index(entry(b"k", tensor(1, [1] * 33))), "corrupt-model"),
    "axis_negative": (index(entry(b"k", tensor(1, [-5]))), "corrupt-model"),
    "no_message": (index(entry(b"k", b"\x0a\xff\xff\xff\xff\xff")), "corrupt-model"),
    "fields_many": (index(entry(b"k", message(7) * 60000)), "limit-exceeded"),
}
MODELS = {
    "graph_empty": ({**PLAIN, **checkpoint(())}, "corrupt-model"),
    "graph_no_message": ({**PLAIN, **checkpoint((b"\xff",))}, "corrupt-model"),
    "child_outside": ({**PLAIN, **checkpoint((child(1 << 30, "layer-0"),))}, "weights-missing"),
    "child_negative": ({**PLAIN, **checkpoint((child(-1, "layer-0"),))}, "weights-missing"),
    "child_is_itself": ({**PLAIN, **checkpoint((child(0, "layer-0"), ))}, "weights-missing"),
    "tensor_missing": ({**PLAIN, **checkpoint(DENSE)}, "weights-missing"),
    "tensor_outside": ({**PLAIN, **checkpoint(DENSE, good(1 << 40))}, "corrupt-model"),
    "tensor_wraps": ({**PLAIN, **checkpoint(DENSE, entry(b"k", tensor(1, (1, 1), offset=(1 << 63) - 2)))}, "corrupt-model"),
    "tensor_short": ({**PLAIN, **checkpoint(DENSE, entry(b"k", tensor(1, (1, 1), size=2)))}, "corrupt-model"),
    "tensor_of_text": ({**PLAIN, **checkpoint(DENSE, entry(b"k", tensor(7, (1, 1))))}, "weight-shape-mismatch"),
    "tensor_overflows": ({**PLAIN, **checkpoint(DENSE, entry(b"k", tensor(1, (1 << 62, 1 << 62))))}, "limit-exceeded"),
    "shard_outside": ({**PLAIN, **checkpoint(DENSE, entry(b"k", tensor(1, (1, 1), shard=9)))}, "corrupt-model"),
    "slices_missing": ({**PLAIN, **checkpoint(DENSE, entry(b"k", tensor(1, (1, 1), more=message(7, message(1), message(1)))))}, "corrupt-model"),
    "wrong_checksum": ({**PLAIN, **checkpoint(DENSE, good(40))}, "corrupt-model"),
    "surplus": ({**PLAIN, **checkpoint((*DENSE[:1], DENSE[1] + child(3, "w"), DENSE[2], value("w")), good(), entry(b"w", tensor()))}, "weight-count-mismatch"),
    "pb_cut": ({"saved_model.pb": saved(CONFIG)[:-20]}, None),
    "json_deep": ({"saved_model.pb": saved({"class_name": "a", "config": json.loads("[" * 400 + "]" * 400)})}, None),
    "tuples_deep": ({"saved_model.pb": saved({**CONFIG, "x": json.loads('{"class_name":"__tuple__","items":[' * 200 + "]}" * 200)})}, "variables-missing"),
    "metadata_of_nobody": ({**PLAIN, "keras_metadata.pb": message(1, number(2, 99), message(4, b"_tf_keras_layer"), message(5, b"{}"))}, "corrupt-model"),
    "table_loops": ({**TEXTS, "saved_model.pb": lookup([0, 1, 2, 3])}, "weights-missing"),
    "table_outside": ({**TEXTS, "saved_model.pb": lookup([99, 1 << 40])}, "weights-missing"),
    "table_bomb": ({**TEXTS, "saved_model.pb": lookup([4, 5], message(9, message(1, b"a")), message(9, message(1, b"b")),
                    graph=constant(b"a", 7, (40000000,), b"w") + constant(b"b", 9, (40000000,), 1))}, "corrupt-model"),
    "table_uneven": ({**TEXTS, "saved_model.pb": lookup([4, 5], message(9, message(1, b"a")), message(9, message(1, b"b")),
                      graph=constant(b"a", 7, (2,), b"v", b"w") + constant(b"b", 9, (1,), 1))}, "corrupt-model"),
    "table_no_text": ({**TEXTS, "saved_model.pb": lookup([4, 5], message(9, message(1, b"a")), message(9, message(1, b"b")),
                       graph=constant(b"a", 7, (1,), b"\xff\xfe") + constant(b"b", 9, (1,), 1))}, "corrupt-model"),
    "asset_climbs": ({**TEXTS, "saved_model.pb": lookup([4], message(5))}, "weights-missing"),
}


def refused(folder, files, code):
    path = folder / "in.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    done, report = convert(path, folder)
    codes = {problem["code"] for problem in report["problems"]}
    assert done.returncode == 65, done.stderr
    assert not codes & {"worker-crashed", "worker-memory-limit", "conversion-timeout", "internal-error"}
    assert code is None or code in codes, report["problems"]


@pytest.mark.parametrize("name", sorted(INDICES))
def test_a_bad_index_is_refused(name, tmp_path):
    data, code = INDICES[name]
    refused(tmp_path, {**PLAIN, "variables/variables.index": data, "variables/variables.data-00000-of-00001": bytes(64)}, code)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_bad_model_is_refused(name, tmp_path):
    files, code = MODELS[name]
    refused(tmp_path, files, code)


def test_what_they_were_made_of_is_read(tmp_path):
    """The bytes that are bent above, as they should be."""
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in {**PLAIN, **checkpoint(DENSE, good())}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    done, report = convert(path, tmp_path)
    assert done.returncode == 0, report
