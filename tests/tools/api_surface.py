#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What clients may rely on, a line each, out of the API's description.

    kferry openapi | python3 tests/tools/api_surface.py [--check FILE | --write FILE]

A line of the file that is there no longer is a breaking change (exit status 2). What is new (1)
becomes a promise with --write.
"""
import json
import sys

METHODS = ("get", "put", "post", "delete")


def follow(document, value):
    while "$ref" in value:
        node = document
        for name in value["$ref"].removeprefix("#/").split("/"):
            node = node[name]
        value = node
    return value


def of_operation(document, path, method, row):
    operation = row[method]
    name = f"{method.upper()} {path}"
    yield f"{name} is {operation['operationId']}"
    for parameter in row.get("parameters", []) + operation.get("parameters", []):
        parameter = follow(document, parameter)
        yield f"{name} takes {parameter['in']} {parameter['name']}"
    for kind in follow(document, operation.get("requestBody", {})).get("content", {}):
        yield f"{name} takes body {kind}"
    for status, response in operation["responses"].items():
        for kind in follow(document, response).get("content", {}) or ["nothing"]:
            yield f"{name} answers {status} as {kind}"


def of_schema(name, schema):
    """Members that are always there, and words that a value may be."""
    for member in schema.get("required", []):
        yield f"{name} has {member}"
    for member, row in schema.get("properties", {}).items():
        yield f"{name} may have {member}"
        for inner in (row, row.get("items", {}), *row.get("oneOf", [])):
            if isinstance(inner, dict) and "properties" in inner:
                yield from of_schema(f"{name}.{member}", inner)
    for word in schema.get("enum", []):
        yield f"{name} can be {word}"


def shared(document):
    """Words of parameters, headers of answers and codes of problems, which operations have in common."""
    for parameter in document["components"]["parameters"].values():
        for word in parameter["schema"].get("enum", []):
            yield f"parameter {parameter['name']} can be {word}"
    for name, response in document["components"]["responses"].items():
        for header in response.get("headers", {}):
            yield f"answer {name} has header {header}"
        schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {})
        for part in schema.get("allOf", []):
            for code in part.get("properties", {}).get("code", {}).get("enum", []):
                yield f"problem {code}"


def surface(document):
    lines = set(shared(document))
    for path, row in document["paths"].items():
        for method in METHODS:
            if method in row:
                lines.update(of_operation(document, path, method, row))
    for name, schema in document["components"]["schemas"].items():
        lines.update(of_schema(name, schema))
    return sorted(lines)


def main(arguments):
    now = surface(json.load(sys.stdin))
    if not arguments:
        print("\n".join(now))
        return 0
    if arguments[0] == "--write":
        with open(arguments[1], "w") as out:
            out.write("\n".join(now) + "\n")
        return 0
    with open(arguments[1]) as known:
        lines = known.read().splitlines()
    gone, new = sorted(set(lines) - set(now)), sorted(set(now) - set(lines))
    print("".join(f"breaking: {line}\n" for line in gone) + "".join(f"new, --write adds it: {line}\n" for line in new), end="")
    return 2 if gone else 1 if new else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
