"""Variables of the environment as a file of settings from Windows leaves them: told, not used."""

import contextlib
import io

import pytest
from line_kit import home_with_batches

from mintmark import cli

STRAY = [
    ("{}\r", "a line end"),
    ("{}\n", "a line end"),
    ("{} ", "white space"),
    ("\t{}", "a control character"),
    ('"{}"', "a quotation mark"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home, _ = home_with_batches(tmp_path_factory.mktemp("home"))
    home.close()
    return home


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(words)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(("form", "what"), STRAY)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MINTMARK_HOME", ("batch", "list")),
        ("MINTMARK_OPERATOR", ("batch", "list")),
        ("MINTMARK_PASSPHRASE_FILE", ("export", "B", "--to", "li", "--out", "{out}")),
        ("MINTMARK_CUSTODIAN_KEY", ("export", "B", "--to", "li", "--out", "{out}")),
        ("MINTMARK_BACKEND_DATABASE", ("backend", "serve")),
        *(
            (f"MINTMARK_{name}", ("init",))
            for name in ("LEDGER", "VAULT", "VAULT_ENDPOINT", "VAULT_REGION", "VAULT_CREDENTIALS")
        ),
    ],
)
def test_a_variable_with_stray_characters_is_named(  # noqa: PLR0917 - a table and fixtures
    name, words, form, what, home, tmp_path, monkeypatch
):
    monkeypatch.setenv("MINTMARK_HOME", str(home.path))
    monkeypatch.setenv(name, form.format(home.path))
    code, out, err = run(*(word.format(out=tmp_path / "out") for word in words))
    assert (code, out) == (2, "")
    error, *hints = err.splitlines()
    assert error.startswith(f"error: {name} ")
    assert what in error
    assert any("CR LF" in hint for hint in hints)
    assert not (tmp_path / "out").exists()


def test_an_option_wins_over_a_variable_that_is_wrong(home, monkeypatch):
    for name in ("MINTMARK_HOME", "MINTMARK_OPERATOR", "MINTMARK_CUSTODIAN_KEY"):
        monkeypatch.setenv(name, "x\r")
    given = ("--home", str(home.path), "--operator", "Ms Wang")
    assert run(*given, "batch", "list")[0] == 0
    code, _, err = run(*given, "key", "new", "line-2")
    assert code == 0, err


def test_help_needs_no_settings(monkeypatch):
    monkeypatch.setenv("MINTMARK_HOME", "x\r")
    assert run("--version")[0] == 0
    assert run("activate", "--help")[0] == 0
