#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the hostile and damaged inputs of tests/fixtures/hostile.

    make.py DIR        needs h5py and numpy; the committed files were made with h5py 3.14, HDF5 1.14

One file for each check of the core; EXPECT.tsv beside this script says how each must end.
"""
import json
import os
import struct
import sys
import zlib

import h5py
import numpy as np

OUT = sys.argv[1]
CONFIG = {"class_name": "Sequential", "config": {"name": "m", "layers": [
    {"class_name": "Dense", "config": {"name": "d", "units": 2, "kernel_initializer": "zeros",
                                       "batch_input_shape": [None, 3]}}]}}


def path(name):
    return os.path.join(OUT, name)


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)


def get(name):
    with open(path(name), "rb") as f:
        return f.read()


# HDF5


def model(f):
    """A whole model as h5py and Keras 2 write it."""
    f.attrs["keras_version"] = "2.15.0"
    f.attrs["backend"] = "tensorflow"
    f.attrs["model_config"] = json.dumps(CONFIG).encode()
    w = group(f, "model_weights")
    w.attrs["layer_names"] = [b"d"]
    w.attrs["keras_version"] = b"2.15.0"
    g = group(w, "d")
    group(g, "d")
    g.attrs["weight_names"] = np.array([b"d/kernel:0", b"d/bias:0"])
    g["d/kernel:0"] = np.arange(6, dtype="f4").reshape(3, 2)
    g["d/bias:0"] = np.zeros(2, "f4")
    return g["d"]


def without_times(kind):
    properties = h5py.h5p.create(kind)
    properties.set_obj_track_times(False)
    return properties


def create(name, latest=False, user_block=0, paged=False):
    """A file whose bytes do not depend on when it is written."""
    fcpl, fapl = without_times(h5py.h5p.FILE_CREATE), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    fcpl.set_userblock(user_block)
    if paged:
        fcpl.set_file_space_strategy(h5py.h5f.FSPACE_STRATEGY_PAGE, True, 1)
    low = h5py.h5f.LIBVER_V110 if latest else h5py.h5f.LIBVER_EARLIEST
    fapl.set_libver_bounds(low, h5py.h5f.LIBVER_V110)
    return h5py.File(h5py.h5f.create(path(name).encode(), h5py.h5f.ACC_TRUNC, fcpl, fapl))


def group(parent, name):
    lcpl = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    gcpl = without_times(h5py.h5p.GROUP_CREATE)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), lcpl, gcpl))


def h5(name, change=None, **options):
    with create(name, **options) as f:
        g = model(f)
        if change:
            change(f, g)


def patch(name, base, *pairs):
    """A copy of `base` in which each (old, new), of one length, is replaced once."""
    data = get(base)
    for old, new in pairs:
        assert len(old) == len(new) and data.count(old) >= 1, (name, old)
        data = data.replace(old, new, 1)
    put(name, data)


def external_storage(f, g):
    dcpl = without_times(h5py.h5p.DATASET_CREATE)
    dcpl.set_external(b"/etc/passwd", 0, 5000)
    space = h5py.h5s.create_simple((1250,))
    h5py.h5d.create(g.id, b"x", h5py.h5t.IEEE_F32LE, space, dcpl)


def virtual(f, g):
    dcpl, space = without_times(h5py.h5p.DATASET_CREATE), h5py.h5s.create_simple((4,))
    dcpl.set_virtual(space, b"/etc/hostname", b"x", h5py.h5s.create_simple((4,)))
    h5py.h5d.create(g.id, b"x", h5py.h5t.IEEE_F32LE, space, dcpl)


def deep(f, g):
    at = f
    for _ in range(10000):
        at = group(at, "g")


def raw_chunk(data, mask=0, **filters):
    """A dataset of one chunk of 800 bytes, stored as `data`."""
    def change(f, g):
        d = g.create_dataset("x", shape=(100,), chunks=(100,), dtype="f8", **filters)
        d.id.write_direct_chunk((0,), data, filter_mask=mask)
    return change


def filter_order(f, g):
    dcpl = without_times(h5py.h5p.DATASET_CREATE)
    dcpl.set_chunk((100,))
    dcpl.set_deflate(4)
    dcpl.set_shuffle()
    h5py.h5d.create(g.id, b"x", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((100,)), dcpl)


def compact(f, g):
    dcpl = without_times(h5py.h5p.DATASET_CREATE)
    dcpl.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((100,))
    x = h5py.h5d.create(g.id, b"x", h5py.h5t.IEEE_F64LE, space, dcpl)
    x.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones(100))


def latest_chunks(f, g):
    dcpl = without_times(h5py.h5p.DATASET_CREATE)
    dcpl.set_chunk((30, 3))
    dcpl.set_deflate(4)
    space = h5py.h5s.create_simple((100, 7))
    x = h5py.h5d.create(g.id, b"x", h5py.h5t.IEEE_F64LE, space, dcpl)
    x.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones((100, 7)))


def huge_chunk(f, g):
    g.create_dataset("x", shape=(80 << 20,), chunks=(80 << 20,), dtype="f4")


def make_h5():
    h5("good.h5")
    h5("user_block.h5", user_block=512)
    h5("latest.h5", latest=True)
    h5("extension.h5", latest=True, paged=True)
    h5("external_storage.h5", external_storage)
    h5("external_link.h5", lambda f, g: g.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")))
    h5("soft_link.h5", lambda f, g: g.__setitem__("x", h5py.SoftLink("/model_weights/d/d/bias:0")))
    h5("virtual.h5", virtual)
    h5("lzf.h5", lambda f, g: g.create_dataset("x", data=np.zeros(9000), compression="lzf"))
    h5("scaleoffset.h5", lambda f, g: g.create_dataset("x", data=np.arange(9), scaleoffset=4))
    h5("bomb_chunked.h5", lambda f, g: g.create_dataset(
        "x", shape=(1 << 31,), dtype="f8", chunks=(1 << 16,), compression="gzip"))
    h5("bomb_contiguous.h5", lambda f, g: g.create_dataset("x", shape=(1 << 31,), dtype="f8"))
    h5("bomb_many.h5", lambda f, g: [g.create_dataset("x%d" % i, shape=(1 << 28,), dtype="f8")
                                     for i in range(3)])
    h5("tensor_2_to_50.h5", lambda f, g: g.create_dataset("x", shape=(1 << 50,), dtype="i1"))
    h5("huge_chunk.h5", huge_chunk)
    packed = zlib.compress(b"\1" * 800)
    h5("chunk_good.h5", raw_chunk(packed, compression="gzip"))
    h5("chunk_short.h5", raw_chunk(zlib.compress(b"\1" * 80), compression="gzip"))
    h5("chunk_long.h5", raw_chunk(zlib.compress(b"\1" * 1000000), compression="gzip"))
    h5("chunk_damaged.h5", raw_chunk(packed[:-4] + b"\0\0\0\0", compression="gzip"))
    h5("chunk_skipped.h5", raw_chunk(b"\1" * 80, 1, compression="gzip"))
    h5("chunk_fletcher.h5", raw_chunk(b"\1\2", fletcher32=True))
    h5("filter_order.h5", filter_order)
    h5("tiny_chunks.h5", lambda f, g: g.create_dataset(
        "x", shape=(1 << 28,), chunks=(2,), dtype="f8"))
    # One row lies across more chunks than memory may hold: each would be unpacked 128 times.
    h5("tall_chunks.h5", lambda f, g: g.create_dataset(
        "x", shape=(128, 3 << 20), chunks=(128, 64), dtype="f8"))
    # Its layout: version 3, chunked, rank 2 + 1 that shall be 1 + 1, no address.
    patch("chunk_rank.h5", "tall_chunks.h5", (b"\3\2\3" + b"\xff" * 8 + struct.pack("<2I", 128, 64),
                                              b"\3\2\2" + b"\xff" * 8 + struct.pack("<2I", 128, 64)))
    # An enum of 2 members and size 1, whose values shall be 4096 bytes long each.
    h5("enum.h5", lambda f, g: g.create_dataset("x", data=np.array([True, False])))
    patch("enum_size.h5", "enum.h5", (b"\x18\2\0\0\1\0\0\0", b"\x18\2\0\0\0\x10\0\0"))
    patch("enum_members.h5", "enum.h5", (b"\x18\2\0\0\1\0\0\0", b"\x18\xff\xff\0\1\0\0\0"))
    h5("committed.h5", lambda f, g: f.__setitem__("t", np.dtype("f4")))
    # The layout message: version 3, chunked, rank 1 + 1, address, then sizes 100 and 8.
    data = get("chunk_good.h5")
    at = data.index(struct.pack("<2I", 100, 8), data.index(b"\3\2\2"))
    put("chunk_zero.h5", data[:at] + bytes(4) + data[at + 4:])
    h5("latest_chunks.h5", latest_chunks, latest=True)
    h5("compact.h5", compact)
    patch("compact_short.h5", "compact.h5", (b"\3\0" + struct.pack("<H", 800),
                                             b"\3\0" + struct.pack("<H", 8)))
    h5("cycle.h5", lambda f, g: g.__setitem__("loop", f["model_weights"]))
    h5("cycle_root.h5", lambda f, g: g.__setitem__("loop", f["/"]))
    h5("two_names.h5", lambda f, g: g.__setitem__("again", g["bias:0"]))
    h5("deep.h5", deep, latest=True)
    h5("strings.h5", lambda f, g: g.create_dataset("x", data=[b"a", b"bc"], dtype=h5py.string_dtype()))
    h5("many_attributes.h5", lambda f, g: [f.attrs.__setitem__("a%d" % i, i) for i in range(20)],
       latest=True)
    with create("not_keras.h5") as f:
        f["a/b"] = np.zeros(3)
    patch_h5()
    truncate_h5()


def patch_h5():
    good = get("good.h5")
    text = json.dumps(CONFIG).encode()
    length = struct.pack("<I", len(text))
    heap = good.index(b"GCOL")
    element = length + struct.pack("<Q", heap)
    # An external link of a type that only its maker knows.
    patch("user_link.h5", "external_link.h5", (b"\x01\x08\x40\x01x", b"\x01\x08\x41\x01x"))
    # An external link that leads nowhere: HDF5 1.10 looks where all the same (CVE-2018-16438).
    patch("link_empty.h5", "external_link.h5", (b"\x01\x08\x40\x01x\x10\0", b"\x01\x08\x40\x01x\0\0"))
    # A filter's name longer than its message: HDF5 1.10 reads on (CVE-2019-8396).
    patch("filter_name.h5", "lzf.h5", (b"\0\x7d\x08\0\x01\0\x03\0lzf", b"\0\x7d\xf8\xff\x01\0\x03\0lzf"))
    # A member that cannot be decoded: HDF5 1.10 then frees what it has not read yet.
    patch("member.h5", "external_link.h5", (b"\x01\x08\x40\x01x", b"\x09\x08\x40\x01x"))
    patch("attr_length.h5", "good.h5", (element, b"\xf0\xff\xff\xff" + element[4:]))
    patch("attr_outside.h5", "good.h5", (element, length + struct.pack("<Q", 1 << 40)))
    patch("attr_not_heap.h5", "good.h5", (element, length + struct.pack("<Q", 96)))
    patch("heap_size.h5", "good.h5", (b"GCOL\x01\0\0\0" + struct.pack("<Q", 4096),
                                      b"GCOL\x01\0\0\0" + struct.pack("<Q", 1 << 62)))
    # A text shorter in the heap than the attribute says: HDF5 1.10 copies over its buffer's end.
    at = good.index(text) - 16
    patch("heap_object.h5", "good.h5", (good[at:at + 16 + 8],
                                        good[at:at + 8] + struct.pack("<Q", 8) + text[:8]))
    # layer_names: an array of 1 name becomes one of 2^60. Its dataspace: version 1, rank 1, with a
    # maximum, 5 reserved bytes, the extent.
    space = struct.pack("<BBBBI", 1, 1, 1, 0, 0)
    at = good.index(space, good.index(b"layer_names\0")) + len(space)
    put("attr_dims.h5", good[:at] + struct.pack("<Q", 1 << 60) + good[at + 8:])
    # The contiguous layout of the kernel: version 3, class 1, address, size 24.
    layout = good.index(b"\x03\x01", good.index(b"SNOD"))
    while good[layout + 10:layout + 18] != struct.pack("<Q", 24):
        layout = good.index(b"\x03\x01", layout + 1)
    data = bytearray(good)
    data[layout + 2:layout + 10] = struct.pack("<Q", len(good) - 8)
    put("data_outside.h5", bytes(data))
    # The free places of a group's heap of names, in a circle: HDF5 1.10 allocates for ever.
    heap = good.index(b"HEAP")
    size, first, at = struct.unpack("<3Q", good[heap + 8:heap + 32])
    put("heap_circle.h5", good[:at + first] + struct.pack("<Q", first) + good[at + first + 8:])
    share_bytes()
    superblock()


def share_bytes():
    """Three datasets that were never written are given the bytes of a fourth."""
    with create("shared_bytes.h5") as f:
        model(f)
        d = f.create_dataset("a", data=np.arange(4096, dtype="f8"))
        at = d.id.get_offset()
        for i in range(3):
            f.create_dataset("b%d" % i, shape=(4096,), dtype="f8")
    data = get("shared_bytes.h5")
    size = struct.pack("<Q", 4096 * 8)
    old = b"\x03\x01" + b"\xff" * 8 + size
    assert data.count(old) == 3
    put("shared_bytes.h5", data.replace(old, b"\x03\x01" + struct.pack("<Q", at) + size))


def superblock():
    data = bytearray(get("good.h5"))
    for name, at, value in (("version_9.h5", 8, b"\x09"), ("offsets_of_4.h5", 13, b"\x04"),
                            ("family.h5", 48, struct.pack("<Q", 2048)),
                            ("root_outside.h5", 64, struct.pack("<Q", 1 << 40))):
        changed = bytearray(data)
        changed[at:at + len(value)] = value
        put(name, bytes(changed))


def truncate_h5():
    good = get("good.h5")
    for n in (4, 9, 60, 100, 800, 2048, -1):
        put("cut_%d.h5" % n, good[:n])


# JSON


def make_json():
    text = json.dumps(CONFIG)
    put("good.json", text.encode())
    put("nan.json", text.replace('"units": 2', '"a": NaN, "b": [Infinity, -Infinity]').encode())
    put("wrapped.json", json.dumps(text).encode() + b"\0\0")
    put("bom.json", b"\xef\xbb\xbf" + text.encode())
    put("cut.json", text[:-4].encode())
    put("duplicate_key.json", text.replace('"units": 2', '"units": 2, "units": 3').encode())
    put("deep.json", ('{"class_name": "A", "config": {"a": ' + "[" * 600 + "]" * 600 + "}}").encode())
    put("deeper.json", b'{"a":' + b"[" * 200000)
    put("lone_surrogate.json", text.replace('"m"', '"\\ud800"').encode())
    put("not_utf8.json", text.replace('"m"', '"\xff"').encode("latin-1"))
    put("nul.json", text.replace('"m"', '"m\\u0000"').encode())
    put("marker.json", text.replace('"m"', '"\\u0001NaN"').encode())
    put("big_integer.json", text.replace("2,", "9" * 40 + ",").encode())
    put("big_real.json", text.replace("2,", "1e999,").encode())


# Zip, by hand: Python's zipfile does not write what is wrong.


class Member:
    def __init__(self, name, data=b"", **fields):
        self.name, self.data = name.encode(), data
        self.fields = dict(flags=0, method=0, crc=zlib.crc32(data), stored=len(data),
                           size=len(data), made=3 << 8 | 20, external=0o100644 << 16, extra=b"",
                           local_name=self.name, local_size=None, local_method=None, at=None)
        self.fields.update(fields)

    def local(self):
        f = self.fields
        size = f["size"] if f["local_size"] is None else f["local_size"]
        method = f["method"] if f["local_method"] is None else f["local_method"]
        return struct.pack("<4s5H3I2H", b"PK\3\4", 20, f["flags"], method, 0, 33, f["crc"],
                           f["stored"], min(size, 0xffffffff), len(f["local_name"]),
                           len(f["extra"])) + f["local_name"] + f["extra"] + self.data

    def central(self, at):
        f = self.fields
        return struct.pack("<4s6H3I5H2I", b"PK\1\2", f["made"], 20, f["flags"], f["method"], 0, 33,
                           f["crc"], f["stored"], min(f["size"], 0xffffffff), len(self.name),
                           len(f["extra"]), 0, 0, 0, f["external"],
                           at if f["at"] is None else f["at"]) + self.name + f["extra"]


def archive(name, *members, before=b"", after=b"", count=None, shift=0):
    data, central = before, b""
    for m in members:
        central += m.central(len(data))
        data += m.local()
    n = len(members) if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, n, n, len(central), len(data) + shift, 0)
    put(name, data + central + end + after)


def keras(*more, **changes):
    """The members of a .keras, one of them changed."""
    contents = {"metadata.json": b'{"keras_version": "3.9.2"}',
                "config.json": json.dumps(CONFIG).encode(), "model.weights.h5": get("good.h5")}
    return [Member(name, data, **changes.get(name.split(".")[0], {}))
            for name, data in contents.items()] + list(more)


def wide(size, stored):
    return struct.pack("<2H2Q", 1, 16, size, stored)


def make_zip():
    archive("good.keras", *keras())
    archive("empty.zip")
    archive("traversal.keras", *keras(Member("assets/../../evil", b"x")))
    archive("absolute.keras", *keras(Member("/etc/evil", b"x")))
    archive("drive.keras", *keras(Member("C:\\evil", b"x")))
    archive("backslash.keras", *keras(Member("assets\\..\\..\\evil", b"x")))
    archive("symlink.keras", *keras(Member("assets/a", b"/etc/passwd", external=0o120777 << 16)))
    archive("duplicate.keras", *keras(Member("config.json", b"{}")))
    archive("encrypted.keras", *keras(config=dict(flags=1)))
    deflated = zlib.compress(b"\0" * 100000, 9)[2:-4]
    bomb = dict(method=8, size=1 << 33, crc=0, extra=wide(1 << 33, len(deflated)), stored=0xffffffff)
    archive("bomb.keras", *keras(Member("assets/a", deflated, **bomb)))
    archive("name_mismatch.keras", *keras(config=dict(local_name=b"konfig.json")))
    archive("size_mismatch.keras", *keras(config=dict(local_size=7)))
    archive("method_mismatch.keras", *keras(config=dict(local_method=8)))
    # The second member's header stands in the bytes of the first.
    inner = Member("assets/b", b"x")
    outer = Member("assets/a", inner.local())
    inner.fields["at"] = len(outer.local()) - len(inner.local())
    archive("overlap.keras", outer, inner)
    archive("two_sizes.keras", *keras(config=dict(size=5)))
    archive("outside.keras", *keras(config=dict(at=1 << 30)))
    put("prepended.keras", b"PK\3\4 and more " + get("good.keras"))
    archive("appended.keras", *keras(), after=b"more")
    archive("count.keras", *keras(), count=2)
    archive("count_more.keras", *keras(), count=9)
    archive("bad_crc.keras", *keras(config=dict(crc=1)))
    archive("bad_deflate.keras", *keras(config=dict(method=8)))
    archive("deflated_lie.keras", *[
        Member("config.json", deflated, method=8, size=50, crc=0), Member("metadata.json", b"{}")])
    weights = get("good.h5")
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = squeezed.compress(weights) + squeezed.flush()
    weights_at = dict(name="model.weights.h5", data=squeezed, method=8, size=len(weights), crc=zlib.crc32(weights))
    archive("deflated.keras", *keras()[:2], Member(**weights_at))
    archive("deflated_bad_crc.keras", *keras()[:2], Member(**{**weights_at, "crc": 1}))
    archive("deflated_longer.keras", *keras()[:2], Member(**{**weights_at, "size": len(weights) - 8}))
    archive("deflated_shorter.keras", *keras()[:2], Member(**{**weights_at, "size": len(weights) + 8}))
    archive("deflated_cut.keras", *keras()[:2], Member(**{**weights_at, "data": squeezed[:200]}))
    whole = get("good.keras")
    for n in (30, 600, -30, -1):
        put("cut_%d.keras" % n, whole[:n])


def saving_lib(*groups):
    """The bytes of saving_lib's weights for CONFIG, in groups of these names."""
    with create("weights.tmp") as f:
        group(f, "vars")
        for name in groups:
            at = f
            for part in name.split("/"):
                at = at[part] if part in at else group(at, part)
            vars_ = group(at, "vars")
            vars_["0"], vars_["1"] = np.ones((3, 2), "f4"), np.zeros(2, "f4")
    data = get("weights.tmp")
    os.remove(path("weights.tmp"))
    return data


def make_archives():
    """What only shows once the weights and files of an archive are looked at."""
    def archive2(name, weights, *more, **fields):
        data = {"metadata.json": b'{"keras_version": "2.15.0"}', "config.json": json.dumps(CONFIG).encode()}
        members = [Member(n, d) for n, d in data.items()] + [Member("model.weights.h5", weights, **fields), *more]
        archive(name, *members)

    good = saving_lib("layers/dense")
    archive2("zip2_good.keras", good)
    archive2("zip2_windows.keras", saving_lib("layers\\dense"))
    archive2("zip2_text_for_weights.keras", b"no HDF5 at all")
    archive2("zip2_zip_for_weights.keras", get("good.keras"))
    archive2("zip2_names_deep.keras", saving_lib("\\".join(["layers"] * 130)))
    archive2("zip2_names_many.keras", saving_lib(*["\\".join([f"n{i}"] + ["x"] * 100) for i in range(40)]))
    archive2("zip2_names_empty.keras", saving_lib("layers\\\\dense"))
    archive2("zip2_names_climb.keras", saving_lib("..\\..\\etc\\layers\\dense"))
    archive2("zip2_names_clash.keras", saving_lib("layers/dense", "layers\\dense"))
    archive2("zip2_asset_climbs.keras", good, Member("assets/layers/dense/../../../x", b"x"))
    archive2("zip2_asset_is_folder.keras", good, Member("assets/layers/dense/", b""), Member("assets/layers", b"x"))
    squeezed = zlib.compress(b"\0" * 5000000, 9)[2:-4]
    bomb = dict(method=8, size=1 << 33, crc=0, extra=wide(1 << 33, len(squeezed)), stored=0xffffffff)
    archive2("zip2_bomb_weights.keras", squeezed, **bomb)
    archive2("zip2_bomb_lies.keras", squeezed, method=8, size=4096, crc=0)


make_h5()
make_json()
make_zip()
make_archives()
