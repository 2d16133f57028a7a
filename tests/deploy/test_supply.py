# SPDX-License-Identifier: Apache-2.0
"""What the programs are made of: the bill of materials, and the page that says what is known of each part."""

import json
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "deploy/docs/vulnerabilities.md").read_text()
RECORDS = {
    "libhdf5-dev": "Package: libhdf5-dev\nArchitecture: amd64\nSource: hdf5 (1.14.5+repack-3)\nVersion: 1.14.5+repack-3+b1\n",
    "zlib1g": "Package: zlib1g\nArchitecture: amd64\nSource: zlib\nVersion: 1:1.3.dfsg+really1.3.1-1\n",
    "ca-certificates": "Package: ca-certificates\nArchitecture: all\nVersion: 20250419\nDescription: certificates\n Version: of many\n",
}


@pytest.fixture
def bill(tmp_path):
    records = tmp_path / "var/lib/dpkg/status.d"
    records.mkdir(parents=True)
    (tmp_path / "usr/share/doc/kferry").mkdir(parents=True)
    for name, text in RECORDS.items():
        (records / name).write_text(text)

    def make():
        subprocess.run([ROOT / "deploy/sbom", tmp_path, "0.1.0"], check=True, cwd=ROOT)
        return (tmp_path / "usr/share/doc/kferry/sbom.cdx.json").read_text()

    return make


def test_the_bill_of_materials_has_every_package(bill):
    told = json.loads(bill())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.5")
    assert told["metadata"]["component"]["version"] == "0.1.0"
    parts = {part["name"]: part for part in told["components"]}
    assert set(parts) == {*RECORDS, "@dagrejs/dagre"}
    assert parts["zlib1g"]["version"] == "1:1.3.dfsg+really1.3.1-1"
    assert parts["zlib1g"]["purl"].startswith("pkg:deb/debian/zlib1g@1%3A1.3.dfsg%2Breally1.3.1-1?arch=amd64&distro=")
    assert len({part["bom-ref"] for part in told["components"]}) == len(told["components"])


def test_it_says_of_which_source_and_how_a_part_is_linked(bill):
    told = {
        part["name"]: {row["name"]: row["value"] for row in part.get("properties", [])}
        for part in json.loads(bill())["components"]
    }
    assert told["libhdf5-dev"] == {"debian:source": "hdf5", "kferry:linked": "statically"}
    assert told["zlib1g"] == {"debian:source": "zlib", "kferry:linked": "dynamically"}
    assert told["ca-certificates"] == {"debian:source": "ca-certificates", "kferry:linked": "no"}


def test_the_same_records_give_the_same_bytes(bill):
    assert bill() == bill()


def test_the_page_of_vulnerabilities_names_every_library(kferry):
    """Each one that the build asks for by name."""
    build = "".join(path.read_text() for path in [ROOT / "CMakeLists.txt", *ROOT.glob("core/*.cmake"), ROOT / "server/CMakeLists.txt"])
    asked = set(re.findall(r"pkg_check_modules\(\w+ REQUIRED IMPORTED_TARGET ([a-z0-9-]+?)(?:[<>=-][^)]*)?\)", build))
    words = {"libcurl": "libcurl", "libcrypto": "OpenSSL", "openssl": "OpenSSL", "gnutls": "GnuTLS", "libpq": "libpq", "sqlite3": "SQLite",
             "yaml": "libyaml", "libxxhash": "xxHash", "libprotobuf": "protobuf-c", "libprotobuf-c": "protobuf-c"}
    assert len(asked) >= 10
    assert [name for name in asked if words.get(name, name) not in PAGE] == []


def test_files_that_the_page_names_are_there():
    for name in re.findall(r"`([a-z_]+\.h5)`", PAGE):
        assert (ROOT / "tests/fixtures/hostile" / name).exists()
    for name in re.findall(r"`((?:core|server|tests|deploy)/[\w./]+)`", PAGE):
        assert (ROOT / name).exists(), name
