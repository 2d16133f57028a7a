# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yml by itself: it is well-formed, and nothing in it is open or unbounded."""

import re
import subprocess
import sys

import compose
import pytest
import yaml

SERVICES = compose.services({})
REPOSITORY = compose.FILE.parent


def test_it_is_a_compose_file():
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         compose.FILE],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_up_alone_starts_the_service_and_its_storage():
    assert sorted(name for name, one in SERVICES.items() if not one.get("profiles")) == ["kferry", "s3"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_bounded_and_confined(name):
    service = SERVICES[name]
    assert compose.bytes_of(service["mem_limit"]) > 0 and service["pids_limit"] > 0
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if name != "kferry":
        assert re.search(r":v?\d", service["image"]), "an image without a release changes by itself"


def test_what_is_mounted_is_there():
    volumes = yaml.safe_load(compose.FILE.read_text())["volumes"]
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (REPOSITORY / source).exists() if source.startswith(".") else source in volumes


def test_memory_covers_scratch_and_workers():
    """Scratch in memory, the workers and 256 MiB for the service itself stay below the limit."""
    service = SERVICES["kferry"]
    settings = service["environment"]
    mib = lambda name: int(re.fullmatch(r"(\d+)MiB", settings[name])[1]) << 20  # noqa: E731
    room = compose.bytes_of(re.search(r"size=(\w+)", compose.tmpfs_of(service)["/scratch"])[1])
    assert mib("KFERRY_SCRATCH_MAX") < room
    most = room + int(settings["KFERRY_WORKERS"]) * mib("KFERRY_WORKER_MEMORY") + (256 << 20)
    assert most <= compose.bytes_of(service["mem_limit"])


def test_the_service_has_time_to_drain():
    service = SERVICES["kferry"]
    drain = int(service["environment"]["KFERRY_DRAIN_TIMEOUT"].rstrip("s"))
    assert int(service["stop_grace_period"].rstrip("s")) > drain + 5


def test_the_service_takes_these_settings(kferry):
    env = {k: v for k, v in SERVICES["kferry"]["environment"].items() if k.startswith("KFERRY")}
    done = subprocess.run([kferry, "config"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
