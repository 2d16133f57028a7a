# SPDX-License-Identifier: Apache-2.0
"""Help, manual page and completion: all written from the tables that the program reads itself."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages(program_path):
    """What the build wrote, which is what the program prints."""
    folder = program_path.parent / "server" / "pages"
    if not folder.is_dir():
        pytest.fail(f"the build has no {folder}")
    return folder


def output(program_path, *args):
    return subprocess.run([program_path, *args], capture_output=True, text=True, check=True).stdout


def commands(program_path):
    return re.findall(r"^  kferry ([a-z]+)", output(program_path, "help"), re.M)[:-2]  # the examples


def flags(program_path, command):
    return set(re.findall(r"^ (?: -\w,|    ) --([a-z0-9-]+)", output(program_path, "help", command), re.M))


def settings(program_path):
    return set(re.findall(r"^  --([a-z0-9-]+)", output(program_path, "help", "serve"), re.M))


def test_installed_pages_are_those_of_the_program(program_path, pages):
    for name, args in (("kferry.1", ["man"]), ("kferry.bash", ["completion", "bash"]),
                       ("_kferry", ["completion", "zsh"]), ("kferry.fish", ["completion", "fish"])):
        assert (pages / name).read_text() == output(program_path, *args)


def test_every_command_has_help(program_path):
    listed = commands(program_path)
    assert len(listed) >= 11 and {"convert", "serve", "health", "config"} <= set(listed)
    for command in listed:
        page = output(program_path, "help", command)
        assert page.startswith(f"kferry {command}") and max(map(len, page.splitlines())) <= 79
        if command != "help":
            assert output(program_path, command, "--help") == page


def test_every_flag_stands_everywhere(program_path, pages):
    manual = (pages / "kferry.1").read_text().replace("\\-", "-")
    bash, zsh, fish = ((pages / name).read_text() for name in ("kferry.bash", "_kferry", "kferry.fish"))
    n = 0
    for command in commands(program_path):
        assert f".SS kferry {command} " in manual
        for flag in flags(program_path, command) | (settings(program_path) if command == "serve" else set()):
            n += 1
            assert re.search(rf"\\fB(-\w, )?--{flag}\\fR", manual), flag
            part = re.search(rf"^    {command}\)\n(.*?) ;;\n        esac ;;", bash, re.S | re.M).group(1)
            assert re.search(rf"--{flag}\n", part), (command, flag)
            part = re.search(rf"^    {command}\)\n(.*?) ;;$", zsh, re.S | re.M).group(1)
            assert re.search(rf"--{flag}[=\[}}]", part), (command, flag)
            assert f"__fish_seen_subcommand_from {command}' -l {flag} " in fish
    assert n > 80


def test_parameters_are_those_of_the_api(program_path):
    table = json.loads(output(program_path, "formats", "--json"))["parameters"]
    assert {row["name"].replace("_", "-") for row in table} <= flags(program_path, "convert")


def test_the_readme_names_every_format(program_path):
    formats = json.loads(output(program_path, "formats", "--json"))
    section = (ROOT / "README.md").read_text().split("\n## Formats\n")[1].split("\n## ")[0]
    for table, kind in zip(section.split("| writes |"), ("readers", "targets")):
        rows = re.findall(r"^\| (`[^:]*):", table, re.M)
        assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == {row["name"] for row in formats[kind]}


def complete(pages, *words, folder=None):
    """What bash offers for the last word."""
    script = f'source {pages}/kferry.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kferry; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script, "bash", "kferry", *words], capture_output=True, text=True,
                          cwd=folder, check=True)
    return set(done.stdout.split())


def test_bash_completes(program_path, pages, tmp_path):
    (tmp_path / "model.h5").write_text("")
    assert complete(pages, "") == set(commands(program_path))
    assert complete(pages, "con") == {"convert", "config"}
    assert complete(pages, "convert", "--to", "") == {
        row["name"] for row in json.loads(output(program_path, "formats", "--json"))["targets"]}
    assert complete(pages, "convert", "--allow", "") == {"exact", "adapted", "lossy"}
    assert complete(pages, "convert", "--in") == {"--input-shape"}
    assert complete(pages, "convert", "mo", folder=tmp_path) == {"model.h5"}
    assert complete(pages, "convert", "-o", "mo", folder=tmp_path) == {"model.h5"}
    assert complete(pages, "convert", "--keras", "", folder=tmp_path) == set()
    assert complete(pages, "completion", "") == {"bash", "zsh", "fish"}
    assert "--queue-max" in complete(pages, "serve", "--")


@pytest.mark.parametrize("check", [["bash", "-n", "kferry.bash"], ["zsh", "-n", "_kferry"], ["fish", "-n", "kferry.fish"],
                                   ["groff", "-ww", "-man", "-Tascii", "kferry.1"]])
def test_nothing_is_wrong_with_them(pages, check):
    if not shutil.which(check[0]):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{check[0]} is not installed")
        pytest.skip(f"{check[0]} is not installed")
    done = subprocess.run(check, cwd=pages, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_zsh_completes(pages, tmp_path):
    """As far as zsh takes it without a terminal: it is loaded and knows its command."""
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    script = f"fpath=({pages} $fpath); autoload -Uz compinit; compinit -D -u; print $_comps[kferry]"
    done = subprocess.run(["zsh", "-fc", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "_kferry\n", done.stderr


def test_fish_completes(pages):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    script = f"source {pages}/kferry.fish; complete -C 'kferry convert --allow '; complete -C 'kferry hea'"
    done = subprocess.run(["fish", "-Nc", script], capture_output=True, text=True)
    assert {"exact", "adapted", "lossy", "health"} <= {line.split("\t")[0] for line in done.stdout.splitlines()}


def test_openapi_is_printed(program_path):
    assert output(program_path, "openapi", "--yaml") == (ROOT / "api/openapi.yaml").read_text()
    assert json.loads(output(program_path, "openapi"))["openapi"] == "3.1.0"


@pytest.mark.parametrize("args", [["completion"], ["completion", "tcsh"], ["openapi", "x"], ["health", "x"], ["man", "--x"]])
def test_wrong_use_is_told(kferry, args):
    done = kferry.run(*args)
    assert done.returncode == 64 and done.stderr.startswith("kferry: ")
