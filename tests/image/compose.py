# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yml as Docker Compose reads it: variables filled in, sizes as numbers."""

import os
import re
from pathlib import Path

import yaml

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"


def fill_in(text, environment):
    """${NAME} and ${NAME:-default}."""

    def value(match):
        name, default = match.groups()
        return environment.get(name) or default or ""

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", value, text)


def services(environment=os.environ):
    return yaml.safe_load(fill_in(FILE.read_text(), environment))["services"]


def bytes_of(size):
    """"512m" and "4g"."""
    number, unit = re.fullmatch(r"(\d+)([kmg]?)b?", str(size).lower()).groups()
    return int(number) << {"": 0, "k": 10, "m": 20, "g": 30}[unit]


def tmpfs_of(service):
    """{folder: options} of its file systems in memory."""
    return dict((*entry.split(":", 1), "")[:2] for entry in service.get("tmpfs", []))
