"""`backend check`: with the keys of the home, or with key files given to a third party."""

from dataclasses import dataclass
from pathlib import Path

from ...codegen.errors import UsageError
from ...codegen.invocation import Invocation
from ...codegen.station.keys import read_fingerprint_key, read_signing_key
from ..client.connect import signer, tls_of
from ..client.signing import Key, RequestSigner
from .kit import Checked, check
from .probe import Probe
from .trial import Trial

STRANGER = "TEST-000000000000"


@dataclass(frozen=True)
class CheckRequest:
    """The command's options."""

    fingerprint_key: Path | None
    line_key: Path | None
    unsigned: bool


def run(invocation: Invocation, url: str, request: CheckRequest) -> Checked:
    """Check the backend at `url`.

    Raises `UsageError` for a malformed address or keys that do not go together, `NotFound`
    without a home or a key, `EnvironmentFailure` if nobody answers.
    """
    if request.unsigned and request.line_key:
        raise UsageError("--unsigned and --line-key exclude each other", "give one of them")
    if request.fingerprint_key is None:
        station = invocation.station()
        sign: RequestSigner | None = signer(station)
        # Not the home itself: the heads that the trial's orders bring are made up.
        secret, home = station.fingerprint_key, f"{station.config.home_id}-CHECK"
        tls = tls_of(station.config)
    else:
        sign, tls, home = None, None, STRANGER
        secret = read_fingerprint_key(request.fingerprint_key)
    if request.line_key is not None:
        line = read_signing_key(request.line_key)
        sign = RequestSigner(
            lambda _: Key(line.key_id, line.private), invocation.now, invocation.entropy
        )
    with Probe(url, None if request.unsigned else sign, tls) as probe:
        return check(url, Trial(probe, secret, home, invocation.entropy), invocation.progress)
