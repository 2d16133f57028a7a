"""Keeps the zoo small in the repository: one archive a group, which unpacks to plain files.

    pack.py pack PLAIN_DIR FIXTURES       FIXTURES/<group>.zip and FIXTURES/MANIFEST.tsv from the files zoo.py and age.py made
    pack.py unpack FIXTURES [PLAIN_DIR]   and back; in place without PLAIN_DIR (git ignores the plain files there)

The same files give the same archives.
"""
import pathlib
import shutil
import sys
import zipfile

DATE = (1980, 1, 1, 0, 0, 0)


def groups(manifest):
    """{group: [id, ...]} in the order of the manifest."""
    found = {}
    for line in manifest.read_text().splitlines()[1:]:
        id, group = line.split("\t")[:2]
        found.setdefault(group, []).append(id)
    return found


def files_of(plain, id):
    """A model's files: <id>.<suffix>, and shards as Keras names them, <id>_00000.weights.h5."""
    return sorted([*plain.glob(f"{id}.*"), *plain.glob(f"{id}_{'[0-9]' * 5}.weights.h5")])


def pack(plain, fixtures):
    fixtures.mkdir(parents=True, exist_ok=True)
    for old in fixtures.glob("*.zip"):
        old.unlink()
    for group, ids in groups(plain / "MANIFEST.tsv").items():
        with zipfile.ZipFile(fixtures / f"{group}.zip", "w") as archive:
            for name in (path.name for id in ids for path in files_of(plain, id)):
                member = zipfile.ZipInfo(name, DATE)
                member.external_attr = 0o644 << 16
                archive.writestr(member, (plain / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)
    copy_manifest(plain, fixtures)


def copy_manifest(source, target):
    if source.resolve() != target.resolve():
        shutil.copyfile(source / "MANIFEST.tsv", target / "MANIFEST.tsv")


def unpack(fixtures, plain=None):
    plain = plain or fixtures
    plain.mkdir(parents=True, exist_ok=True)
    for group in groups(fixtures / "MANIFEST.tsv"):
        with zipfile.ZipFile(fixtures / f"{group}.zip") as archive:
            archive.extractall(plain)
    copy_manifest(fixtures, plain)


if __name__ == "__main__":
    {"pack": pack, "unpack": unpack}[sys.argv[1]](*map(pathlib.Path, sys.argv[2:4]))
