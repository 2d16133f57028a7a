"""Adds `old_*` to a training zoo: legacy optimizers and their state as Keras 1 and 2.0-2.3 wrote them.

    train_age.py OUT_DIR

The optimizers of those days compute what tf.keras's legacy ones compute, and differ in what their files say: `lr` for
learning_rate, no name, and for some classes no counter of steps. So the files are copies, and the references stay what they are.
Losses that had another name then are added too.
"""
import json
import pathlib
import shutil
import sys

import h5py

RELEASE = "2.2.4"
# new id: (old id, keys that go, keys that come, whether the counter of steps goes, further variables in front, unused ones behind)
OPTIMIZERS = {
    "old_sgd": ("legacy_sgd_momentum", (), {}, False, 0),
    "old_rmsprop": ("legacy_rmsprop", ("momentum", "centered"), {}, False, 0),
    "old_rmsprop_uncounted": ("legacy_rmsprop", ("momentum", "centered"), {}, True, 0),
    "old_adam": ("legacy_adam", ("amsgrad",), {}, False, 0),
    "old_adam_amsgrad": ("legacy_adam_amsgrad", (), {}, False, 0),
    "old_adam_unused": ("legacy_adam", (), {"amsgrad": False}, False, 6),
    "old_adamax": ("legacy_adamax", (), {}, False, 0),
    "old_adagrad": ("legacy_adagrad", ("initial_accumulator_value",), {}, False, 0),
    "old_adagrad_uncounted": ("legacy_adagrad", ("initial_accumulator_value",), {}, True, 0),
    "old_adadelta": ("legacy_adadelta", (), {}, False, 0),
    "old_adadelta_uncounted": ("legacy_adadelta", (), {"epsilon": None}, True, 0),
    "old_nadam": ("legacy_nadam", ("decay",), {"schedule_decay": 0.004}, False, 0),
    "old_nadam_uncached": ("legacy_nadam", ("decay",), {"schedule_decay": 0.004}, False, -1),
    "old_decay": ("legacy_decay_adam", (), {}, False, 0),
}
LOSSES = {"old_loss_huber": ("loss_huber", "huber_loss"), "old_loss_mse": ("loss_mse", "MSE"), "old_loss_mae": ("loss_mae", "MAE"),
          "old_loss_mape": ("loss_mape", "mape"), "old_loss_msle": ("loss_msle", "MSLE"), "old_loss_bce": ("loss_binary", "bce"),
          "old_loss_bce_upper": ("loss_binary", "BCE"), "old_loss_kld": ("loss_kld", "KLD")}


def age_config(config, gone, come):
    """The optimizer's config as it was; Python wrote numbers of 64 bits."""
    kept = {key: value for key, value in config.items() if key not in gone + ("name", "learning_rate")}
    return {"lr": config["learning_rate"], **kept, **come}


def age_state(file, uncounted, more):
    """The state without its counter, without momentum_cache (more < 0), or with variables nobody uses behind."""
    group = file["optimizer_weights"]
    names = [name.decode() if isinstance(name, bytes) else name for name in group.attrs["weight_names"]]
    if uncounted:
        names = names[1:]
    if more < 0:
        names = [name for name in names if "momentum_cache" not in name]
    for i in range(more):
        group.create_dataset(f"unused_{i}", data=[0.0], dtype="f4")
        names.append(f"unused_{i}")
    group.attrs["weight_names"] = [name.encode() for name in names]


def age_optimizer(file, gone, come, uncounted, more):
    told = json.loads(file.attrs["training_config"])
    told["optimizer_config"]["config"] = age_config(told["optimizer_config"]["config"], gone, come)
    file.attrs["training_config"] = json.dumps(told).encode()
    for group in (file, file["model_weights"]):
        group.attrs["keras_version"] = RELEASE
    age_state(file, uncounted, more)


def age_loss(file, name):
    told = json.loads(file.attrs["training_config"])
    told["loss"] = name
    file.attrs["training_config"] = json.dumps(told).encode()


def main(out):
    directory = pathlib.Path(out)
    manifest = directory / "MANIFEST.tsv"
    rows = {line.split("\t")[0]: line.split("\t") for line in manifest.read_text().splitlines()}
    for id, (source, *rest) in {**OPTIMIZERS, **LOSSES}.items():
        for suffix in (".h5", ".npz"):
            shutil.copyfile(directory / (source + suffix), directory / (id + suffix))
        with h5py.File(directory / f"{id}.h5", "r+") as file:
            age_optimizer(file, *rest) if id in OPTIMIZERS else age_loss(file, *rest)
        rows[id] = [id, "old", *rows[source][2:]]
    manifest.write_text("".join("\t".join(row) + "\n" for row in rows.values()))


if __name__ == "__main__":
    main(sys.argv[1])
