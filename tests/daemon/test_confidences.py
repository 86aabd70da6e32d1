"""Who hears of what was drawn from a confidence, also while the daemon has yet to follow what memory forgot."""

from datetime import UTC, datetime

from actors.clock import ManualClock
from actors.daemon.confidences import with_tellers
from actors.daemon.messages import Aspect, ListStatements
from actors.memory.messages import Forget, NewMemory, Remember
from tests.daemon.house import house, run, said


async def test_an_aspect_is_no_more_open_for_evidence_that_is_forgotten(short_dir) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with house(short_dir, clock, parts=("memory",)) as host:
        memory = host.ref("memory")
        secret, _, plain = await said(host, clock, "I bought a boat. Don't tell Ada.", "Hm.", "I sail.", speaker="Bert")

        async def tellers(*evidence: str) -> list[tuple[str, ...]]:
            aspect = Aspect(
                kind="interest", name="boats", value=1.0, confidence=0.5, evidence=evidence, changed=datetime.now(UTC)
            )
            profile = await with_tellers(memory.ask, "default", {"Bert": (aspect,)})
            return [one.confided_by for one in profile.get("Bert", ())]

        assert await tellers(secret, plain) == [()]
        await memory.ask(Forget(ids=(plain,)))
        assert await tellers(secret, plain) == [("Bert",)]
        await memory.ask(Forget(ids=(secret,)))
        assert await tellers(secret, plain) == []


async def test_all_statements_together_are_one_question_of_who_told_them(short_dir) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with house(short_dir, clock, cycles=("statements",)) as host:
        for place in ("Porto", "Rome"):
            plan = NewMemory(text=f"I'm going to {place} tomorrow.", role="user", speaker="Bert", time=clock.now())
            await host.ref("memory").ask(Remember(memories=(plan,)))
        await run(host, "statements")
        clock.advance(3 * 86_400)
        handled = host._post.actors["memory"]._crew.tally.handled
        before = handled.copy()
        told = await host.ref("daemon").ask(ListStatements())
        asked = handled - before
    assert len(told.statements) == 2
    assert asked["memory.get"] == 2
    assert asked["memory.confidences"] == 1
