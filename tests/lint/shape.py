# SPDX-License-Identifier: Apache-2.0
"""Sizes and forms: small files, small functions, one kind of comment, nothing left over."""
import collections
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTION = re.compile(r"^(?:[a-zA-Z_][^\n;{}()#=]*?\b)?(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", re.M | re.S)
FILE_LINES, HEADER_LINES, FUNCTION_LINES = 500, 220, 60


def ours(sources):
    return [source for source in sources if source.name.startswith(("core/", "api/", "server/"))]


def longest(sources):
    found = ((match.group(2).count("\n"), source.name, match.group(1)) for source in ours(sources) for match in FUNCTION.finditer(source.code))
    return sorted(found, reverse=True)


def check_file_sizes(sources):
    for source in sources:
        lines, most = source.text.count("\n"), HEADER_LINES if source.name.endswith(".h") else FILE_LINES
        if lines > most:
            yield source.name, most, f"{lines} lines, more than {most}"


def check_function_sizes(sources):
    for length, name, function in longest(sources):
        if length > FUNCTION_LINES:
            yield name, 1, f"{function} has {length} lines, more than {FUNCTION_LINES}"


def check_heads(sources):
    for source in sources:
        if "SPDX-License-Identifier: Apache-2.0" not in source.text.split("\n", 1)[0]:
            yield source.name, 1, "the first line is not the licence's"


def check_comments(sources):
    for source in sources:
        blanked = re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/', lambda m: re.sub(r"[^\n]", " ", m.group()), source.text, flags=re.S)
        for match in re.finditer(r"//", blanked):
            yield source.name, source.line_of(match.start()), "a // comment"


def check_leftovers(sources):
    """Notes to oneself in the whole of our sources."""
    for source in sources:
        for match in re.finditer(r"\b(TODO|FIXME|XXX|HACK)\b(?!XXX)", source.text):
            if not re.search(r"X{4,}", source.text[max(0, match.start() - 8):match.end() + 8]):
                yield source.name, source.line_of(match.start()), match.group()


def check_single_use(sources):
    """A function that one file alone uses is static; rows of a table name functions by their last word."""
    words = collections.defaultdict(set)
    for source in sources:
        for word in re.findall(r"\w+", source.code):
            words[word].add(source.name)
    rows = set(re.findall(r"\w+", "".join(path.read_text() for path in ROOT.glob("core/**/*.def"))))
    for source in ours(sources):
        if not source.name.endswith(".c") or source.name == "server/worker/hdf5_stubs.c":  # symbols of libraries
            continue
        for match in FUNCTION.finditer(source.code):
            head = source.code[source.code.rfind("\n\n", 0, match.start(1)):match.start(1)]
            name = match.group(1)
            users = {user for user in words[name] if user.endswith(".c")}
            named = re.sub("^kf_(op_form|down_form|onnx_form|tf_form|tfjs_form|act|split|shape_of)_", "", name) in rows - {name}
            if "static" not in head and "extern" not in head and name != "main" and users == {source.name} and not named:
                yield source.name, source.line_of(match.start(1)), f"{name} is used here alone and not static"
