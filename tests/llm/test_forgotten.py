"""What models were asked for stays in the accounts when its namespace is forgotten; the name does not."""

import asyncio

from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.ledger import FORGOTTEN, Ledger, Used
from actors.llm.messages import GetUsage
from actors.llm.settings import LlmSettings
from actors.memory.actor import Memory
from actors.memory.messages import ForgetNamespace, NewMemory, Remember
from actors.memory.settings import MemorySettings
from tests.older_copy import put_back, put_by


async def charge(home, namespace: str) -> None:
    """Write a call into the accounts while no actor has them open."""
    ledger = Ledger(home / "llm.db")
    await ledger.open()
    await ledger.record(Used("2026-01-01", namespace, "first", "gpt-test", 10, 20, 0.5))
    await ledger.follow(0, "")
    await ledger.close()


async def remember(host: Host, namespace: str, count: int = 1) -> None:
    memories = tuple(NewMemory(text=f"line {number}") for number in range(count))
    await host.ref("memory").ask(Remember(namespace=namespace, memories=memories))


async def until_lost(host: Host, namespace: str) -> None:
    """Wait until the accounts know a namespace no longer."""
    async with asyncio.timeout(20):
        while namespace in (names := await accounts(host)):  # noqa: ASYNC110 (no event tells of it)
            await asyncio.sleep(0.01)
    assert FORGOTTEN in names


async def accounts(host: Host) -> set[str]:
    return {row.namespace for row in (await host.ref("llm").ask(GetUsage(days=3650))).rows}


async def test_a_namespace_that_an_older_memory_forgets_loses_its_name_though_that_has_grown_past_what_was_followed(
    short_dir,
) -> None:
    for namespace in ("ana", "ben"):
        await charge(short_dir, namespace)
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), short_dir)
        for namespace in ("ana", "ben"):
            await remember(host, namespace)
    put_by(short_dir / "memory.db")
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), short_dir)
        await host.start_actor(Llm, LlmSettings(discover=False), short_dir)
        await remember(host, "ben", 9)
        await host.ref("memory").ask(ForgetNamespace(namespace="ben"))
        await until_lost(host, "ben")
    put_back(short_dir / "memory.db")
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), short_dir)
        await host.ref("memory").ask(ForgetNamespace(namespace="ana"))
        await remember(host, "other", 30)
        await host.start_actor(Llm, LlmSettings(discover=False), short_dir)
        await until_lost(host, "ana")
        assert await accounts(host) == {FORGOTTEN}
