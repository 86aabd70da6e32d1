"""One attempt: what one endpoint says to a request, and what its breaker, its limit and the ledger learn of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from enum import Enum

from actors.llm.attempts import Key
from actors.llm.breakers import Leave
from actors.llm.catalogue import Catalogue
from actors.llm.endpoint import Endpoint, Tally
from actors.llm.evidence import LOOK_AGAIN
from actors.llm.failure import Blame, Failure
from actors.llm.form import Answer, Asked, Event, Piece
from actors.llm.messages import Usage


class Stage(Enum):
    """How far an attempt is. None comes back to a stage before."""

    CHOSEN = "chosen"
    """The endpoint knows nothing of it yet."""

    COUNTED = "counted"
    """It is in flight, as far as the endpoint knows; the task that makes it has not begun."""

    WAITING = "waiting"
    """Its first token is waited for."""

    OVERDUE = "overdue"
    """It has failed by its allowance, and is listened to all the same."""

    LEFT = "left"
    """It was overdue, and is not listened to any longer since there is somebody else to ask."""

    SPEAKING = "speaking"
    """Its first token has come."""

    OVER = "over"


LATE = {Stage.OVERDUE, Stage.LEFT}


@dataclass(slots=True)
class Attempt:
    """A call to an endpoint.

    Args:
        endpoint: who is asked.
        leave: of its breakers.
        key: what it is remembered by.
        wanted: the model that was asked for; None or one that it has not: its first.
        catalogue: which models there are.
        tally: counts the calls made upstream.
        deadline: of the caller, in the loop's time.
        used: called at the end with the endpoint, the model and what was used.
        left: called when the endpoint has room again.
        silent: called when it has been silent for a tenth of its first token's allowance.
        patience_s: for how many seconds from now it is listened to beyond its allowance; None: somebody else is to be asked.
    """

    endpoint: Endpoint
    leave: Leave
    key: Key
    wanted: str | None
    catalogue: Catalogue
    tally: Tally
    deadline: float | None
    used: Callable[[Endpoint, str, Usage], None]
    left: Callable[[], None]
    silent: Callable[[Attempt], None] = lambda _: None
    patience_s: Callable[[Attempt], float | None] = lambda _: 0.0
    patient: bool = False
    """It is known to answer late: its allowance is the caller's time."""

    foreground: bool = True
    """Somebody waits for it."""

    stage: Stage = Stage.CHOSEN
    model: str = ""
    """The model that was asked."""

    began: float = 0.0
    """When it began, in the endpoint's time."""

    first_token_s: float = 0.0
    """How long its first token took, once that has come."""

    alarm: asyncio.TimerHandle = field(init=False)
    """Set as long as it is in flight and says nothing."""

    async def events(self, asked: Asked) -> AsyncGenerator[Event]:
        """What the endpoint says.

        Raises:
            Failure: of whatever kind; the breaker knows of it by then.
        """
        endpoint = self.endpoint
        with self.working():
            model = self.wanted
            if model is None or not self.catalogue.may_have(endpoint, model):
                model = await self.catalogue.first(endpoint)

            self.model = model
            while True:
                there = endpoint.fitted(asked, model)
                answer = Answer()
                told = endpoint.generate(there, deadline=self.deadline, tally=self.tally, answer=answer, overdue=self.more_s)
                try:
                    async with aclosing(told) as events:
                        async for event in events:
                            if isinstance(event, Piece):
                                self.speaks()

                            yield event
                except Failure as failure:
                    if answer.begun or not endpoint.adapts(failure, there):
                        raise
                else:
                    return
                finally:
                    if answer.begun or answer.counted.prompt_tokens is not None:
                        self.used(endpoint, model, answer.usage(there))

    def speaks(self) -> None:
        """A token has come."""
        took_s = self.endpoint.now() - self.began
        if self.stage is Stage.SPEAKING:
            self.endpoint.evidence.went_on(took_s - self.first_token_s)
            return

        self.first_token_s = took_s
        self.alarm.cancel()
        self.endpoint.answered(self.first_token_s)
        self.endpoint.evidence.spoke()
        if took_s > self.endpoint.settings.first_token_timeout_s:
            self.endpoint.evidence.answered_late()

        self.heard_no_more()
        self.stage = Stage.SPEAKING
        self.leave.first_token()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a call as in flight, tell the breaker how it ended, and let the next one in line on."""
        endpoint = self.endpoint
        self.count()
        self.stage = Stage.WAITING
        try:
            yield
        except Failure as failure:
            failure.amid = self.stage is Stage.SPEAKING
            if failure.stale:
                endpoint.evidence.doubtful()
                self.leave.abandoned()
                raise

            if self.stage in LATE:
                if failure.blame is Blame.ENDPOINT:
                    endpoint.evidence.failed_late(heard_out=failure.silent and self.stage is not Stage.LEFT)

                raise

            endpoint.failed(failure, self.began)
            match failure.blame:
                case Blame.ENDPOINT:
                    self.blame(failure)
                case Blame.CALLER:
                    self.leave.abandoned()
                case _:
                    self.leave.succeeded()

            raise
        except BaseException:
            self.leave.abandoned()
            raise
        else:
            self.succeeded()
        finally:
            self.is_over()

    def count(self) -> None:
        """Count it as in flight, before a task of its own begins it: whoever looks for an endpoint until then is to know."""
        if self.stage is not Stage.CHOSEN:
            return

        self.stage = Stage.COUNTED
        self.began = self.endpoint.begun()
        self.endpoint.evidence.asked()
        self.alarm = asyncio.get_running_loop().call_later(
            LOOK_AGAIN * self.endpoint.settings.first_token_timeout_s, lambda: self.silent(self)
        )

    def forgo(self) -> None:
        """Its task has ended. Where that was before it began the call is not in flight any more."""
        if self.stage is Stage.COUNTED:
            self.leave.abandoned()
            self.is_over()

    def is_over(self) -> None:
        """It is in flight no more."""
        self.alarm.cancel()
        self.endpoint.left()
        if self.stage is not Stage.SPEAKING:
            self.heard_no_more()

        self.stage = Stage.OVER
        self.left()

    def more_s(self) -> float:
        """Its allowance is up. For how long it is listened to all the same, until that is asked again.

        Only where there is nobody else to ask. Its breaker opens in any case, so that no others come.
        """
        endpoint = self.endpoint
        allowance_s = endpoint.settings.first_token_timeout_s
        if self.patient:
            return LOOK_AGAIN * allowance_s if endpoint.evidence.late else 0.0

        left_s = self.patience_s(self)
        if left_s is None and self.stage is Stage.OVERDUE:
            self.stage = Stage.LEFT

        if left_s is None or left_s <= 0:
            return 0.0

        if self.stage is Stage.WAITING:
            self.stage = Stage.OVERDUE
            failure = Failure(f"no token within {allowance_s:g} s", overload=True, silent=True)
            endpoint.failed(failure, self.began)
            self.blame(failure)
            endpoint.evidence.overdue()

        return min(LOOK_AGAIN * allowance_s, left_s)

    def blame(self, failure: Failure) -> None:
        """Tell the breaker of a failure of the endpoint's own."""
        # A long prompt of the background's may well take longer than people are asked to wait.
        heard = self.endpoint.evidence.answered_at >= self.began
        silent = failure.silent and self.foreground and not heard
        self.leave.failed(failure, silent=silent, amid_answers=failure.silent and heard)

    def heard_no_more(self) -> None:
        """Its first token is waited for no more."""
        if self.stage in LATE:
            self.endpoint.evidence.left_late()

        self.endpoint.evidence.left()

    def succeeded(self) -> None:
        """The call came to its end; one that began too late counts as failed all the same."""
        endpoint = self.endpoint
        slow_s = endpoint.settings.breaker.slow_s
        if slow_s is not None and self.first_token_s > slow_s:
            slow = Failure(f"slow: its first token took more than {slow_s:g} s", overload=True)
            endpoint.failed(slow, self.began)
            self.leave.failed(slow)
            return

        endpoint.latest.ended(success=True)
        endpoint.evidence.finished()
        endpoint.concurrency.succeeded(endpoint.in_flight)
        self.leave.succeeded()
