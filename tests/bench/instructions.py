#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hold the instructions that conversions take against those of instructions.tsv.

    instructions.py --program build/bench_instructions [--accept]

Valgrind counts them, and shows every machine the same processor: other than times, the figures are
the same everywhere that the compiler and the libraries are, so they are kept for each release of
Debian. One that has grown by more than a tenth fails; --accept writes what was counted.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

TABLE = pathlib.Path(__file__).with_suffix(".tsv")
LIMIT = 1.10
# (name, what is made, of which size, by way of, to): the size is layers and their width, or inputs
# and units; what is made is first brought to `by way of`, where there is one; without `to` it is
# inspected. Of 300 layers the cost lies in names and HDF5's metadata, of few large ones in the bytes;
# twice the layers must cost no more than twice as much.
GRAPHS = ((".h5 to .keras", None, "keras"), (".h5 to .h5", None, "h5"), (".keras to .h5", "keras", "h5"),
          (".h5 to .onnx", None, "onnx"), (".keras to .onnx", "keras", "onnx"), ("inspected", None, None))
CONVERSIONS = (
    ("300 layers, .h5 to .keras", "make", (300, 8), None, "keras"),
    ("600 layers, .h5 to .keras", "make", (600, 8), None, "keras"),
    ("32 MiB in 2 layers, .h5 to .keras", "make", (2, 2048), None, "keras"),
    ("300 layers, .h5 to .weights.h5", "make", (300, 8), None, "weights.h5"),
    ("300 layers, .h5 to .h5", "make", (300, 8), None, "h5"),
    ("96 MiB of CuDNN kernels, in few tiles", "turned", (2048, 2048), None, "keras"),
    ("106 MiB of CuDNN kernels, in many tiles", "turned", (512, 2800), None, "keras"),
    ("32 MiB of gates scaled", "scaled", (1024, 1024), None, "keras"),
    *((f"graph of {2 * n} layers, {title}", "graph", (n, 1), by, to) for n in (500, 1000, 2000)
      for title, by, to in GRAPHS),
)
# Pairs of which the second has twice the layers of the first.
TWICE = ("300 layers, .h5 to .keras", "600 layers, .h5 to .keras"), *(
    (f"graph of {n} layers, {title}", f"graph of {2 * n} layers, {title}") for n in (1000, 2000) for title, _, _ in GRAPHS)
TWICE_LIMIT = 2.1


def debian():
    """The release's number, which names the column of the table."""
    found = re.search(r'^VERSION_ID="?(\d+)', pathlib.Path("/etc/os-release").read_text(), re.M)
    return found.group(1) if found else "0"


def count(program, source, to, folder):
    """Instructions of kf_convert() or kf_inspect() and all below it."""
    what = ["convert", source, to, f"{folder}/result"] if to else ["inspect", source]
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
               f"--toggle-collect=kf_{what[0]}", program, *what]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return int(found.group(1))


def read_table():
    """{(debian, name): instructions}"""
    table = {}
    for line in TABLE.read_text().splitlines() if TABLE.exists() else ():
        if line and not line.startswith("#"):
            release, name, number = line.split("\t")
            table[release, name] = int(number)
    return table


def write_table(table):
    rows = "".join(f"{release}\t{name}\t{number}\n" for (release, name), number in sorted(table.items()))
    TABLE.write_text("# Debian\tconversion\tinstructions, written by instructions.py --accept\n" + rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--accept", action="store_true")
    options = parser.parse_args()
    table, counted, passed, failed, skipped = read_table(), {}, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, make, (layers, width), by, to in CONVERSIONS:
            source = f"{folder}/{make}.h5"
            subprocess.run([options.program, make, source, str(layers), str(width)], check=True)
            if by:
                made, source = source, f"{folder}/{make}.{by}"
                subprocess.run([options.program, "convert", made, by, source], check=True)
            counted[debian(), name] = count(options.program, source, to, folder)
    for key, number in counted.items():
        before = table.get(key)
        if before is None:
            print(f"new   {key[1]}: {number:,}")
            skipped += not options.accept
            continue
        good = number <= before * LIMIT
        print(f"{'ok   ' if good else 'FAIL '} {key[1]}: {number:,}, {number / before:.3f} of {before:,}")
        passed, failed = passed + good, failed + (not good)
    if options.accept:
        write_table(table | counted)
    for once, twice in TWICE:
        ratio = counted[debian(), twice] / counted[debian(), once]
        good = ratio <= TWICE_LIMIT
        print(f"{'ok   ' if good else 'FAIL '} {twice}: {ratio:.2f} times the instructions of half the layers")
        passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
