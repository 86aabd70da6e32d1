"""Hedging: when an endpoint is slower than it usually is, a second one is asked too, and whoever speaks first answers.

As in Dean and Barroso, "The Tail at Scale": the second call goes out after the 95th percentile, so that it is rare.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from actors.llm.attempt import Attempt
from actors.llm.failure import Failure
from actors.llm.form import Asked, Event, Piece


class Runner:
    """An attempt, listened to until its first token."""

    def __init__(self, attempt: Attempt, asked: Asked) -> None:
        self.attempt = attempt
        self.events = attempt.events(asked)
        attempt.count()
        self.lead: asyncio.Task[list[Event]] = asyncio.create_task(self.listen())

    async def listen(self) -> list[Event]:
        """What comes up to the first token, or up to the end."""
        heard: list[Event] = []
        async for event in self.events:
            heard.append(event)
            if isinstance(event, Piece):
                break

        return heard

    async def close(self) -> None:
        """Leave it: its connection is closed."""
        self.lead.cancel()
        await asyncio.wait({self.lead})
        await self.events.aclose()
        self.attempt.forgo()


class Race:
    """One answer, from whoever speaks first.

    Args:
        attempt: who is asked first.
        asked: for what.
        delay: seconds after which a second one is asked; None: never.
        second: finds the second one; None when there is nobody, or no budget.
        lost: told of one that failed while the other went on.
    """

    def __init__(
        self,
        attempt: Attempt,
        asked: Asked,
        *,
        delay: float | None,
        second: Callable[[], Attempt | None],
        lost: Callable[[Attempt, Failure], None],
    ) -> None:
        self.winner = attempt
        """The attempt whose answer it is."""

        self.asked = asked
        self.delay = delay
        self.second = second
        self.lost = lost

    async def events(self) -> AsyncGenerator[Event]:
        """What the winner says.

        Raises:
            Failure: when everyone who was asked has failed: the last one's.
        """
        if self.delay is None:
            async with aclosing(self.winner.events(self.asked)) as events:
                async for event in events:
                    yield event
            return

        runners = [Runner(self.winner, self.asked)]
        try:
            await asyncio.wait({runners[0].lead}, timeout=self.delay)
            if not runners[0].lead.done() and (other := self.second()) is not None:
                runners.append(Runner(other, self.asked))

            runner = await self.first(runners)
            for event in runner.lead.result():
                yield event

            async for event in runner.events:
                yield event
        finally:
            for runner in runners:
                await runner.close()

    async def first(self, runners: list[Runner]) -> Runner:
        """The first one to speak; the others are left."""
        while True:
            await asyncio.wait({runner.lead for runner in runners}, return_when=asyncio.FIRST_COMPLETED)
            for runner in [runner for runner in runners if runner.lead.done()]:
                failure = runner.lead.exception()
                self.winner = runner.attempt
                if failure is not None and len(runners) == 1:
                    raise failure

                if isinstance(failure, Failure):
                    self.lost(runner.attempt, failure)
                    runners.remove(runner)
                    await runner.close()
                    continue

                if failure is not None:
                    raise failure

                # Each stands in the list until it is closed: who is cancelled in between closes what is left in it.
                for other in [other for other in runners if other is not runner]:
                    await other.close()
                    runners.remove(other)

                return runner
