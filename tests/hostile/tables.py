# SPDX-License-Identifier: Apache-2.0
"""Checkpoints and SavedModels byte by byte, as TensorFlow lays them out, for tests that bend them."""

MAGIC = bytes.fromhex("57fb808b247547db")
TABLE = []
for i in range(256):
    for _ in range(8):
        i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
    TABLE.append(i)


def crc(data):
    c = 0xFFFFFFFF
    for byte in data:
        c = TABLE[(c ^ byte) & 255] ^ (c >> 8)
    return c ^ 0xFFFFFFFF


def masked(data):
    c = crc(data)
    return (((c >> 15 | c << 17) & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, *parts):
    data = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(data)) + data


# Tables


def entry(key, value, shared=0):
    return varint(shared) + varint(len(key)) + varint(len(value)) + key + value


def block(*entries, restarts=(0,), count=None):
    return b"".join(entries) + b"".join(r.to_bytes(4, "little") for r in restarts) + (len(restarts) if count is None else count).to_bytes(4, "little")


def table(*blocks, kinds=None, handles=None, twice=False):
    """`handles` replaces where the blocks are said to stand."""
    out, found = b"", []
    for i, data in enumerate(blocks):
        kind = bytes([kinds[i] if kinds else 0])
        found.append(varint(len(out)) + varint(len(data)))
        out += data + kind + masked(data + kind).to_bytes(4, "little")
    index = block(*(entry(b"z", handle) for handle in (handles or found) * (2 if twice else 1)))
    footer = varint(0) + varint(0) + varint(len(out)) + varint(len(index))
    out += index + b"\0" + masked(index + b"\0").to_bytes(4, "little")
    return out + footer.ljust(40, b"\0") + MAGIC


def header(shards=1):
    return entry(b"", number(1, shards))


def shape(*dims):
    return message(2, *(message(2, number(1, d)) for d in dims))


def tensor(dtype=1, dims=(), shard=0, offset=0, size=4, check=0, more=b""):
    return number(1, dtype) + shape(*dims) + number(3, shard) + number(4, offset) + number(5, size) + varint(6 << 3 | 5) + check.to_bytes(4, "little") + more


def string(text):
    """(data, entry) of a tensor that is one string."""
    length = len(text).to_bytes(4, "little")
    stored = masked(length).to_bytes(4, "little")
    data = varint(len(text)) + stored + text
    return data, tensor(7, (), size=len(data), check=masked(length + stored + text))


# Object graphs


def child(node, name):
    return message(1, number(1, node), message(2, name.encode()))


def value(key):
    return message(2, message(1, b"VARIABLE_VALUE"), message(2, key.encode()), message(3, key.encode()))


def graph(*nodes):
    return b"".join(message(1, node) for node in nodes)
