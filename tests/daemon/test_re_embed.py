"""Re-embed, with memory's real lane: its vectors come from the llm actor's embeddings endpoint, which a test can take away."""

import asyncio

from actors.clock import ManualClock
from actors.daemon.actor import Daemon
from actors.daemon.messages import PauseCycle, Rehearse, ResumeCycle
from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.messages import AddEndpoint
from actors.llm.settings import EndpointSettings, LlmSettings
from actors.memory.actor import Memory
from actors.memory.messages import GetStats, NewMemory, Recall, Remember
from actors.memory.settings import MemorySettings
from tests.daemon.house import begun, cycle, run, settings
from tests.model_server import SyncModelServer
from transport.addresses import run_directory

COUNT = 40


async def test_records_that_wait_for_an_embedder_get_their_vectors_in_a_run_that_counts_them(short_dir) -> None:
    clock = ManualClock()
    with SyncModelServer() as server:
        async with Host(run_dir=run_directory(short_dir)) as host:
            data = short_dir / "data"
            await host.start_actor(Llm, LlmSettings(discover=False), data)
            await host.start_actor(Memory, MemorySettings(embedder="llm"), data, clock)
            memory, daemon = host.ref("memory"), host.ref("daemon")
            await memory.ask(Remember(memories=tuple(NewMemory(text=f"The fox number {n} is red.") for n in range(COUNT))))
            await host.start_actor(Daemon, settings(cycles=["re-embed"], re_embed={"enabled": True}), data, clock)

            # Nobody makes vectors yet: a dry run says what waits, and words find what was said.
            rehearsed = await daemon.ask(Rehearse(name="re-embed"))
            assert rehearsed.effects == {"pending": COUNT}
            assert (await memory.ask(Recall(query="number 7"))).memories[0].text == "The fox number 7 is red."
            server.always(text="ok")
            endpoint = {"name": "a", "base_url": server.base_url, "models": ["gpt-test"], "embedding_models": ["embedder"]}
            await host.ref("llm").ask(AddEndpoint(endpoint=endpoint))
            await begun(host)
            await run(host, "re-embed")
            async with asyncio.timeout(90):
                while (await memory.ask(GetStats())).pending:
                    await run(host, "re-embed")

            # Now they are found by their vectors too.
            (hit, *_) = (await memory.ask(Recall(query="The fox number 7 is red.", explain=True))).memories
            assert hit.text == "The fox number 7 is red."
            assert hit.explain["dense"] > 0
            assert [seen for seen in server.log() if seen["path"].endswith("embeddings")]

            await daemon.ask(PauseCycle(name="re-embed"))
            assert (await cycle(host, "re-embed")).paused


async def test_paused_memory_makes_no_vectors_until_it_is_resumed_also_after_a_restart_of_the_daemon(short_dir) -> None:
    clock = ManualClock()
    wanted = settings(cycles=["re-embed"], re_embed={"enabled": True})
    with SyncModelServer() as server:
        endpoint = EndpointSettings(name="a", base_url=server.base_url, models=("gpt-test",), embedding_models=("embedder",))
        async with Host(run_dir=run_directory(short_dir)) as host:
            data = short_dir / "data"
            await host.start_actor(Llm, LlmSettings(discover=False, endpoints=(endpoint,)), data)
            await host.start_actor(Memory, MemorySettings(embedder="llm"), data, clock)
            memory, daemon = host.ref("memory"), host.ref("daemon")
            for text in ("The fox is red.", "The fox is quick."):
                await host.start_actor(Daemon, wanted, data, clock)
                await begun(host)
                await daemon.ask(PauseCycle(name="re-embed"))
                await memory.ask(Remember(memories=(NewMemory(text=text),)))
                held = await memory.ask(GetStats(wait_embedded_ms=1500))
                assert held.pending >= 1
                assert (await memory.ask(Recall(query="red fox"))).memories
                await host.stop_actor("daemon")

            await host.start_actor(Daemon, wanted, data, clock)
            assert (await cycle(host, "re-embed")).paused
            await daemon.ask(ResumeCycle(name="re-embed"))
            assert (await memory.ask(GetStats(wait_embedded_ms=20_000))).pending == 0
