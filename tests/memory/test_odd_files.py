"""Transcripts and times in the odd forms in which other programs leave them."""

import json

import pytest

from tests.memory.test_formats import records


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("12/3/24, 9:15 p.\u00a0m. - ", "2024-03-12T21:15:00+00:00"),
        ("[12/3/24, 9:15:03 a. m.] ", "2024-03-12T09:15:03+00:00"),
        ("2024/03/12 9:15 - ", "2024-03-12T09:15:00+00:00"),
        ("2024-03-12, 21:15 - ", "2024-03-12T21:15:00+00:00"),
        ("[2024/3/12 \u4e0b\u53489:15:03] ", "2024-03-12T21:15:03+00:00"),
        ("[21:15, 3/12/2024] ", "2024-12-03T21:15:00+00:00"),
        ("[9:15 PM, 3/13/2024] ", "2024-03-13T21:15:00+00:00"),
        ("[12.03.24, 21.15.03] ", "2024-03-12T21:15:03+00:00"),
        ("12/03/24 21.15 - ", "2024-03-12T21:15:00+00:00"),
        ("12.3.2024 klo 21.15 - ", "2024-03-12T21:15:00+00:00"),
        ("12/03/2024 \u00e0s 09:15 - ", "2024-03-12T09:15:00+00:00"),
        ("[2024-03-12 21:15:03 UTC] ", "2024-03-12T21:15:03+00:00"),
    ],
)
def test_times_are_read_as_messengers_of_many_countries_write_them(stamp, time):
    [found] = records(f"{stamp}Ana: hola".encode(), "chat.txt")
    assert (found.speaker, found.text, found.time.isoformat()) == ("Ana", "hola", time)


@pytest.mark.parametrize("stamp", ["00:12:45", "31/02/2024, 10:00", "12/3/24, 9:15 noche", "202403122115"])
def test_a_time_that_cannot_be_read_is_kept_as_it_is_written(stamp):
    [found] = records(f"[{stamp}] Ana: hola".encode(), "chat.txt")
    assert (found.time, found.metadata["stamp"]) == (None, stamp)


def test_a_messengers_file_that_begins_with_its_own_notice_is_known():
    notice = "[12/3/24, 21:15:03] Ana: \u200eMessages and calls are end-to-end encrypted.\n"
    [found] = records(f"{notice}[12/3/24, 21:16:04] Ana: hola".encode(), "_chat.txt")
    assert (found.speaker, found.text) == ("Ana", "hola")


@pytest.mark.parametrize("written", [1_710_278_100, 1_710_278_100_000, "1710278100", "1710278100000", "1710278100.0"])
def test_a_time_counts_seconds_or_milliseconds_from_1970(written):
    [found] = records(json.dumps([{"role": "user", "content": "hola", "timestamp": written}]).encode(), "talk.json")
    assert found.time.isoformat() == "2024-03-12T21:15:00+00:00"


def test_ids_that_are_null_make_no_two_records_one():
    rows = [{"id": None, "memory": "Likes tea"}, {"id": None, "memory": "Likes jam"}]
    assert len({found.key for found in records(json.dumps(rows).encode(), "mem0.json")}) == 2
    said = [{"id": None, "role": "user", "content": None, "text": text} for text in ("one", "two")]
    document = {"name": "sam", "core_memory": [], "messages": said}
    turns = records(json.dumps(document).encode(), "sam.af")
    assert ([turn.text for turn in turns], len({turn.key for turn in turns})) == (["one", "two"], 2)
