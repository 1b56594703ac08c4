"""`backend check`: with the keys of the home, or with key files given to a third party."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ... import __version__
from ...codegen.errors import UsageError
from ...codegen.invocation import Invocation
from ...codegen.secret import Secret
from ...codegen.station.keys import read_fingerprint_key, read_signing_key
from ...codegen.times import format_utc
from ..client import trial_scans
from ..client.connect import signer, tls_of
from ..client.signing import Key, RequestSigner
from .checked import Checked
from .depth import Depth
from .kit import check
from .leave import Left
from .probe import Probe
from .recorded import read
from .select import clauses, clauses_again
from .trace import Trace
from .trial import Trial

if TYPE_CHECKING:
    import ssl

STRANGER = "TEST-000000000000"
FIRST, OTHERS = "first", ("second", "platform", "dealer")
SEED_BYTES = 4


@dataclass(frozen=True)
class CheckRequest:
    """The command's options."""

    fingerprint_key: Path | None = None
    line_key: Path | None = None
    unsigned: bool = False
    second_key: Path | None = None
    platform_key: Path | None = None
    dealer_key: Path | None = None
    only: tuple[str, ...] = ()
    seed: int | None = None
    trace: Path | None = None
    again: Path | None = None
    quick: bool = False
    thorough: bool = False

    def others(self) -> dict[str, Path]:
        """The keys besides the one that signs everything else, by the names of their probes."""
        files = {name: getattr(self, f"{name}_key") for name in OTHERS}
        return {name: path for name, path in files.items() if path is not None}

    def depth(self) -> Depth:
        """Raises `UsageError` for options that exclude each other."""
        for one, other, both in (
            ("--unsigned", "--line-key", self.unsigned and self.line_key),
            *(("--unsigned", f"--{name}-key", self.unsigned) for name in self.others()),
            ("--quick", "--thorough", self.quick and self.thorough),
            ("--again", "--only", self.again and self.only),
        ):
            if both:
                raise UsageError(f"{one} and {other} exclude each other", "give one of them")
        if self.quick:
            return Depth.QUICK
        return Depth.THOROUGH if self.thorough else Depth.NORMAL


@dataclass(frozen=True)
class _Keys:
    """What the kit signs and recognises with. `folder`: the home, which notes what is left."""

    secret: Secret
    home: str
    sign: RequestSigner | None
    tls: "ssl.SSLContext | None" = None
    folder: Path | None = None


def run(invocation: Invocation, url: str, request: CheckRequest) -> Checked:
    """Check the backend at `url`.

    Raises `UsageError` for a malformed address, options or keys that do not go together, a name
    of no clause and a file that is no trace, `NotFound` without a home, a key or a trace,
    `Refused` for a trace that is there already, `EnvironmentFailure` if nobody answers.
    """
    depth = request.depth()
    wanted = clauses_again() if request.again else clauses(request.only)
    last = read(request.again) if request.again else None
    keys = _keys(invocation, request)
    seed = request.seed
    if seed is None:
        seed = int.from_bytes(invocation.entropy(SEED_BYTES), "big")
    with ExitStack() as stack:
        probes = _probes(invocation, url, request, keys)
        opened = {name: stack.enter_context(probe) for name, probe in probes}
        trial = Trial(
            opened.pop(FIRST),
            keys.secret,
            keys.home,
            invocation.entropy,
            seed=seed,
            depth=depth,
            last=last,
            **opened,
        )
        _refuse_other_keys(request, trial, opened)
        trace = _trace(stack, invocation, request.trace, trial, url)
        if trace is not None:
            for name, probe in ((FIRST, trial.probe), *opened.items()):
                trace.watch(probe, name)
        return check(
            url,
            trial,
            invocation.progress,
            wanted,
            begin=(lambda _: None) if trace is None else trace.tell,
            left=partial(_note, keys.folder, invocation),
        )


def _refuse_other_keys(request: CheckRequest, trial: Trial, opened: Mapping[str, Probe]) -> None:
    """Raises `UsageError` for keys that cannot answer what is asked."""
    known = {trial.probe.key_id: "the key that signs everything else"}
    for name, path in request.others().items():
        if (key_id := opened[name].key_id) in known:
            raise UsageError(
                f"{path} is {known[key_id]}",
                f"give --{name}-key a key of its own, of a narrow scope",
            )
        known[key_id] = f"the key of --{name}-key as well"
    if trial.last is not None and trial.last.key_id != trial.key_id:
        raise UsageError(
            f"{request.again} is the trace of a check with another fingerprint key",
            "give the key of that check with --fingerprint-key",
        )


def _probes(
    invocation: Invocation, url: str, request: CheckRequest, keys: _Keys
) -> Iterator[tuple[str, Probe]]:
    """One that signs with the first key, or not at all; then one with each other key."""
    open_probe = partial(Probe, url, tls=keys.tls, now=invocation.now)
    yield FIRST, open_probe(None if request.unsigned else keys.sign)
    for name, path in request.others().items():
        yield name, open_probe(_signer(invocation, path))


def _keys(invocation: Invocation, request: CheckRequest) -> _Keys:
    sign = None if request.line_key is None else _signer(invocation, request.line_key)
    if request.fingerprint_key is not None:
        return _Keys(read_fingerprint_key(request.fingerprint_key), STRANGER, sign)
    station = invocation.station()
    return _Keys(
        station.fingerprint_key,
        # Not the home itself: the heads that the trial's orders bring are made up.
        f"{station.config.home_id}-CHECK",
        sign or signer(station),
        tls_of(station.config),
        station.home,
    )


def _signer(invocation: Invocation, path: Path) -> RequestSigner:
    line = read_signing_key(path)
    key = Key(line.key_id, line.private)
    return RequestSigner(lambda _: key, invocation.now, invocation.entropy)


def _trace(
    stack: ExitStack, invocation: Invocation, path: Path | None, trial: Trial, url: str
) -> Trace | None:
    """The trace at `path`, which has begun, or None without a path."""
    if path is None:
        return None
    invocation.outside_home("--trace", path)
    trace = stack.enter_context(Trace(path))
    trace.begin(
        mintmark=__version__,
        url=url,
        started=format_utc(trial.probe.now()),
        seed=trial.seed,
        depth=trial.depth.value,
        batch=trial.batch,
        home=trial.home,
        fingerprint_key_id=trial.key_id,
    )
    return trace


def _note(folder: Path | None, invocation: Invocation, left: Left) -> None:
    if folder is not None and left.unknown:
        trial_scans.note(folder, left.unknown, invocation.now())
