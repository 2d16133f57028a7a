# SPDX-License-Identifier: Apache-2.0
"""The picture of a model and the tables beside it: what is drawn, opened, found, walked and coloured."""

import json
import re
from pathlib import Path

import pytest
from kferry_service import FIXTURES, wait_until

ROOT = Path(__file__).resolve().parents[2]

SHOW = """
    const [inspect, plan] = arguments;
    for (const name of ["picture", "tables"]) {
        if (document.querySelector(`link[href="assets/${name}.css"]`)) continue;
        document.head.append(Object.assign(document.createElement("link"), {rel: "stylesheet", href: `assets/${name}.css`}));
    }
    document.querySelector("main").innerHTML = "<h1>Model</h1><div id='shown'></div><div id='listed'></div>";
    return Promise.all([import(new URL("assets/picture.js", document.baseURI)), import(new URL("assets/tables.js", document.baseURI))])
        .then(([{showModel}, {showTables}]) => {
            window.chosen = [];
            window.picture = showModel(document.querySelector("#shown"), {inspect, plan, onLayer: (path) => chosen.push(path)});
            window.tables = showTables(document.querySelector("#listed"), {inspect, plan, onLayer: (path) => picture.focus(path)});
            return picture.ready;
        }).then(() => "drawn")"""


class Shown:
    """A model that is shown on the page."""

    def __init__(self, page, inspect, plan=None):
        self.page = page
        assert page.run(SHOW, inspect, plan) == "drawn"
        self.settle()

    def settle(self):
        assert wait_until(lambda: self.page.run(
            "return !document.querySelector('.stage').hasAttribute('aria-busy')"
            " && new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 250))"), 20)

    def boxes(self, selector=""):
        return self.page.run("return [...document.querySelectorAll('.picture .box' + arguments[0])].map((b) => "
                             "b.querySelector('.name').textContent)", selector)

    def edges(self):
        return self.page.run("return document.querySelectorAll('.picture .edge').length")

    def selected(self):
        return self.page.run("return document.querySelector('.details strong')?.textContent")

    def heard(self):
        return self.page.run("return document.querySelector('.picture .heard').textContent")

    def press(self, label):
        self.page.press(label)
        self.settle()

    def keys(self, *names):
        self.page.run("document.querySelector('.stage').focus()")
        self.page.keys(*names)
        self.settle()

    def find(self, words):
        self.page.run("""const field = document.querySelector('.picture input'); field.value = arguments[0];
            field.dispatchEvent(new Event('input'))""", words)
        self.settle()

    def legend(self):
        return self.page.run("return [...document.querySelectorAll('.legend button')].map((b) => b.textContent.trim())")


UP, LEFT, RIGHT, END, HOME = "\ue013", "\ue012", "\ue014", "\ue010", "\ue011"


def inspected(shared, name, to="keras"):
    path = FIXTURES / name
    inspect = shared.put(f"/v1/inspect/{path.name}", path.read_bytes())
    plan = shared.put(f"/v1/plan/{to}/{path.name}", path.read_bytes())
    assert inspect.status == 200 and plan.status == 200
    return inspect.json(), plan.json()


def synthetic(n, jumps=0):
    """An inspection of `n` layers in a row; every so many one of them takes what is far above too."""
    nodes = []
    for i in range(n):
        ends = [i - 1] if i else []
        ends += [i - jumps] if jumps and i % jumps == 0 and i > jumps else []
        nodes.append({
            "path": f"layer_{i}", "name": f"layer_{i}", "class_name": "Dense", "parameters": 3 * i, "trainable": True,
            "calls": [{"inbound": [{"path": f"layer_{k}", "call": 0, "output": 0} for k in ends], "output_shape": [None, i + 1]}]})
    return {
        "model": {"name": "deep", "class_name": "Functional", "parameters": 9, "inputs": []},
        "graph": {"class_name": "Functional", "topology": "functional", "nodes": nodes, "inputs": [], "outputs": [], "more": 0},
        "layers": [{key: node[key] for key in ("path", "name", "class_name", "parameters")} | {"calls": 1} for node in nodes],
        "tensors": [{"layer": node["path"], "name": f"{node['path']}/{name}:0", "variable": name, "shape": [3, 4], "dtype": "float32",
                     "trainable": True} for node in nodes for name in ("kernel", "bias")],
    }


def test_boxes_say_what_the_layers_are_and_lines_connect_them(shared, page):
    shown = Shown(page, *inspected(shared, "zoo/functional_residual.h5"))
    inspect = inspected(shared, "zoo/functional_residual.h5")[0]
    nodes = inspect["graph"]["nodes"]
    assert sorted(shown.boxes()) == sorted(node["name"] for node in nodes)
    assert shown.edges() == sum(len({end["path"] for end in call["inbound"]}) for node in nodes for call in node["calls"])
    texts = page.run("return [...document.querySelectorAll('.picture .box')].map((b) => [...b.querySelectorAll('text')].map((t) => t.textContent))")
    for node in nodes:
        [row] = [row for row in texts if row[0 if row[0] == node["name"] else 1] == node["name"]]
        shape = node["calls"][0]["output_shape"]
        assert node["class_name"] in row
        assert not shape or f"({', '.join(str(size) for size in shape)})" in row
        assert not node["parameters"] or f"{node['parameters']:,}" in row


def test_lines_end_at_their_boxes_and_lead_down(shared, page):
    Shown(page, *inspected(shared, "zoo/functional_residual.h5"))
    away = page.run("""
        const rects = [...document.querySelectorAll('.picture .frame')].map((f) => f.getBoundingClientRect());
        const touches = ({x, y}, edge) => rects.some((r) => x > r.left && x < r.right && Math.abs(r[edge] - y) < 2.5);
        return [...document.querySelectorAll('.picture .edge')].filter((line) => {
            const at = (n) => line.getPointAtLength(n).matrixTransform(line.getScreenCTM());
            const [a, b] = [at(0), at(line.getTotalLength())];
            return !(a.y < b.y && touches(a, 'bottom') && touches(b, 'top'));
        }).length""")
    assert away == 0


def test_a_model_inside_is_opened_and_closed(shared, page):
    shown = Shown(page, *inspected(shared, "zoo/nested_deep_twice.h5"))
    assert sorted(shown.boxes()) == ["in_0", "in_1", "level_2", "subtract"]
    centre = page.run("""const r = document.querySelector('.picture .chevron').getBoundingClientRect();
        return [Math.round(r.x + r.width / 2), Math.round(r.y + r.height / 2)]""")
    page.call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [
        {"type": "pointerMove", "x": centre[0], "y": centre[1]}, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]}]})
    shown.settle()
    assert {"dense", "dense_1", "level_1"} < set(shown.boxes()) and shown.boxes(".open") == ["level_2"]
    shown.press("Open all")
    assert page.run("return document.querySelectorAll('.picture .open').length") == 3
    shown.press("Close all")
    assert sorted(shown.boxes()) == ["in_0", "in_1", "level_2", "subtract"]


def test_a_wrapper_shows_what_it_wraps(shared, page):
    shown = Shown(page, *inspected(shared, "zoo/bidirectional_encoder_decoder.h5"))
    shown.press("Open all")
    assert {"forward_layer · lstm", "backward_layer · lstm"} < set(shown.boxes())


def test_search_goes_to_what_it_finds_and_opens_what_that_is_in(shared, page):
    shown = Shown(page, *inspected(shared, "zoo/nested_deep_twice.h5"))
    shown.find("batchnorm")
    assert shown.selected() == "level_2/level_1/sequential/batch_normalization"
    assert shown.boxes(".match") == ["batch_normalization"] and page.text(".found") == "1 of 1"
    shown.find("Dense")
    page.run("document.querySelector('.picture input').focus()")
    first = shown.selected()
    page.keys("enter")
    shown.settle()
    assert page.text(".found").startswith("2 of ") and shown.selected() != first
    shown.find("nothing of that name")
    assert page.text(".found") == "none" and shown.boxes(".match") == []


def test_the_keyboard_walks_along_the_lines_and_says_where_it_is(shared, page):
    shown = Shown(page, *inspected(shared, "zoo/nested_deep_twice.h5"))
    shown.keys("down")
    assert shown.selected() == "in_0" and "InputLayer" in shown.heard() and "(None, 6)" in shown.heard()
    shown.keys(RIGHT)
    assert shown.selected() == "in_1"
    shown.keys("down")
    assert shown.selected() == "level_2" and "closed" in shown.heard() and "called 2 times" in shown.heard()
    shown.keys("enter")
    assert "open" in shown.heard() and "level_1" in shown.boxes()
    shown.keys("down", "down")
    assert shown.selected() == "level_2/dense"
    shown.keys("escape")
    assert shown.selected() == "level_2"
    shown.keys(END)
    assert shown.selected() == "subtract"
    shown.keys(UP)
    assert shown.selected() == "level_2/dense_1"
    shown.keys(HOME, LEFT)
    assert shown.selected() == "in_0" and page.run("return chosen.at(-1)") == "in_0"
    assert page.run("return document.activeElement.className") == "stage"


def test_colours_and_signs_say_what_the_conversion_does(shared, page):
    inspect, plan = inspected(shared, "zoo/nested_deep_twice.h5")
    shown = Shown(page, inspect, plan)
    assert plan["verdict"] == "adapted"
    assert set(shown.boxes(".adapted")) == {"in_0", "in_1", "level_2"} and shown.boxes(".exact") == ["subtract"]
    marks = page.run("return [...document.querySelectorAll('.picture .mark')].map((m) => m.textContent)")
    assert sorted(marks) == ["=", "≈", "≈", "≈"]  # what is closed has the worst of what is in it
    changed = {entry["where"] for entry in plan["config_changes"]}
    assert shown.legend() == [f"= {16 - len(changed)} as it is", f"≈ {len(changed)} adapted, predicts the same"]
    shown.press("≈")
    assert shown.selected() in changed and "Keras 3" in page.text(".details")
    page.run("picture.update({plan: null})")
    shown.settle()
    assert shown.boxes(".adapted") == [] and shown.legend() == []


def test_what_is_refused_says_why(shared, page):
    inspect = shared.put("/v1/inspect/x.h5", (ROOT / "tests/golden/lambda_closure_refused/in.h5").read_bytes()).json()
    plan = shared.put("/v1/plan/keras/x.h5", (ROOT / "tests/golden/lambda_closure_refused/in.h5").read_bytes()).json()
    assert (plan := plan["report"])["verdict"] == "refused"
    shown = Shown(page, inspect, plan)
    refused = {entry["where"] for entry in plan["problems"]}
    assert set(shown.boxes(".refused")) == refused and shown.boxes(".exact") == []  # nobody looked any further
    shown.press("×")
    assert shown.selected() in refused and plan["problems"][0]["reason"] in page.text(".details")


@pytest.mark.parametrize("jumps", [0, 7])
def test_of_5000_layers_the_page_has_those_in_sight(page, jumps):
    shown = Shown(page, synthetic(5000, jumps))
    count = "return document.querySelectorAll('#shown *, #listed *').length"
    assert 5 < len(shown.boxes()) < 60 and page.run(count) < 1500
    assert page.run("return [...document.querySelectorAll('.long-table table')].map((t) => t.getAttribute('aria-rowcount'))") == ["5001", "10001"]
    shown.keys(END)
    assert shown.selected() == "layer_4999" and "layer_4999" in shown.boxes() and page.run(count) < 1500
    shown.find("layer_2500")
    assert "layer_2500" in shown.boxes()
    shown.press("Fit")
    assert shown.boxes() == [] and page.run("return !document.querySelector('.far').hidden") and page.run(count) < 1500
    inked = page.run("""const c = document.querySelector('.far'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n""")
    assert inked > 1000


LAYOUT = """
    return import(new URL("assets/layout.js", document.baseURI)).then(({layoutGraph}) => arguments[0].map(([n, edges]) => {
        const items = Array.from({length: n}, () => ({width: 180, height: 60}));
        const {width, height, lines} = layoutGraph(items, edges);
        const near = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
        let overlaps = 0;
        for (let i = 0; i < n; i++) for (let k = i + 1; k < n; k++) overlaps += near(items[i], items[k]);
        const inside = items.every((one) => one.x >= -0.5 && one.y >= -0.5 && one.x + one.width <= width + 0.5 && one.y + one.height <= height + 0.5);
        const up = edges.filter(([from, to]) => from !== to && items[from].y + 60 > items[to].y).length;
        const through = edges.filter(([from, to], i) => from < to && items.some((one, k) => k !== from && k !== to
            && [[items[from].x + 90, items[from].y + 60], ...lines[i] ?? [], [items[to].x + 90, items[to].y]].some(([x, y]) =>
                x > one.x + 1 && x < one.x + one.width - 1 && y > one.y + 1 && y < one.y + one.height - 1))).length;
        return [overlaps, inside, up, through];
    }))"""


def chain(n):
    return [[i, i + 1] for i in range(n - 1)]


def dense(n):
    return [[i, k] for i in range(n) for k in range(i + 1, min(n, i + 9))]


@pytest.mark.parametrize("name, n, edges, back", [
    ("chain", 40, chain(40), 0),
    ("residual", 30, chain(30) + [[i, i + 6] for i in range(1, 24, 6)], 0),
    ("branches", 9, [[0, 1], [0, 2], [2, 3], [0, 4], [4, 5], [5, 6], [1, 7], [3, 7], [6, 7], [7, 8]], 0),
    ("two inputs", 6, [[0, 2], [1, 2], [2, 3], [1, 4], [4, 5], [3, 5]], 0),
    ("two outputs", 6, [[0, 1], [1, 2], [1, 3], [3, 4], [4, 5]], 0),
    ("down and up again", 9, chain(9) + [[1, 7], [2, 6], [3, 5]], 0),
    ("crossing", 8, [[0, 2], [0, 3], [1, 2], [1, 3], [2, 4], [3, 5], [2, 5], [4, 6], [5, 6], [3, 6], [6, 7]], 0),
    ("apart", 5, [[0, 1], [2, 3]], 0),
    ("hairball", 60, dense(60), 0),
    ("loop", 4, [[0, 1], [1, 2], [2, 1], [2, 3], [3, 3]], 1),
    ("one", 1, [[0, 0]], 0),
])
def test_a_layout_has_no_box_on_another_and_leads_down(page, name, n, edges, back):
    [[overlaps, inside, up, through]] = page.run(LAYOUT, [[n, edges]])
    assert (overlaps, inside, up) == (0, True, back), name
    assert through == 0, name


def test_names_are_text_whatever_they_are(page):
    inspect = synthetic(2)
    evil = '<img src=x onerror="window.hit=1">\u202e'
    inspect["graph"]["nodes"][1].update(name=evil, path=evil, class_name=evil)
    inspect["layers"][1].update(name=evil, path=evil, class_name=evil)
    shown = Shown(page, inspect, {"verdict": "adapted", "config_changes": [{"where": evil, "code": "x", "reason": evil, "key": evil}]})
    shown.keys(END)
    assert evil in page.text(".details")
    assert page.run("return [window.hit, document.querySelectorAll('#shown img, #listed img').length]") == [None, 0]


def test_without_a_graph_the_layers_are_a_list(page):
    inspect = synthetic(4)
    inspect["graph"] = None
    shown = Shown(page, inspect)
    assert len(shown.boxes()) == 4 and shown.edges() == 0
    assert "does not tell how its layers are connected" in page.text(".details")


def table(page, number):
    return page.run("""return [...document.querySelectorAll('.long-table')[arguments[0]].querySelectorAll('tbody tr:not(.spacer)')]
        .map((tr) => [...tr.cells].map((td) => td.innerText.trim()))""", number)


def test_tables_have_every_layer_and_tensor_with_its_new_name(shared, page):
    inspect, plan = inspected(shared, "zoo/functional_residual.h5")
    Shown(page, inspect, plan)
    layers, tensors = table(page, 0), table(page, 1)
    assert [row[0] for row in layers] == [row["path"] for row in inspect["layers"]]
    assert [row[3].replace(",", "") for row in layers] == [str(row["parameters"]) for row in inspect["layers"]]
    new = {row["source"]: row["target"] for row in plan["tensors"]}
    assert {row[0]: row[4] for row in tensors} == new
    assert page.run("return [...document.querySelectorAll('.long-table')].map((t) => t.querySelector('tbody tr:not(.spacer)').ariaRowIndex ?? "
                    "t.querySelector('tbody tr:not(.spacer)').getAttribute('aria-rowindex'))") == ["2", "2"]


def test_tables_are_filtered_sorted_and_lead_to_the_picture(page):
    shown = Shown(page, synthetic(300))
    page.run("""const field = document.querySelectorAll('.long-table input')[0]; field.value = 'LAYER_29'; field.dispatchEvent(new Event('input'))""")
    assert [row[0] for row in table(page, 0)] == ["layer_29", *[f"layer_29{i}" for i in range(10)]]
    assert page.text(".long-table .how-many") == "11 of 300"
    page.press("Parameters")
    page.press("Parameters")
    assert table(page, 0)[0][0] == "layer_299"
    assert page.run("return document.querySelector('.long-table th[aria-sort=descending]').innerText.trim()").startswith("Parameters")
    page.press("layer_295")
    shown.settle()
    assert shown.selected() == "layer_295"
    page.run("""const field = document.querySelectorAll('.long-table input')[0]; field.value = 'zzz'; field.dispatchEvent(new Event('input'))""")
    assert table(page, 0) == [] and "Nothing here" in page.text(".long-table .none")


def test_a_long_table_is_walked_by_keys(page):
    Shown(page, synthetic(1000))
    page.run("document.querySelector('.long-table tbody button').focus()")
    page.keys(*["down"] * 45)
    assert page.run("return document.activeElement.textContent") == "layer_45"
    seen = page.run("""const r = document.activeElement.getBoundingClientRect(), s = document.activeElement.closest('.rows').getBoundingClientRect();
        return r.top >= s.top && r.bottom <= s.bottom""")
    assert seen and len(table(page, 0)) < 60
    page.run("document.querySelector('.long-table .rows').scrollTop = 20000")
    assert wait_until(lambda: "layer_588" in str(table(page, 0)))
    assert page.run("return document.activeElement.textContent") == "layer_45"  # the keyboard does not fall off


def test_axe_finds_nothing_serious_and_360_pixels_are_enough(shared, page):
    shown = Shown(page, *inspected(shared, "zoo/nested_deep_twice.h5"))
    shown.press("Open all")
    shown.find("batch_normalization")
    assert page.axe() == []
    page.media(prefers_color_scheme="dark")
    shown.settle()
    assert page.axe() == []
    page.width(360)
    shown.settle()
    assert page.run("return document.documentElement.scrollWidth") <= 360


def test_nothing_is_left_when_it_is_taken_away(page):
    Shown(page, synthetic(50))
    page.run("picture.destroy(); tables.destroy(); picture.destroy()")
    assert page.run("return document.querySelectorAll('#shown *, #listed *').length") == 0


def test_codes_that_change_nothing_or_lose_something_are_those_of_the_core():
    table = (ROOT / "core/include/kf/codes.def").read_text()
    grades = dict((slug, grade) for grade, slug in re.findall(r'KF_CODE\(\w+, \d+, \w+, (\w+), "([a-z0-9-]+)"', table))
    script = (ROOT / "server/web/effects.js").read_text()
    listed = {name: set(json.loads(re.search(rf"const {name} = (\[.*?\]);", script).group(1))) for name in ("NOTES", "LOSSY")}
    assert listed["NOTES"] == {slug for slug, grade in grades.items() if grade == "NOTE"}
    assert listed["LOSSY"] == {slug for slug, grade in grades.items() if grade == "LOSSY"}
