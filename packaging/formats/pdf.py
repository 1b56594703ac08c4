"""A PDF document of ready content streams, through pikepdf. In memory, without a file."""

import io
from collections.abc import Iterable

import pikepdf
from pikepdf import Array, Dictionary, Name

from ...codegen.errors import IntegrityError
from ..zip.reader import broken
from .content import deflated

_PAGE = {"/Type", "/Parent", "/MediaBox", "/Contents", "/Resources"}
_OTHERS = 3  # catalogue, page tree, information
_UNREADABLE = (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError)


def document(pages: Iterable[bytes], size: tuple[float, float], title: str) -> bytes:
    """The PDF whose pages of `size` (points) are drawn by the content streams `pages`.

    It holds no font, no image file and no date; the same pages make the same bytes.
    """
    return bound(map(deflated, pages), size, title)


def bound(streams: Iterable[bytes], size: tuple[float, float], title: str) -> bytes:
    """The same, of content streams that are deflated."""
    with pikepdf.new() as made:
        box = Array([0, 0, *(round(side, 5) for side in size)])
        tree = made.Root.Pages
        kids = Array()
        for packed in streams:
            stream = pikepdf.Stream(made, packed)
            stream.Filter = Name.FlateDecode
            page = Dictionary(
                Type=Name.Page,
                Parent=tree,
                MediaBox=box,
                Contents=stream,
                Resources=Dictionary(),
            )
            kids.append(made.make_indirect(page))
        tree.Kids = kids
        tree.Count = len(kids)
        made.docinfo["/Title"] = title
        made.docinfo["/Producer"] = "mintmark"
        out = io.BytesIO()
        made.save(
            out,
            min_version="1.4",
            compress_streams=False,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            deterministic_id=True,
        )
        return out.getvalue()


def streams(data: bytes, size: tuple[float, float], name: str) -> list[bytes]:
    """The content streams of a PDF that is such a `document`, and nothing besides; deflated.

    Raises `IntegrityError` for any other PDF: with further objects, another page size,
    or a page with more than its content stream.
    """
    try:
        with pikepdf.open(io.BytesIO(data), attempt_recovery=False) as found:
            box = [0, 0, *(round(side, 5) for side in size)]
            pages = [_stream(page, box) for page in found.Root.Pages.Kids]
            alone = len(found.objects) == 2 * len(pages) + _OTHERS
            if alone and set(found.Root.keys()) == {"/Type", "/Pages"}:
                return pages
    except _UNREADABLE:
        pass
    raise unreadable(name)


def unreadable(name: str) -> IntegrityError:
    """The error for a document that is none of ours."""
    return broken(f"{name} is not a PDF as the profile says")


def _stream(page: pikepdf.Object, box: list[float]) -> bytes:
    stream = page.Contents
    if (
        set(page.keys()) != _PAGE
        or [round(float(side), 5) for side in page.MediaBox] != box
        or len(page.Resources.keys())
        or stream.Filter != Name.FlateDecode
    ):
        raise ValueError
    return bytes(stream.read_raw_bytes())
