# SPDX-License-Identifier: Apache-2.0
"""A picture of a model as SVG: the layers in rows, each below all that it is called on."""

import html

MAX_LAYERS = 300  # more are no picture
WIDTH, HEIGHT, BETWEEN, ROW = 168, 44, 20, 76  # of a box, between boxes of a row, and from row to row, in pixels
SWEEPS = 4

STYLE = ("svg.kferry{max-width:100%;font:11px system-ui,sans-serif;color:inherit}"
         "svg.kferry rect{fill:none;stroke:currentColor;stroke-opacity:.55}"
         "svg.kferry path{fill:none;stroke:currentColor;stroke-opacity:.4}"
         "svg.kferry text{fill:currentColor;text-anchor:middle}svg.kferry .class{font-weight:600}")


def rows_of(nodes):
    """Rows of boxes and of the points where a line passes a row: {"at": column, "above": [...], "node": node or None}."""
    level, place = {}, {}
    for node in nodes:
        level[node.path] = max((level[path] + 1 for path in node.inbound if path in level), default=0)
    rows = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for node in nodes:
        box = place[node.path] = {"node": node, "above": [], "at": 0.0}
        for path in node.inbound:
            if path in place:
                above = place[path]
                for row in range(level[path] + 1, level[node.path]):
                    above = {"node": None, "above": [above], "at": 0.0}
                    rows[row].append(above)
                box["above"].append(above)
        rows[level[node.path]].append(box)
    return rows


def _mean(boxes):
    return sum(box["at"] for box in boxes) / len(boxes)


def _spread(row):
    """Columns for a row in its order, around the place that its boxes would like best."""
    wish = _mean(row)
    for i, box in enumerate(row):
        box["at"] = wish + i - (len(row) - 1) / 2


def arrange(rows):
    """Order each row by what is above and below it, so that few lines cross."""
    below = {}
    for row in rows:
        for i, box in enumerate(row):
            box["at"] = float(i)
            for above in box["above"]:
                below.setdefault(id(above), []).append(box)
    for _ in range(SWEEPS):
        for row, near in [(row, lambda box: box["above"]) for row in rows] + \
                         [(row, lambda box: below.get(id(box), [])) for row in reversed(rows)]:
            for box in row:
                box["at"] = _mean(near(box)) if near(box) else box["at"]
            row.sort(key=lambda box: box["at"])
            _spread(row)


def _shape(node):
    if node.output_shape is None:
        return f"{node.parameters:,} parameters" if node.parameters else ""
    return "×".join("?" if size is None else str(size) for size in node.output_shape) + \
        (f" · {node.parameters:,}" if node.parameters else "")


def _text(x, y, text, kind):
    shown = text if len(text) <= 26 else text[:12] + "…" + text[-13:]
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{html.escape(shown)}</text>'


def _draw_rows(rows):
    left = min(box["at"] for row in rows for box in row)
    right = max(box["at"] for row in rows for box in row)
    parts, middle = [], {}
    for i, row in enumerate(rows):
        for box in row:
            x, y = (box["at"] - left) * (WIDTH + BETWEEN) + WIDTH / 2 + 1, i * ROW + 1
            middle[id(box)] = x
            bend = y - (ROW - HEIGHT) / 2
            parts += [f'<path d="M{middle[id(above)]:.0f} {y - ROW + HEIGHT:.0f}C{middle[id(above)]:.0f} {bend:.0f} '
                      f'{x:.0f} {bend:.0f} {x:.0f} {y:.0f}"/>' for above in box["above"]]
            node = box["node"]
            if node is None:
                parts += [f'<path d="M{x:.0f} {y}v{HEIGHT}"/>']
                continue
            parts += [f'<g><title>{html.escape(node.path)}</title><rect x="{x - WIDTH / 2:.0f}" y="{y}" width="{WIDTH}" '
                      f'height="{HEIGHT}" rx="5"/>', _text(x, y + 13, node.class_name, "class"), _text(x, y + 26, node.name, "name"),
                      _text(x, y + 39, _shape(node), "shape"), "</g>"]
    width, height = (right - left) * (WIDTH + BETWEEN) + WIDTH + 2, len(rows) * ROW - ROW + HEIGHT + 2
    return f'<svg class="kferry" width="{width:.0f}" viewBox="0 0 {width:.0f} {height}" role="img">{"".join(parts)}</svg>'


def draw(nodes):
    """HTML with the picture of these layers, and below it those of the models among them; "" for none, or too many."""
    if not nodes or len(nodes) > MAX_LAYERS:
        return ""
    rows = rows_of(nodes)
    arrange(rows)
    inner = "".join(f"<details><summary>{html.escape(node.path)}</summary>{draw(node.model)}</details>"
                    for node in nodes if node.model)
    return f"<style>{STYLE}</style>{_draw_rows(rows)}{inner}"
