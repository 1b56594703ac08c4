"""Serials as an argument, or in a file named by `@`."""

import pytest

from mintmark.codegen import serials_file
from mintmark.codegen.errors import NotFound, UsageError
from mintmark.codegen.serials_file import read_text


@pytest.fixture
def file(tmp_path):
    return tmp_path / "s.txt"


@pytest.mark.parametrize("text", ["1-10", "all", "next:5", "", "7,9", "1@2"])
def test_an_argument_that_names_no_file_stays_as_it_is(text):
    assert read_text(text) == text


@pytest.mark.parametrize("data", [b"1-10\n20\n", b"\xef\xbb\xbf1-10\r\n20", b"1-10 # reel\n20"])
def test_a_file_is_read_as_a_list(file, data):
    file.write_bytes(data)
    assert read_text(f"@{file}") == "1-10;20"


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf"])
def test_a_file_without_serials_is_refused_by_its_name(file, data):
    file.write_bytes(data)
    with pytest.raises(UsageError, match=r"s\.txt lists no serials"):
        read_text(f"@{file}")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("1-10".encode("utf-16"), "UTF-16"),
        (b"\xff\xff", "no text in UTF-8 or GB18030"),
        (b"PK\x03\x04 and so on, to the end of a ZIP archive" + bytes(6), "a workbook"),
        ("1-10 # 卷".encode("gb18030")[:-1], "cut short within a character"),
        # 鲁 in GB18030 is U+00B3 in UTF-8.
        ("1-10 # 鲁\n".encode("gb18030"), "may be UTF-8 or GB18030"),
    ],
)
def test_a_file_that_is_no_text_is_refused(file, data, what):
    file.write_bytes(data)
    with pytest.raises(UsageError, match=what) as error:
        read_text(f"@{file}")
    assert str(file) in error.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_is_read_as_a_chinese_editor_saves_it(file, encoding):
    file.write_bytes("1－10；20 # 湖南，第一卷\r\n25至30".encode(encoding))
    assert read_text(f"@{file}") == "1-10;20;25-30"


def test_the_blank_of_a_web_page_is_no_chinese_word(file):
    file.write_bytes("1-10\u00a0\n20".encode())
    assert read_text(f"@{file}") == "1-10;20"


def test_a_file_has_a_largest_size(file, monkeypatch):
    monkeypatch.setattr(serials_file, "FILE_BYTES", 4)
    file.write_bytes(b"1-10")
    assert read_text(f"@{file}") == "1-10"
    file.write_bytes(b"1-100")
    with pytest.raises(UsageError, match="larger than 4 bytes"):
        read_text(f"@{file}")


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        read_text(f"@{tmp_path / 'gone'}")
