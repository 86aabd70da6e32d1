"""Whatever a client sends to memory: kept whole, or refused with the field's name, nothing written and nothing lost."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.memory.formats.bounded_json import parse
from gateway.chat import ChatBody
from gateway.errors import HttpError
from gateway.validation import read_json
from tests.gateway.house import House, house

MEMORIES = "/v1/memories"
SEARCH = "/v1/memories/search"
RIGHT_TO_LEFT = "שלום \N{RIGHT-TO-LEFT OVERRIDE}עולם\N{POP DIRECTIONAL FORMATTING} مرحبا"
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL} 👋🏽 🇵🇹"


def record(**fields: Any) -> dict[str, Any]:
    return {"memories": [{"text": "kept?"}, {"text": "with it", **fields}]}


REFUSED: list[tuple[str, str, Any, int, str | None]] = [
    ("no body", MEMORIES, {}, 400, "memories"),
    ("an empty list", MEMORIES, {"memories": []}, 400, "memories"),
    ("1,001 records", MEMORIES, {"memories": [{"text": "a"}] * 1001}, 400, "memories"),
    ("an empty text", MEMORIES, record(text=""), 400, "memories[1].text"),
    ("a blank text", MEMORIES, record(text=" \n\u3000"), 400, "memories[1].text"),
    ("no text", MEMORIES, {"memories": [{"speaker": "a"}]}, 400, "memories[0].text"),
    ("a text that is none", MEMORIES, record(text=7), 400, "memories[1].text"),
    ("10 MB of text", MEMORIES, record(text="x" * 10_000_000), 400, "memories[1].text"),
    ("a body of 16 MiB", MEMORIES, record(text="x" * (16 << 20)), 413, None),
    ("NUL in a text", MEMORIES, record(text="a\0b"), 400, "memories[1].text"),
    ("NUL in a speaker", MEMORIES, record(speaker="a\0b"), 400, "memories[1].speaker"),
    ("half a surrogate pair in metadata", MEMORIES, record(metadata={"a": "\udc00"}), 400, "memories[1].metadata.a"),
    ("an importance that is no number", MEMORIES, record(importance=float("nan")), 400, "memories[1].importance"),
    ("10,000 keys", MEMORIES, record(metadata={str(n): n for n in range(10_000)}), 400, "memories[1].metadata"),
    ("a key too long", MEMORIES, record(metadata={"k" * 300: 1}), 400, None),
    ("metadata 9 deep", MEMORIES, record(metadata={"a": [[[[[[[[1]]]]]]]]}), 400, "memories[1].metadata.a"),
    ("an integer of 70 bits", MEMORIES, record(metadata={"a": 2**70}), 400, "memories[1].metadata.a"),
    ("an importance above 1", MEMORIES, record(importance=1.01), 400, "memories[1].importance"),
    ("an importance that is a word", MEMORIES, record(importance="high"), 400, "memories[1].importance"),
    ("an importance in quotes", MEMORIES, record(importance="0.5"), 400, "memories[1].importance"),
    ("an importance that is true", MEMORIES, record(importance=True), 400, "memories[1].importance"),
    ("a feeling in quotes", MEMORIES, record(affect={"user": {"joy": "1"}}), 400, "memories[1].affect.user.joy"),
    ("a time in seconds", MEMORIES, record(time=1714557600), 400, "memories[1].time"),
    ("a time in seconds, in quotes", MEMORIES, record(time="1714557600"), 400, "memories[1].time"),
    ("a day that would be taken for seconds", MEMORIES, record(time="20240501"), 400, "memories[1].time"),
    ("an unknown kind", MEMORIES, record(kind="rumour"), 400, "memories[1].kind"),
    ("an unknown field", MEMORIES, record(colour="red"), 400, "memories[1].colour"),
    ("the 30th of February", MEMORIES, record(time="2024-02-30T10:00:00Z"), 400, "memories[1].time"),
    ("25 o'clock", MEMORIES, record(time="2024-02-03T25:00:00Z"), 400, "memories[1].time"),
    ("an offset of 30 hours", MEMORIES, record(time="2024-02-03T10:00:00+30:00"), 400, "memories[1].time"),
    ("the year 10,000", MEMORIES, record(time="10000-01-01T00:00:00Z"), 400, "memories[1].time"),
    ("before the year 1", MEMORIES, record(time="0001-01-01T00:00:00+14:00"), 400, "memories[1].time"),
    (
        "an end before the beginning",
        MEMORIES,
        record(valid_from="2024-02-03", valid_to="2024-02-02"),
        400,
        "memories[1].valid_to",
    ),
    ("an unknown emotion", MEMORIES, record(affect={"user": {"hunger": 1}}), 400, "memories[1].affect.user"),
    ("derived from nothing", MEMORIES, record(provenance={"by": "me"}), 400, "memories[1].provenance"),
    (
        "an unknown relation",
        MEMORIES,
        record(links=[{"relation": "likes", "target": "x"}]),
        400,
        "memories[1].links[0].relation",
    ),
    ("a link to nothing", MEMORIES, record(links=[{"relation": "follows", "target": "mem_no"}]), 404, "links.target"),
    ("a namespace too long", MEMORIES, {**record(), "namespace": "n" * 129}, 400, "namespace"),
    ("no query", SEARCH, {}, 400, "query"),
    ("a query of 16 KiB and more", SEARCH, {"query": "x" * 16_385}, 400, "query"),
    ("k of 0", SEARCH, {"query": "x", "k": 0}, 400, "k"),
    ("k in quotes", SEARCH, {"query": "x", "k": "5"}, 400, "k"),
    ("k of 5.0", SEARCH, {"query": "x", "k": 5.0}, 400, "k"),
    ("k that is true", SEARCH, {"query": "x", "k": True}, 400, "k"),
    ("explain that is a word", SEARCH, {"query": "x", "explain": "yes"}, 400, "explain"),
    ("explain that is a number", SEARCH, {"query": "x", "explain": 1}, 400, "explain"),
    ("a weight in quotes", SEARCH, {"query": "x", "weights": {"bm25": "1"}}, 400, "weights.bm25"),
    ("an unknown weight", SEARCH, {"query": "x", "weights": {"luck": 1}}, 400, "weights.luck"),
    ("a weight that is a word", SEARCH, {"query": "x", "weights": {"bm25": "much"}}, 400, "weights.bm25"),
    ("an impossible until", SEARCH, {"query": "x", "until": "2023-13-01"}, 400, "until"),
]


@pytest.fixture
async def kept(short_dir: Path) -> AsyncIterator[tuple[House, Any]]:
    """A house that has a record of the namespace and one of another's, and what it answers to all that can be asked.

    Memory alone: nobody is there who adds to its records in the background what is felt in them.
    """
    async with house(short_dir, parts=("encoder", "memory")) as lattice:
        await lattice.post(MEMORIES, {"text": "An old lemon tree.", "session": "s"})
        await lattice.post(MEMORIES, {"text": "Theirs."}, x_lattice_namespace="theirs")
        yield lattice, await everything(lattice)


async def everything(lattice: House) -> Any:
    """But for `pending`: how many records wait for vectors becomes less by itself."""
    stats = [await lattice.get("/v1/memories/stats", x_lattice_namespace=name) for name in ("default", "theirs")]
    counted = [{key: value for key, value in one.items() if key != "pending"} for one in stats]
    return await lattice.get(MEMORIES), await lattice.get("/v1/sessions"), counted


async def send(lattice: House, path: str, body: Any) -> tuple[int, Any]:
    """POST of any size: aiohttp's client warns of large bodies that are not files."""
    async with lattice.http.post(lattice.url + path, data=io.BytesIO(json.dumps(body).encode())) as response:
        return response.status, await response.json()


async def test_what_cannot_be_taken_is_refused_by_name_and_nothing_is_written(kept: tuple[House, Any]) -> None:
    """All in one house: what one of them had broken, the next would see."""
    lattice, before = kept
    for what, path, body, status, param in REFUSED:
        got, told = await send(lattice, path, body)
        assert (what, got) == (what, status)
        assert (what, told["error"]["param"] if param else None) == (what, param)
        assert len(told["error"]["message"]) < 2000, what

    assert await everything(lattice) == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not JSON",
        b'{"text": "a", "importance": NaN}',
        b'{"text": "a", "importance": Infinity}',
        b'{"text": "half \\ud83d a pair"}',
        b'{"text": "\xff\xfe"}',
        b'{"text": "a"',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_json_is_refused(kept: tuple[House, Any], data: bytes) -> None:
    lattice, before = kept
    async with lattice.http.post(lattice.url + MEMORIES, data=data) as response:
        told = await response.json()
    assert response.status == 400
    assert told["error"]["code"] == "invalid"
    assert await everything(lattice) == before


async def test_a_namespace_in_the_query_counts_or_is_refused_but_never_passed_over(kept: tuple[House, Any]) -> None:
    lattice, before = kept
    for method, path in (
        ("GET", "/v1/daemon/cycles"),
        ("POST", "/v1/daemon/cycles/decay/run"),
        ("GET", "/v1/daemon/runs"),
        ("GET", "/v1/daemon/set-aside"),
        ("GET", "/v1/actors"),
    ):
        async with lattice.http.request(method, f"{lattice.url}{path}?namespace=hers") as response:
            assert (path, response.status) == (path, 400)
            assert (await response.json())["error"]["param"] == "namespace"

    status, told = await send(lattice, f"{MEMORIES}?namespace=hers", {"text": "a", "namespace": "his"})
    assert (status, told["error"]["param"]) == (400, "namespace")
    assert await everything(lattice) == before
    await send(lattice, f"{MEMORIES}?namespace=hers&beta=true", {"text": "Hers."})
    assert [found["text"] for found in (await lattice.get(f"{MEMORIES}?namespace=hers"))["memories"]] == ["Hers."]
    assert len((await lattice.get(MEMORIES))["memories"]) == len(before[0]["memories"])


@pytest.mark.parametrize(
    "text",
    [
        RIGHT_TO_LEFT,
        FAMILY,
        "\N{ZERO WIDTH NO-BREAK SPACE}\N{COMBINING ACUTE ACCENT}e\N{COMBINING ACUTE ACCENT}",
        "a\r\n\t\x01\x7f\x85\u2028b",
        '"; DROP TABLE memory; --',
        "x" * 262_144,
        "\U0001f642" * 100_000,
    ],
    ids=["right to left", "emoji", "combining", "control", "SQL", "the longest", "four bytes each"],
)
async def test_what_is_strange_but_text_is_kept_as_it_is(lattice: House, text: str) -> None:
    names = {"speaker": text[:200].strip() or "x", "session": text[:200].strip() or "x", "metadata": {"said": text[:1000]}}
    _, stored = await send(lattice, MEMORIES, {"text": text, **names})
    found = await lattice.get(f"{MEMORIES}/{stored['memories'][0]['id']}")
    assert {name: found[name] for name in ("text", *names)} == {"text": text, **names}
    assert (await lattice.get("/v1/sessions"))["sessions"][0]["name"] == names["session"]


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("2024-02-29T23:59:59.999999+05:30", "2024-02-29T18:29:59.999999Z"),
        ("2024-03-31T02:30:00", "2024-03-31T02:30:00Z"),
        ("1066-10-14", "1066-10-14T00:00:00Z"),
        ("2024-02-03T10:00:00-12:00", "2024-02-03T22:00:00Z"),
    ],
)
async def test_times_of_every_zone_are_the_same_moment(lattice: House, time: str, told: str) -> None:
    await lattice.post(MEMORIES, {"text": "then", "time": time})
    assert (await lattice.get(MEMORIES))["memories"][0]["time"] == told


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '""',
        "lemon*",
        "NEAR(lemon tree)",
        "lemon -tree",
        "lemon AND",
        "OR",
        "text : lemon",
        "^lemon",
        "{lemon}",
        "(",
        "lemon + tree",
        "'",
        "\\",
        "%",
        "lemon\0",
        RIGHT_TO_LEFT,
        FAMILY,
        "-",
        "",
        " ",
    ],
)
async def test_a_querys_operators_are_words_or_nothing(kept: tuple[House, Any], query: str) -> None:
    lattice, _ = kept
    status, told = await lattice.call("POST", SEARCH, {"query": query})
    found = [memory["text"] for memory in told["memories"]]
    assert status == 200
    assert found == (["An old lemon tree."] if "lemon" in query or "tree" in query else [])


async def test_ids_and_cursors_of_elsewhere_lead_nowhere(kept: tuple[House, Any]) -> None:
    lattice, before = kept
    theirs = (await lattice.get(MEMORIES, x_lattice_namespace="theirs"))["memories"][0]["id"]
    await lattice.post(MEMORIES, {"memories": [{"text": "b"}, {"text": "c"}]}, x_lattice_namespace="theirs")
    cursor = (await lattice.get(f"{MEMORIES}?limit=1", x_lattice_namespace="theirs"))["next_cursor"]
    for method, path, body in (
        ("GET", f"{MEMORIES}/{theirs}", None),
        ("GET", f"{MEMORIES}/{theirs}/history", None),
        ("PATCH", f"{MEMORIES}/{theirs}", {"text": "ours"}),
        ("DELETE", f"{MEMORIES}/{theirs}", None),
        ("POST", MEMORIES, {"text": "a", "links": [{"relation": "relates", "target": theirs}]}),
        ("GET", f"{MEMORIES}/mem_%F0%9F%99%82", None),
        ("DELETE", "/v1/sessions/none", None),
    ):
        status, told = await lattice.call(method, path, body)
        assert (path, status, told["error"]["code"]) == (path, 404, "not_found")

    for wrong in (cursor, "nonsense", "%F0%9F%99%82", "A" * 200, cursor[:-2] + "AA"):
        status, told = await lattice.call("GET", f"{MEMORIES}?cursor={wrong}")
        assert (wrong, status, told["error"]["param"]) == (wrong, 400, "cursor")

    assert (await everything(lattice))[:2] == before[:2]


async def test_recalls_stand_in_a_records_history_with_their_contexts(kept: tuple[House, Any]) -> None:
    lattice, before = kept
    path = f"{MEMORIES}/{before[0]['memories'][0]['id']}"
    for query in ("lemon", "lemon", "tree"):
        await lattice.post(SEARCH, {"query": query})
    events = (await lattice.get(f"{path}/history"))["events"]
    contexts = [event["detail"]["context"] for event in events if event["change"] == "recalled"]
    assert [contexts[0] == context for context in contexts] == [True, True, False]
    assert [event["detail"] for event in events if event["change"] == "staged"] == [
        {"from": "raw", "to": "echoed", "contexts": 2}
    ]
    record = await lattice.get(path)
    assert (record["stage"], record["recalls"]) == ("echoed", 3)
    assert json.dumps(record["recalled"])


async def test_a_text_of_a_million_commas_is_one_value(kept: tuple[House, Any]) -> None:
    lattice, _ = kept
    status, told = await send(lattice, MEMORIES, {"memories": [{"text": ', "[{' * 40_000}] * 5})

    assert status == 201, told


async def test_a_large_body_is_read_beside_the_loop(bare: House, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[threading.Thread] = []

    def noted(body: bytes) -> Any:
        readers.append(threading.current_thread())
        return read_json(body)

    monkeypatch.setattr("gateway.incoming.read_json", noted)
    for records, length in ((1, 100), (1, 1 << 20), (1000, 100)):
        record = {"text": "x" * length, "speaker": "a", "role": "user", "session": "s", "kind": "turn"}
        await send(bare, MEMORIES, {"memories": [record] * records, "colour": "red"})

    small, long, many = readers
    assert small is threading.main_thread()
    assert long is not threading.main_thread()
    assert many is not threading.main_thread()


async def test_the_lines_of_an_import_are_read_beside_the_loop(bare: House, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[threading.Thread] = []

    def noted(data: bytes, most: int) -> Any:
        readers.append(threading.current_thread())
        return parse(data, most)

    monkeypatch.setattr("actors.memory.formats.lines.parse", noted)
    async with bare.http.post(f"{bare.url}{MEMORIES}/import?format=lattice", data=b"[1]\n[2]\n") as response:
        assert response.status == 400

    assert len(readers) == 2
    assert threading.main_thread() not in readers


CHAT = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/v1/chat/completions", "stream", "yes"),
        ("/v1/chat/completions", "stream", "true"),
        ("/v1/chat/completions", "stream", 1),
        ("/v1/chat/completions", "n", "2"),
        ("/v1/chat/completions", "max_tokens", "5"),
        ("/v1/chat/completions", "temperature", "0.5"),
        ("/v1/chat/completions", "logprobs", "no"),
        ("/v1/responses", "stream", "yes"),
        ("/v1/responses", "max_output_tokens", "5"),
        ("/v1/messages", "stream", "yes"),
        ("/v1/messages", "max_tokens", "5"),
    ],
)
async def test_values_in_quotes_are_refused_in_every_dialect_as_its_maker_does(
    short_dir: Path, path: str, field: str, value: Any
) -> None:
    body = {"input": "Hello"} if path == "/v1/responses" else {**CHAT, "max_tokens": 9}
    async with house(short_dir, parts=()) as bare, bare.http.post(bare.url + path, json={**body, field: value}) as response:
        told = (await response.json())["error"]
        assert (response.status, told["param"], told["type"]) == (400, field, "invalid_request_error")
        assert "is wanted" in told["message"]


@pytest.mark.parametrize(
    "fields", [{"temperature": 1}, {"temperature": 0.5, "n": 1, "stream": None, "seed": None, "logprobs": None}]
)
def test_what_clients_send_is_taken(fields: dict[str, Any]) -> None:
    """Whole numbers where numbers are wanted, and null for what is not set."""
    ChatBody.model_validate({**CHAT, **fields})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"text": "a", "text": "b"}', "text"),
        ('{"text": "a", "\\u0074ext": "b"}', "text"),
        ('{"memories": [{"text": "a"}, {"text": "b", "metadata": {"y": {"z": 1, "z": 1}}}]}', "memories[1].metadata.y.z"),
        ('{"text": "a", "metadata": {"x": {}, "x": {}}}', "metadata.x"),
        ('[{"a": 1, "a": 2}]', "[0].a"),
    ],
)
def test_a_field_that_is_there_twice_is_refused_by_name(body: str, param: str) -> None:
    with pytest.raises(HttpError) as refused:
        read_json(body.encode())
    assert (refused.value.status, refused.value.param) == (400, param)


def test_a_large_body_is_not_read_once_more_to_name_a_field_that_is_there_twice() -> None:
    with pytest.raises(HttpError, match="the same field twice") as refused:
        read_json(json.dumps({"text": "a" * (2 << 20)}).replace("{", '{"text": "b", ').encode())
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "value",
    [
        {"text": '{"a": 1, "a": 2}'},
        {"text": 'a "quote": and \\', "a\\": {"a": 1}, 'b":': [{"a": 1}, {"a": 1}]},
        {"": {"": {"": ""}}},
        [],
        "a: b",
        7,
    ],
)
@pytest.mark.parametrize("indent", [None, 3])
def test_texts_that_look_like_fields_are_none(value: Any, indent: int | None) -> None:
    assert read_json(json.dumps(value, indent=indent).encode()) == value
