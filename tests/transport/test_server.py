"""A server among strangers: it answers whom it can, counts the rest, and never waits for anyone."""

from __future__ import annotations

import asyncio
import socket as sockets
from pathlib import Path

import msgpack
import pytest
import zmq

from tests.transport.echo_server import EchoServer
from tests.transport.test_codec import ANSWERABLE_HEADERS, BAD_BODIES, BAD_HEADERS, EMPTY, packed
from transport.envelope import REPLY, Envelope
from transport.errors import Conflict, Invalid, Unavailable
from transport.server import BATCH


class Stranger:
    """A DEALER that sends what it likes; read in a thread, so that the loop of the server goes on."""

    def __init__(self, address, **options):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.RCVTIMEO, 10_000)

        for name, value in options.items():
            self.socket.set(getattr(zmq, name), value)

        self.socket.connect(address)

    def send(self, *frames):
        self.socket.send_multipart(frames)

    async def receive(self):
        header, body = await asyncio.to_thread(self.socket.recv_multipart)
        return msgpack.unpackb(header), msgpack.unpackb(body)

    def close(self):
        self.socket.close()
        self.context.term()


@pytest.fixture
def stranger(echo):
    stranger = Stranger(echo.address)
    yield stranger
    stranger.close()


async def echoes(stranger, call_id="fine"):
    """The server lives: it answers a well-formed ask, before which everything sent earlier has been dealt with."""
    stranger.send(packed(id=call_id), EMPTY)
    header, _ = await stranger.receive()
    return header["kind"] == "reply" and header["id"] == call_id


async def test_bytes_whose_sender_cannot_be_told_are_counted_and_the_host_goes_on(stranger, echo):
    for raw in BAD_HEADERS.values():
        stranger.send(raw, EMPTY)

    stranger.send(b"")
    stranger.send(b"\xc1")

    assert await echoes(stranger)
    assert sum(echo.server.counters.rejected.values()) == len(BAD_HEADERS) + 2
    assert len(echo.asked) == 1


async def test_bytes_whose_sender_can_be_told_are_answered_invalid(stranger, echo):
    messages = [(raw, EMPTY) for raw in ANSWERABLE_HEADERS.values()]
    messages += [(packed(), raw) for raw in BAD_BODIES.values() if len(raw) <= 1 << 20]
    messages += [(packed(),), (packed(), EMPTY, EMPTY)]

    for frames in messages:
        stranger.send(*frames)
        header, body = await stranger.receive()
        assert (header["kind"], header["id"], header["inc"], body["code"]) == ("error", "c1", "one", "invalid")
        assert body["retryable"] is False

    assert await echoes(stranger)
    assert sum(echo.server.counters.rejected.values()) == len(messages)


async def test_a_frame_beyond_the_limit_ends_the_connection_and_not_the_server(stranger, echo):
    stranger.send(packed(), b"\x81\xa1a\xc6\x00\x20\x00\x00" + bytes(2 << 20))
    other = Stranger(echo.address)

    assert await echoes(other)
    other.close()


@pytest.mark.parametrize("kind", ["reply", "part", "error"])
async def test_what_only_servers_send_is_counted_and_not_answered(stranger, echo, kind):
    stranger.send(packed(kind=kind, seq=0), EMPTY)

    assert await echoes(stranger)
    assert echo.server.counters.rejected["direction"] == 1


@pytest.mark.parametrize("kind", ["reply", "part", "error"])
@pytest.mark.parametrize("wrong", [{"v": 2}, {"seq": -1}, {"ttl": "soon"}, {"lane": []}], ids=str)
async def test_what_only_servers_send_is_not_answered_when_it_is_malformed_either(stranger, echo, kind, wrong):
    header = packed(**({"kind": kind, "seq": 0} | wrong))

    for frames in ((header, EMPTY), (header,), (header, b"\xc1")):
        stranger.send(*frames)

    stranger.send(packed(kind="part"), EMPTY)

    assert await echoes(stranger)
    assert sum(echo.server.counters.rejected.values()) == 4


async def test_a_flood_of_what_is_dear_to_refuse_gives_the_loop_back(stranger, echo):
    bad = b"\x81\xa1a\xdc\x3f\xff" + b"\xa4\xc3\xa9\xc3\xa9" * ((1 << 14) - 2) + b"\xa1\xff"
    rejected = echo.server.counters.rejected
    most = 0

    for _ in range(100):
        stranger.send(packed(), bad)

    async with asyncio.timeout(60):
        while (before := rejected.total()) < 100:
            await asyncio.sleep(0)
            most = max(most, rejected.total() - before)

    assert 0 < most <= 8


async def test_an_ask_for_another_incarnation_is_refused_and_not_handled(stranger, echo):
    stranger.send(packed(inc="gone"), EMPTY)
    header, body = await stranger.receive()

    assert (header["kind"], body["code"], body["retryable"]) == ("error", "unavailable", True)
    assert echo.asked == []


async def test_answers_of_one_tick_leave_together_and_in_order(stranger, echo, monkeypatch):
    flushes = []
    flush = echo.server._flush
    monkeypatch.setattr(echo.server, "_flush", lambda: (flushes.append(1), flush())[1])
    await echoes(stranger)
    flushes.clear()
    stranger.send(packed(type="t.count", id="s"), msgpack.packb({"n": 50}))
    numbers = [(await stranger.receive())[1] for _ in range(51)]

    assert [body["i"] for body in numbers[:50]] == list(range(50))
    assert len(flushes) == 1


async def test_a_peer_that_does_not_read_costs_a_bounded_amount_and_nobody_else_waits(echo, monkeypatch):
    monkeypatch.setattr("transport.server.OUTBOX", 100)
    slow = Stranger(echo.address, RCVHWM=1)
    slow.send(packed(type="t.silent", id="slow"), EMPTY)
    await echo.until(lambda: echo.asked)
    peers = []
    echo.answer = lambda peer, _: peers.append(peer)
    slow.send(packed(id="again"), EMPTY)
    await echo.until(lambda: peers)
    del echo.answer
    body = {"a": "x" * 10_000}

    for _ in range(3000):
        echo.server.send(peers[0], Envelope(REPLY, "again", body=body))

    other = Stranger(echo.address)
    assert await echoes(other)

    dropped = echo.server.counters.dropped["slow"]
    assert dropped > 1000
    assert len(echo.server._blocked[peers[0]].messages) == 100

    for _ in range(3000 - dropped):
        await slow.receive()

    assert await echoes(slow)
    assert echo.server._blocked == {}
    slow.close()
    other.close()


async def blocked(echo, *strangers):
    """Peers that have more answers waiting than they read."""
    peers = []

    for number, stranger in enumerate(strangers, 1):
        echo.answer = lambda peer, _: peers.append(peer)
        stranger.send(packed(), EMPTY)
        await echo.until(lambda number=number: len(peers) == number)

    del echo.answer

    for _ in range(3000):
        for peer in peers:
            echo.server.send(peer, Envelope(REPLY, "c1", body={"a": "x" * 10_000}))

    await asyncio.sleep(0)
    return peers


async def test_all_slow_peers_together_cost_a_bounded_amount(echo, monkeypatch):
    monkeypatch.setattr("transport.server.WAITING_BYTES", 1 << 20)
    slow = [Stranger(echo.address, RCVHWM=1) for _ in range(3)]
    peers = await blocked(echo, *slow)

    assert sum(echo.server._blocked[peer].size for peer in peers if peer in echo.server._blocked) <= 1 << 20
    assert echo.server.counters.dropped["slow"] > 3000

    for stranger in slow:
        stranger.close()


async def test_a_flood_beside_a_peer_that_does_not_read_gives_the_loop_back(echo):
    slow = Stranger(echo.address, RCVHWM=1)
    await blocked(echo, slow)
    flood = Stranger(echo.address, SNDHWM=0)
    most = 0

    for _ in range(20_000):
        flood.send(packed(kind="tell"), EMPTY)

    async with asyncio.timeout(30):
        while (before := len(echo.told)) < 20_000:
            await asyncio.sleep(0)
            most = max(most, len(echo.told) - before)

    assert 0 < most <= 4 * BATCH
    slow.close()
    flood.close()


async def test_a_peer_that_left_is_told_of_and_counted(short_dir):
    gone = []
    echo = EchoServer(on_gone=gone.append)
    stranger = Stranger(echo.server.bind(f"ipc://{short_dir}/e.sock"))
    peers = []
    echo.answer = lambda peer, _: peers.append(peer)
    stranger.send(packed(), EMPTY)
    await echo.until(lambda: peers)
    stranger.close()

    async with asyncio.timeout(10):
        while not gone:
            echo.server.send(peers[0], Envelope(REPLY, "c1"))
            await asyncio.sleep(0)

    assert gone[0] == peers[0]
    assert echo.server.counters.dropped["gone"] == len(gone)
    await echo.server.close()


async def test_an_answer_that_cannot_be_encoded_becomes_an_error(stranger, echo):
    echo.answer = lambda peer, ask: echo.server.send(peer, Envelope(REPLY, ask.id, body={"a": "x" * (1 << 20)}))
    stranger.send(packed(), EMPTY)
    header, body = await stranger.receive()

    assert (header["kind"], body["code"]) == ("error", "internal")


async def test_closing_sends_what_is_queued_first(short_dir):
    echo = EchoServer()
    stranger = Stranger(echo.server.bind(f"ipc://{short_dir}/e.sock"))
    stranger.send(packed(), EMPTY)
    await echo.until(lambda: echo.asked)
    await echo.server.close()

    assert (await stranger.receive())[0]["kind"] == "reply"
    stranger.close()


async def test_one_server_listens_at_several_addresses(short_dir):
    echo = EchoServer()
    strangers = [Stranger(echo.server.bind(address)) for address in (f"ipc://{short_dir}/e.sock", "tcp://127.0.0.1:*")]

    for stranger in strangers:
        assert await echoes(stranger)
        stranger.close()

    assert echo.server.addresses[1].startswith("tcp://127.0.0.1:")
    await echo.server.close()


@pytest.fixture
async def server():
    server = EchoServer().server
    yield server
    await server.close()


async def test_a_regular_file_at_the_path_is_left_as_it_is(server, short_dir):
    path = short_dir / "precious.sock"
    path.write_text("data")

    with pytest.raises(Conflict, match="not a socket"):
        server.bind(f"ipc://{path}")

    assert path.read_text() == "data"


async def test_a_link_at_the_path_is_left_as_it_is(server, short_dir):
    (short_dir / "target").write_text("data")
    (short_dir / "e.sock").symlink_to(short_dir / "target")

    with pytest.raises(Conflict, match="not a socket"):
        server.bind(f"ipc://{short_dir}/e.sock")


async def test_a_dead_process_socket_is_replaced_and_the_new_one_is_its_owners_alone(server, short_dir):
    path = short_dir / "e.sock"
    stale = sockets.socket(sockets.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    address = server.bind(f"ipc://{path}")
    stranger = Stranger(address)

    assert await echoes(stranger)
    assert path.stat().st_mode & 0o077 == 0
    stranger.close()


async def test_a_socket_where_somebody_listens_is_left_alone(echo, server, stranger):
    with pytest.raises(Conflict, match="listens"):
        server.bind(echo.address)

    assert await echoes(stranger)


async def test_the_length_of_a_path_is_checked_to_the_byte(server, short_dir):
    room = 107 - len(str(short_dir)) - 1
    server.bind(f"ipc://{short_dir}/{'x' * room}")

    with pytest.raises(Invalid, match="at most 107"):
        server.bind(f"ipc://{short_dir}/{'y' * (room + 1)}")


async def test_a_directory_that_others_can_enter_is_refused(server, short_dir):
    (short_dir / "open").mkdir(mode=0o755)
    (short_dir / "open").chmod(0o755)

    with pytest.raises(Invalid, match="open to others"):
        server.bind(f"ipc://{short_dir}/open/e.sock")


REFUSED = (
    "tcp://0.0.0.0:* tcp://*:5000 tcp://[::]:5000 tcp://localhost:1 tcp://127.0.0.1 ipc://relative.sock ipc://* "
    "ipc:///no/such/place/e.sock inproc://x udp://1"
)


@pytest.mark.parametrize("address", REFUSED.split())
async def test_addresses_that_are_refused(server, address):
    with pytest.raises(Invalid):
        server.bind(address)


async def test_a_port_that_is_taken_is_unavailable(server):
    with sockets.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(Unavailable):
            server.bind(f"tcp://127.0.0.1:{other.getsockname()[1]}")


async def test_no_thread_is_started_for_a_message_or_an_actor(client):
    def threads():
        return len(list(Path("/proc/self/task").iterdir()))

    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    before = threads()
    await asyncio.gather(*(client.ask(f"actor{n}", "t.echo", {}, ttl_ms=5000) for n in range(200)))

    assert threads() == before


async def test_a_server_that_closes_leaves_no_socket_file_behind(short_dir):
    echo = EchoServer()
    echo.server.bind(f"ipc://{short_dir}/echo.sock")
    assert (short_dir / "echo.sock").is_socket()
    await echo.server.close()
    assert not (short_dir / "echo.sock").exists()
