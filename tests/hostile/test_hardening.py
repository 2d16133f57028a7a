# SPDX-License-Identifier: Apache-2.0
"""What core/hardening.cmake asks for, read from the programs themselves."""

import functools
import os
import platform
import re
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ["KFERRY"]).parent
PROGRAMS = ["kferry", "kferry-worker"]
X86 = platform.machine() == "x86_64"


@functools.cache
def readelf(program, *flags):
    done = subprocess.run(["readelf", "-W", *flags, BUILD / program], capture_output=True, text=True, check=True)
    return done.stdout


def segment(program, name):
    return re.search(rf"^ +{name} .* (?P<flags>[RWE ]{{3}}) 0x\w+$", readelf(program, "-l"), re.M)


def sanitized():
    return "__asan_init" in readelf("kferry-worker", "-s") or "__tsan_init" in readelf("kferry-worker", "-s")


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_can_stand_anywhere(program):
    assert "DYN (Position-Independent Executable file)" in readelf(program, "-h")
    assert re.search(r"FLAGS_1.*\bPIE\b", readelf(program, "-d"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_links_is_read_only_from_the_start(program):
    assert segment(program, "GNU_RELRO")
    assert re.search(r"FLAGS.*\bBIND_NOW\b", readelf(program, "-d"))
    assert "TEXTREL" not in readelf(program, "-d")


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_memory_is_written_and_run(program):
    assert segment(program, "GNU_STACK")["flags"] == "RW "
    for line in re.findall(r"^ +LOAD .*$", readelf(program, "-l"), re.M):
        assert "RWE" not in line


@pytest.mark.parametrize("program", PROGRAMS)
def test_library_calls_are_checked(program):
    if sanitized():
        pytest.skip("sanitizers check them")
    symbols = readelf(program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(memcpy|snprintf|vsnprintf|read)_chk", symbols)


@pytest.mark.skipif(not X86, reason="of x86-64")
@pytest.mark.parametrize(("program", "function"), [("kferry", "worker_start"), ("kferry-worker", "kf_convert")])
def test_jumps_land_where_they_may(program, function):
    # A program is marked as such only where libc's start files and all static libraries are, and Debian's are not: what
    # is ours is ready for it.
    done = subprocess.run(["objdump", "-d", f"--disassemble={function}", BUILD / program], capture_output=True, text=True, check=True)
    assert re.search(rf"<{function}>:\n.*\bendbr64\b", done.stdout)


@pytest.mark.parametrize("program", PROGRAMS)
def test_libraries_come_from_the_system_alone(program):
    assert not re.search(r"\b(RPATH|RUNPATH)\b", readelf(program, "-d"))
