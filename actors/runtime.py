"""AsyncActor: a pykka.Actor whose mailbox is served by the asyncio loop, and whose handlers may be coroutines."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, ClassVar, TypeVar, cast

from pykka import Actor, ActorRef, ActorRegistry
from pykka._envelope import Envelope as PykkaEnvelope

from actors.background import background_loop
from actors.call import Call, calling, current_call
from actors.crew import Crew, run_handler
from actors.dead_letters import DeadLetters, Reason
from actors.delivery import Delivery
from actors.future import AsyncFuture
from actors.handlers import Handler, handler_table, handles
from actors.home import Home
from actors.kept import KeptCalls
from actors.mailbox import Mailbox
from actors.message import Message
from actors.metrics import Metric
from actors.pykka_ref import AsyncActorRef
from actors.refs import Stream
from transport.errors import KeyReused, LatticeError, Overloaded, UnknownType

__all__ = ["ActorRef", "AsyncActor", "AsyncFuture", "Call", "Metric", "Stream", "calling", "handles"]

T = TypeVar("T")
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

logger = logging.getLogger("pykka")


class AsyncActor(Actor):
    """An actor on the event loop.

    A subclass names itself and registers handlers for its contracts:

        class Greeter(AsyncActor):
            name = "greeter"

            @handles(Greet)
            async def greet(self, message: Greet) -> Greeted:
                known = await self.ask(Recall(query=message.text, k=5))
                return Greeted(text="hello", known=known.items)

    Behind the scenes, the following happens when a host starts it (`start()` alone does the same without a host):

    1.  It is created, with its mailbox, and registered in `pykka.ActorRegistry`.
    2.  Messages may reach its mailbox from now on; none is handled yet.
    3.  `on_start` runs. If it raises, the actor ends: `on_failure` runs, so that what was opened is closed.
    4.  Up to `concurrency` handlers run, interleaving at their awaits.
    5.  When it is asked to stop, what waits is handled first, then what was spawned is cancelled, then `on_stop` runs.
        When a tell, or something spawned, raises, it ends at once: handlers are cancelled and `on_failure` runs instead.
    """

    name: ClassVar[str] = ""
    """What it is called on the wire: the part of its contracts' types before the dot."""

    concurrency: ClassVar[int] = 1
    """Handlers that may interleave. With more than one, background messages leave one to the foreground."""

    mailbox_limits: ClassVar[tuple[int, int]] = (1024, 1024)
    """Messages that may wait in the foreground and in the background."""

    switch_s: ClassVar[float] = 0.005
    """How long a thread of its own may hold the interpreter while the loop wants it, in seconds: as CPython has it."""

    host: Home | None = None
    """The process's host; None where it was started by pykka's `start()`."""

    _handlers: ClassVar[dict[str, Handler]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._handlers = handler_table(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()
        mailbox = cast("Mailbox", self.actor_inbox)
        mailbox.limits = self.mailbox_limits
        mailbox.on_put = self._was_put
        mailbox.on_displaced = self._refuse
        self._mailbox = mailbox
        self._actor_ref = AsyncActorRef(self)
        self._crew = Crew(self, mailbox, self.concurrency)
        self._kept = KeptCalls(mailbox.offer)
        self._dead_letters = DeadLetters()
        self._spawned: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._task: asyncio.Task[None] | None = None
        self._over = False
        self._begun_badly = False
        self._failure: BaseException | None = None

    # What handlers use

    @property
    def call(self) -> Call | None:
        """The call being handled; None outside a handler, as in `on_start` or something spawned."""
        return current_call.get()

    async def ask(
        self,
        message: Message,
        *,
        to: str | None = None,
        timeout: float | None = None,
        key: str | None = None,
        lane: str | None = None,
    ) -> Any:
        """Asks an actor and waits for its reply, an instance of the contract's reply model; see `Ref.ask`."""
        return (
            await self._home()
            .ref(to or message.contract.actor, caller=self.name)
            .ask(message, timeout=timeout, key=key, lane=lane)
        )

    def tell(self, message: Message, *, to: str | None = None, lane: str | None = None, key: str | None = None) -> None:
        """Says something that nothing answers; see `Ref.tell`."""
        self._home().ref(to or message.contract.actor, caller=self.name).tell(message, lane=lane, key=key)

    def stream(
        self,
        message: Message,
        *,
        to: str | None = None,
        timeout: float | None = None,
        key: str | None = None,
        lane: str | None = None,
        id: str | None = None,  # noqa: A002 (the wire's own word)
    ) -> Stream:
        """Asks for an answer in parts; see `Ref.stream`."""
        return (
            self._home()
            .ref(to or message.contract.actor, caller=self.name)
            .stream(message, timeout=timeout, key=key, lane=lane, id=id)
        )

    def spawn(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Starts something that runs beside the handlers, outside any call.

        If it raises, the actor fails. It is cancelled before `on_stop`.
        """
        context = contextvars.copy_context()
        context.run(current_call.set, None)
        task = asyncio.get_running_loop().create_task(coroutine, name=name, context=context)
        self._spawned.add(task)
        task.add_done_callback(self._spawned_ended)

        return task

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Runs what would hold the loop in a thread of the host's pool. Cancelling does not stop what has begun there."""
        pool = self.host.pool if self.host is not None else None
        context = contextvars.copy_context()

        return await asyncio.get_running_loop().run_in_executor(pool, context.run, function, *args)

    def on_start(self) -> Any:
        """Runs before the first message is handled; may be a coroutine. If it raises, `on_failure` runs and the actor ends."""

    def on_stop(self) -> Any:
        """Runs after the last message was handled; may be a coroutine. Not called when the actor ends by a failure."""

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        """Runs in place of `on_stop` when something outside an ask has raised, `on_start` included; may be a coroutine."""

    def metrics(self) -> list[Metric]:
        """Figures for `sys.metrics` beyond the runtime's own."""
        return []

    def bounds(self) -> dict[str, tuple[float, float]]:
        """Limits of its own beside those of every process: what of it is used, and the limit, by resource."""
        return {}

    @property
    def has_begun(self) -> bool:
        """Whether `on_start` has run; messages may reach the mailbox before."""
        return self._task is not None and self._begun.done()

    def readiness(self) -> str | None:
        """None when it is ready to work; otherwise why not."""
        return None

    def _home(self) -> Home:
        if self.host is None:
            raise RuntimeError(f"{self} lives in no host; only Host.start_actor gives it a way to others")

        return self.host

    # Pykka's seams

    @staticmethod
    def _create_actor_inbox() -> Any:
        return Mailbox()

    @staticmethod
    def _create_future() -> AsyncFuture[Any]:
        return AsyncFuture()

    def _start_actor_loop(self) -> None:
        """On the running loop, or where none runs on the background loop that all such actors share."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = background_loop()
            loop.call_soon_threadsafe(self._begin_on, loop)
        else:
            self._begin_on(loop)

    # Life

    def _begin_on(self, loop: asyncio.AbstractEventLoop) -> None:
        context = contextvars.copy_context()
        context.run(current_call.set, None)
        self._loop = loop
        self._thread = threading.get_ident()
        self._ending: asyncio.Future[ExcInfo | None] = loop.create_future()
        self._begun: asyncio.Future[None] = loop.create_future()
        self._task = loop.create_task(self._live(), name=str(self), context=context)

    async def _live(self) -> None:
        try:
            await self._begin()

            if not self.actor_stopped.is_set():
                failure = await self._ending

                if failure is None:
                    await self._end_well()
                else:
                    await self._end_badly(failure)
        finally:
            if not self.actor_stopped.is_set():
                ActorRegistry.unregister(self.actor_ref)
                self.actor_stopped.set()

            self._over = True
            self._actor_loop_teardown()

            # Of one that is killed: nobody waits for these.
            for task in self._spawned:
                task.cancel()

            if not self._begun.done():
                self._begun.set_result(None)

            unfinished = [*await self._crew.close(), *self._mailbox.clear(), *self._kept.abandon()]

            if self.host is not None:
                self.host._ended(self, unfinished, self._failure)  # noqa: SLF001 (its own host)

    async def _begin(self) -> None:
        try:
            await _awaited(self.on_start())
        except Exception:  # noqa: BLE001 (the supervisor's to decide)
            self._begun_badly = True
            await self._end_badly(sys.exc_info())
        else:
            self._begun.set_result(None)
            self._crew.open()

    async def _end_well(self) -> None:
        ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        logger.debug("Stopped %s", self)
        await self._cancel_spawned()

        try:
            await _awaited(self.on_stop())
        except Exception as error:  # noqa: BLE001 (pykka's rule: logged, and the actor stops)
            self._failure = error
            self._handle_failure(*sys.exc_info())

        if self._mailbox.stop is not None:
            stop, self._mailbox.stop = self._mailbox.stop, None

            if stop.reply_to is not None:
                stop.reply_to.set(None)

    async def _end_badly(self, failure: ExcInfo) -> None:
        self._failure = failure[1]
        self._handle_failure(*failure)
        await self._cancel_spawned()
        await self._crew.close()

        try:
            await _awaited(self.on_failure(*failure))
        except Exception:  # noqa: BLE001 (pykka's rule: logged)
            self._handle_failure(*sys.exc_info())

    def _stop_reached(self) -> None:
        if not self._ending.done():
            self._ending.set_result(None)

    def _fail(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Ends the actor: something outside an ask has raised."""
        if not self._ending.done():
            self._ending.set_result((kind, error, traceback))

    def _spawned_ended(self, task: asyncio.Task[Any]) -> None:
        self._spawned.discard(task)

        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(type(error), error, error.__traceback__)

    async def _cancel_spawned(self) -> None:
        spawned = list(self._spawned)

        for task in spawned:
            task.cancel()

        if spawned:
            await asyncio.wait(spawned)

    # Messages

    def _was_put(self) -> None:
        if self._over:
            self._actor_loop_teardown()
        elif self._loop is None:
            return
        elif threading.get_ident() == self._thread:
            self._crew.wake()
        else:
            self._loop.call_soon_threadsafe(self._crew.wake)

    def _admit(self, delivery: Delivery) -> None:
        """Takes a delivery into the mailbox, or answers why not. On the loop."""
        handler = self._handlers.get(delivery.contract.type)

        if handler is None:
            delivery.fail(UnknownType(f"{self.name} does not handle {delivery.contract.type}"))
            self._dead("unknown_type", delivery)
            return

        delivery.handler = handler

        try:
            if delivery.contract.kept and delivery.answered:
                self._kept.admit(delivery)
            else:
                self._mailbox.offer(delivery)
        except KeyReused as error:
            delivery.fail(error)
            self._dead("invalid", delivery)
        except Overloaded as error:
            self._refuse(delivery, error)

    def _refuse(self, delivery: Delivery, error: Overloaded) -> None:
        delivery.fail(error)
        self._dead("overloaded", delivery)

    def _dead(self, reason: Reason, delivery: Delivery) -> None:
        dead_letters = self.host.dead_letters if self.host is not None else self._dead_letters
        dead_letters.add(reason, to=self.name, type=delivery.contract.type, id=delivery.id, caller=delivery.caller)

    async def _handle_envelope(self, envelope: PykkaEnvelope[Any]) -> None:
        """Handles one of pykka's own messages, by pykka's rules."""
        reply_to = envelope.reply_to

        try:
            response = await self._receive(envelope.message)

            if reply_to is not None:
                reply_to.set(response)
        except LatticeError as error:
            if reply_to is None:
                self._fail(*sys.exc_info())
            else:
                reply_to.set_exception((type(error), error, error.__traceback__))
        except Exception:  # pykka's rule: whatever it is goes to the caller, or ends the actor
            if reply_to is None:
                self._fail(*sys.exc_info())
            else:
                logger.info("Exception returned from %s to caller:", self, exc_info=True)
                reply_to.set_exception()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 (pykka's rule: all actors stop)
            logger.debug("%r in %s. Stopping all actors.", error, self)
            self._stop_reached()
            ActorRegistry.stop_all(block=False)

    async def _receive(self, message: Any) -> Any:
        handler = self._handlers.get(message.contract.type) if isinstance(message, Message) else None

        if handler is not None:
            return await run_handler(self, handler, message)

        return await _awaited(self._handle_receive(message))


async def _awaited(value: Any) -> Any:
    return await value if inspect.iscoroutine(value) else value
