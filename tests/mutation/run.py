"""Mutation testing of the pure core: `make mutate`, or `make mutate MODULE=codegen/codes/spec.py`.

mutmut changes the bodies of functions. What it has no way to switch while a program runs
(constants, enum members, properties) is changed here with the same operators, one process
per mutant. Everything happens in a copy of the tree under .mutate/, where the package is a
folder named `mintmark`, so an interrupted run leaves nothing behind in the working tree.

Not mutated: what a `raise` says, because the wording of errors is no contract, and type
annotations.
"""

import ast
import contextlib
import difflib
import importlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation import file_mutation
from mutmut.mutation.mutators import mutation_operators
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

ROOT = Path(__file__).resolve().parents[2]
STAGE = ROOT / ".mutate"
HERE = Path(__file__).parent
MODULES = tomllib.loads((HERE / "modules.toml").read_text("utf-8"))
HARMLESS = tomllib.loads((HERE / "harmless.toml").read_text("utf-8"))
SECONDS = 300  # for the tests of a mutant that runs in a process of its own
MEMORY = 8 << 30  # a loop that never ends must not take the machine with it
SETTINGS = """
[tool.pytest.ini_options]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider"{skip}]
pythonpath = ["tests", "."]
filterwarnings = ["error", "ignore::pytest.PytestAssertRewriteWarning"]
timeout = 120

[tool.mutmut]
source_paths = ["mintmark"]
only_mutate = ["mintmark/{module}"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
timeout_constant = 10.0
timeout_multiplier = 2.0
"""


class Visitor(file_mutation.MutationVisitor):
    """mutmut's, which leaves the words of errors alone."""

    def _skip_node_and_children(self, node):
        return isinstance(node, cst.Raise) or super()._skip_node_and_children(node)


class FixedVisitor(Visitor):
    """Goes into decorated functions too, which mutmut cannot switch."""

    def _skip_node_and_children(self, node):
        if isinstance(node, cst.FunctionDef):
            return False
        return super()._skip_node_and_children(node)


@dataclass(frozen=True)
class Survivor:
    """A mutation that no test noticed."""

    line: int
    diff: str

    @property
    def changes(self):
        """The lines taken away, after `-`, and put in, after `+`."""
        return [line for line in self.diff.splitlines()[2:] if line[:1] in "+-"]

    @property
    def short(self):
        """The new line alone, for a table."""
        new = " ".join(line[1:].strip() for line in self.changes if line[0] == "+")
        return f"`{new.replace('|', chr(92) + '|')}`"


@dataclass(frozen=True)
class Result:
    """How many mutants of a module there were, and which of them lived."""

    module: str
    mutants: int
    survivors: list[Survivor]

    @property
    def unjudged(self):
        return [survivor for survivor in self.survivors if reason(self, survivor) is None]

    @property
    def row(self):
        killed, harmless = (
            self.mutants - len(self.survivors),
            len(self.survivors) - len(self.unjudged),
        )
        share = 100 * killed / self.mutants
        return f"| `{self.module}` | {self.mutants} | {killed} | {harmless} | {share:.1f} % |"


def stage(module):
    """A fresh copy of the tree, with the settings for `module`."""
    shutil.rmtree(STAGE, ignore_errors=True)
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if name.startswith(".typing/") or not source.exists():
            continue
        target = STAGE / (name if name.startswith("tests/") else f"mintmark/{name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    skip = MODULES[module].get("skip")
    settings = SETTINGS.format(
        module=module,
        tests=MODULES[module]["tests"],
        skip=f', "-k", "not ({skip})"' if skip else "",
    )
    (STAGE / "pyproject.toml").write_text(settings, "utf-8")


# --- bodies of functions: mutmut -----------------------------------------------------


def run_mutmut(module):
    """[how many mutants, survivors] of the functions of `module`, as mutmut finds them."""
    from mutmut.__main__ import cli
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    file_mutation.MutationVisitor = Visitor
    path = Path("mintmark", module)
    with contextlib.suppress(SystemExit):
        cli(["run", "--max-children", os.environ.get("MUTATE_JOBS", "1")], standalone_mode=False)
    data = SourceFileMutationData(path=path)
    data.load()
    source = path.read_text("utf-8")
    survivors = []
    for name, code in data.exit_code_by_key.items():
        if code is None:
            raise SystemExit(f"{module}: stopped before every mutant was tried")
        if code in (0, 5, 33):  # passed, or no test reaches the function
            diff = get_diff_for_mutant(name, path=path)
            survivors.append(Survivor(line_of(source, name, diff), diff))
        elif code not in (1, 3, 24, 36, 152, -24, 37):
            print(f"{name}: exit {code}", file=sys.stderr)
    return len(data.exit_code_by_key), survivors


def line_of(source, name, diff):
    """The line of `source` that `diff`, of the mutant called `name`, changes."""
    function, class_name = orig_function_and_class_names_from_key(name)
    scope = ast.parse(source)
    if class_name:
        scope = member(scope, ast.ClassDef, class_name)
    node = member(scope, ast.FunctionDef, function)
    decorators = [decorator.lineno for decorator in node.decorator_list]
    return min([node.lineno, *decorators]) + changed_line(diff) - 1


def member(scope, kind, name):
    return next(node for node in scope.body if isinstance(node, kind) and node.name == name)


def changed_line(diff):
    """The first line that a unified diff changes."""
    lines = iter(diff.splitlines()[2:])
    at = int(next(lines).split()[1].lstrip("-").split(",")[0])
    for line in lines:
        if line[:1] in "+-":
            return at
        at += 1
    return at


# --- everything else: a process per mutant -------------------------------------------


def fixed_mutants(source):
    """The mutated texts of `source` that differ outside the functions mutmut can switch."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    visitor = FixedVisitor(mutation_operators, file_mutation.get_ignored_lines("", source, wrapper))
    wrapper.visit(visitor)
    for mutation in visitor.mutations:
        owner = mutation.contained_by_top_level_function
        if not isinstance(owner, cst.FunctionDef) or decorated(owner):
            yield wrapper.module.deep_replace(mutation.original_node, mutation.mutated_node).code


def decorated(function):
    names = [getattr(decorator.decorator, "value", None) for decorator in function.decorators]
    return names not in ([], ["classmethod"], ["staticmethod"])


def run_fixed(module):
    """[how many mutants, survivors] of the constants, members and properties of `module`."""
    path = Path("mintmark", module)
    source = path.read_text("utf-8")
    mutants = [text for text in fixed_mutants(source) if compiles(text)]
    survivors = []
    if tests_pass(module, None) is False:
        raise SystemExit(f"the tests of {module} fail without any mutation")
    preload()
    for number, text in enumerate(mutants, 1):
        print(f"\r{module}: {number}/{len(mutants)} outside functions", end="", file=sys.stderr)
        path.write_text(text, "utf-8")
        # It may be as long and as old, to the second, as the mutant that was compiled before.
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()
        if tests_pass(module, SECONDS):
            lines = source.splitlines(), text.splitlines()
            diff = "\n".join(difflib.unified_diff(*lines, module, module, n=0, lineterm=""))
            survivors.append(Survivor(changed_line(diff), diff))
    print(file=sys.stderr)
    path.write_text(source, "utf-8")
    return len(mutants), survivors


def compiles(text):
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def tests_pass(module, seconds):
    """Whether the tests of `module` pass in a fork, within `seconds`."""
    child = os.fork()
    if not child:
        import pytest

        if seconds:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
        code = 1
        try:
            code = int(pytest.main(["-x", "-q", *MODULES[module]["tests"]]))
            if not seconds:
                write_imported()
        finally:
            os._exit(code)
    until = time.monotonic() + seconds if seconds else None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        if until and time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.02)


def preload():
    """Import what the tests without a mutation imported of other people's: forks share it."""
    for name in json.loads((STAGE / "imported.json").read_text("utf-8")):
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def write_imported():
    found = [
        name
        for name, module in sys.modules.items()
        if sys.prefix in (getattr(module, "__file__", None) or "")
    ]
    (STAGE / "imported.json").write_text(json.dumps(found), "utf-8")


# --- the report ----------------------------------------------------------------------


def run(module):
    """Measure `module` in the copy, and leave the result there."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.chdir(STAGE)
    sys.path.insert(0, str(STAGE))
    fixed, fixed_survivors = run_fixed(module)
    mutants, survivors = run_mutmut(module)
    found = sorted((survivor.line, survivor.diff) for survivor in survivors + fixed_survivors)
    (STAGE / "result.json").write_text(json.dumps([fixed + mutants, found]), "utf-8")


def in_a_child(module):
    """`run(module)` in a process of its own, whose chatter goes to stderr."""
    command = (sys.executable, __file__, "--child", module)
    subprocess.run(command, check=True, stdout=sys.stderr)
    mutants, survivors = json.loads((STAGE / "result.json").read_text("utf-8"))
    return Result(module, mutants, [Survivor(*survivor) for survivor in survivors])


def reason(result, survivor):
    """Why this survivor is harmless, if harmless.toml says so."""
    rules = HARMLESS.get("*", []) + HARMLESS.get(result.module, [])
    changes = "\n".join(survivor.changes)
    return next((rule["why"] for rule in rules if re.search(rule["change"], changes)), None)


def report(results):
    """Scores and harmless survivors, as they stand in docs/testing.md."""
    print("\n| module | mutants | killed | harmless | score |\n| --- | --- | --- | --- | --- |")
    for result in results:
        print(result.row)
    print("\n| module | survivor | why it is harmless |\n| --- | --- | --- |")
    for result in results:
        reasons = {}
        for survivor in result.survivors:
            if why := reason(result, survivor):
                reasons.setdefault(why, []).append(survivor.short)
        for why, changes in reasons.items():
            print(f"| `{Path(result.module).name}` | {'<br>'.join(changes)} | {why} |")
    sys.stdout.flush()


def main(wanted):
    unknown = set(wanted) - set(MODULES)
    if unknown:
        raise SystemExit(f"not in modules.toml: {', '.join(sorted(unknown))}")
    os.environ["CI"] = "1"  # tests/conftest.py: the same examples each time
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the tests are compiled once
    results = []
    for module in wanted or MODULES:
        stage(module)
        result = in_a_child(module)
        for survivor in result.unjudged:
            print(f"\n{module}:{survivor.line}")
            print("\n".join(f"    {line}" for line in survivor.changes), flush=True)
        results.append(result)
    report(results)
    return any(result.unjudged for result in results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run(sys.argv[2])
    else:
        try:
            sys.exit(main(sys.argv[1:]))
        except KeyboardInterrupt:
            sys.exit(130)
