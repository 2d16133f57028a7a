"""Holds the arrays that kferry took out of checkpoints against what TensorFlow reads from them.

    checkpoint_arrays.py LIST RESULTS    lines of LIST: id <TAB> tar of the checkpoint or SavedModel <TAB> .npz

An .npz is right when it has every variable of the model under its name, and nothing else, each with the bits that
tf.train.load_checkpoint() gives. RESULTS gets a JSON line a file: id, ok, error, and how many tensors were compared.
"""
import json
import os
import pathlib
import re
import sys
import tarfile
import tempfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# Edges to what an optimizer, a training loop or a layer that draws numbers keeps, and names of that where there are no edges.
ASIDE = {"optimizer", "_optimizer", "keras_api", "_rng", "_random_generator", "_seed_generator", "seed_generator", "states", "num_documents",
         "_metrics", "_loss_tracker", "loss_tracker", "save_counter"}
NAMES = re.compile(r"(^|/)(seed_generator|global_step)(/|$)")


def reached(graph):
    """The nodes that edges lead to, none of them aside."""
    seen, queue = {0}, [0]
    for node in queue:
        for child in graph.nodes[node].children:
            if child.local_name not in ASIDE and child.node_id not in seen:
                seen.add(child.node_id)
                queue.append(child.node_id)
    return seen


def names_of(reader):
    """{name that the variable had in its program: key in the checkpoint}: by the objects, else they are the same."""
    keys = reader.get_variable_to_shape_map()
    if GRAPH not in keys:
        return {key: key for key in keys if not NAMES.search(key)}
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor(GRAPH))
    slots = {slot.slot_variable_node_id for node in graph.nodes for slot in node.slot_variables}
    attributes = [a for i in sorted(reached(graph) - slots) for a in graph.nodes[i].attributes if a.name == "VARIABLE_VALUE"]
    return {a.full_name or a.checkpoint_key: a.checkpoint_key for a in attributes if not NAMES.search(a.full_name)}


def compare(folder, arrays):
    """How many tensors are the same; raises what is wrong with them."""
    index = next(pathlib.Path(folder).rglob("*.index"))
    reader = tf.train.load_checkpoint(str(index.with_suffix("")))
    names = names_of(reader)
    if set(names) != set(arrays.files):
        raise ValueError(f"names {sorted(set(arrays.files) ^ set(names))}")
    for name, key in names.items():
        wanted, found = np.asarray(reader.get_tensor(key)), arrays[name]
        if wanted.dtype.name == "bfloat16":  # as ml_dtypes has it
            wanted = wanted.view("V2")
        if wanted.dtype != found.dtype or wanted.shape != found.shape or wanted.tobytes() != found.tobytes():
            raise ValueError(f"{name}: {found.dtype} {found.shape} is not {wanted.dtype} {wanted.shape}, or has other values")
    return len(names)


def judge(archive, npz):
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as members:
            members.extractall(folder)
        return compare(folder, np.load(npz))


def main(listing, results):
    with open(results, "w") as out:
        for line in pathlib.Path(listing).read_text().splitlines():
            id, archive, npz = line.split("\t")
            try:
                result = {"id": id, "ok": True, "tensors": judge(archive, npz)}
            except Exception as error:
                result = {"id": id, "ok": False, "error": f"{type(error).__name__}: {str(error).strip()[:400]}"}
            out.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
