"""Clauses on the form of a signature: everything it must cover and say, and nothing else."""

from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ...client.signing import NONCE_BYTES
from ..clause import Clauses
from ..outcome import Broken, expect
from ..raw_form import RawForm, SignatureParts, digest, text, with_nonce
from ..trial import Trial
from .signatures import calls, signed

SIGNING_FORM = Clauses("signing", "What the backend checks", "signing.md")
Change = Callable[[SignatureParts], None]
FOREIGN = "another-backend.example"
LONGEST_FIELD = 4_096


def _taken(t: Trial, form: RawForm, what: str) -> None:
    for call in calls(t):
        answer = t.probe(*call, form=form)
        if answer.status != 200:
            raise Broken(f"{what}: the request is taken", answer)


def _refused(t: Trial, change: Change, what: str) -> None:
    """Expect 401 for every call signed after this change of its parts."""
    for call in calls(t):
        answer = t.probe(*call, form=RawForm(change))
        if answer.problem != "unauthorised":
            raise Broken(f"{what}: unauthorised", answer)


def _set(name: str, value: str, parts: SignatureParts) -> None:
    parts.parameters[name] = value


def _without(name: str, parts: SignatureParts) -> None:
    del parts.parameters[name]


def _component(name: str, value: str, parts: SignatureParts) -> None:
    parts.components[name] = value


def _label(name: str, parts: SignatureParts) -> None:
    parts.label = name


def _backwards(parts: SignatureParts) -> None:
    parts.components = dict(reversed(parts.components.items()))
    parts.parameters = dict(reversed(parts.parameters.items()))


@SIGNING_FORM.clause("free", "components and parameters may stand in any order, under any label")
@signed
def _free(t: Trial) -> None:
    _taken(t, RawForm(), "a signature as agreed")
    _taken(t, RawForm(_backwards), "components and parameters in another order")
    _taken(t, RawForm(partial(_label, "sig1")), "another label")


@SIGNING_FORM.clause("labels", "the label is the same in both fields")
@signed
def _labels(t: Trial) -> None:
    _refused(
        t, partial(_signature_label, "another"), "Signature under another label than its input"
    )


def _signature_label(name: str, parts: SignatureParts) -> None:
    parts.signature_label = name


@SIGNING_FORM.clause("long", "a field of 4,096 bytes is taken, and a longer one is unauthorised")
@signed
def _long(t: Trial) -> None:
    form = RawForm(partial(_filled, LONGEST_FIELD))
    expect(t.probe("GET", t.reading(), form=form).status, 200, "the status of 4,096 bytes")
    form = RawForm(partial(_filled, LONGEST_FIELD + 1))
    t.refused(t.probe("GET", t.reading(), form=form), "unauthorised")


def _filled(size: int, parts: SignatureParts) -> None:
    parts.label = "a" * (size - len(f"={parts.input}"))


@SIGNING_FORM.clause("authority", "a request signed for the name of another backend is refused")
@signed
def _authority(t: Trial) -> None:
    change = partial(_component, "@authority", FOREIGN)
    _refused(t, change, "signed for another backend, and sent to this one")


@SIGNING_FORM.clause(
    "name", "a request for another backend, its Host header too, is not taken here"
)
@signed
def _name(t: Trial) -> None:
    order = t.order_id()
    request = t.probe.request(
        "PUT", f"/v1/orders/{order}", t.body("assign", t.serials(1)), form=None
    )
    request.headers["host"] = FOREIGN
    t.probe.sign(request, RawForm())
    answer = t.probe.send(request)
    # A proxy before the backend may answer for a name that is not its own.
    if answer.status < 400:
        raise Broken("a request that was signed for another backend is refused", answer)
    t.not_found(order)


@SIGNING_FORM.clause(
    "covered-values", "the method, path and query that are signed are those that arrive"
)
@signed
def _covered_values(t: Trial) -> None:
    wrong = (("@method", "DELETE"), ("@path", "/v1/orders/x"), ("@query", "?after=1&after=2"))
    for name, value in wrong:
        _refused(t, partial(_component, name, value), f"another {name} signed")
    reading, order, _ = calls(t)
    for call, method in ((reading, "PUT"), (order, "GET")):
        form = RawForm(partial(_component, "@method", method))
        t.refused(t.probe(*call, form=form), "unauthorised")


@SIGNING_FORM.clause("parameters", "created, expires, keyid, nonce and tag are all needed")
@signed
def _parameters(t: Trial) -> None:
    for name in ("created", "expires", "keyid", "nonce", "tag"):
        _refused(t, partial(_without, name), f"a signature without {name}")


@SIGNING_FORM.clause("tag", "a signature made for something else, by its tag, is refused")
@signed
def _tag(t: Trial) -> None:
    for value in (text("other"), text("Mintmark"), text("")):
        _refused(t, partial(_set, "tag", value), "another tag")


@SIGNING_FORM.clause(
    "alg", "alg may be left out; another than the key's is refused (RFC 9421, 3.2)"
)
@signed
def _alg(t: Trial) -> None:
    _taken(t, RawForm(), "a signature without alg")
    for name in ("rsa-pss-sha512", "ecdsa-p256-sha256", "hmac-sha512", "none", ""):
        _refused(t, partial(_set, "alg", text(name)), "a right signature, and another alg")


@SIGNING_FORM.clause("types", "parameters of another type are refused")
@signed
def _types(t: Trial) -> None:
    wrong = (
        ("created", text("1")),
        ("expires", "?1"),
        ("nonce", "12345678901234"),
        ("tag", "mintmark"),
    )
    for name, value in wrong:
        _refused(t, partial(_set, name, value), f"{name}={value}")


@SIGNING_FORM.clause(
    "unknown", "unknown parameters are refused, and components that are not agreed"
)
@signed
def _unknown(t: Trial) -> None:
    _refused(t, partial(_set, "colour", text("red")), "a parameter more")
    scheme = partial(_component, "@scheme", t.probe.scheme)
    _refused(t, scheme, "@scheme, which a proxy changes, covered")
    _refused(t, partial(_component, "@request-target", "/"), "@request-target covered")
    _refused(t, _colour, "a header of ours covered")


def _colour(parts: SignatureParts) -> None:
    parts.headers["x-colour"] = parts.components["x-colour"] = "red"


@SIGNING_FORM.clause("two", "two signatures in one request are refused")
@signed
def _two(t: Trial) -> None:
    for method, path, body in calls(t):
        request = t.probe.request(method, path, body)
        again = t.probe.request(method, path, body, form=RawForm(partial(_label, "b")))
        for name in ("signature-input", "signature"):
            request.headers[name] = f"{request.headers[name]}, {again.headers[name]}"
        t.refused(t.probe.send(request), "unauthorised")


@SIGNING_FORM.clause("nonce-length", "a nonce has 16 to 128 characters")
@signed
def _nonce_length(t: Trial) -> None:
    for size in (1, 15, 129):
        nonce = text(_random(t, size))
        _refused(t, partial(_set, "nonce", nonce), f"a nonce of {size} characters")
    call = calls(t)[0]
    for size in (16, 128):
        answer = t.probe(*call, form=with_nonce(_random(t, size)))
        expect(answer.status, 200, f"the status of a request with a nonce of {size} characters")
    # An escape and what it stands before are one character.
    t.refused(t.probe(*call, form=with_nonce(r"\"" + r"\\" * 14)), "unauthorised")
    answer = t.probe(*call, form=with_nonce(_random(t, 126) + r"\"\\"))
    expect(answer.status, 200, "the status of a nonce of 128 characters, two of them escaped")


@SIGNING_FORM.clause("nonce-forged", "a signature that is refused uses no nonce up")
@signed
def _nonce_forged(t: Trial) -> None:
    nonce, call = _random(t, 32), calls(t)[0]
    change = with_nonce(nonce).change
    forged = RawForm(change, private=Ed25519PrivateKey.generate())
    t.refused(t.probe(*call, form=forged), "unauthorised")
    expect(t.probe(*call, form=with_nonce(nonce)).status, 200, "the status of the key's own")


@SIGNING_FORM.clause("base64", "a signature in another spelling of base64 is refused")
@signed
def _base64(t: Trial) -> None:
    for change in (_other_bits, lambda text: text.replace("=:", ":"), lambda text: text + " "):
        request = t.probe.request("GET", t.reading())
        label, _, value = request.headers["signature"].partition("=")
        request.headers["signature"] = f"{label}={change(value)}"
        if request.headers["signature"].rstrip() != f"{label}={value}":
            t.refused(t.probe.send(request), "unauthorised")


def _other_bits(value: str) -> str:
    """The same bytes, with other bits behind the last of them."""
    body = value.strip(":").rstrip("=")
    return f":{body[:-1]}{chr(ord(body[-1]) + 1)}{'=' * (-len(body) % 4)}:"


@SIGNING_FORM.clause("nonce-again", "a used nonce is refused under another request, signed afresh")
@signed
def _nonce_again(t: Trial) -> None:
    form = with_nonce(_random(t, 32))
    first, *others = calls(t)
    expect(t.probe(*first, form=form).status, 200, "the status of the first request")
    for call in others:
        t.refused(t.probe(*call, form=form), "unauthorised")


@SIGNING_FORM.clause("digest", "a digest that is not the body's is refused, also among right ones")
@signed
def _digest(t: Trial) -> None:
    order = t.order_id()
    path, body = f"/v1/orders/{order}", t.body("assign", t.serials(1))
    content = t.probe.content(body)
    right, other = digest(content), digest(b"{}")
    strong = digest(content, "sha-512")
    for value in (other, f"{right}, {digest(b'{}', 'sha-512')}", "sha-256=::", f"md5={right[8:]}"):
        form = RawForm(partial(_digested, value))
        t.refused(t.probe("PUT", path, body, form=form), "unauthorised")
    t.not_found(order)
    for value in (strong, f"{right}, {strong}"):
        answer = t.probe("PUT", path, body, form=RawForm(partial(_digested, value)))
        expect(answer.status, 200, "the status of a request with a sha-512 digest")


@SIGNING_FORM.clause(
    "digest-bare", "a Content-Digest must be covered, and right, without a body too"
)
@signed
def _digest_bare(t: Trial) -> None:
    path, right, wrong = t.reading(), digest(b""), digest(b"{}")
    for change in (partial(_headed, right), partial(_digested, wrong)):
        t.refused(t.probe("GET", path, form=RawForm(change)), "unauthorised")
    answer = t.probe("GET", path, form=RawForm(partial(_digested, right)))
    expect(answer.status, 200, "the status of a reading with the digest of no body")


def _headed(value: str, parts: SignatureParts) -> None:
    parts.headers["content-digest"] = value


def _digested(value: str, parts: SignatureParts) -> None:
    parts.headers["content-digest"] = parts.components["content-digest"] = value


@SIGNING_FORM.clause("other-key", "a signature by another key under a known key's id is refused")
@signed
def _other_key(t: Trial) -> None:
    form = RawForm(private=Ed25519PrivateKey.generate())
    for call in calls(t):
        t.refused(t.probe(*call, form=form), "unauthorised")


def _random(t: Trial, size: int) -> str:
    if size > 2 * NONCE_BYTES * 4:
        return t.new_head() * 2 + "0" * (size - 128)
    return (t.new_head() + t.new_head())[:size]
