"""The locks are pinned, hashed and complete, and name no index."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
ADDRESS = re.compile(r"[a-z+]+://|file:|(?:^|\s)-(?:i|f|-index-url|-extra-index-url|-find-links)\b")


def entries(lock):
    """[(requirement, hashes)] of a lock, without comments; continued lines are joined."""
    bare = re.sub(r"^\s*#.*\n", "", lock, flags=re.MULTILINE)
    parts = [line.split(" --hash=") for line in re.sub(r"\\\n\s*", "", bare).splitlines()]
    return [(Requirement(head), [hash_.strip() for hash_ in hashes]) for head, *hashes in parts]


def faults(lock, wanted):
    """The faults of `lock`, which must satisfy the requirements `wanted`."""
    pins = {}
    for requirement, hashes in entries(lock):
        specifiers = list(requirement.specifier)
        if [specifier.operator for specifier in specifiers] != ["=="]:
            yield f"{requirement}: not pinned"
            continue
        if not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", hash_) for hash_ in hashes):
            yield f"{requirement}: no SHA-256"
        pins.setdefault(canonicalize_name(requirement.name), []).append(specifiers[0].version)
    for requirement in wanted:
        versions = pins.get(canonicalize_name(requirement.name))
        if not versions:
            yield f"{requirement}: missing"
        elif not all(requirement.specifier.contains(version) for version in versions):
            yield f"{requirement}: locked at {versions}"
    if address := ADDRESS.search(lock):
        yield f"address: {address.group()!r}"


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    texts = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        texts += extra
    return [Requirement(text) for text in texts]


def test_the_lock_has_no_fault():
    assert not list(faults(LOCK, declared()))


@pytest.mark.parametrize("folder", ["clients", "mutation", "swift"])
def test_the_locks_of_tests_have_no_fault(folder):
    texts = (ROOT / "tests" / folder / "requirements.in").read_text("utf-8").splitlines()
    lock = (ROOT / "tests" / folder / "requirements.txt").read_text("utf-8")
    assert not list(faults(lock, map(Requirement, texts)))


def test_the_lock_of_npm_is_pinned_hashed_and_names_no_registry():
    folder = ROOT / "tests" / "clients"
    wanted = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    text = (folder / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert packages.pop("")["dependencies"] == wanted
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}
    assert '"resolved"' not in text


GOOD = f"typer==0.29.2 ; os_name == 'nt' \\\n    --hash=sha256:{'0' * 64}\n    # via mintmark\n"


@pytest.mark.parametrize(
    ("lock", "fault"),
    [
        (GOOD.replace("==0.29.2", ">=0.29.2"), "not pinned"),
        (GOOD.replace("sha256", "md5"), "no SHA-256"),
        ("typer==0.29.2\n", "no SHA-256"),
        (GOOD.replace("0.29.2", "0.28.0"), "locked at"),
        (GOOD.replace("typer", "click"), "missing"),
        (GOOD.replace("via", "from https://index.example/simple"), "address"),
    ],
)
def test_each_fault_is_found(lock, fault):
    wanted = [Requirement("typer>=0.29")]
    assert not list(faults(GOOD, wanted))
    assert any(fault in found for found in faults(lock, wanted))
