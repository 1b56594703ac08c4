"""Settings of the whole suite: reproducible properties, and no test skipped unnoticed."""

import functools
import os
import shutil
import signal

import pytest
from hypothesis import settings

# Shared machines stall, so there is no deadline. CI repeats the same examples, so that a failure
# comes from the change under test; on other machines each run tries new examples.
settings.register_profile("here", deadline=None, print_blob=True)
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_configure():
    """Let Ctrl-C end the tests' children: a shell has what it runs behind it ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _fail_if_skipped(report):
    if os.environ.get("MINTMARK_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: skipped, and MINTMARK_NO_SKIPS forbids that"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Fail skipped tests: they have proved nothing."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Fail modules that skip themselves while they are collected."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadgroup`, give away whole files."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from units_of_work import UnitsOfWork

    return UnitsOfWork(config, log)


def pytest_terminal_summary(terminalreporter):
    """Print the figures of `tests/torture/`: under xdist its own conftest.py is not loaded here."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())]
    lines = {text for r in reports for name, text in r.user_properties if name == "torture"}
    if lines:
        terminalreporter.section("torture")
        for line in sorted(lines):
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True, scope="session")
def _certificates_once():
    """Read the system's certificates once per worker: each client to this machine would anew."""
    import httpcore2

    read = httpcore2.default_ssl_context
    kept = functools.cache(lambda: read(_trust_env=False))

    def context(*, _trust_env=True):
        return read() if _trust_env else kept()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", context)
        yield


@pytest.fixture(scope="session")
def byte_code(tmp_path_factory):
    """Environment for child processes: all workers' children share compiled modules in a folder.

    A short process spends most of its time on start-up, and CI forbids byte code in the checkout.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return {"PYTHONPYCACHEPREFIX": str(shared / "byte-code"), "PYTHONDONTWRITEBYTECODE": ""}


@pytest.fixture(scope="session")
def processes(byte_code):
    """Runs commands in processes of their own, quickly: `processes(words, root, environment)`."""
    from contract_process import forking

    with forking(byte_code) as made:
        yield made


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    """Prepared homes, built once per worker."""
    from contract_worlds import Worlds

    root = tmp_path_factory.mktemp("worlds")
    yield Worlds(root)
    shutil.rmtree(root, ignore_errors=True)
