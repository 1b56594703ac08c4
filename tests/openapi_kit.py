"""activation/openapi.yaml, read; and its schemas with every reference resolved."""

from pathlib import Path

import yaml

PATH = Path(__file__).resolve().parents[1] / "activation" / "openapi.yaml"
METHODS = ("get", "head", "put", "post", "delete", "patch")


def document():
    return yaml.safe_load(PATH.read_text("utf-8"))


def resolved(part, whole):
    """`part` with each `$ref` replaced by what it leads to."""
    if isinstance(part, list):
        return [resolved(item, whole) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target = whole
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        rest = {key: value for key, value in part.items() if key != "$ref"}
        return resolved(target | rest, whole)
    return {key: resolved(value, whole) for key, value in part.items()}


def operations(whole):
    """(path, method, operation), references resolved."""
    for path, item in whole["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, resolved(item[method], whole)
