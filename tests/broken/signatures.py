"""Faults of signatures: who is let in, and for what. Served with signatures."""

import os
from dataclasses import replace
from datetime import timedelta
from itertools import count

from broken.site import fault, named
from http_message_signatures.algorithms import HMAC_SHA256

from mintmark.activation.backend import authorise, signatures
from mintmark.activation.backend.store import Store


@fault
class Trusting(Store):
    """Checks who signed, and forgets to ask whether it was taken before."""

    def fresh(self, nonces, now):
        return [True] * len(nonces)


@fault
class LastNonce(Store):
    """Remembers the nonce of the last request only."""

    _last = None

    def fresh(self, nonces, now):
        found = []
        for nonce in nonces:
            last, self._last = self._last, (nonce.key_id, nonce.nonce)
            found.append(last != self._last)
        return found


@fault
class NoncePerWorker(Store):
    """Remembers nonces in each of its two workers, who answer in turn."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._workers, self._turn = (set(), set()), count()

    def fresh(self, nonces, now):
        seen = self._workers[next(self._turn) % 2]
        found = [(nonce.key_id, nonce.nonce) not in seen for nonce in nonces]
        seen.update((nonce.key_id, nonce.nonce) for nonce in nonces)
        return found


@fault
class NoncesForAll(Store):
    """Remembers nonces for all keys together: another key's nonce is taken for a replay."""

    def fresh(self, nonces, now):
        return super().fresh([replace(nonce, key_id="") for nonce in nonces], now)


@fault
def reads_replayed(site):
    """Remembers the nonces of orders, and lets everything be read twice."""
    signer = authorise._signer

    async def lax(request, backend):
        if request.method != "GET":
            return await signer(request, backend)
        now = backend.now()
        if not authorise._is_called(request, backend.names):
            raise signatures.unauthorised(now)
        signed = signatures.verify(request, await request.body(), backend.senders, now)
        return signed.sender

    site.patch.setattr(authorise, "_signer", lax)


def _verifying(name, says, **methods):
    """A fault of the verifier: its methods, in the place of the right ones."""

    def fault(site):
        own = signatures._Verifier
        wrong = {key: method(own) for key, method in methods.items()}
        site.patch.setattr(signatures, "_Verifier", type("Verifier", (own,), wrong))

    return named(fault, name, says)


timeless = _verifying(
    "timeless",
    "Checks signatures, and not when they were made.",
    validate_created_and_expires=lambda _: lambda self, sig_input, max_age=None: None,
)


def _accepting(name, says, accept):
    """A fault of form: `accept(request, body, covered, parameters)` takes what is not agreed.

    The library then looks at the signature alone, and not at the body.
    """

    def fault(site):
        right, verify = signatures._formed, signatures._Verifier.verify

        def formed(request, body):
            try:
                return right(request, body)
            except signatures.InvalidSignature:
                parts, parameters = signatures._only(request.headers.get("signature-input", ""))
                if not accept(request, body, {part for part, _ in parts}, parameters):
                    raise
                nonce = parameters.get("nonce") or os.urandom(16).hex()
                if not isinstance(nonce, str) or not 16 <= len(nonce) <= 128:
                    raise
                return parameters["keyid"], nonce

        class Verifier(signatures._Verifier):
            def verify(self, message, *, expect_tag, body):
                return verify(self, message, expect_tag=expect_tag)

        site.patch.setattr(signatures, "_formed", formed)
        site.patch.setattr(signatures, "_Verifier", Verifier)

    return named(fault, name, says)


def _agreed(parameters, left_out=frozenset()):
    return parameters.keys() - {"alg"} == signatures._NEEDED - left_out


def _covers(request, body, covered):
    """Whether all is covered that must be, and the digest is the body's."""
    right = not body or signatures._is_digest(_digests(request), body)
    return right and covered >= _needed(body)


def _needed(body):
    return {*signatures.COMPONENTS, *(("content-digest",) if body else ())}


def _digests(request):
    return request.headers.getlist("content-digest")


def _uncovered(left_out):
    def accept(request, body, covered, parameters):
        same = covered == _needed(body) - {left_out} and _agreed(parameters)
        return same and (not body or signatures._is_digest(_digests(request), body))

    word = left_out.removeprefix("@")
    says = f"Takes a signature that does not cover {left_out}."
    return _accepting(f"{word}_uncovered", says, accept)


lax = _accepting(
    "lax",
    "Takes what is signed, however little that is.",
    lambda request, body, covered, parameters: _agreed(parameters),
)
query_uncovered, authority_uncovered = _uncovered("@query"), _uncovered("@authority")
gullible = _accepting(
    "gullible",
    "Compares the digest with the body, and does not ask who says it.",
    lambda request, body, covered, parameters: (
        covered == {*signatures.COMPONENTS}
        and _agreed(parameters)
        and signatures._is_digest(_digests(request), body)
    ),
)
digest_not_compared = _accepting(
    "digest_not_compared",
    "Takes a digest that is signed for the body's, and does not compare the two.",
    lambda request, body, covered, parameters: covered == _needed(body) and _agreed(parameters),
)
nonceless = _accepting(
    "nonceless",
    "Takes a signature without a nonce.",
    lambda request, body, covered, parameters: (
        covered == _needed(body)
        and _covers(request, body, covered)
        and _agreed(parameters, {"nonce"})
    ),
)


@fault
def more_parameters(site):
    """Takes a signature with parameters that it does not know."""
    right = signatures._formed

    def formed(request, body):
        with_ours = signatures._NEEDED | {"alg"}
        _, parameters = signatures._only(request.headers.get("signature-input", ""))
        others = parameters.keys() - with_ours
        known = signatures._Verifier.signature_metadata_parameters
        site.patch.setattr(signatures._Verifier, "signature_metadata_parameters", known | others)
        site.patch.setattr(signatures, "_NEEDED", signatures._NEEDED | others)
        try:
            return right(request, body)
        finally:
            site.patch.setattr(signatures, "_NEEDED", with_ours - {"alg"})

    site.patch.setattr(signatures, "_formed", formed)


more_components = _accepting(
    "more_components",
    "Takes a signature that covers @scheme or other components besides those agreed.",
    lambda request, body, covered, parameters: (
        covered > _needed(body) and _covers(request, body, covered) and _agreed(parameters)
    ),
)


@fault
def any_alg(site):
    """Checks by the stored key's algorithm, and takes a signature that names another one."""
    verify_one = signatures._Verifier._verify_one

    class Verifier(signatures._Verifier):
        def _verify_one(self, *, sig_input, **options):
            named_ = {"algorithm_id": sig_input.params.get("alg")}
            self.signature_algorithm = type("Named", (self.signature_algorithm,), named_)
            return verify_one(self, sig_input=sig_input, **options)

    site.patch.setattr(signatures, "_Verifier", Verifier)


@fault
def believing(site):
    """Checks by the algorithm that the signature names."""
    plain_verifier = signatures._Verifier

    class Verifier(signatures._Verifier):
        def __init__(self, sender, at):
            super().__init__(sender, at)
            self.sender, self.at = sender, at

        def verify(self, message, **options):
            if 'alg="hmac-sha256"' in message.headers["signature-input"]:
                key = self.sender.key.public_bytes_raw()
                believed = replace(self.sender, algorithm=HMAC_SHA256, key=key)
                return plain_verifier(believed, self.at).verify(message, **options)
            return super().verify(message, **options)

    site.patch.setattr(signatures, "_Verifier", Verifier)


@fault
def clocks_must_agree(site):
    """Refuses a signature of a clock that is a minute ahead."""
    site.patch.setattr(signatures, "SKEW", timedelta(0))


@fault
def ten_minutes_ahead(site):
    """Takes a signature of a clock that is ten minutes ahead."""
    site.patch.setattr(signatures, "SKEW", timedelta(minutes=11))


@fault
def ten_minutes_old(site):
    """Takes a signature that is ten minutes old, if it claims to be good for so long."""
    site.patch.setattr(signatures, "VALID", timedelta(minutes=11))


@fault
def a_minute_old(site):
    """Refuses a signature that is older than a minute."""
    site.patch.setattr(signatures, "VALID", timedelta(minutes=1))


@fault
def short_nonces(site):
    """Takes a nonce of a single character."""
    site.patch.setattr(signatures, "MIN_NONCE_CHARS", 1)


@fault
def long_nonces(site):
    """Takes nonces of any length."""
    site.patch.setattr(signatures, "MAX_NONCE_CHARS", 100_000)


@fault
def any_authority(site):
    """Does not look for whom a request was signed: a test system's is good here."""
    site.names = None
