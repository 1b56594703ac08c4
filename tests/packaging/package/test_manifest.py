"""The manifest: a single form, within bounds, and consistent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging.package.manifest import (
    MANIFEST_BYTES,
    Attached,
    DataFile,
    Manifest,
    Pictures,
    dump,
)
from mintmark.packaging.package.manifest_reading import parse
from mintmark.packaging.package.signature import check, sign
from mintmark.packaging.package.signature import parse as parse_signature
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.profiles.profile import MAX_PICTURES

GOLDEN = """{"batch":"K7QM-3T9A2BCD","code_length":16,"contact":{"id":"wang-fang","name":"王芳"},\
"copies":1,"created":"2026-11-22T15:30:00+08:00","files":[\
{"bytes":%d,"first":1,"last":10,"name":"data/0001.csv","pictures":null,"rows":10,"sha256":"%s",\
"unit":"K7QM-00000001"},\
{"bytes":%d,"first":11,"last":20,"name":"data/0002.csv","pictures":null,"rows":10,"sha256":"%s",\
"unit":"K7QM-00000002"},\
{"bytes":%d,"first":21,"last":25,"name":"data/0003.csv","pictures":null,"rows":5,"sha256":"%s",\
"unit":"K7QM-00000003"}],\
"format":"mintmark-package/2","home":"K7QM-0123456789AB","labels":25,"package":"K7QM-9X2C4DEF","pairs":[],\
"profile":{"format":"text","name":"csv",\
"symbol":{"dots":12,"dpi":600,"invert":false,"level":"M","mask":"auto","mirror":false,\
"quiet_zone":4,"version_limit":10},\
"text":{"columns":[{"from":"serial","name":"serial"},{"from":"code","name":"code"},\
{"from":"url","name":"url"}],"delimiter":",","encoding":"ascii","header":true,\
"line_end":"crlf","quoting":"minimal"},\
"unit":{"lanes":1,"lead_in":0,"lead_out":0,"name":"{index}.csv","order":"block","size":10}},\
"quantity":25,\
"readme":{"bytes":%d,"name":"README.txt","sha256":"%s"},"role":"item",\
"samples":[{"bytes":%d,"name":"qr/sample-1.png","serial":1,"sha256":"%s"}],\
"second":null,"serials":[[1,25]],"symbols":"0123456789ABCDEFGHJKMNPQRSTVWXYZ",\
"template":"https://q.example.cn/{code}","test":false}"""


def document(made):
    return json.loads(dump(made.packed.manifest))


def canonical(value):
    """RFC 8785 for what a manifest holds: ASCII names, whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_bytes_are_those_of_the_format(made):
    manifest = made.packed.manifest
    values = []
    for item in (*manifest.files, manifest.readme, *manifest.samples):
        values += [item.bytes, item.sha256]
    assert dump(manifest).decode("utf-8") == GOLDEN % tuple(values)


def test_what_parses_serialises_back(made):
    data = dump(made.packed.manifest)
    assert parse(data) == made.packed.manifest
    assert dump(parse(data)) == data == canonical(json.loads(data))


def paths(value, path=()):
    """The path of every value in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def put(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


WRONG = [None, True, 0, -1, 1.5, 10**30, "", "x" * 300, "a\nb", [], [[]], {}, {"a": 1}, "../x", "ü"]


def test_every_path_holds_only_what_belongs_there(made):
    """Any value at any path is refused, or read and written back as it was."""
    whole = document(made)
    free = 0
    for path in paths(whole):
        for wrong in WRONG:
            data = canonical(put(whole, path, wrong))
            try:
                found = parse(data)
            except IntegrityError:
                continue
            assert dump(found) == data
            if data != canonical(whole):
                free += 1
                assert path[0] in {"contact", "test", "profile", "code_length", "template"}, path
    assert free  # a name may be any text


def test_a_manifest_of_format_1_is_still_read(made):
    """Packages that printers have name neither role nor copies."""
    new = ("role", "pairs", "copies", "labels", "second")
    kept = {key: value for key, value in document(made).items() if key not in new}
    earlier = canonical(kept | {"format": "mintmark-package/1"})
    found = parse(earlier)
    assert (found.role, found.pairs, found.copies, dump(found)) == (None, (), 1, earlier)
    for key in new:
        with pytest.raises(IntegrityError):
            parse(canonical({k: v for k, v in document(made).items() if k != key}))
    with pytest.raises(IntegrityError, match="canonical"):
        parse(canonical(document(made) | {"labels": 24}))


@pytest.mark.parametrize("name", ["mintmark-package/3", "mintmark-package", ""])
def test_another_format_is_named_as_what_it_is(made, name):
    """Not as damage: a newer version reads it."""
    with pytest.raises(IntegrityError, match="a format this version does not know") as caught:
        parse(canonical(document(made) | {"format": name}))
    assert "a newer" in " ".join(caught.value.hints)


def test_every_member_is_needed_and_no_other_is_taken(made):
    whole = document(made)
    for path in paths(whole):
        if path and isinstance(path[-1], str):
            parent = whole
            for step in path[:-1]:
                parent = parent[step]
            less = {key: item for key, item in parent.items() if key != path[-1]}
            for changed in (less, parent | {"extra": 1}, parent | {path[-1] + "2": 1}):
                with pytest.raises(IntegrityError):
                    parse(canonical(put(whole, path[:-1], changed)))


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 24},
        {"quantity": 0, "serials": [], "files": [], "samples": []},
        {"serials": [[1, 24]]},
        {"serials": [[1, 20], [21, 25]]},
        {"serials": [[1, 30]]},
        {"serials": [[1, 25], [26, 26]]},
        {"serials": [[25, 1]]},
        {"serials": [[1, 25], [1, 25]]},
        {"files": []},
        {"template": "https://q.example.cn/"},
        {"created": "2026-11-22T15:30:00"},
        {"created": "yesterday"},
        {"code_length": 0},
        {"code_length": 65},
        {"format": "mintmark-package/3"},
    ],
)
def test_a_manifest_that_contradicts_itself(made, change):
    with pytest.raises(IntegrityError):
        parse(canonical(document(made) | change))


@pytest.mark.parametrize("units", [20, 21])
def test_no_more_pictures_are_listed_than_a_package_may_hold(units):
    """The manifest of a stranger's package must not fill the memory with their names."""
    profile = builtin("png").of_size(10_000)
    files = tuple(
        DataFile(
            name=profile.unit_name(index, "U"),
            unit="U",
            rows=10_000,
            first=index * 10_000 + 1,
            last=index * 10_000 + 10_000,
            bytes=1,
            sha256="0" * 64,
            pictures=Pictures(10_000, 1, "0" * 64),
        )
        for index in range(units)
    )
    manifest = Manifest(
        package="P",
        batch="B",
        home="H",
        test=False,
        created="2026-11-22T15:30:00+08:00",
        contact_id="li",
        contact_name="Li",
        profile=profile,
        template="{code}",
        code_length=16,
        symbols="0123456789ABCDEFGHJKMNPQRSTVWXYZ",
        serials=(Range(1, units * 10_000),),
        files=files,
        samples=(Attached("qr/sample-1.png", 1, "0" * 64, 1),),
        readme=Attached("README.txt", 1, "0" * 64),
    )
    if units * 10_000 <= MAX_PICTURES:
        assert parse(dump(manifest)) == manifest
    else:
        with pytest.raises(IntegrityError, match="more pictures"):
            parse(dump(manifest))


def test_files_that_are_not_those_of_serials_and_profile(made):
    whole = document(made)
    for key, value in (("first", 2), ("last", 11), ("rows", 9), ("name", "data/0009.csv")):
        changed = put(whole, ("files", 0, key), value)
        with pytest.raises(IntegrityError, match="contradicts itself at its file 1"):
            parse(canonical(changed))
    with pytest.raises(IntegrityError, match="too few files"):
        parse(canonical(whole | {"files": whole["files"][:2]}))
    with pytest.raises(IntegrityError, match="at its file 4"):
        parse(canonical(whole | {"files": [*whole["files"], whole["files"][0]]}))
    for path in (("samples", 0, "name"), ("readme", "name")):
        with pytest.raises(IntegrityError, match="otherwise than the format does"):
            parse(canonical(put(whole, path, "Data/0001.csv")))
    for samples in ([], [whole["samples"][0] | {"serial": 2, "name": "qr/sample-2.png"}]):
        with pytest.raises(IntegrityError, match="no QR sample of its first serial"):
            parse(canonical(whole | {"samples": samples}))
    twice = whole | {"samples": whole["samples"] * 2}
    with pytest.raises(IntegrityError, match="a name twice"):
        parse(canonical(twice))


@pytest.mark.parametrize("name", ["csv", "svg"])
def test_a_file_lists_pictures_if_its_profile_has_them(maker, name):
    """Without the digest in the manifest, nobody would compare the pictures with it."""
    whole = document(maker(profile=builtin(name), serials=(Range(1, 3),)))
    listed = {"count": 3, "bytes": 9, "sha256": "0" * 64}
    other = None if name == "svg" else listed
    with pytest.raises(IntegrityError, match="contradicts itself at its file 1"):
        parse(canonical(put(whole, ("files", 0, "pictures"), other)))


def test_a_symbol_of_the_alphabet_is_there_once(made):
    whole = document(made)
    with pytest.raises(IntegrityError, match="not well formed"):
        parse(canonical(whole | {"symbols": whole["symbols"] + whole["symbols"][0]}))


def test_other_forms_of_the_same_document(made):
    data = dump(made.packed.manifest)
    for other in (
        data + b"\n",
        b" " + data,
        data.replace(b'"test":false', b'"test": false'),
        data.replace(b'"test":false', b'"test":false,"test":false'),
        data.replace("王芳".encode(), b"\\u738b\\u82b3"),
        data.replace(b'"quantity":25', b'"quantity":25.0'),
        data.replace(b'"quantity":25', b'"quantity":2.5e1'),
        data.replace(b'"quantity":25', b'"quantity":NaN'),
        b"\xef\xbb\xbf" + data,
        data.decode().encode("utf-16"),
        data[:-1],
    ):
        assert other != data
        with pytest.raises(IntegrityError):
            parse(other)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"{" * 100_000, b"[" * 100_000])
def test_rubbish(data):
    with pytest.raises(IntegrityError, match="not well formed"):
        parse(data)


def test_nothing_too_long_is_parsed():
    with pytest.raises(IntegrityError):
        parse(b'{"a":"' + b"x" * MANIFEST_BYTES + b'"}')


@given(st.binary(max_size=100), st.booleans())
def test_a_signature_is_its_documents_and_its_kinds_own(keys, data, test):
    signer = keys(5, "any")
    found = parse_signature(sign(data, signer, test=test))
    assert check(data, found) is test
    with pytest.raises(IntegrityError):
        check(data + b"\0", found)
