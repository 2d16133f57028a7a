# SPDX-License-Identifier: Apache-2.0
"""URIs on the command line, as inputs, as -o and as --report."""

import json
import os
import signal
import subprocess
import time

import pytest
from kferry_service import program
from s3 import ACCESS, REGION, SECRET


@pytest.fixture
def cli(tmp_path):
    """Run the command line in a folder of its own, which nothing may stay in."""
    (tmp_path / "tmp").mkdir()

    def run(*args, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY")}
        env |= {"TMPDIR": str(tmp_path / "tmp")} | {k: str(v) for k, v in more.items()}
        done = subprocess.run(
            [program(), *map(str, args)], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
        )
        assert not list((tmp_path / "tmp").iterdir()), "something was left"
        return done

    run.folder = tmp_path
    return run


@pytest.fixture
def keys(s3):
    return {
        "KFERRY_S3_ENDPOINT": f"http://127.0.0.1:{s3.port}",
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    }


@pytest.fixture
def bucket(s3, model):
    s3.fresh("models")
    for key in ("in/a.h5", "in/deep/b.h5", "one/m.h5"):
        s3.client.put_object(Bucket="models", Key=key, Body=model)
    s3.client.put_object(Bucket="models", Key="in/readme.txt", Body=b"no model")
    return s3.client


def listed(client, prefix):
    return sorted(o["Key"] for o in client.list_objects_v2(Bucket="models", Prefix=prefix).get("Contents", []))


def body(client, key):
    return client.get_object(Bucket="models", Key=key)["Body"].read()


def test_object_to_object(cli, keys, bucket):
    for _ in range(2):  # a command works twice
        done = cli("convert", "s3://models/one/m.h5", "-o", "s3://models/out/m.keras", **keys)
        assert done.returncode == 0, done.stderr
    assert body(bucket, "out/m.keras")[:2] == b"PK"
    assert json.loads(body(bucket, "out/m.keras.report.json"))["verdict"] == "adapted"
    assert SECRET not in done.stderr + done.stdout


def test_object_to_file_and_report_to_object(cli, keys, bucket):
    done = cli("convert", "s3://models/one/m.h5", "-o", "m.keras", "--report", "s3://models/r.json", "--sha256", **keys)
    assert done.returncode == 0, done.stderr
    assert (cli.folder / "m.keras").read_bytes()[:2] == b"PK"
    assert json.loads(body(bucket, "r.json"))["source"]["sha256"]


def test_file_to_object_below_a_prefix(cli, keys, bucket, model):
    (cli.folder / "mine.h5").write_bytes(model)
    done = cli("convert", "mine.h5", "--to", "keras", "-o", "s3://models/out/", **keys)
    assert done.returncode == 0, done.stderr
    assert listed(bucket, "out/") == ["out/mine.keras", "out/mine.keras.report.json"]


def test_prefix_to_prefix(cli, keys, bucket, model):
    bucket.put_object(Bucket="models", Key="in/bad.h5", Body=model[:1500])
    done = cli("convert", "s3://models/in/", "--to", "keras", "-o", "s3://models/out/", "--report",
               "s3://models/out/summary.json", **keys)
    assert done.returncode == 65, done.stderr
    assert listed(bucket, "out/") == [
        "out/a.keras", "out/a.keras.report.json", "out/bad.keras.report.json", "out/deep/b.keras",
        "out/deep/b.keras.report.json", "out/summary.json",
    ]
    assert json.loads(body(bucket, "out/bad.keras.report.json"))["verdict"] == "refused"
    counts = json.loads(body(bucket, "out/summary.json"))["counts"]
    assert counts == {"models": 3, "succeeded": 2, "failed": 1}


def test_second_call_does_what_is_new(cli, keys, bucket, model):
    args = ("convert", "s3://models/in/", "--to", "keras", "-o", "s3://models/out/", "--report", "summary.json")
    assert cli(*args, **keys).returncode == 0
    before = bucket.head_object(Bucket="models", Key="out/a.keras")["LastModified"]
    bucket.put_object(Bucket="models", Key="in/new.h5", Body=model)
    for new, skipped in ((1, 2), (0, 3)):
        done = cli(*args, **keys)
        assert done.returncode == 0, done.stderr
        assert f"3 of 3 models converted, {skipped} of them before" in done.stderr
        counts = json.loads((cli.folder / "summary.json").read_text())["counts"]
        assert counts == {"models": 3, "succeeded": 3, "failed": 0, "skipped": skipped}, new
    assert bucket.head_object(Bucket="models", Key="out/a.keras")["LastModified"] == before
    assert cli(*args, "--keras", "3.4", **keys).returncode == 0
    assert "skipped" not in (cli.folder / "summary.json").read_text()


def test_prefix_to_folder(cli, keys, bucket):
    done = cli("convert", "s3://models/in/", "--to", "keras", "-o", "here/", **keys)
    assert done.returncode == 0, done.stderr
    assert (cli.folder / "here/a.keras").exists() and (cli.folder / "here/deep/b.keras").exists()


def test_other_commands_take_uris(cli, keys, bucket, files):
    assert cli("inspect", "s3://models/one/m.h5", "--json", **keys).returncode == 0
    assert cli("diff", "s3://models/one/m.h5", files.url("/ok/m.h5"), **keys).returncode == 0
    done = cli("convert", files.url("/ok/m.h5?X-Amz-Signature=abc"), "-o", files.url("/put/m.keras?sig=x"))
    assert done.returncode == 0, done.stderr
    assert files.put["/put/m.keras"][:2] == b"PK"


def test_folder_goes_below_a_prefix(cli, keys, bucket, model):
    (cli.folder / "m.h5").write_bytes(model)
    names = ["saved_model.pb", "variables/variables.data-00000-of-00001", "variables/variables.index"]
    for _ in range(2):
        done = cli("convert", "m.h5", "--to", "savedmodel", "-o", "s3://models/served/1/", **keys)
        assert done.returncode == 0, done.stderr
    assert listed(bucket, "served/") == ["served/1.report.json"] + [f"served/1/{name}" for name in names]
    done = cli("convert", "s3://models/in/", "--to", "savedmodel", "-o", f"file://{cli.folder}/each/", **keys)
    assert done.returncode == 0, done.stderr
    made = sorted(path.relative_to(cli.folder / "each").as_posix() for path in (cli.folder / "each").rglob("*") if path.is_file())
    assert made == ["a.report.json"] + [f"a/{name}" for name in names] + ["deep/b.report.json"] + [f"deep/b/{name}" for name in names]
    done = cli("convert", "m.h5", "--to", "savedmodel", "-o", "s3://models/served.zip", **keys)
    assert done.returncode == 0 and body(bucket, "served.zip")[:2] == b"PK"


def test_files_as_uris(cli, model):
    (cli.folder / "m.h5").write_bytes(model)
    (cli.folder / "link.h5").symlink_to(cli.folder / "m.h5")
    done = cli("convert", f"file://{cli.folder}/link.h5", "-o", f"file://{cli.folder}/new/m.keras")
    assert done.returncode == 0, done.stderr
    assert (cli.folder / "new/m.keras").read_bytes()[:2] == b"PK"


@pytest.mark.parametrize(
    "args, status, words",
    [
        (["s3://models/none.h5", "-o", "x.keras"], 66, "no such object"),
        (["s3://models/none/", "--to", "keras", "-o", "x/"], 66, "no file of a model"),
        (["s3://nobucket/m.h5", "-o", "x.keras"], 66, "bucket"),
        (["s3://m/m.h5", "-o", "x.keras"], 64, "3 to 63"),
        (["s3://models/one/m.h5", "-o", "s3://nobucket/x.keras"], 73, "bucket"),
        (["http://127.0.0.1:1/m.h5", "-o", "x.keras"], 69, "127.0.0.1:1"),
        (["s3://models/in", "--to", "keras", "-o", "x/"], 66, "a prefix ends with /"),
        (["gs://models/m.h5", "-o", "x.keras"], 64, "begins with s3://"),
    ],
)
def test_what_cannot_be(cli, keys, bucket, args, status, words):
    done = cli("convert", *args, **keys)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert not (cli.folder / "x.keras").exists()


def test_without_keys_it_says_where_they_come_from(cli, keys, bucket):
    env = {k: v for k, v in keys.items() if not k.startswith("AWS_")}
    done = cli("convert", "s3://models/one/m.h5", "-o", "x.keras", **env, HOME="/nowhere",
               AWS_EC2_METADATA_DISABLED="true")
    assert done.returncode == 69 and "AWS_ACCESS_KEY_ID" in done.stderr, done.stderr


def test_endpoint_that_is_none_is_told(cli, keys):
    wrong = keys | {"KFERRY_S3_ENDPOINT": "http://127.0.0.1:1"}
    done = cli("convert", "s3://models/one/m.h5", "-o", "x.keras", **wrong)
    assert done.returncode == 69 and "at http://127.0.0.1:1:" in done.stderr, done.stderr


def test_signal_leaves_nothing(cli, files):
    env = {**os.environ, "TMPDIR": str(cli.folder / "tmp")}
    process = subprocess.Popen(
        [program(), "convert", files.url("/slow/m.h5"), "-o", cli.folder / "x.keras"], env=env
    )
    while not files.seen:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert not list((cli.folder / "tmp").iterdir()) and not (cli.folder / "x.keras").exists()


def test_a_service_does_the_work_and_the_command_line_the_storage(cli, start, keys, bucket, model):
    """The keys and the buckets are those of who calls; the service sees neither."""
    there = {"KFERRY_SERVER": f"http://{start().address}"} | keys
    (cli.folder / "mine.h5").write_bytes(model)
    local = cli("convert", "mine.h5", "-o", "mine.keras", "--report", "mine.json")
    assert local.returncode == 0, local.stderr
    for source in ("mine.h5", "s3://models/one/m.h5"):
        done = cli("convert", source, "-o", "s3://models/far/m.keras", "--report", "s3://models/far/r.json", **there)
        assert done.returncode == 0, done.stderr
        assert body(bucket, "far/m.keras") == (cli.folder / "mine.keras").read_bytes()
        beside = json.loads(body(bucket, "far/m.keras.report.json"))
        assert beside == json.loads(body(bucket, "far/r.json")) and beside["source"]["filename"] == source.rsplit("/", 1)[-1]
        assert beside["tensors"] == json.loads((cli.folder / "mine.json").read_text())["tensors"]
    bucket.put_object(Bucket="models", Key="in/bad.h5", Body=model[:1500])
    done = cli("convert", "s3://models/in/", "--to", "keras", "-o", "s3://models/all/", **there)
    assert done.returncode == 65, done.stderr
    assert listed(bucket, "all/") == [
        "all/a.keras", "all/a.keras.report.json", "all/bad.keras.report.json", "all/deep/b.keras",
        "all/deep/b.keras.report.json",
    ]
    assert body(bucket, "all/deep/b.keras")[:2] == b"PK"
    assert json.loads(body(bucket, "all/bad.keras.report.json"))["verdict"] == "refused"
    assert json.loads(body(bucket, "all/a.keras.report.json"))["verdict"] == "adapted"
