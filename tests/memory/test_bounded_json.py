"""Files whose JSON would become more than there is room for: refused before it is parsed."""

import io

import pytest

from actors.memory.formats import lines, reading
from actors.memory.formats.bounded_json import MOST_VALUES
from actors.memory.formats.reading import read
from tests.memory.test_formats import records
from transport.errors import Invalid


@pytest.mark.parametrize("bomb", [b"[],", b'"",', b'{"a":1},'])
def test_a_document_of_more_values_than_there_is_room_for_is_refused_before_it_is_read(bomb):
    with pytest.raises(Invalid, match="values"):
        records(b'{"results": [' + bomb * (MOST_VALUES + 1) + b"1]}")


def test_an_item_of_a_list_of_more_values_than_there_is_room_for_is_refused_before_all_of_it_is_read():
    with pytest.raises(Invalid, match="values"):
        records(b'[{"memory": "a", "x": [' + b"[]," * (12 << 20) + b"1]}]")


def test_values_behind_a_long_text_of_an_item_are_counted_before_they_are_parsed():
    file = io.BytesIO(b'[{"memory": "' + b"a" * (32 << 20) + b'", "x": [' + b"[]," * (10 << 20) + b"1]}]")
    with pytest.raises(Invalid, match="values"):
        list(read(file, "file"))

    assert file.tell() < 40 << 20


def test_a_line_of_more_values_than_a_message_may_hold_is_broken_and_the_rest_comes_in():
    bomb = b'{"text": "a", "x": [' + b"[]," * lines.MOST_VALUES + b"1]}\n"
    first, second = lines.read([bomb, b'{"text": "b"}\n'], lines.Whole())
    assert (first.reason, second.text) == ("it holds more than 262144 values", "b")


def test_values_are_counted_in_the_encoding_in_which_they_are_read():
    # U+2201 in UTF-16 has the byte of a quotation mark: what follows would be taken for the inside of a text.
    bomb = '{"text": "\u2201", "x": [' + "[]," * lines.MOST_VALUES + "1]}"
    [found] = lines.read([bomb.encode("utf-16-le")])
    assert "JSON" in found.reason


def test_commas_of_prose_are_no_values():
    said = "well, yes, " * MOST_VALUES
    [record] = records({"results": [{"memory": "kept"}], "log": said})
    assert record.text == "kept"


def test_what_cannot_be_a_document_is_refused_by_its_beginning():
    file = io.BytesIO(bytes(1 << 20))
    with pytest.raises(Invalid, match="no known format"):
        list(read(file, "file"))

    assert file.tell() <= reading.LOOKED_AT
