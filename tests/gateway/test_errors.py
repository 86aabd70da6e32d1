"""What a wrong request is told: always OpenAI's form, always the field that is wrong."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from tests.gateway.house import House, house, user

CHAT = "/v1/chat/completions"
WRONG_BODIES: list[tuple[str, Any, str | None]] = [
    (CHAT, {}, "messages"),
    (CHAT, {"messages": []}, "messages"),
    (CHAT, {"messages": "hello"}, "messages"),
    (CHAT, {"messages": ["hello"]}, "messages[0]"),
    (CHAT, {"messages": [{"content": "hello"}]}, "messages[0].role"),
    (CHAT, {"messages": [user("a"), {"role": "wizard", "content": "b"}]}, "messages[1].role"),
    (CHAT, {"messages": [user("a")], "stream": "perhaps"}, "stream"),
    (CHAT, {"messages": [user("a")], "reasoning_effort": "utmost"}, "reasoning_effort"),
    (CHAT, {"messages": [user("a")], "model": "m" * 257}, "model"),
    (CHAT, {"messages": [user("a")], "session": ""}, "session"),
    (CHAT, [], None),
    ("/v1/memories", {}, "memories"),
    ("/v1/memories", {"memories": []}, "memories"),
    ("/v1/memories", {"text": ""}, "memories[0].text"),
    ("/v1/memories", {"text": "a", "colour": "red"}, "memories[0].colour"),
    ("/v1/memories", {"memories": [{"text": "a"}, {"text": "b", "importance": 2}]}, "memories[1].importance"),
    ("/v1/memories", {"text": "a", "time": "yesterday"}, "memories[0].time"),
    ("/v1/memories", {"text": "a", "kind": "rumour"}, "memories[0].kind"),
    ("/v1/memories", {"text": "a", "metadata": {"": 1}}, "memories[0].metadata"),
    ("/v1/memories/search", {"query": "a", "metadata": {"a\0": 1}}, "metadata"),
    ("/v1/memories/search", {}, "query"),
    ("/v1/memories/search", {"query": "a", "k": 0}, "k"),
    ("/v1/memories/search", {"query": "a", "k": 201}, "k"),
    ("/v1/memories/search", {"query": "a", "kinds": ["turn", "rumour"]}, "kinds[1]"),
    ("/v1/memories/search", {"query": "a", "namespace": ""}, "namespace"),
    ("/v1/embeddings", {"input": [[1, 2]]}, "input[0]"),
    ("/v1/embeddings", {"model": "m"}, None),
    ("/v1/paradoxes/check", {"statements": []}, "new"),
    ("/v1/paradoxes/check", {"statements": [{"text": ""}], "new": {"text": "a"}}, "statements[0].text"),
    ("/v1/paradoxes/px_1/resolve", {"state": "ignored", "reason": "x"}, "state"),
    ("/v1/thinking/analyze", {"text": ""}, "text"),
]


@pytest.mark.parametrize(("path", "body", "param"), WRONG_BODIES)
async def test_a_wrong_body_is_told_which_field(bare: House, path: str, body: Any, param: str | None) -> None:
    status, told = await bare.call("POST", path, body)

    assert status == 400
    assert told["error"]["type"] == "invalid_request_error"
    assert told["error"]["code"] == "invalid"
    if param is not None:
        assert told["error"]["param"] == param
        assert told["error"]["message"].startswith(param)


@pytest.mark.parametrize(
    "data",
    [b"{", b"\xff\xfe", b"[" * 50_000, b"{'a': 1}", b"\x00"],
)
async def test_what_is_not_json_is_told_so(bare: House, data: bytes) -> None:
    async with bare.http.post(bare.url + CHAT, data=data) as response:
        told = await response.json()

    assert response.status == 400
    assert told["error"]["message"].startswith("the body is not JSON")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the body is empty; JSON is wanted"),
        (b"[]", "the body is not a JSON object"),
        (b'{"messages": [{"role": "user", "content": "half a pair \\ud800"}]}', "messages[0].content: holds half of a"),
        (b'{"messages": [], "temperature": NaN}', "temperature: NaN and infinities are no numbers in JSON"),
        (b'{"messages": [{"role": "user", "content": 5}]}', "messages[0].content: a text is wanted"),
        (b'{"messages": [{"role": "user", "content": [5]}]}', "messages[0].content[0]: a JSON object is wanted"),
        (b'{"messages": [{"role": "user", "content": [[]]}, 5]}', "messages[0].content[0]: a JSON object is wanted"),
        (b'{"messages": {}}', "messages: a list is wanted"),
        (b'{"messages": []}', "messages: is empty"),
    ],
)
async def test_a_wrong_body_is_told_in_words_of_http_not_of_python(bare: House, data: bytes, message: str) -> None:
    async with bare.http.post(bare.url + CHAT, data=data) as response:
        told = await response.json()

    assert response.status == 400
    assert told["error"]["message"].startswith(message)
    param, colon, _ = message.partition(":")
    assert told["error"]["param"] == (param if colon else None)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/memories?limit=0", "limit"),
        ("/v1/memories?limit=many", "limit"),
        ("/v1/memories?kind=rumour", "kind"),
        ("/v1/memories?colour=red", "colour"),
        ("/v1/memories?limit=1&limit=2", "limit"),
        ("/v1/sessions?limit=1001", "limit"),
        ("/v1/paradoxes?open=perhaps", "open"),
        ("/v1/daemon/runs?limit=-1", "limit"),
    ],
)
async def test_a_wrong_query_is_told_which_parameter(bare: House, path: str, param: str) -> None:
    status, told = await bare.call("GET", path)

    assert (status, told["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("headers", "param"),
    [
        ({"X-Lattice-Memory": "maybe"}, "X-Lattice-Memory"),
        ({"X-Lattice-Timeout": "soon"}, "X-Lattice-Timeout"),
        ({"X-Lattice-Timeout": "-1"}, "X-Lattice-Timeout"),
        ({"X-Lattice-Timeout": "1_0"}, "X-Lattice-Timeout"),
        ([("X-Lattice-Timeout", "1"), ("X-Lattice-Timeout", "2")], "X-Lattice-Timeout"),
        ([("Idempotency-Key", "a"), ("Idempotency-Key", "b")], "Idempotency-Key"),
        ({"X-Lattice-Namespace": "n" * 129}, "X-Lattice-Namespace"),
        ({"X-Lattice-Session": "s" * 257}, "X-Lattice-Session"),
        ({"Idempotency-Key": "k" * 257}, "Idempotency-Key"),
    ],
)
async def test_a_wrong_header_is_told_so(bare: House, headers: dict[str, str], param: str) -> None:
    status, told = await bare.call("POST", CHAT, {"messages": [user("a")]}, headers=headers)

    assert (status, told["error"]["param"]) == (400, param)


async def test_a_header_that_is_there_twice_is_refused(bare: House) -> None:
    """A proxy that adds one to a client's own must not leave it to chance whose memory it is."""
    headers = [("X-Lattice-Namespace", "anna"), ("X-Lattice-Namespace", "berta")]
    async with bare.http.get(f"{bare.url}/v1/memories", headers=headers) as response:
        told = await response.json()

    assert (response.status, told["error"]["param"]) == (400, "X-Lattice-Namespace")


async def test_a_header_and_a_body_that_name_different_namespaces_are_refused(bare: House) -> None:
    status, told = await bare.call(
        "POST", "/v1/memories", {"text": "a", "namespace": "one"}, headers={"X-Lattice-Namespace": "other"}
    )

    assert (status, told["error"]["param"]) == (400, "namespace")


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/mcp/", "/v1/memories/"])
async def test_what_is_not_there_is_404_in_json(bare: House, path: str) -> None:
    for method in ("GET", "POST"):
        status, told = await bare.call(method, path)
        assert status == 404
        assert told["error"]["code"] == "not_found"


async def test_a_wrong_method_names_the_right_ones(bare: House) -> None:
    async with bare.http.put(f"{bare.url}/v1/memories") as response:
        told = await response.json()

    assert response.status == 405
    assert response.headers["Allow"] == "GET,HEAD,POST"
    assert told["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused(short_dir, chunked: bool) -> None:
    async def pieces():
        for _ in range(8):
            yield b" " * 1024

    async with house(short_dir, parts=(), max_body_bytes=4096) as bare:
        data = pieces() if chunked else b" " * 8192
        async with bare.http.post(bare.url + CHAT, data=data) as response:
            told = await response.json()

    assert response.status == 413
    assert told["error"]["code"] == "too_large"


async def test_a_body_that_does_not_come_is_not_waited_for(short_dir) -> None:
    async with house(short_dir, parts=(), read_timeout_s=0.05) as bare:
        reader, writer = await asyncio.open_connection(*bare.gateway.address)
        writer.write(b"POST /v1/memories HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert head.startswith(b"HTTP/1.1 408 ")


async def test_an_actor_that_is_not_there_is_unavailable_within_the_clients_time(bare: House) -> None:
    # Enough to be asked at all: a time that is up before that is 504.
    async with bare.http.get(f"{bare.url}/v1/memories", headers={"X-Lattice-Timeout": "0.5"}) as response:
        told = await response.json()

    assert response.status == 503
    assert told["error"]["code"] == "unavailable"
    assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda client: client.chat.completions.create(model="m", messages=[]), openai.BadRequestError),
        (lambda client: client.models.retrieve("gpt-none"), openai.NotFoundError),
        (lambda client: client.get("/memories/mem_none", cast_to=object), openai.NotFoundError),
        (lambda client: client.get("/nothing", cast_to=object), openai.NotFoundError),
    ],
)
async def test_the_openai_package_raises_its_own_errors(lattice: House, call, kind: type[openai.APIStatusError]) -> None:
    with pytest.raises(kind) as raised:
        await call(lattice.openai(max_retries=2))

    assert raised.value.code in {"invalid", "not_found"}
    assert raised.value.response.headers["x-should-retry"] == "false"


async def test_an_answer_of_ours_that_is_wrong_is_not_the_requests_fault(
    lattice: House, logged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def secret(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(models=[SimpleNamespace(id="gpt-test", created="a secret", endpoint="first")])

    monkeypatch.setattr(lattice.gateway, "ask", secret)
    status, told = await lattice.call("GET", "/v1/models")

    assert status == 500
    assert told["error"]["code"] == "internal"
    (line,) = [line for line in logged if line["message"] == "request failed"]
    assert "secret" not in str(line["exception"].value)


async def test_every_answer_has_a_request_id(bare: House) -> None:
    for path in ("/healthz", "/v1/nothing"):
        async with bare.http.get(bare.url + path, headers={"X-Request-Id": "my-own.1"}) as response:
            assert response.headers["X-Request-Id"] == "my-own.1"
        async with bare.http.get(bare.url + path, headers={"X-Request-Id": "not one!"}) as response:
            assert response.headers["X-Request-Id"].startswith("req_")


async def test_one_line_a_request_is_logged_without_contents(lattice: House, logged: list[dict[str, Any]]) -> None:
    await lattice.post(CHAT, {"messages": [user("A secret of mine.")]}, x_request_id="r1")
    await lattice.call("GET", "/v1/memories/mem_secret")
    await lattice.post("/v1/memories", {"text": "Another secret."})

    lines = [line for line in logged if line["message"].startswith("request")]
    assert [(line["extra"]["status"], line["extra"]["route"]) for line in lines] == [
        (200, CHAT),
        (404, "/v1/memories/{id}"),
        (201, "/v1/memories"),
    ]
    assert lines[0]["extra"]["request_id"] == "r1"
    assert "secret" not in json.dumps([{**line["extra"], "message": line["message"]} for line in lines], default=str)


async def test_what_is_only_looked_at_is_no_line_unless_it_fails(bare: House, logged: list[dict[str, Any]]) -> None:
    for path in ("/healthz", "/v1/memories/mem_none"):
        await bare.call("GET", path, headers={"Priority": "u=7", "X-Lattice-Timeout": "1"})
        await bare.call("GET", path, headers={"X-Lattice-Timeout": "1"})

    lines = [line["extra"]["route"] for line in logged if line["message"].startswith("request")]
    assert lines == ["/healthz", "/v1/memories/{id}", "/v1/memories/{id}"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, {"model": "gpt-none", "messages": [user("a")]}, "model"),
        ("/v1/embeddings", {"model": "gpt-none", "input": "a"}, "model"),
        ("/v1/responses", {"model": "gpt-none", "input": "a"}, "model"),
    ],
)
async def test_a_model_that_nobody_has_is_told_by_the_name_of_the_field(
    lattice: House, path: str, body: Any, param: str
) -> None:
    status, told = await lattice.call("POST", path, body)

    assert (status, told["error"]["param"]) == (404, param)
    assert "'gpt-none'" in told["error"]["message"]


async def test_what_anthropics_package_asks_for_in_vain_is_refused_in_its_own_form(bare: House) -> None:
    status, told = await bare.call("POST", "/v1/messages/batches", {"requests": []})

    assert (status, told["type"], told["error"]["type"]) == (404, "error", "not_found_error")


@pytest.mark.parametrize("path", ["/v1/memories", "/v1/sessions", "/v1/paradoxes", "/v1/daemon/runs"])
async def test_a_cursor_of_elsewhere_is_refused_by_its_name(lattice: House, path: str) -> None:
    for cursor in ("nonsense", "9" * 40, "-1", "1e400"):
        status, told = await lattice.call("GET", f"{path}?cursor={cursor}")

        assert (cursor, status, told["error"]["param"]) == (cursor, 400, "cursor")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("size", [1 << 64, -(1 << 63) - 1], ids=["2^64", "-2^63-1"])
async def test_a_field_that_is_passed_on_and_holds_more_than_64_bits_is_named(lattice: House, size: int, stream: bool) -> None:
    for path, body, param in (
        (CHAT, {"messages": [user("a")], "vendor": {"options": [1, size]}}, "vendor.options[1]"),
        (CHAT, {"messages": [{**user("a"), "weight": size}]}, "messages[0].weight"),
        ("/v1/responses", {"input": "a", "top_k": size}, "top_k"),
    ):
        status, error = await lattice.refused(path, {**body, "stream": stream})
        assert (status, error["param"]) == (400, param), error


async def test_a_name_with_nul_is_refused_in_words(bare: House) -> None:
    status, told = await bare.call("GET", "/v1/paradoxes/a%00b")
    assert (status, told["error"]["message"], told["error"]["param"]) == (400, "id: holds a NUL character", "id")
