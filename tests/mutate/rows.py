# SPDX-License-Identifier: Apache-2.0
"""The rows of a table (*.def) and what may be wrong with each: one mutant is one change of one row."""

import hashlib
import re
from dataclasses import dataclass

# A row: its macro's name at the start of a line and all up to the bracket that closes it.
START = re.compile(r"^(KF[A-Z0-9_]*)\(", re.M)
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# What a row says to people: where it is from, what a report explains. No test has to know its words.
PROSE = re.compile(r"\.py\b|\.cc?\b|\.rst\b|\.md\b|\b(the|is|are|has|of|in|which|where|only|not|with)\b|https?:")


@dataclass(frozen=True)
class Mutant:
    table: str
    line: int
    row: str  # the macro and its first argument, for people
    change: str
    text: str  # the whole table, changed

    @property
    def key(self):
        """Stays the same as long as the row does, wherever it stands."""
        return f"{self.table} {self.row} {self.change}"


def close_of(text, at):
    """Where the bracket at `at` is closed."""
    depth = 0
    while True:
        found = STRING.match(text, at)
        if found:
            at = found.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
        if depth == 0:
            return at


def arguments_of(text, start, end):
    """The spans of what stands between the commas of the outermost bracket."""
    spans, depth, begin, at = [], 0, start, start
    while at < end:
        found = STRING.match(text, at)
        if found:
            at = found.end()
            continue
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(text[at], 0)
        if text[at] == "," and depth == 0:
            spans.append((begin, at))
            begin = at + 1
        at += 1
    return spans + [(begin, end)]


def rows_of(text):
    """(start, end, macro, spans of the arguments) of every row."""
    comments = [found.span() for found in re.finditer(r"/\*.*?\*/", text, re.S)]
    for found in START.finditer(text):
        if not any(a <= found.start() < b for a, b in comments):
            end = close_of(text, found.end() - 1)
            yield found.start(), end, found.group(1), arguments_of(text, found.end(), end - 1)


def change_string(value):
    """Another text for a literal of one or more pieces, or None where it is for people."""
    whole = "".join(piece[1:-1] for piece in STRING.findall(value))
    if PROSE.search(whole):
        return None
    words = whole.split()
    if len(words) > 1:
        return f'"{" ".join(words[:-1])}"'
    return f'"{whole}x"'


def change_value(value, others):
    """(what was done, the other text) for an argument; `others` are those at its place in other rows."""
    value = value.strip()
    if value.startswith('"'):
        other = change_string(value)
    elif re.fullmatch(r"-?\d+", value):
        other = str(int(value) + 1)
    elif value in ("true", "false"):
        other = "false" if value == "true" else "true"
    else:
        other = next((o for o in sorted(others) if o != value and re.fullmatch(r"[A-Za-z_]\w*", o)), None)
    return other


def mutants_of(table, text):
    """Every mutant of a table, row by row: first without the row, then with each argument changed."""
    rows = list(rows_of(text))
    seen = {}
    for _, _, macro, spans in rows:
        for place, (a, b) in enumerate(spans):
            seen.setdefault((macro, len(spans), place), set()).add(text[a:b].strip())
    for start, end, macro, spans in rows:
        line = text.count("\n", 0, start) + 1
        row = macro + " " + " ".join(" ".join(text[a:b].split()) for a, b in spans[:2])[:100]
        gap = "\n" * text[start:end].count("\n")
        yield Mutant(table, line, row, "drop", text[:start] + gap + text[end:])
        for place, (a, b) in enumerate(spans):
            old = " ".join(text[a:b].split())
            new = change_value(text[a:b], seen[macro, len(spans), place])
            if new is not None and new != old:
                changed = text[:a] + new + "\n" * text[a:b].count("\n") + text[b:]
                yield Mutant(table, line, row, f"{place + 1}: {old} -> {new}", changed)


def sample_of(mutants, share):
    """A part of them that stays the same from run to run."""
    for mutant in mutants:
        if int(hashlib.sha256(mutant.key.encode()).hexdigest()[:8], 16) < share * 2**32:
            yield mutant
