# SPDX-License-Identifier: Apache-2.0
"""A build whose tables can be changed quickly.

All of the core and of the API is one shared library, built once, and so is every test program. A mutant compiles the one
or two sources that include its table, into a small library that is loaded before the large one and takes its place there.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("zip", "xxhash", "protobuf-c", "deflate", "nettle", "yaml", "jansson", "cmocka", "m", "z", "sz", "dl")
# They fail each allocation of whole conversions in turn, which finds no row and takes most of the time; or need
# what is not in the library.
LEFT_OUT = ("torture", "test_store", "test_settings", "test_address", "test_checksum", "test_sigv4")


class Tree:
    def __init__(self, build, folder):
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.commands = {}
        for entry in json.loads((Path(build) / "compile_commands.json").read_text()):
            name = entry["file"]
            if re.search(r"/(core|api|tests/unit|tests/golden)/|_proto/|hdf5_stubs", name) and not any(x in name for x in LEFT_OUT):
                self.commands[name] = self.command(entry)

    @staticmethod
    def command(entry):
        words = [w for w in shlex.split(entry["command"]) if not re.match(r"-(g|O\d|W.*|D_FORTIFY.*|U_FORTIFY.*|fsan.*|fPI[CE])$", w)]
        return words[: words.index("-o")] + ["-fPIC", "-O1", "-w"]

    def object_of(self, source):
        return self.folder / (re.sub(r"\W+", "_", os.path.relpath(source, ROOT)) + ".o")

    def compile(self, source, output, include=None):
        """True when it compiled; `include` is a file that is read in place of a table of the same name."""
        words = list(self.commands[str(source)])
        if include:
            words += ["-I", str(Path(source).parent)]
            changed = output.with_suffix(".c")
            table, path = include
            changed.write_text(re.sub(r'#include "[^"\n]*\b%s"' % re.escape(table), lambda _: f'#include "{path}"', Path(source).read_text()))
            source = changed
        return subprocess.run([*words, "-c", str(source), "-o", str(output)], stderr=subprocess.DEVNULL).returncode == 0

    def make(self):
        """Build what is not there or older than its source and the headers."""
        newest = max(p.stat().st_mtime for part in ("core", "api", "tests/unit") for p in (ROOT / part).rglob("*.[hd]*") if p.is_file())
        stale = []
        for source in self.commands:
            output = self.object_of(source)
            if not output.exists() or output.stat().st_mtime < max(newest, os.stat(source).st_mtime):
                stale.append((source, output))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for (source, _), built in zip(stale, pool.map(lambda job: self.compile(*job), stale)):
                if not built:
                    raise SystemExit(f"{source} does not compile")
        if stale or not (self.folder / "golden").exists():
            self.link()

    def link(self):
        inside = [s for s in self.commands if "/tests/" not in s]
        library = self.folder / "libkf.so"
        hdf5 = subprocess.run("pkg-config --libs hdf5-serial || pkg-config --libs hdf5", shell=True, capture_output=True, text=True)
        libraries = hdf5.stdout.split() + [f"-l{name}" for name in LIBRARIES]
        inside = [s for s in inside if "hdf5_stubs" not in s]
        subprocess.run(["gcc", "-shared", "-o", library, *map(self.object_of, inside), *libraries], check=True)
        programs = {"golden": [s for s in self.commands if "/tests/golden/" in s]}
        for source in self.commands:
            if "/tests/unit/" in source:
                programs[Path(source).stem] = [source]
        for name, sources in programs.items():
            subprocess.run(
                ["gcc", "-o", self.folder / name, *map(self.object_of, sources), library, f"-Wl,-rpath,{self.folder}", *libraries],
                check=True,
            )

    def programs(self):
        return sorted(p for p in self.folder.glob("test_*") if not p.suffix)

    def users_of(self, table):
        """The sources that include it, directly or by a header of its own folder that does."""
        name = re.compile(r'#include "([^"\n]*/)?%s"' % re.escape(Path(table).name))
        found = []
        for source in self.commands:
            # convert/rules.c only lists what rows are called.
            if "/tests/" not in source and not source.endswith("/convert/rules.c") and name.search(Path(source).read_text()):
                if self.resolves(source, name, table):
                    found.append(source)
        return found

    @staticmethod
    def resolves(source, name, table):
        match = name.search(Path(source).read_text())
        said = re.search(r'"([^"]+)"', match.group(0)).group(1)
        bases = (Path(source).parent, ROOT, ROOT / "core", ROOT / "api")
        return any((base / said).resolve() == (ROOT / table).resolve() for base in bases if (base / said).exists())

    def mutant(self, mutant):
        """The library that stands in for what includes the table; None where it does not compile."""
        changed = self.folder / "mutant.def"
        changed.write_text(mutant.text)
        objects = []
        for n, source in enumerate(self.users_of(mutant.table)):
            output = self.folder / f"mutant_{n}.o"
            if not self.compile(source, output, (Path(mutant.table).name, changed)):
                return None
            objects.append(output)
        library = self.folder / "mutant.so"
        subprocess.run(["gcc", "-shared", "-o", library, *objects], check=True)
        return library
