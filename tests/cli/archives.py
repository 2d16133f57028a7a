# SPDX-License-Identifier: Apache-2.0
"""Archives as people pack them, and as attackers do."""

import gzip
import io
import struct
import tarfile
import zipfile


def tar(path, files, mode="w", format=tarfile.GNU_FORMAT):
    """A tar of {name: bytes}; a value may be a TarInfo, for members that are no files."""
    with tarfile.open(path, mode, format=format) as out:
        for name, data in files.items():
            if isinstance(data, tarfile.TarInfo):
                out.addfile(data)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def zip_(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def gz(path, data):
    path.write_bytes(gzip.compress(data))
    return path


def special(name, type_, target=""):
    """A link, device or pipe."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type_, target
    return info


def header(name, size, type_=b"0"):
    """One header block of a tar, with whatever size it says."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124:136] = b"%011o\0" % size if size < 8**11 else b"\x80" + struct.pack(">Q", size).rjust(11, b"\0")
    block[148:156] = b" " * 8
    block[156:157] = type_
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)
