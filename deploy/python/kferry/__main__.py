# SPDX-License-Identifier: Apache-2.0
"""`kferry` and `python -m kferry`: the program itself."""

import os
import sys

from kferry._program import program


def main():
    path = program()
    os.execv(path, [path, *sys.argv[1:]])


if __name__ == "__main__":
    main()
