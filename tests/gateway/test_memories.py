"""/v1/memories, /v1/sessions, export and import."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.memory.formats.lines import LONGEST_LINE
from gateway.transfer import beginning
from tests.gateway.house import House

ANA = {"text": "Ana moved to Porto.", "speaker": "ana", "time": "2024-05-01T10:00:00Z", "metadata": {"n": 1}}
REX = {"text": "Rex is a dog.", "kind": "fact", "importance": 0.9, "session": "pets", "key": "rex"}


async def test_records_are_written_and_read_back_in_order(lattice: House) -> None:
    status, stored = await lattice.call("POST", "/v1/memories", {"memories": [ANA, REX]})
    assert status == 201
    assert [memory["created"] for memory in stored["memories"]] == [True, True]
    ids = [memory["id"] for memory in stored["memories"]]

    listed = await lattice.get("/v1/memories")
    assert [memory["id"] for memory in listed["memories"]] == ids
    assert listed["next_cursor"] is None
    first = listed["memories"][0]
    assert {name: first[name] for name in ("text", "speaker", "metadata", "kind", "stage", "valid_to")} == {
        "text": ANA["text"],
        "speaker": "ana",
        "metadata": {"n": 1},
        "kind": "turn",
        "stage": "raw",
        "valid_to": None,
    }
    assert first["time"].startswith("2024-05-01T10:00:00")
    # What is felt in a record is noted in the background, maybe between the two readings.
    assert {**await lattice.get(f"/v1/memories/{ids[0]}"), "affect": first["affect"]} == first


async def test_one_record_alone_is_a_list_of_one(lattice: House) -> None:
    stored = await lattice.post("/v1/memories", {**ANA, "namespace": "alone"})
    assert len(stored["memories"]) == 1
    listed = await lattice.get("/v1/memories?namespace=alone")
    assert listed["memories"][0]["namespace"] == "alone"


async def test_a_time_without_an_offset_is_utc(lattice: House) -> None:
    await lattice.post("/v1/memories", {"text": "then", "time": "2023-05-08T13:56:00"})
    assert (await lattice.get("/v1/memories"))["memories"][0]["time"] == "2023-05-08T13:56:00Z"


async def test_pages_follow_each_other(lattice: House) -> None:
    await lattice.post("/v1/memories", {"memories": [{"text": f"number {n}"} for n in range(5)]})
    texts, path = [], "/v1/memories?limit=2"
    cursor: str | None = ""
    while cursor is not None:
        page = await lattice.get(path + (f"&cursor={cursor}" if cursor else ""))
        texts += [memory["text"] for memory in page["memories"]]
        cursor = page["next_cursor"]

    assert texts == [f"number {n}" for n in range(5)]


async def test_search_finds_and_explains_on_request(lattice: House) -> None:
    await lattice.post("/v1/memories", {"memories": [ANA, REX]})

    found = (await lattice.post("/v1/memories/search", {"query": "Where did Ana move?", "k": 1}))["memories"]
    assert [memory["text"] for memory in found] == [ANA["text"]]
    assert "explain" not in found[0]
    assert found[0]["score"] > 0
    explained = (await lattice.post("/v1/memories/search", {"query": "dog", "explain": True, "kinds": ["fact"]}))["memories"]
    assert explained[0]["text"] == REX["text"]
    assert sum(explained[0]["explain"].values()) == pytest.approx(explained[0]["score"])


async def test_a_header_naming_a_session_does_not_narrow_a_search(lattice: House) -> None:
    await lattice.post("/v1/memories", REX)
    found = await lattice.post("/v1/memories/search", {"query": "dog"}, x_lattice_session="another")
    assert len(found["memories"]) == 1


async def test_a_record_is_corrected_and_forgotten(lattice: House) -> None:
    stored = await lattice.post("/v1/memories", ANA)
    path = f"/v1/memories/{stored['memories'][0]['id']}"

    status, revised = await lattice.call("PATCH", path, {"text": "Ana moved to Lisbon.", "importance": 1})
    assert (status, revised["text"], revised["importance"]) == (200, "Ana moved to Lisbon.", 1.0)
    changes = [event["change"] for event in (await lattice.get(f"{path}/history"))["events"]]
    assert changes[:2] == ["remembered", "revised"]
    status, gone = await lattice.call("DELETE", path)
    assert (status, gone["ids"]) == (200, [stored["memories"][0]["id"]])
    assert (await lattice.call("GET", path))[0] == 404


async def test_a_record_ends_where_another_took_its_place(lattice: House) -> None:
    texts = [{"text": "Ana lives in Lisbon.", "time": "2024-01-01"}, {"text": "Ana lives in Porto.", "time": "2024-06-01"}]
    old, new = (memory["id"] for memory in (await lattice.post("/v1/memories", {"memories": texts}))["memories"])

    status, told = await lattice.call("PATCH", f"/v1/memories/{old}", {"superseded_by": "mem_none", "importance": 1})
    assert (status, told["error"]["param"]) == (404, "superseded_by")
    assert (await lattice.get(f"/v1/memories/{old}"))["importance"] == 0.5

    end = {"superseded_by": new, "valid_to": "2024-06-01T00:00:00Z", "importance": 0.7}
    status, ended = await lattice.call("PATCH", f"/v1/memories/{old}", end)
    assert (status, ended["valid_to"], ended["importance"]) == (200, "2024-06-01T00:00:00Z", 0.7)
    assert (await lattice.get(f"/v1/memories/{new}"))["links"] == [{"relation": "supersedes", "target": old}]

    async def found(**fields: Any) -> list[str]:
        told = await lattice.post("/v1/memories/search", {"query": "Where does Ana live?", **fields})
        return [memory["id"] for memory in told["memories"]]

    assert await found() == [new]
    assert await found(as_of="2024-03-01") == [old]

    status, held = await lattice.call("PATCH", f"/v1/memories/{old}", {"holds": True})
    assert (status, held["valid_to"], held["importance"]) == (200, None, 0.7)
    assert (await lattice.get(f"/v1/memories/{new}"))["links"] == []
    assert set(await found()) == {old, new}
    changes = [event["change"] for event in (await lattice.get(f"/v1/memories/{old}/history"))["events"]]
    assert [change for change in changes if change != "recalled"] == ["remembered", "superseded", "revised", "reinstated"]
    status, told = await lattice.call("PATCH", f"/v1/memories/{old}", {"holds": True, "valid_to": "2024-06-01"})
    assert (status, "holds" in told["error"]["message"]) == (400, True)


async def test_stats_count(lattice: House) -> None:
    await lattice.post("/v1/memories", {"memories": [ANA, REX]})
    stats = await lattice.get("/v1/memories/stats")

    assert stats["count"] == 2
    assert stats["by_kind"]["fact"] == 1
    assert {"pending", "bytes", "by_stage"} <= stats.keys()


async def test_a_write_repeated_under_its_key_has_its_effect_once(lattice: House) -> None:
    first = await lattice.post("/v1/memories", ANA, idempotency_key="k")
    again = await lattice.post("/v1/memories", ANA, idempotency_key="k")
    other = await lattice.post("/v1/memories", ANA, idempotency_key="k", x_lattice_namespace="other")

    assert [memory["id"] for memory in first["memories"]] == [memory["id"] for memory in again["memories"]]
    assert first["memories"][0]["id"] != other["memories"][0]["id"]
    assert (await lattice.get("/v1/memories/stats"))["count"] == 1


async def test_a_key_used_again_for_another_body_is_refused_and_writes_nothing(lattice: House) -> None:
    await lattice.post("/v1/memories", ANA, idempotency_key="k")
    status, told = await lattice.refused("/v1/memories", REX, idempotency_key="k")

    assert (status, told["code"], told["param"]) == (422, "invalid", "Idempotency-Key")
    assert told["message"].startswith("Idempotency-Key: ")
    assert (await lattice.get("/v1/memories/stats"))["count"] == 1


async def test_nothing_crosses_from_one_namespace_to_another(lattice: House) -> None:
    stored = await lattice.post("/v1/memories", {**ANA, "session": "s"}, x_lattice_namespace="hers")
    path = f"/v1/memories/{stored['memories'][0]['id']}"

    assert (await lattice.get("/v1/memories"))["memories"] == []
    assert (await lattice.post("/v1/memories/search", {"query": "Ana"}))["memories"] == []
    assert (await lattice.get("/v1/sessions"))["sessions"] == []
    for method, target in (("GET", path), ("GET", f"{path}/history"), ("DELETE", path), ("GET", "/v1/sessions/s")):
        assert (await lattice.call(method, target))[0] == 404, (method, target)
    assert (await lattice.call("PATCH", path, {"importance": 0}))[0] == 404
    assert (await lattice.get(path, x_lattice_namespace="hers"))["text"] == ANA["text"]


async def test_sessions_are_listed_read_and_forgotten(lattice: House) -> None:
    await lattice.post("/v1/memories", {"memories": [ANA, {"text": "And back."}], "session": "a/b c"})

    listed = await lattice.get("/v1/sessions")
    assert [(session["name"], session["turns"]) for session in listed["sessions"]] == [("a/b c", 2)]
    found = await lattice.get("/v1/sessions/a%2Fb%20c?limit=1")
    assert [turn["text"] for turn in found["turns"]] == ["And back."]
    status, gone = await lattice.call("DELETE", "/v1/sessions/a%2Fb%20c")
    assert (status, len(gone["ids"])) == (200, 2)


async def test_a_talk_has_a_mood_that_says_by_which_turns(lattice: House) -> None:
    turn = {"text": "I'm so sad, my dog died.", "session": "a/b", "role": "user", "time": "2026-01-05T10:00:00Z"}
    (made,) = (await lattice.post("/v1/memories", turn))["memories"]
    then = "/v1/sessions/a%2Fb/mood?at=2026-01-05T10:01:00Z"
    async with asyncio.timeout(30):
        while not (told := await lattice.get(then))["turns"]:  # noqa: ASYNC110 (no event over HTTP says that a turn was judged)
            await asyncio.sleep(0.02)

    assert (told["strongest"], list(told["because"])) == ("sadness", [made["id"]])
    assert told["valence"] < 0 < told["labels"]["sadness"]
    assert (await lattice.get("/v1/sessions/a%2Fb/mood?at=2026-01-04T10:00:00Z"))["turns"] == 0
    status, error = await lattice.call("GET", "/v1/sessions/a%2Fb/mood?at=yesterday")
    assert (status, error["error"]["param"]) == (400, "at")
    assert (await lattice.call("GET", "/v1/sessions/nobody/mood"))[0] == 404


async def test_an_export_comes_back_by_import_and_a_second_time_changes_nothing(lattice: House) -> None:
    records = [{**ANA, "text": f"record {n} é", "importance": 0.25} for n in range(120)]
    await lattice.post("/v1/memories", {"memories": records}, x_lattice_namespace="from")
    async with lattice.http.get(f"{lattice.url}/v1/memories/export?namespace=from") as response:
        assert response.content_type == "application/jsonl"
        exported = await response.read()
    assert [json.loads(line)["text"] for line in exported.splitlines()[1:-1]] == [record["text"] for record in records]

    first = await imported(lattice, exported)
    again = await imported(lattice, exported)

    none = {"forgotten": 0, "broken": 0, "entries": []}
    assert (first, again) == ((200, {"created": 120, "known": 0, **none}), (200, {"created": 0, "known": 120, **none}))
    listed = (await lattice.get("/v1/memories?limit=1000", x_lattice_namespace="to"))["memories"]
    assert {name: listed[7][name] for name in ("text", "speaker", "importance", "metadata")} == {
        "text": "record 7 é",
        "speaker": "ana",
        "importance": 0.25,
        "metadata": {"n": 1},
    }


async def test_an_export_that_broke_off_goes_on_from_its_last_mark(lattice: House) -> None:
    await lattice.post("/v1/memories", {"memories": [{"text": f"record {n}"} for n in range(450)]})

    async def exported(query: str = "") -> list[bytes]:
        async with lattice.http.get(f"{lattice.url}/v1/memories/export{query}") as response:
            return (await response.read()).splitlines(keepends=True)

    whole = await exported()
    marks = [number for number, line in enumerate(whole) if b'"lattice":"page"' in line]
    assert len(marks) == 2
    for mark in marks:
        rest = await exported(f"?cursor={json.loads(whole[mark])['cursor']}")
        assert whole[: mark + 1] + rest == whole
    assert json.loads(whole[-1]) == {"lattice": "end", "records": 450}

    status, told = await lattice.call("GET", "/v1/memories/export?cursor=nonsense")
    assert (status, told["error"]["param"]) == (400, "cursor")


async def test_an_import_names_the_lines_that_are_wrong_and_takes_the_others(lattice: House) -> None:
    status, told = await imported(lattice, b'{"text": "good"}\n\n{"text": ""}\n{"text": "after"}\n')

    assert (status, told["created"], told["broken"]) == (200, 2, 1)
    assert told["entries"][0]["where"] == "line 3"
    assert told["entries"][0]["reason"].startswith("text:")
    assert (await lattice.get("/v1/memories/stats", x_lattice_namespace="to"))["count"] == 2


@pytest.mark.parametrize(
    ("data", "words"), [(b'{"text": ""}\n', "line 1: text:"), (b"[1, 2]", "format"), (b"nobody says this\n", "format")]
)
async def test_what_holds_no_record_is_refused(lattice: House, data: bytes, words: str) -> None:
    status, told = await imported(lattice, data)
    assert (status, told["error"]["code"]) == (400, "invalid")
    assert words in told["error"]["message"]


async def test_a_transcript_and_an_archive_come_in_too(lattice: House) -> None:
    status, told = await imported(lattice, b"Ana: hello\nBen: hi there\n" * 40)
    assert (status, told["created"]) == (200, 80)
    assert (await imported(lattice, b"Ana: hello\nBen: hi there\n" * 40))[1]["known"] == 80
    assert (await imported(lattice, b"Ana: hello\nCarl: hi there\n"))[1]["created"] == 2
    sessions = (await lattice.get("/v1/sessions", x_lattice_namespace="to"))["sessions"]
    assert sorted(session["turns"] for session in sessions) == [2, 80]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("memories.json", json.dumps({"memories": [{"id": "1", "content": "Ana likes tea."}]}))
    assert (await imported(lattice, archive.getvalue()))[1]["created"] == 1


async def test_lines_in_an_archive_that_is_not_compressed_are_read_as_those_of_the_archive(lattice: House) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("memories.jsonl", b'{"text": "a"}\n{"text": "b"}\n')
    status, told = await imported(lattice, archive.getvalue())
    assert (status, told["created"], told["broken"]) == (200, 2, 0)


async def test_an_export_that_broke_off_comes_in_and_says_so(lattice: House) -> None:
    head = b'{"lattice": "memories", "version": 1, "namespace": "x"}\n'
    records = b"".join(b'{"text": "number %d"}\n' % number for number in range(1200))
    status, told = await imported(lattice, head + records)
    assert (status, told["created"], told["broken"]) == (200, 1200, 1)
    assert told["entries"] == [{"where": "line 1201", "reason": "the file breaks off: its last line is missing"}]
    assert (await imported(lattice, head + records + b'{"lattice": "end", "records": 1200}\n'))[1]["broken"] == 0
    (lost,) = (await imported(lattice, head + records + b'{"lattice": "end", "records": 1300}\n'))[1]["entries"]
    assert "1300 were written, and 1200" in lost["reason"]


async def test_an_import_may_be_larger_than_any_body(lattice: House) -> None:
    line = json.dumps({"text": "x" * 200_000}).encode() + b"\n"
    status, told = await imported(lattice, io.BytesIO(line * 90))

    assert (status, told["created"]) == (200, 90)


async def test_a_file_is_recognised_by_no_more_than_a_line_may_have() -> None:
    """All of it was gathered, each piece copied with all before it: 300 MB of one line held the gateway for minutes."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"\0" * 65536

    assert len(await beginning(endless())) <= LONGEST_LINE + 65536


async def test_a_form_is_refused_and_told_how_to_send_a_file(lattice: House) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nAna: hello\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    status, told = await lattice.call("POST", "/v1/memories/import", data=form, headers=headers)
    assert (status, told["error"]["param"]) == (400, "Content-Type")
    assert "--data-binary" in told["error"]["message"]


async def test_a_document_that_is_larger_than_memory_takes_comes_in(lattice: House) -> None:
    """It lies on disk meanwhile; what of it is to be read there, tests/actors/test_spool.py tells."""
    facts = [{"id": f"fact-{number}", "memory": f"Fact {number}."} for number in range(3)]
    document = b",".join(json.dumps(fact).encode() + b" " * (4 << 20) for fact in facts)
    status, told = await imported(lattice, io.BytesIO(b"[" + document + b"]"))

    assert (status, told["created"], told["broken"]) == (200, 3, 0)


async def imported(lattice: House, data: bytes | io.BytesIO) -> tuple[int, Any]:
    async with lattice.http.post(f"{lattice.url}/v1/memories/import?namespace=to", data=data) as response:
        return response.status, await response.json()
