# SPDX-License-Identifier: Apache-2.0
"""kferry inspect, formats, help, and how settings are refused."""

import json
import pathlib
import zipfile

import pytest


def test_inspect_tells_what_a_file_is(kferry, model):
    done = kferry.run("inspect", "model.h5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "model.h5"
    for heading in ("model", "layers", "targets"):
        assert heading in lines
    assert any(line.split()[:1] == ["keras"] for line in lines[lines.index("targets"):])


def test_inspect_json_has_facts_verdicts_and_report(kferry, model, check_report):
    done = kferry.run("inspect", "model.h5", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    check_report(facts["report"])
    assert facts["model"] and facts["layers"] and facts["tensors"]
    assert facts["report"]["source"]["format"] == "keras-h5"
    verdicts = {t["to"]: t["verdict"] for t in facts["targets"]}
    assert verdicts["keras"] in ("exact", "adapted")
    assert "savedmodel-repaired" not in verdicts


def test_inspect_json_has_the_graph(kferry):
    folder = next(p for p in pathlib.Path(__file__).parents if p.name == "tests") / "golden"
    facts = json.loads(kferry.run("inspect", folder / "down_nested_twice" / "in.keras", "--json").stdout)

    def flat(graph):
        for node in graph["nodes"]:
            yield node
            yield from flat(node.get("model", {"nodes": node.get("parts", [])}))

    nodes = list(flat(facts["graph"]))
    assert [node["path"] for node in nodes] == [row["path"] for row in facts["layers"]]
    twice = next(node for node in facts["graph"]["nodes"] if "model" in node)
    assert len(twice["calls"]) == 2 and all(call["output_shape"] for call in twice["calls"])
    paths = {node["path"] for node in facts["graph"]["nodes"]}
    assert {end["path"] for call in twice["calls"] for end in call["inbound"]} <= paths
    assert "graph" not in kferry.run("inspect", folder / "down_nested_twice" / "in.keras").stdout.split()


def loads(kferry, case):
    """What stands in loads_in of a golden input: a range of releases to (loads, where)."""
    folder = next(p for p in pathlib.Path(__file__).parents if p.name == "tests") / "golden" / case
    done = kferry.run("inspect", next(folder.glob("in.*")), "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["loads_in"]
    assert all(row["reason"] for row in rows if row["loads"] != "yes")
    return {row["keras"]: (row["loads"], row["where"]) for row in rows}


def test_inspect_tells_which_keras_loads_a_file(kferry):
    rows = loads(kferry, "lstm_hard_sigmoid")
    assert rows["2.15"] == ("yes", "") and rows["2.0-2.3"][0] == "unsure" and rows["1.0-1.2"][0] == "no"
    assert rows["3.10-3.15"][0] in ("no", "other-numbers") and rows["3.10-3.15"][1]
    rows = loads(kferry, "zip2_of_2_13")
    assert rows["2.13"] == ("yes", "") and rows["2.14"][0] == "unsure"
    assert rows["2.15"][0] == rows["3.10-3.15"][0] == rows["2.6-2.10"][0] == "no"
    rows = loads(kferry, "keras3_h5_operations")
    assert rows["2.15"][0] == "no" and rows["3.15"][0] == rows["3.10-3.14"][0] == "unsure"
    rows = loads(kferry, "old_sequential_list")
    assert rows["3.0-3.9"][0] == rows["3.10-3.15"][0] == "no"


def test_inspect_tells_what_a_lambda_holds(kferry):
    assert loads(kferry, "lambda_scaled")["2.15"] == ("unsure", "computed")
    folder = next(p for p in pathlib.Path(__file__).parents if p.name == "tests") / "golden"
    text = kferry.run("inspect", folder / "lambda_scaled" / "in.h5").stdout
    assert "written by Python 3.11-3.12, 18 bytes of bytecode; takes: x; constants: 127.5, 1" in text
    assert "loads_in" in text.splitlines()


@pytest.mark.parametrize("case", ["alone_legacy", "alone_legacy_named_refused", "alone_legacy_of_1_refused"])
def test_inspect_shows_weights_whatever_layers_they_are_of(kferry, case):
    path = next(p for p in pathlib.Path(__file__).parents if p.name == "tests") / "golden" / case / "in.h5"
    done = kferry.run("inspect", path, "--json")
    facts = json.loads(done.stdout)
    verdicts = {row["to"]: row["verdict"] for row in facts["targets"]}
    assert done.returncode == 0 and verdicts["npz"] == verdicts["safetensors"] == "exact"
    assert facts["tensors"] and all(row["layer"] and row["shape"] for row in facts["tensors"])
    done = kferry.run("inspect", path)
    assert ("tensors" in done.stdout.splitlines()) == (case != "alone_legacy")
    assert all(row["name"] in done.stdout for row in facts["tensors"]) or facts["layers"]


def test_inspect_shows_nothing_of_what_is_damaged(kferry, tmp_path):
    """One bit of a weight: only the sum of the member tells."""
    folder = next(p for p in pathlib.Path(__file__).parents if p.name == "tests") / "golden"
    data = bytearray((folder / "zip2_two_dense" / "in.keras").read_bytes())
    with zipfile.ZipFile(folder / "zip2_two_dense" / "in.keras") as archive:
        member = archive.getinfo("model.weights.h5")
    data[member.header_offset + 30 + len(member.filename) + member.file_size - 1] ^= 1
    (tmp_path / "bit.keras").write_bytes(data)
    done = kferry.run("inspect", tmp_path / "bit.keras", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 65 and facts["model"] is None and not facts["tensors"]
    assert facts["report"]["problems"][0]["code"] == "corrupt-model"


def test_inspect_of_no_model_exits_65(kferry, garbage, check_report):
    done = kferry.run("inspect", "garbage.h5")
    assert done.returncode == 65
    assert "not-a-model" in done.stdout
    done = kferry.run("inspect", "garbage.h5", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 65 and facts["model"] is None
    check_report(facts["report"])
    assert facts["targets"][0]["verdict"] == "refused"


def test_inspect_obeys_no_terminal_codes(kferry, tmp_path):
    path = tmp_path / "\x1b[31mred.h5"
    path.write_bytes(b"nothing")
    done = kferry.run("inspect", path.name)
    assert "\x1b" not in done.stdout + done.stderr


def test_formats_lists_what_is_read_and_written(kferry):
    text = kferry.run("formats").stdout
    formats = json.loads(kferry.run("formats", "--json").stdout)
    for row in formats["readers"] + formats["targets"]:
        assert row["name"] in text and row["title"]
    keras = next(t for t in formats["targets"] if t["name"] == "keras")
    assert keras["suffix"] == ".keras"
    versions = {r["keras"]: r for r in keras["releases"]}
    assert versions["3.15"]["version"] == keras["keras_default"]
    assert versions["3.15"]["unverified"] is False
    assert {p["name"] for p in formats["parameters"]} >= {"to", "keras", "allow", "filename"}


def test_every_listed_release_is_taken(kferry, model):
    formats = json.loads(kferry.run("formats", "--json").stdout)
    for target in formats["targets"]:
        for release in target["releases"]:
            family = "tf_keras-" if release["keras"].startswith("tf_keras-") else ""
            for value in (release["keras"], family + release["version"]):
                report = kferry.report("model.h5", "-n", "--to", target["name"], "--keras", value)
                assert report["target"]["keras_version"] == release["version"]


@pytest.mark.parametrize("page", ["convert", "inspect", "diff", "formats", "config", "serve"])
def test_help_is_the_same_both_ways(kferry, page):
    one, two = kferry.run("help", page), kferry.run(page, "--help")
    assert one.returncode == two.returncode == 0
    assert one.stdout == two.stdout and one.stdout.startswith(f"kferry {page}")


def test_version_and_bare_call(kferry):
    assert kferry.run("--version").stdout.split()[0] == "kferry"
    bare = kferry.run()
    assert bare.returncode == 64 and "kferry convert" in bare.stdout


@pytest.mark.parametrize(
    "args, env, said",
    [
        ([], {"KFERRY_WORKRS": "2"}, "did you mean KFERRY_WORKERS?"),
        ([], {"KFERRY_PORT": "tcp://10.0.0.1:80"}, "enableServiceLinks"),
        ([], {"KFERRY_WORKERS": "0"}, "KFERRY_WORKERS"),
        ([], {"KFERRY_BODY_MAX": "4GB"}, "4GiB"),
        ([], {"KFERRY_SANDBOX": "maybe"}, "prefer require off"),
        ([], {"KFERRY_LISTEN": ""}, "KFERRY_LISTEN"),
        ([], {"KFERRY_BODY_MAX": "1TiB", "KFERRY_SCRATCH_MAX": "1GiB"}, "KFERRY_SCRATCH_MAX"),
        (["--job-timeout", "fast"], {}, "5m"),
        (["--job-timeot", "5m"], {}, "did you mean --job-timeout?"),
        (["--workers"], {}, "needs a value"),
        (["listen"], {}, "listen"),
    ],
)
def test_wrong_settings_stop_the_start(kferry, args, env, said):
    done = kferry.run("serve", *args, env=env)
    assert done.returncode == 78
    assert said in done.stderr


def test_flag_goes_before_the_environment(kferry):
    done = kferry.run("serve", "--workers", "0", env={"KFERRY_WORKERS": "3"})
    assert done.returncode == 78 and "--workers" in done.stderr


def test_command_line_obeys_the_settings_of_workers(kferry, model):
    done = kferry.run("convert", "model.h5", "-o", "x.keras", env={"KFERRY_SANDBOX": "perhaps"})
    assert done.returncode == 78
