# SPDX-License-Identifier: Apache-2.0
"""Includes point one way: server -> api -> core, and inside the core from the pipeline down to the base."""
import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# What each folder may include by a path, beside itself.
MAY = {
    "core/base": (),
    "core/io": ("core/base", "core/model"),  # of the model only what a payload is
    "core/model": ("core/base", "core/io", "core/format"),  # a model calls its reader's close()
    "core/format": ("core/base", "core/io", "core/model"),
    "core/adapt": ("core/base", "core/io", "core/model", "core/format"),
    "core/bundle": ("core/base", "core/io", "core/model", "core/format"),
    "core/onnx": ("core/base", "core/io", "core/model", "core/format"),
    "core/tensorflow": ("core/base", "core/io", "core/model", "core/format", "core/onnx"),
    "core/tfjs": ("core/base", "core/io", "core/model", "core/format"),
    "core/convert": ("core/base", "core/io", "core/model", "core/format", "core/adapt", "core/bundle", "core/onnx", "core/tensorflow",
                     "core/tfjs"),
    "core/diff": ("core/base", "core/io", "core/model", "core/format", "core/adapt", "core/convert"),
    "api": (),
}


def layer_of(folder):
    """core/format of core/format/keras2: folders within a layer include each other freely."""
    return "/".join(folder.split("/")[:2])


def check_includes(sources):
    for source in sources:
        folder = layer_of(pathlib.PurePosixPath(source.name).parent.as_posix())
        if folder not in MAY:
            continue
        for match in INCLUDE.finditer(source.text):
            target = (source.path.parent / match.group(1)).resolve()
            root = source.path.parents[len(pathlib.PurePosixPath(source.name).parts) - 1]
            if not target.exists():
                continue  # found by the include path: a public header
            home = layer_of(target.parent.relative_to(root).as_posix())
            if home != folder and home not in MAY[folder]:
                yield source.name, source.line_of(match.start()), f"{folder} includes {match.group(1)}"


def check_core_knows_no_service(sources):
    foreign = re.compile(r'^\s*#\s*include\s+[<"](microhttpd|curl|sqlite3|libpq|pthread|sys/socket|netinet|systemd)', re.M)
    for source in sources:
        if source.name.startswith(("core/", "api/")):
            for match in foreign.finditer(source.text):
                yield source.name, source.line_of(match.start()), f"{match.group(1)} has no place in the core or in api/"
