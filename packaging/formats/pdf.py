"""A PDF document of ready content streams, through pikepdf. In memory, without a file."""

import io
from collections.abc import Iterable

import pikepdf
from isal import isal_zlib
from pikepdf import Array, Dictionary, Name

from ..zip.reader import broken

BLACK = "0 g 0 G"
"""Black of the K plate alone, solid also where a device has only black and white.

DeviceGray 0 is black without C, M and Y in DeviceCMYK (ISO 32000-1, 10.3.3: k = 1 - gray). The
same ink as `0 0 0 1 k` is a dark grey to colour management, and Ghostscript's one-bit devices
screen it with white dots.
"""

_DEFLATE = 2
_PAGE = {"/Type", "/Parent", "/MediaBox", "/Contents", "/Resources"}
_OTHERS = 3  # catalogue, page tree, information
MAX_CONTENT = 64 << 20  # bytes of a page
_UNREADABLE: tuple[type[Exception], ...] = (  # type: ignore[assignment] # stubs of isal
    *(pikepdf.PdfError, isal_zlib.IsalError),
    *(ValueError, TypeError, AttributeError, KeyError),
)


def document(pages: Iterable[bytes], size: tuple[float, float], title: str) -> bytes:
    """The PDF whose pages of `size` (points) are drawn by the content streams `pages`.

    It holds no font, no image file and no date; the same pages make the same bytes.
    """
    with pikepdf.new() as made:
        box = Array([0, 0, *(round(side, 5) for side in size)])
        tree = made.Root.Pages
        kids = Array()
        for content in pages:
            stream = pikepdf.Stream(made, isal_zlib.compress(content, _DEFLATE))
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


def contents(data: bytes, size: tuple[float, float], name: str) -> list[bytes]:
    """The content streams of a PDF that is such a `document`, and nothing besides.

    Raises `IntegrityError` for any other PDF: with further objects, another page size,
    or a page with more than its content stream.
    """
    try:
        with pikepdf.open(io.BytesIO(data), attempt_recovery=False) as found:
            box = [0, 0, *(round(side, 5) for side in size)]
            pages = [_content(page, box) for page in found.Root.Pages.Kids]
            alone = len(found.objects) == 2 * len(pages) + _OTHERS
            if alone and set(found.Root.keys()) == {"/Type", "/Pages"}:
                return pages
    except _UNREADABLE:
        pass
    raise broken(f"{name} is not a PDF as the profile says")


def _content(page: pikepdf.Object, box: list[float]) -> bytes:
    stream = page.Contents
    if (
        set(page.keys()) != _PAGE
        or [round(float(side), 5) for side in page.MediaBox] != box
        or len(page.Resources.keys())
        or stream.Filter != Name.FlateDecode
    ):
        raise ValueError
    unpacker = isal_zlib.decompressobj()
    content = unpacker.decompress(stream.read_raw_bytes(), MAX_CONTENT)
    if not unpacker.eof:
        raise ValueError
    return bytes(content)
