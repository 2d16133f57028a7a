#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the inputs of the golden cases that are .keras archives of Keras 2.

    make_archives.py tests/golden        needs h5py and numpy; the same calls give the same bytes
"""
import json
import pathlib
import tempfile
import zipfile

import numpy as np

from make_weights import dense, layer, path, values, write_options, write_saving_lib

KERNEL, BIAS = values(3, 2, seed=1), values(2, seed=2)
A, B = [KERNEL, BIAS], [values(2, 2, seed=3), values(2, seed=4)]


def entry(made):
    return {"module": "keras.layers", **made, "registered_name": None}


def text_input(*shape):
    return layer("InputLayer", "in", batch_input_shape=[None, *shape], sparse=False, ragged=False, dtype="string")


def model(*layers, inputs=None, module="keras"):
    inputs = inputs or layer("InputLayer", "in", batch_input_shape=[None, 3], sparse=False, ragged=False)
    return {"module": module, "class_name": "Sequential", "registered_name": None,
            "config": {"name": "model", "layers": [entry(inputs), *map(entry, layers)]}}


def weights_of(tree, names=None):
    """The bytes of a weights file; keys of `tree` are groups."""
    with tempfile.TemporaryDirectory() as folder:
        name = pathlib.Path(folder, "w.h5")
        write_saving_lib(folder, tree, name, names)
        return name.read_bytes()


def archive(case, config, tree, version="2.15.0", weights="model.weights.h5", assets=(), method=zipfile.ZIP_STORED, data=None,
            **options):
    with zipfile.ZipFile(path(case, "in.keras"), "w") as out:
        members = {"metadata.json": json.dumps({"keras_version": version, "date_saved": "2023-11-01@12:00:00"}).encode(),
                   "config.json": json.dumps(config).encode()}
        if weights:
            members[weights] = data or weights_of(tree)
        members.update(assets)
        for name, content in members.items():
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, method)
    if options:
        write_options(case, **options)


TWO = model(dense("a", 2), dense("b", 2, "relu"))
LAYERS = {"": [], "layers/dense": A, "layers/dense_1": B}


def numberings():
    inside = {"": [], "_layer_checkpoint_dependencies/dense": A}
    archive("zip2_two_dense", TWO, {**LAYERS, "optimizer": [np.array(3)], "metrics/mean": [BIAS]})
    archive("zip2_of_2_13", TWO, {**inside, "_layer_checkpoint_dependencies/dense_2": B}, version="2.13.1")
    archive("zip2_of_2_14", TWO, {**inside, "_layer_checkpoint_dependencies/dense_1": B}, version="2.14.0")
    archive("zip2_of_windows", TWO, {"": [], "layers\\dense": A, "layers\\dense_1": B})
    archive("zip2_of_tf_keras", TWO, LAYERS, version="2.21.0")
    archive("zip2_for_3_0", TWO, LAYERS, keras="3.0")
    archive("zip2_weights_at_2048", aligned(model(dense("a", 2), dense("b", 2, "relu"))), LAYERS)
    archive("zip2_deflated", TWO, LAYERS, method=zipfile.ZIP_DEFLATED)
    archive("zip_211_two_dense", TWO, LAYERS, version="2.11.0", weights="variables.h5")
    archive("zip2_custom_kept", model(layer("Mine", "m"), dense("a", 2)),
            {"": [], "layers/mine": [BIAS], "layers/mine/inner": [KERNEL], "layers/dense": A},
            assets={"assets/layers/mine/words.txt": b"sun"}, custom="keep")


def aligned(config, at=2048):
    """A config so long that the weights behind it begin where HDF5 may have them behind a user block."""
    heads = sum(30 + len(name) for name in ("metadata.json", "config.json", "model.weights.h5"))
    room = at - heads - len(json.dumps({"keras_version": "2.15.0", "date_saved": "2023-11-01@12:00:00"}))
    config["config"]["name"] += "x" * (room - len(json.dumps(config)))
    return config


def refused():
    archive("zip2_weights_missing_refused", TWO, {}, weights=None)
    archive("zip2_weights_no_hdf5_refused", TWO, {}, data=b"PK\3\4 these are no weights")
    archive("zip2_layer_missing_refused", TWO, {"": [], "layers/dense": A})
    archive("zip2_surplus_refused", TWO, {**LAYERS, "layers/dense_2": A})
    archive("zip2_two_names_refused", TWO, {**LAYERS, "layers\\dense": A})
    archive("zip2_climbing_names_refused", TWO, {"": [], "layers\\..\\dense": A, "layers\\dense_1": B})


def lookup(class_name="StringLookup", **config):
    return layer(class_name, "words", vocabulary=None, output_mode="int", num_oov_indices=1, mask_token=None, max_tokens=None,
                 invert=False, sparse=False, pad_to_max_tokens=False, idf_weights=None, has_input_vocabulary=False, **config)


def text(output_mode):
    return layer("TextVectorization", "text", vocabulary=None, output_mode=output_mode, standardize="lower", split="whitespace",
                 ngrams=None, output_sequence_length=None, pad_to_max_tokens=False, sparse=False, ragged=False, max_tokens=None,
                 idf_weights=None, encoding="utf-8", vocabulary_size=4)


def vocabularies():
    words, group = "[UNK]\nsun\nmøøn".encode(), "layers/string_lookup"
    strings = model(lookup(oov_token="[UNK]", encoding="utf-8"), inputs=text_input(2))
    archive("zip2_vocabulary", strings, {"": [], group: []}, assets={f"assets/{group}/vocabulary.txt": words})
    archive("zip2_vocabulary_to_json", strings, {"": [], group: []}, assets={f"assets/{group}/vocabulary.txt": words}, to="json")
    archive("zip2_vocabulary_to_weights", strings, {"": [], group: []}, assets={f"assets/{group}/vocabulary.txt": words}, to="weights.h5")
    archive("zip2_vocabulary_to_h5", strings, {"": [], group: []}, assets={f"assets/{group}/vocabulary.txt": words}, to="h5")
    archive("zip2_vocabulary_for_2_15", strings, {"": [], group: []}, assets={f"assets/{group}/vocabulary.txt": words}, keras="2.15")
    archive("zip2_vocabulary_missing_refused", strings, {"": [], group: []})
    archive("zip2_vocabulary_latin_refused", strings, {"": [], group: []},
            assets={f"assets/{group}/vocabulary.txt": "[UNK]\ncafé".encode("latin-1")})
    numbers = model(lookup("IntegerLookup", oov_token=-1), inputs=layer("InputLayer", "in", batch_input_shape=[None, 2], dtype="int64"))
    archive("zip2_vocabulary_numbers", numbers, {"": [], "layers/integer_lookup": []}, method=zipfile.ZIP_DEFLATED,
            assets={"assets/layers/integer_lookup/vocabulary.txt": b"-1\n5\n3"})
    group, words = "layers/text_vectorization", b"[UNK]\nsun\nmoon\nstar"
    twice = {f"assets/{group}/vocabulary.txt": words, f"assets/{group}/_lookup_layer/vocabulary.txt": words}
    archive("zip2_text", model(text("count"), dense("d", 2), inputs=text_input(1)), {"": [], group: [], "layers/dense": [values(4, 2), BIAS]},
            assets=twice)
    archive("zip2_text_two_vocabularies_refused", model(text("count"), inputs=text_input(1)), {"": [], group: []},
            assets={**twice, f"assets/{group}/_lookup_layer/vocabulary.txt": words[:-1]})
    archive("zip2_assets_of_nobody", TWO, LAYERS, assets={"assets/layers/dense/words.txt": b"sun"})


def bins():
    summary = np.array([[-1, -0.4, 0, 0.3, 0.5, 0.9, 1.4, 2], [1, 2, 1, 1, 3, 1, 1, 2]], "f4")
    made = layer("Discretization", "bins", bin_boundaries=None, num_bins=4, epsilon=0.01, output_mode="int", sparse=False)
    archive("zip2_discretization", model(made), {"": [], "layers/discretization": [summary]})
    archive("zip2_discretization_for_2_15", model(made), {"": [], "layers/discretization": [summary]}, keras="2.15")


if __name__ == "__main__":
    numberings()
    refused()
    vocabularies()
    bins()
