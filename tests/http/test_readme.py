# SPDX-License-Identifier: Apache-2.0
"""The commands of the documents, as they stand there, with a user's files: each works, and works twice."""

import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from kferry_service import FIXTURES, program

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
SAVED = FIXTURES / "savedmodel"
TO = "http://127.0.0.1:8080"


def blocks(document):
    """Indented commands of a document, as lists of lines with the number of the first."""
    found, lines, first = [], [], 0
    for number, line in enumerate((ROOT / document).read_text().splitlines() + [""], 1):
        if line.startswith("    "):
            first = first or number
            lines.append(line[4:])
        elif lines:
            found.append((first, lines))
            lines, first = [], 0
    return [(n, rows) for n, rows in found if re.match(r"\w+=\$\(curl|curl |kferry |KFERRY_\w+=\S+ kferry |key=", rows[0])]


def replayed(document):
    """Those that one machine can do: not a service for others, nor files of the internet."""
    return [(n, rows) for n, rows in blocks(document) if not re.search("kferry serve|https://|s3://", "\n".join(rows))]


CASES = [pytest.param(document, n, rows, id=f"{document}:{n}")
         for document in ("README.md", "api/README.md") for n, rows in replayed(document)]


def test_the_documents_have_commands():
    assert len(CASES) >= 6
    assert sum(len(blocks(d)) - len(replayed(d)) for d in ("README.md", "api/README.md")) <= 3


def saved_model(folder):
    """A SavedModel, and a checkpoint: alone, by its number, and among others."""
    with tarfile.open(SAVED / "trained_legacy_adam.tar") as archive:
        archive.extractall(folder, filter="data")
    (folder / "trained_legacy_adam").rename(folder / "saved_model_folder")
    (folder / "checkpoints").mkdir()
    with tarfile.open(SAVED / "weights_attention_three_concat_scale.tar") as archive:
        for end in ("index", "data-00000-of-00001"):
            member = archive.extractfile(f"weights_attention_three_concat_scale/weights.ckpt.{end}")
            data = member.read()
            for name in ("ckpt", "ckpt-7", "checkpoints/ckpt-6", "checkpoints/ckpt-7"):
                (folder / f"{name}.{end}").write_bytes(data)
    (folder / "checkpoints" / "checkpoint").write_text('model_checkpoint_path: "ckpt-7"\n')


@pytest.fixture
def folder(tmp_path, model):
    """What a user has lying about."""
    folder = tmp_path / "user"
    (folder / "models" / "deep").mkdir(parents=True)
    for name in ("model.h5", "old.h5", "models/a.h5", "models/deep/b.h5"):
        (folder / name).write_bytes(model)
    with zipfile.ZipFile(folder / "models.zip", "w") as archive:
        for name in ("a.h5", "deep/b.h5"):
            archive.writestr(name, model)
    shutil.copy(GOLDEN / "weights_two_dense" / "in.h5", folder / "weights.h5")
    shutil.copy(GOLDEN / "alone_2_13" / "in.weights.h5", folder / "old.weights.h5")
    text = (GOLDEN / "shards_two" / "in.weights.json").read_text()
    for i in range(2):
        shutil.copy(GOLDEN / "shards_two" / f"shard_{i}.weights.h5", folder / f"m_0000{i}.weights.h5")
        text = text.replace(f"shard_{i}.weights.h5", f"m_0000{i}.weights.h5")
    (folder / "m.weights.json").write_text(text)
    shutil.copy(GOLDEN / "npz_named" / "in.npz", folder / "weights.npz")
    saved_model(folder)
    for name in ("new.keras", "model.keras", "large.keras", "model.tfjs.zip"):
        to = ["--to", "tfjs"] if "tfjs" in name else []
        subprocess.run([program(), "convert", "-q", "old.h5", "-o", name, *to], cwd=folder, check=True)
    with zipfile.ZipFile(folder / "model.tfjs.zip") as archive:
        archive.extractall(folder / "tfjs")
    (folder / "tfjs" / "group1-shard1of1.bin").rename(folder / "group1-shard1of1.bin")
    (folder / "bin").mkdir()
    (folder / "bin" / "kferry").symlink_to(program())
    return folder


# Which file is meant by one name of the documents, where two commands mean two.
ARCHITECTURES = {
    "weights.npz": GOLDEN / "npz_named" / "architecture.json",
    "m.weights.json": GOLDEN / "shards_two" / "architecture.json",
    **dict.fromkeys(("ckpt.index", "ckpt-7", "checkpoints/"), SAVED / "weights_attention_three_concat_scale.json"),
}


def run(service, folder, lines):
    url = "http://" + service.address
    script = "\n".join(["set -e -o pipefail", f"url={url}", *lines]).replace(TO, url)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY_")}
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120,
                          env={**kept, "PATH": f"{folder}/bin:{os.environ['PATH']}"})


@pytest.mark.parametrize("document, number, lines", CASES)
def test_commands_of_the_documents(service, folder, document, number, lines):
    for text in lines if not lines[0].startswith("job=") else ["\n".join(lines)]:
        architecture = GOLDEN / "weights_two_dense" / "architecture.json"
        if text.startswith("python "):
            continue  # with real Keras in the user's environments, which the part verify of the conformance run has
        for name, path in {**ARCHITECTURES, "group1-shard1of1.bin": folder / "tfjs" / "model.json"}.items():
            architecture = path if name in text else architecture
        shutil.copy(architecture, folder / "model.json")
        for _ in range(2):
            done = run(service, folder, [text])
            assert done.returncode == 0, (text, done.stderr)
        for out in re.findall(r"-o (\S+)", text):
            assert out == "/dev/null" or (folder / out).exists(), (text, out)


@pytest.mark.parametrize("name, said", [
    ("notes.txt", "plain text"), ("torn.h5", "refused"), ("none.h5", "No such file"), ("empty.h5", "empty"),
])
def test_a_wrong_file_is_told_the_same_way_everywhere(service, folder, model, name, said):
    """What a user tries next: a file that is no model, half a model, none."""
    (folder / "notes.txt").write_text("buy milk\n")
    (folder / "torn.h5").write_bytes(model[: len(model) // 2])
    (folder / "empty.h5").write_bytes(b"")
    for server in ("", " --server " + TO):
        for command in (f"kferry convert {name} -o out.keras", f"kferry inspect {name}"):
            done = run(service, folder, [command + server])
            assert done.returncode in (65, 66), (command, done)
            assert "Traceback" not in done.stderr and "internal" not in done.stderr
    done = run(service, folder, [f"kferry convert {name} -o out.keras"])
    assert said in done.stderr, done.stderr
    assert not (folder / "out.keras").exists()


@pytest.mark.parametrize("command, code, said", [
    ("kferry convert", 64, "input"), ("kferry convert model.h5", 64, "-o"),
    ("kferry convert model.h5 model.keras", 64, "-o"), ("kferry convert models -o out.keras", 65, "folder"),
    ("kferry convert model.h5 -o out", 64, "--to"), ("kferry convert model.h5 -o no/where/out.keras", 73, "no/where"),
    ("kferry conver model.h5 -o x.keras", 64, "did you mean convert"), ("kferry model.h5", 64, "kferry help"),
    ("kferry convert empty/ -o out/ --to keras", 66, "empty"), ("kferry inspect", 64, "input"),
    ("kferry inspect models", 0, "a.h5"), ("kferry diff model.h5", 64, "two files"),
])
def test_slips_of_the_command_line(service, folder, command, code, said):
    (folder / "empty").mkdir()
    done = run(service, folder, [command])
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert said in done.stderr + done.stdout
