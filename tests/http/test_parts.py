# SPDX-License-Identifier: Apache-2.0
"""parts.c: paths, Accept, ids and archives, without a service around them."""

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def test_parts_without_a_socket(tmp_path):
    program = tmp_path / "parts"
    flags = ["-std=c17", "-g", "-D_GNU_SOURCE", "-fsanitize=address,undefined", "-Wall", "-Werror"]
    folders = [f"-I{ROOT / 'server'}", f"-I{ROOT / 'core' / 'base'}"]
    command = ["cc", *flags, *folders, HERE / "parts.c", "-o", program, "-lcmocka"]
    subprocess.run(command, check=True)
    result = subprocess.run([program], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
