"""`verify`: an archive is exactly what its signer made, or the error says what differs.

It needs no ledger. A package is proved by these steps, in this order:

    1. the archive has exactly the form that the writer makes (`zip/reader.py`);
    2. the password opens it;
    3. the signature is right for the manifest's bytes, before they are parsed;
    4. the key that signed may sign such a package;
    5. the manifest is well formed, and the kind it names is the kind that was signed;
    6. the archive has the manifest's entries, in its order and with its lengths;
    7. README and samples are the files that were signed;
    8. every unit is, byte by byte, what was signed and what its format makes (`units.py`);
    9. the samples show the codes of their serials;
    10. no code is there twice (`unique.py`).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...codegen.codes.template import payload
from ...codegen.errors import IntegrityError, UsageError
from ...codegen.ranges.serials import Ranges
from ...codegen.secret import Secret
from ..formats import sample
from ..formats.format import Codes, Format
from ..formats.pairs import halves
from ..formats.registry import format_for
from ..formats.sampling import Chosen, every
from ..formats.spread import Spread, inline, spread_from
from ..package import signature
from ..package.manifest import ATTACHED_BYTES, MANIFEST_BYTES, SIGNED_NAMES, Attached, Manifest
from ..package.manifest_reading import parse as parse_manifest
from ..zip.diagnosis import changed
from ..zip.keys import KnownKeys
from ..zip.reader import broken
from .archive import Archive
from .unique import Repeats
from .units import codes_of

Keys = Mapping[str, bytes]

Payloads = Mapping[tuple[int, int], str]
"""(0, or 1 for second codes, serial) → what the sample of it says."""

CodeFilter = Callable[[Iterator[Codes]], Iterator[Codes]]
"""Takes all codes of an archive, in its order, and yields them again."""

Choose = Callable[[Ranges], Chosen]
"""From all serials of a package, those whose symbols another decoder reads."""


@dataclass(frozen=True)
class Verified:
    """What was proved. `trusted`: the key is among those given to `verify`.

    `second`: the batch of the second codes of a pair.

    `unique`: no code is there twice; false if there are too many to compare. `decoded` of
    `symbols` were read by another decoder; of a text package, which holds no symbols, the
    sample beside it. Each code is on `copies` labels, and in the files once, except on sheets.
    """

    package: str
    batch: str
    second: str | None
    serials: Ranges
    rows: int
    files: int
    key_id: str
    public_key: str
    trusted: bool
    test: bool
    unique: bool
    symbols: int
    decoded: int
    manifest_sha256: str
    copies: int = 1


def verify(  # noqa: PLR0913, PLR0917 - an archive, and how far it is trusted and read
    archive: Path,
    password: Secret,
    trusted: Keys | None,
    stations: Keys | None = None,
    code_filter: CodeFilter = iter,
    choose: Choose = lambda _: every,
    spread: Spread = inline,
    known: KnownKeys | None = None,
) -> Verified:
    """Check `archive` from its first byte to its last.

    `trusted`: key id → Ed25519 public key of those who may sign packages; `stations`:
    of those who may sign test packages only. Without `trusted` the signature is checked
    against its own key, which proves that the package is whole, not who made it. All codes
    pass through `code_filter`, a further check; what it raises is raised. Another decoder
    reads the symbols that `choose` returns, by default all. `spread` does what holds the GIL.
    Keys that are `known` are not stretched anew.

    Raises `IntegrityError` for a wrong password, and for an archive that is not whole, altered,
    packed again by another program, or no package at all (`zip/diagnosis.py`); `OSError` if it
    cannot be read.
    """
    with archive.open("rb") as file:
        opened = Archive(archive, file, password, known)  # 1
        opened.require_password()  # 2
        data = opened.read(SIGNED_NAMES[0], MANIFEST_BYTES)
        signed = signature.parse(opened.read(SIGNED_NAMES[1], signature.SIGNATURE_BYTES))
        test = signature.check(data, signed)  # 3
        is_trusted = _trusted(signed, trusted, stations or {}, test=test)  # 4
        manifest = _manifest(data, test=test)  # 5
        form = _format(manifest)
        _require_entries(opened, manifest, form)  # 6
        _read_attached(opened, manifest.readme)  # 7
        payloads = _payloads(opened, manifest)
        has_symbols = manifest.profile.pictures or not manifest.profile.has_rows
        chosen = choose(manifest.serials) if has_symbols else every
        spread = spread_from(form.apart_from, manifest.quantity * manifest.copies, spread)
        read = partial(codes_of, opened, manifest, form, chosen, spread)
        unique = _check_codes(manifest, payloads, read, code_filter)  # 8, 9, 10
        # A picture stands for all labels of its code; a sheet holds them.
        each = len(manifest.layout.lengths) * (1 if manifest.profile.has_rows else manifest.copies)
        decoded = sum(len(chosen(piece)) for piece in manifest.serials) * each * has_symbols
    return Verified(
        package=manifest.package,
        batch=manifest.batch,
        second=None if manifest.second is None else manifest.second.code.batch,
        serials=manifest.serials,
        rows=manifest.quantity,
        files=len(manifest.files),
        key_id=signed.key_id,
        public_key=signed.public_key.hex(),
        trusted=is_trusted,
        test=test,
        unique=unique,
        symbols=manifest.quantity * each if has_symbols else len(manifest.samples),
        decoded=decoded or len(manifest.samples),
        manifest_sha256=hashlib.sha256(data).hexdigest(),
        copies=manifest.copies,
    )


def _trusted(
    signed: signature.Signature, trusted: Keys | None, stations: Keys, *, test: bool
) -> bool:
    """Whether the key is known to be allowed; False if the caller named no keys.

    Raises `IntegrityError` if it may not sign such a package.
    """
    if trusted is None:
        return False
    allowed = {**stations, **trusted} if test else trusted
    if allowed.get(signed.key_id) != signed.public_key:
        station = stations.get(signed.key_id) == signed.public_key
        raise IntegrityError(
            "the package is signed by the station, which may sign test packages only"
            if station
            else f"the package is signed by a key that is not trusted here: {signed.key_id}",
            "ask the custodian who made it; print nothing from it until then",
        )
    return True


def _manifest(data: bytes, *, test: bool) -> Manifest:
    manifest = parse_manifest(data)
    if manifest.test is not test:
        raise broken("it is signed as a test package but says it is none, or the reverse")
    return manifest


def _format(manifest: Manifest) -> Format:
    try:
        return format_for(manifest.layout)
    except UsageError:
        raise broken("no format writes what its manifest describes") from None


def _require_entries(archive: Archive, manifest: Manifest, form: Format) -> None:
    listed = _listed(manifest, form)
    for name in archive.entries:
        if name not in listed:
            raise changed(f"{name} is in it, but not in the manifest")
    for name in listed:
        if name not in archive.entries:
            raise changed(f"{name} is missing")
    if list(archive.entries) != list(listed):
        raise changed("its entries are not in the manifest's order")
    for name, size in listed.items():
        if size is not None and archive.entries[name].size != size:
            raise broken(f"{name} is not as long as the manifest says")


def _listed(manifest: Manifest, form: Format) -> dict[str, int | None]:
    """Name → length of the entries, in order; None if the manifest does not say the length."""
    listed: dict[str, int | None] = {}
    for unit, file in manifest.units():
        names = form.names(unit)
        listed[next(names)] = file.bytes
        listed |= dict.fromkeys(names)
    listed |= {item.name: item.bytes for item in manifest.attached()}
    return listed | dict.fromkeys(SIGNED_NAMES)


def _read_attached(archive: Archive, item: Attached) -> bytes:
    data = archive.read(item.name, ATTACHED_BYTES)
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise broken(f"{item.name} is not the file that was signed")
    return data


def _payloads(archive: Archive, manifest: Manifest) -> Payloads:
    samples = [(0, item) for item in manifest.samples]
    if manifest.second is not None:
        samples.append((1, manifest.second.sample))
    return {
        (which, item.serial or 0): sample.read(_read_attached(archive, item))
        for which, item in samples
    }


def _check_codes(
    manifest: Manifest,
    payloads: Payloads,
    read: Callable[[], Iterator[Codes]],
    code_filter: CodeFilter,
) -> bool:
    """`read` every unit. False if there are too many codes to look for repeated ones."""
    layout = manifest.layout
    templates = [layout.template, *([] if layout.second is None else [layout.second.template])]
    repeats, shown = Repeats(manifest.quantity, layout.lengths), set()
    for serials, codes in code_filter(read()):  # 8
        repeats.add(codes)
        for which, serial in payloads:
            if label := _label_of(serial, serials, codes, layout.stride):
                code = halves(label, layout.lengths)[which]
                _require_payload(templates[which], code, serial, payloads[which, serial])  # 9
                shown.add((which, serial))
    if shown != set(payloads):
        raise broken("a sample shows a serial that is not in the package")
    if repeats.suspects():
        repeats.require_unique(read())  # 10
    return repeats.possible


def _label_of(serial: int, serials: Ranges, codes: bytes, length: int) -> bytes | None:
    """The code of `serial`, or both of a pair, if it is among `serials`."""
    at = 0
    for piece in serials:
        if piece.first <= serial <= piece.last:
            begin = (at + serial - piece.first) * length
            return codes[begin : begin + length]
        at += len(piece)
    return None


def _require_payload(template: str, code: bytes, serial: int, shown: str) -> None:
    expected = payload(template, code.decode("ascii"))
    if not hmac.compare_digest(expected.encode("ascii"), shown.encode("utf-8")):
        raise broken(f"the QR sample does not show the code of serial {serial}")
