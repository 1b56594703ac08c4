"""Faults of signatures: who is let in, and for what. Served with signatures."""

import base64
import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from itertools import count

from broken.site import fault, named

from mintmark.activation.backend import authorise, senders, signatures
from mintmark.activation.backend.store import Store


@fault
class Trusting(Store):
    """Checks who signed, and forgets to ask whether it was taken before."""

    def fresh(self, key_id, nonce, until, now):
        return True


@fault
class LastNonce(Store):
    """Remembers the nonce of the last request only."""

    _last = None

    def fresh(self, key_id, nonce, until, now):
        last, self._last = self._last, (key_id, nonce)
        return last != self._last


@fault
class NoncePerWorker(Store):
    """Remembers nonces in each of its two workers, who answer in turn."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._workers, self._turn = (set(), set()), count()

    def fresh(self, key_id, nonce, until, now):
        seen = self._workers[next(self._turn) % 2]
        known = (key_id, nonce) in seen
        seen.add((key_id, nonce))
        return not known


@fault
class NoncesForAll(Store):
    """Remembers nonces for all keys together: another key's nonce is taken for a replay."""

    def fresh(self, key_id, nonce, until, now):
        return super().fresh("", nonce, until, now)


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


@fault
def lax(site):
    """Takes what is signed, however little that is."""
    _require(site, ("@method",))


def _require(site, components):
    verify = signatures._Verifier.verify

    class Verifier(signatures._Verifier):
        def verify(self, message, **options):
            return verify(self, message, **options | {"require_components": components})

    site.patch.setattr(signatures, "_Verifier", Verifier)


def _uncovered(left_out):
    def fault(site):
        _require(site, tuple(name for name in signatures.COMPONENTS if name != left_out))

    word = left_out.removeprefix("@")
    return named(fault, f"{word}_uncovered", f"Takes a signature that does not cover {left_out}.")


query_uncovered, path_uncovered = _uncovered("@query"), _uncovered("@path")


method_uncovered, authority_uncovered = _uncovered("@method"), _uncovered("@authority")


@fault
def gullible(site):
    """Compares the digest with the body, and does not ask who says it."""
    verify = signatures._Verifier.verify

    class Verifier(signatures._Verifier):
        def verify(self, message, *, body, **options):
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            if body and message.headers.get("content-digest") != f"sha-256=:{digest}:":
                raise signatures.InvalidSignature("another body")
            return verify(self, message, body=None, **options)

    site.patch.setattr(signatures, "_Verifier", Verifier)


@fault
def digest_not_compared(site):
    """Takes a digest that is signed for the body's, and does not compare the two."""
    verify = signatures._Verifier.verify

    class Verifier(signatures._Verifier):
        def verify(self, message, *, body, **options):
            needed = options["require_components"]
            if body:
                options["require_components"] = (*needed, "content-digest")
            return verify(self, message, body=None, **options)

    site.patch.setattr(signatures, "_Verifier", Verifier)


@fault
def nonceless(site):
    """Takes a signature without a nonce."""
    verify = signatures._Verifier.verify

    class Verifier(signatures._Verifier):
        def verify(self, message, **options):
            (found,) = verify(self, message, **options)
            return [found._replace(nonce=found.nonce or os.urandom(16).hex())]

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
                believed = replace(self.sender, algorithm=senders.HMAC_SHA256, key=key)
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
