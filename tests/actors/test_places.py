"""Where actors are found: addresses of their own, tcp with keys, and how large a message each takes."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from actors.host import Host
from tests.actors.conftest import Echo, Probe, Store, Warehouse
from transport import keys
from transport.errors import Invalid, Unauthorized, Unavailable


@pytest.fixture
def run_dir(short_dir):
    (short_dir / "run").mkdir(mode=0o700)
    return short_dir / "run"


async def test_an_actor_is_found_at_an_address_of_its_own(run_dir, short_dir, gates):
    (short_dir / "other").mkdir(mode=0o700)
    addresses = {"probe": f"ipc://{short_dir}/other/p.sock"}
    async with (
        Host(run_dir=run_dir, addresses=addresses) as host,
        Host(run_dir=run_dir, addresses=addresses, bind=False) as client,
    ):
        await host.start_actor(Probe, gates)
        assert (await client.ref("probe").ask(Echo(text="found"))).text == "found"
    assert not (run_dir / "probe.sock").exists()


async def test_over_tcp_an_actor_is_asked_with_keys_and_locally_without(run_dir, short_dir, gates):
    server, client, stranger = (keys.create(short_dir / "keys", name) for name in ("server", "client", "stranger"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        addresses = {"probe": f"tcp://127.0.0.1:{free.getsockname()[1]}"}

    def curve(pair):
        return keys.Curve(
            keys.ServerKeys(server, lambda: keys.allowed(short_dir / "keys")), lambda _: keys.ClientKeys(pair, server.public)
        )

    async with (
        Host(run_dir=run_dir, addresses=addresses, curve=curve(client)) as host,
        Host(run_dir=run_dir, addresses=addresses, curve=curve(client), bind=False) as friend,
        Host(run_dir=run_dir, addresses=addresses, curve=curve(stranger), bind=False) as foe,
        Host(run_dir=run_dir, bind=False) as neighbour,
    ):
        await host.start_actor(Probe, gates)
        assert (await friend.ref("probe").ask(Echo(text="over tcp"))).text == "over tcp"
        assert (await neighbour.ref("probe").ask(Echo(text="over ipc"))).text == "over ipc"
        with pytest.raises((Unauthorized, Unavailable)):
            await foe.ref("probe").ask(Echo(text="let me in"), timeout=2)


async def test_a_host_takes_large_messages_only_where_a_contract_wants_them(run_dir, gates):
    async with Host(run_dir=run_dir) as host, Host(run_dir=run_dir, bind=False) as client:
        await host.start_actor(Probe, gates)
        await host.start_actor(Warehouse)
        assert (await client.ref("store").ask(Store(text="x" * (3 << 20)))).size == 3 << 20
        with pytest.raises(Invalid):
            await client.ref("probe").ask(Echo(text="x" * (3 << 20)))


async def test_closing_leaves_the_names_to_others(run_dir, gates):
    for _ in range(2):
        async with Host(run_dir=run_dir) as host:
            await host.start_actor(Probe, gates)
    with suppress(FileNotFoundError):
        (run_dir / "probe.lock").unlink()
