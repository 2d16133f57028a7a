# SPDX-License-Identifier: Apache-2.0
"""The tree is as clang-format leaves it. Releases of it disagree, so only the one of the settings is asked (Debian 12's)."""
import re
import subprocess

RELEASE = "14"


def check_clang_format(sources):
    try:
        version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    except OSError:
        version = ""
    if not re.search(rf"version {RELEASE}\.", version):
        print(f"not asked: clang-format {RELEASE} is not here")
        return
    command = ["clang-format", "--dry-run", *(source.path for source in sources)]
    for match in re.finditer(r"^.*?([\w/.-]+):(\d+):\d+: warning", subprocess.run(command, capture_output=True, text=True).stderr, re.M):
        yield match.group(1), int(match.group(2)), "not formatted"
