# SPDX-License-Identifier: Apache-2.0
"""Documents say what the program does: links lead somewhere, settings and codes are named."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def documents():
    return [path for path in sorted(ROOT.rglob("*.md")) if not any(part.startswith(("build", ".")) for part in path.relative_to(ROOT).parts)]


def check_links(_sources):
    for path in documents():
        text = path.read_text()
        for match in re.finditer(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            if not (path.parent / match.group(1)).exists():
                yield path.relative_to(ROOT), text.count("\n", 0, match.start()) + 1, f"{match.group(1)} is not there"


def check_settings(_sources):
    """Every setting of server/settings/config.def stands in the server's README."""
    table = (ROOT / "server/settings/config.def").read_text()
    readme = (ROOT / "server/README.md").read_text()
    for name in sorted(set(re.findall(r"KFERRY_[A-Z_0-9]+", table))):
        if name not in readme:
            yield "server/README.md", 1, f"{name} is not described"


def check_openapi(_sources):
    """api/openapi.yaml names every problem and every route; tests/http/test_openapi.py holds it against the program itself."""
    text = (ROOT / "api/openapi.yaml").read_text()
    problems = re.findall(r'^KF_PROBLEM\("([a-z0-9-]+)", (?!499)', (ROOT / "api/problems.def").read_text(), re.M)
    refusals = re.findall(r'^KF_CODE\(\w+, \d+, \w+, (?:REFUSED|FATAL), "([a-z0-9-]+)"', (ROOT / "core/include/kf/codes.def").read_text(), re.M)
    for code in problems + refusals:
        if not re.search(rf"[\[ ,]{code}[\],\n]", text):
            yield "api/openapi.yaml", 1, f"the problem {code} is not described: it belongs to the codes of its status"
    for pattern in re.findall(r'^    \S*?[{(]"([^"]*)",', (ROOT / "server/http/routes.c").read_text(), re.M):
        if f"\n  /{pattern}:\n" not in text:
            yield "api/openapi.yaml", 1, f"the route /{pattern} is not described"
