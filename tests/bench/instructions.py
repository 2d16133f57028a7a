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
# (name, what is converted, to): of 300 layers the cost lies in names and HDF5's metadata, of two
# large ones in the bytes; twice the layers must cost no more than twice as much.
CONVERSIONS = (
    ("300 layers, .h5 to .keras", (300, 8), "keras"),
    ("600 layers, .h5 to .keras", (600, 8), "keras"),
    ("32 MiB in 2 layers, .h5 to .keras", (2, 2048), "keras"),
    ("300 layers, .h5 to .weights.h5", (300, 8), "weights.h5"),
    ("300 layers, .h5 to .h5", (300, 8), "h5"),
)


def debian():
    """The release's number, which names the column of the table."""
    found = re.search(r'^VERSION_ID="?(\d+)', pathlib.Path("/etc/os-release").read_text(), re.M)
    return found.group(1) if found else "0"


def count(program, source, to, folder):
    """Instructions of kf_convert() and all below it."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
               "--toggle-collect=kf_convert", program, "convert", source, to, f"{folder}/result"]
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
        for name, (layers, width), to in CONVERSIONS:
            source = f"{folder}/{layers}x{width}.h5"
            subprocess.run([options.program, "make", source, str(layers), str(width)], check=True)
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
    twice = counted[debian(), CONVERSIONS[1][0]] / counted[debian(), CONVERSIONS[0][0]]
    print(f"{'ok   ' if twice <= 2.2 else 'FAIL '} twice the layers: {twice:.2f} times the instructions")
    passed, failed = passed + (twice <= 2.2), failed + (twice > 2.2)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
