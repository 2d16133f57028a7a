# SPDX-License-Identifier: Apache-2.0
"""kferry convert: where results go, what is said, and the exit statuses."""

import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
import zipfile

import h5py
import numpy
import pytest
from conftest import FIXTURES


def test_result_appears_with_a_summary(kferry, model):
    done = kferry.run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == 0, done.stderr
    assert (kferry.folder / "out.keras").stat().st_size > 0
    assert done.stdout == ""
    assert done.stderr.startswith(("exact: ", "adapted: "))
    assert sorted(p.name for p in kferry.folder.iterdir()) == ["model.h5", "out.keras"]


def test_same_input_same_bytes(kferry, model):
    for name in ("a.keras", "b.keras"):
        assert kferry.run("convert", "model.h5", "-o", name).returncode == 0
    assert (kferry.folder / "a.keras").read_bytes() == (kferry.folder / "b.keras").read_bytes()


def test_existing_result_is_replaced_with_the_rights_of_the_umask(kferry, model):
    out = kferry.folder / "out.keras"
    out.write_text("old")
    mask = os.umask(0o027)
    try:
        assert kferry.run("convert", "model.h5", "-o", "out.keras").returncode == 0
    finally:
        os.umask(mask)
    assert out.read_bytes() != b"old"
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_input_may_be_the_output(kferry, model):
    same = kferry.folder / "same.keras"
    shutil.copy(model, same)
    assert kferry.run("convert", "same.keras", "-o", "same.keras").returncode == 0
    assert same.read_bytes()[:2] == b"PK"


def test_in_a_folder_the_result_is_named_after_the_input(kferry, model):
    (kferry.folder / "out").mkdir()
    assert kferry.run("convert", "model.h5", "--to", "keras", "-o", "out").returncode == 0
    assert (kferry.folder / "out" / "model.keras").exists()


def test_quiet_says_nothing(kferry, model):
    done = kferry.run("convert", "-q", "model.h5", "-o", "out.keras")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_flags_take_values_in_every_form(kferry, model):
    for args in (["-oa.keras"], ["--output=b.keras"], ["-o", "c.keras", "--keras=3.15"],
                 ["--input-shape", "4", "-o", "d.keras"], ["--input_shape=4", "-o", "e.keras"]):
        done = kferry.run("convert", "model.h5", *args)
        assert done.returncode == 0, (args, done.stderr)
    assert kferry.run("convert", "-o", "f.keras", "--", "model.h5").returncode == 0


def test_report_follows_its_schema(kferry, model, check_report):
    done = kferry.run("convert", "model.h5", "-o", "out.keras", "--report", "report.json",
                      "--sha256")
    assert done.returncode == 0, done.stderr
    report = json.loads((kferry.folder / "report.json").read_text())
    check_report(report)
    assert report["source"]["filename"] == "model.h5"
    assert report["source"]["size"] == model.stat().st_size
    assert report["source"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert report["target"]["format"] == "keras"
    assert report["timings"]["work_ms"] >= 0
    assert report["counts"]["tensors"] == len(report["tensors"]) > 0
    for tensor in report["tensors"]:
        assert tensor["checksum"]["before"]["algorithm"] == "xxh3-128"
    assert report["summary"]["lines"] == done.stderr.splitlines()


def test_checksums_can_be_chosen(kferry, model, check_report):
    report = kferry.report("model.h5", "-o", "a.keras", "--checksum", "sha256")
    check_report(report)
    assert all(t["checksum"]["after"]["algorithm"] == "sha256" for t in report["tensors"])
    report = kferry.report("model.h5", "-o", "b.keras", "--checksum", "none")
    check_report(report)
    assert all(t["checksum"]["after"] is None for t in report["tensors"])


def test_histograms_are_those_of_the_values(kferry, check_report):
    """Of rewritten tensors alone, whatever the checksums; the result is the same with and without."""
    shutil.copy(FIXTURES / "zoo1" / "bidirectional_lstm.h5", kferry.folder / "m.h5")
    plain = kferry.report("m.h5", "-o", "a.keras")
    assert not any("histograms" in row for row in plain["tensors"])
    for checksum in ("xxh3", "none"):
        report = kferry.report("m.h5", "-o", "b.keras", "--histograms", "yes", "--checksum", checksum)
        check_report(report)
        assert (kferry.folder / "a.keras").read_bytes() == (kferry.folder / "b.keras").read_bytes()
        assert all("histograms" in row for row in report["tensors"])
    with zipfile.ZipFile(kferry.folder / "b.keras") as packed, h5py.File(io.BytesIO(packed.read("model.weights.h5"))) as weights:
        for row in report["tensors"]:
            values, after = weights[row["target"]][()].astype(float), row["histograms"]["after"]
            edges = after["low"] + after["width"] * numpy.arange(len(after["counts"]) + 1)
            assert numpy.histogram(values, edges)[0].tolist() == after["counts"]
            assert (after["least"], after["greatest"]) == (values.min(), values.max())
            assert after["mean"] == pytest.approx(values.mean(), abs=1e-9) and after["not_finite"] == 0
            assert row["histograms"]["before"] != after
            assert sum(row["histograms"]["before"]["counts"]) == values.size


def test_no_histogram_of_what_is_only_copied(kferry, model):
    report = kferry.report("model.h5", "-o", "a.keras", "--histograms", "yes")
    assert report["tensors"] and not any("histograms" in row for row in report["tensors"])


def test_dry_run_writes_nothing(kferry, model, check_report):
    report = kferry.report("model.h5", "--to", "keras", "--dry-run")
    check_report(report)
    assert report["verdict"] in ("exact", "adapted")
    assert [p.name for p in kferry.folder.iterdir()] == ["model.h5"]


def test_refused_file_exits_65_with_a_report(kferry, garbage, check_report):
    out = kferry.folder / "out.keras"
    out.write_text("old")
    report = kferry.report("garbage.h5", "-o", "out.keras", status=65)
    check_report(report)
    assert report["verdict"] == "refused"
    assert report["problems"][0]["code"] == "not-a-model"
    assert out.read_text() == "old"


def test_refusal_tells_the_way_out(kferry, model):
    done = kferry.run("convert", "model.h5", "-o", "out.keras", "--allow", "exact")
    if done.returncode == 0:
        pytest.skip("this conversion is exact")
    assert done.returncode == 65
    assert "not-allowed: " in done.stderr and "allow=" in done.stderr


@pytest.mark.parametrize(
    "args, status, said",
    [
        (["convert"], 64, "the input is missing"),
        (["convert", "model.h5"], 64, "-o FILE"),
        (["convert", "model.h5", "-o", "x.foo"], 64, "--to"),
        (["convert", "model.h5", "-o"], 64, "a value is missing"),
        (["convert", "model.h5", "b.h5", "-o", "x.keras"], 66, "b.h5"),
        (["convert", "model.h5", "-o", "x.keras", "--architecture", "b.json"], 66, "b.json"),
        (["convert", "-", "-o", "x.keras"], 64, "pipe"),
        (["convert", "model.h5", "-o", "x.keras", "--kera", "3.15"], 64, "did you mean --keras?"),
        (["convert", "model.h5", "-o", "x.keras", "--verify", "full"], 64, "no script"),
        (["convert", "model.h5", "-o", "x.keras", "--quiet=1"], 64, "no value"),
        (["convert", "model.h5", "-o", "x.keras", "--allow", "all"], 64, "exact adapted lossy"),
        (["convert", "model.h5", "-o", "x.keras", "--to", "kera"], 64, "did you mean"),
        (["convert", "model.h5", "-o", "x.keras", "--keras", "9.9"], 64, "9.9"),
        (["convert", "nothing.h5", "-o", "x.keras"], 66, "nothing.h5"),
        (["convert", "empty", "-o", "x.keras"], 66, "no file of a model"),
        (["convert", "/dev/null", "-o", "x.keras"], 66, "not a file"),
        (["convert", "model.h5", "-o", "no/such/folder/x.keras"], 73, "no/such/folder"),
        (["inspect"], 64, "the input is missing"),
        (["inspect", "nothing.h5"], 66, "nothing.h5"),
        (["inspect", "model.h5", "-o", "x"], 64, "there is no flag"),
        (["formats", "x"], 64, "x"),
        (["convrt"], 64, "did you mean convert?"),
        (["help", "nonsense"], 64, "nonsense"),
    ],
)
def test_wrong_command_lines_are_explained(kferry, model, args, status, said):
    (kferry.folder / "empty").mkdir()
    done = kferry.run(*args)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("kferry: ")
    assert not (kferry.folder / "x.keras").exists()


def test_report_that_cannot_be_written_leaves_no_result(kferry, model):
    done = kferry.run("convert", "model.h5", "-o", "out.keras", "--report", "no/such/report.json")
    assert done.returncode == 73
    assert not (kferry.folder / "out.keras").exists()


def test_closed_standard_descriptors_do_no_harm(kferry, model):
    command = kferry.command("convert", "model.h5", "-o", "out.keras")
    quoted = " ".join(command)
    assert os.system(f"cd {kferry.folder} && {quoted} <&- >&- 2>&-") == 0
    assert (kferry.folder / "out.keras").stat().st_size > 0


def test_onnx_with_its_weights_beside_it(kferry):
    with zipfile.ZipFile(FIXTURES / "zoo3" / "preprocessing.zip") as packed:
        packed.extract("stft_spectrogram.keras", kferry.folder)
    done = kferry.run("convert", "stft_spectrogram.keras", "--to", "onnx-data", "-o", "beside/")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (kferry.folder / "beside").iterdir()}
    assert names == {"model.onnx", "model.onnx.data"}
    model, data = ((kferry.folder / "beside" / name).read_bytes() for name in sorted(names))
    # both kernels, 64 samples of 33 waves in 4 bytes, the second one at the next multiple of 64
    assert len(data) == 2 * 64 * 33 * 4 and b"model.onnx.data" in model and b"8448" in model
    for suffix in ("tar", "zip"):
        done = kferry.run("convert", "stft_spectrogram.keras", "--to", "onnx-data", "-o", f"beside.{suffix}")
        assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(kferry.folder / "beside.zip") as packed:
        assert packed.testzip() is None and packed.read("onnx/model.onnx.data") == data
    with tarfile.open(kferry.folder / "beside.tar") as packed:
        assert packed.extractfile("onnx/model.onnx.data").read() == data
