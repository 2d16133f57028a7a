# SPDX-License-Identifier: Apache-2.0
"""From a file to its conversion, as people do it at the page."""

import hashlib
import json
import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from kferry_service import FIXTURES, wait_until


def converted(page):
    page.see(".outcome .verdict")
    page.press("Convert")
    return page.see(".snippets")


def saved(folder, name):
    assert wait_until(lambda: (folder / name).exists(), 20), list(folder.iterdir())
    return (folder / name).read_bytes()


def job_of(page):
    found = re.search(r"#/jobs/([0-9a-f-]+)$", page.run("return location.href"))
    assert found, page.run("return location.href")
    return found.group(1)


def test_it_is_served_packed_and_asked_for_again_only_by_its_tag(shared):
    answer = shared.get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert b"<script>" not in answer.body and b"style=" not in answer.body
    again = shared.get("/", **{"If-None-Match": answer.headers["etag"]})
    assert again.status == 304 and again.headers["content-security-policy"] == policy
    names, seen, weight = re.findall(rb'(?:src|href)="(assets/[^"]+)"', answer.body), set(), 0
    while names:
        name = names.pop().decode()
        if name in seen:
            continue
        seen.add(name)
        packed = shared.get("/" + name, **{"Accept-Encoding": "gzip"})
        assert packed.status == 200 and packed.headers["vary"] == "Accept-Encoding", name
        assert packed.headers["cache-control"] == "no-cache"
        assert shared.get("/" + name, **{"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}).status == 304
        plain = shared.get("/" + name).body
        assert len(plain) < 400 or packed.headers["content-encoding"] == "gzip", name
        weight += len(packed.body)
        names += [b"assets/" + each for each in re.findall(rb'from "\./([a-z_]+\.js)"', plain)]
    assert len(seen) > 10 and weight < 60_000, weight
    assert shared.get("/assets/none.js").status == 404


def test_from_upload_to_download(page, models, tmp_path):
    page.saves_to(tmp_path)
    page.choose(models["dense"])
    page.see(".facts", "A whole model of Keras 2 in HDF5").see(".facts", "Keras 2.15.0 on tensorflow").see(".loads", "Loads in")
    page.see(".target.exact", "legacy whole model").see(".outcome", "the predictions are equal")
    converted(page)
    job = job_of(page)
    page.see("h1", "dense.h5 → dense.keras").see(".sentence.adapted")
    page.press("Download dense.keras")
    artifact = page.service.get(f"/v1/jobs/{job}/artifact").body
    assert saved(tmp_path, "dense.keras") == artifact
    assert hashlib.sha256(artifact).hexdigest() in page.text()
    page.press("Report")
    assert json.loads(saved(tmp_path, "dense.keras.report.json"))["verdict"] == "adapted"
    page.press("Both as zip")
    saved(tmp_path, "dense.zip")
    with zipfile.ZipFile(tmp_path / "dense.zip") as packed:
        assert packed.testzip() is None and packed.read("dense.keras") == artifact
        assert set(packed.namelist()) == {"dense.keras", "dense.keras.report.json"}


def test_the_command_that_it_gives_does_the_same(page, models, tmp_path):
    page.choose(models["dense"])
    page.see(".outcome .verdict")
    page.press("legacy whole model")
    page.see("select[name=keras]", "2.15 (usual)")
    page.select("keras", "2.13")
    page.see(".outcome", "for Keras 2.13.1")
    converted(page)
    artifact = page.service.get(f"/v1/jobs/{job_of(page)}/artifact").body
    (tmp_path / "dense.h5").write_bytes(models["dense"].read_bytes())
    python, curl = (page.run(f"return document.querySelectorAll('.snippet pre')[{i}].textContent") for i in (0, 1))
    assert "-o dense-keras2.13.h5" in curl and "keras=2.13" in curl
    (tmp_path / "out").mkdir()
    subprocess.run(curl.replace("-T dense.h5", "-T ../dense.h5"), shell=True, check=True, cwd=tmp_path / "out")
    assert (tmp_path / "out" / "dense-keras2.13.h5").read_bytes() == artifact
    assert python.splitlines()[0] == '# pip install "tensorflow~=2.13.0"'
    compile(python, "python", "exec")


def test_the_report_marks_what_changed_and_shows_every_tensor(page, models):
    page.choose(models["keras1"])
    converted(page)
    page.see("h3", "Renamed tensors").see("td ins", "layers").see("h3", "Rewritten weights").see("h3", "Config")
    page.see("h3", "Values before and after").see(".spread", "before").see("svg.histogram .is")
    assert "histograms" not in page.text(".snippets")
    page.press("Tensors")
    page.see("td .hash").see("td", "scaled")
    rows = page.run("return document.querySelectorAll('.section tbody tr').length")
    page.type(".find input", "no such tensor")
    assert rows > 0 and page.run("return document.querySelectorAll('.section tbody tr').length") == 0


def test_what_is_no_model_is_named_with_the_way_out(page, models):
    page.choose(models["text"])
    page.see(".failure", "This is no Keras model: it is plain text").see(".drop")
    page.press("Choose another")
    page.see("h1", "Convert a Keras model")
    page.choose(models["lite"])
    page.see(".failure", "TensorFlow Lite").see(".failure", "convert the model that it was made from")


def test_a_refusal_says_why_and_which_option_helps(page, models):
    page.choose(models["lambda"])
    page.see(".outcome .adapted")
    page.press("Not possible for this file as it is")
    page.see(".target.refused", "a Lambda is Python code")
    page.press("legacy whole model")
    page.see(".outcome .refused").see(".report", "What to do").see(".fields .wanted", "custom")
    assert page.run("return document.querySelector('form button.main').disabled")
    page.select("custom", "keep")
    page.see(".outcome .adapted")
    converted(page)
    assert "custom=keep" in page.text(".snippets")


def test_weights_ask_for_their_architecture(page, models):
    page.choose(models["weights"])
    page.see("button", "Add the architecture").see(".loads", "With the rest, loads in").see(".target.exact", ".weights.h5")
    page.choose(models["architecture"], label="Add the architecture")
    page.see("h1", "and 1 more").see(".target", "Keras model (.keras)")
    converted(page)
    page.see("h1", ".keras")
    assert page.text(".snippets").count("file=@") == 2


def test_weights_whose_layers_nobody_knows_are_shown_and_may_be_guessed(page):
    page.choose(FIXTURES.parent / "golden" / "alone_legacy_named_refused" / "in.h5")
    page.see("button", "Add the architecture").see(".target.exact", "arrays of NumPy").see(".inside", "a/kernel:0")
    page.press("Not possible for this file as it is")
    page.press("weights of a Keras model")
    page.see(".outcome .refused").see(".fields .wanted", "guess")
    page.select("guess", "yes")
    page.see(".outcome .exact")
    converted(page)
    assert "guess=yes" in page.text(".snippets")


def test_several_models_become_a_zip(page, models, tmp_path):
    page.saves_to(tmp_path)
    page.choose(models["dense"], models["keras1"])
    page.see("h2", "2 models in it")
    page.press("Convert")
    page.see(".sentence", "2 of 2 models converted")
    page.press("≈adapted bidirectional")
    page.see("h3", "Rewritten weights")
    name = re.search(r"Download (\S+\.zip)", page.text()).group(1)
    page.press("Download")
    saved(tmp_path, name)
    with zipfile.ZipFile(tmp_path / name) as packed:
        assert sum(entry.endswith(".keras") for entry in packed.namelist()) == 2


def test_a_folder_goes_as_a_tar(page, tmp_path):
    with tarfile.open(FIXTURES / "savedmodel" / "bare_attention.tar") as packed:
        packed.extractall(tmp_path / "a saved model — with a name that is longer than any header of a tar takes" / ("x" * 60), filter="data")
    page.choose(next(tmp_path.iterdir()), label="Choose a folder")
    page.see(".facts", "SavedModel")
    converted(page)
    assert "tar -cf" in page.text(".snippets")


def test_files_are_dropped_anywhere(page, models):
    page.drop(models["weights"], models["architecture"])
    page.see(".facts", "Model").see(".outcome .verdict")
    page.drop(models["dense"])
    page.see("h1", "dense.h5").see(".facts", "Keras 2.15.0")
    assert not page.run("return document.body.classList.contains('over')")


def test_uploads_tell_how_far_they_are_and_can_be_cancelled(page, models):
    page.uploads_at(1_500_000)
    page.choose(models["big"])
    page.see(".progress", "of 3.0 MB").see("progress[value]")
    page.press("Cancel")
    page.see("h1", "Convert a Keras model")
    assert page.service.wait_idle()


def test_a_conversion_tells_how_far_it_is_and_can_be_cancelled(page, models):
    page.choose(models["dense"])
    page.see(".outcome .verdict")
    page.service.set_mode("tell 20")
    page.press("Convert")
    page.see(".progress", "49 %").see(".progress", "3 of 8 tensors")
    assert page.run("return document.querySelector('progress').value") == 49
    page.press("Cancel")
    page.see("h2", "cancelled")
    assert page.service.get(f"/v1/jobs/{job_of(page)}").json()["state"] == "cancelled"
    page.press("Delete this job")
    page.see("h1", "Convert a Keras model")


def test_a_reload_comes_back_to_the_job_and_back_to_the_file(page, models):
    page.choose(models["dense"])
    page.see(".outcome .verdict")
    page.service.set_mode("tell 3")
    page.press("Convert")
    page.see(".progress", "49 %")
    job = job_of(page)
    page.call("POST", "/refresh", {})
    page.see(".progress", "49 %").see(".snippets", "curl")
    assert job_of(page) == job
    page.call("POST", "/back", {})
    page.see(".note", "The page was loaded again").see(".jobs", "dense.h5")
    page.call("POST", "/forward", {})
    page.see(".sentence.adapted")


def test_back_goes_from_the_result_to_the_file_and_to_the_start(page, models):
    page.choose(models["dense"])
    converted(page)
    page.call("POST", "/back", {})
    page.see("h1", "dense.h5").see(".outcome .verdict")
    page.call("POST", "/back", {})
    page.see("h1", "Convert a Keras model").see(".jobs a", "dense.h5")
    page.press("dense.h5")
    page.see(".sentence.adapted")


def test_two_tabs_do_not_disturb_each_other(page, models):
    first = page.call("GET", "/window")
    page.choose(models["dense"])
    page.see(".outcome .verdict")
    second = page.new_tab()
    page.open(page.root)
    page.see(".drop")
    page.choose(models["keras1"])
    converted(page)
    page.switch(first)
    converted(page).see("h1", "dense.keras")
    page.open(page.root + "#/jobs")
    page.see(".jobs", "dense.keras").see(".jobs", "bidirectional_lstm.keras")
    page.switch(second)
    page.call("DELETE", "/window")
    page.switch(first)


def test_a_service_that_wants_a_key_is_given_one(start, browser, models, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("ci:%s\n" % hashlib.sha256(b"sesame").hexdigest())
    service = start(KFERRY_KEYS_FILE=keys)
    browser.visit(service)
    browser.saves_to(tmp_path)
    browser.choose(models["dense"])
    browser.see("dialog", "This service wants a key")
    browser.type("#ask-key", "wrong\ue007")
    browser.see("dialog", "nobody has this key")
    assert browser.axe() == []
    browser.type("#ask-key", "sesame\ue007")
    converted(browser)
    assert "Bearer $KEY" in browser.text(".snippets") and "sesame" not in browser.text()
    browser.press("Download dense.keras")
    saved(tmp_path, "dense.keras")
    browser.call("POST", "/refresh", {})
    browser.see(".sentence.adapted")
    assert browser.run("return localStorage.getItem('kferry.jobs')").count("sesame") == 0
    browser.visit(service)
    browser.choose(models["dense"])
    browser.see("dialog", "wants a key")
    browser.press("Cancel")
    browser.see(".failure", "key")
    assert browser.faults() == []


def test_what_is_too_large_is_not_sent(start, browser, models):
    browser.visit(start(KFERRY_BODY_MAX="1MiB"))
    browser.choose(models["big"])
    browser.see(".failure", "Too large for this service").see(".failure", "KFERRY_BODY_MAX")
    assert browser.faults() == []


def test_a_service_that_is_gone_can_be_asked_again(start, browser, models):
    service = start()
    browser.visit(service)
    browser.choose(models["dense"])
    browser.see(".outcome .verdict")
    service.stop()
    browser.press("Convert")
    browser.see(".failure", "The service did not answer").see("button", "Try again")
    assert browser.faults() == []


def test_a_job_that_nobody_knows_is_said_to_be_unknown(page):
    page.open(page.root + "#/jobs/00000000-0000-7000-8000-000000000000")
    page.see(".failure").see("a", "Convert a file")


# Some real files of every kind, where there are any.
WILD = Path(os.environ.get("KF_WILD") or "none").resolve()
KINDS = (".keras", ".weights.h5", ".h5", ".hdf5", ".json")
SIZE_MAX, EACH = 2_000_000, 2


def wild_files():
    files = [path for path in sorted(WILD.glob("*")) if path.is_file() and path.stat().st_size < SIZE_MAX]
    for kind in KINDS:
        some = [path for path in files if path.name.endswith(kind)]
        yield from some[:: max(1, len(some) // EACH)][:EACH]


if WILD.is_dir():

    @pytest.mark.parametrize("path", wild_files(), ids=lambda path: path.name)
    def test_wild_files_are_told_what_they_are(page, path):
        page.choose(path)
        page.see(".outcome .verdict, .failure")
        if page.run("return document.querySelector('main form button.main')?.disabled === false"):
            page.press("Convert")
            page.see(".sentence").see("h3, .report")
        assert "undefined" not in page.text() and "null" not in page.text(".facts") and page.axe() == []
