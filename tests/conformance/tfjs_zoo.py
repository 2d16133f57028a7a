"""Models that TensorFlow.js itself made, and what it computes with them: runs in the environment `tfjs`.

    tfjs_zoo.py OUT    <id>.tar (model.json and its shards), <id>.npz and MANIFEST.tsv
"""
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import numpy as np

import samples

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = 1e-05


def array(tensor):
    return np.array(tensor["data"], tensor["dtype"]).reshape(tensor["shape"])


def plain(member):
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    prefix = pathlib.Path(sys.prefix)
    lines = ["id\tgroup\ttolerance"]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([prefix / "bin" / "node", HERE / "tfjs_zoo.js", prefix / "node_modules", scratch], check=True)
        for sample in sorted(pathlib.Path(scratch).glob("*.json")):
            kept = json.loads(sample.read_text())
            samples.write(out / f"{sample.stem}.npz", map(array, kept["inputs"]), map(array, kept["outputs"]), kept["names"])
            with tarfile.open(out / f"{sample.stem}.tar", "w") as archive:
                for path in sorted((pathlib.Path(scratch) / sample.stem).iterdir()):
                    archive.add(path, f"{sample.stem}/{path.name}", filter=plain)
            lines.append(f"{sample.stem}\ttfjs\t{TOLERANCE}")
    (out / "MANIFEST.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
