"""AsyncActor: a pykka.Actor whose mailbox is served by the asyncio loop, so that its handlers may be coroutines.

Knows messages, mailboxes and calls; how messages come from and go to other processes is the host's.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pykka
from loguru import logger
from pykka import ActorRegistry
from pykka.messages import _ActorStop

from actors.call import Call, current_call
from actors.execution import Execution
from actors.future import AsyncFuture
from actors.mailbox import Mailbox
from actors.message import Message, Reply
from transport.errors import Cancelled, DeadlineExceeded, Internal, LatticeError, UnknownType

if TYPE_CHECKING:
    from actors.host import Host
    from actors.metrics import Metric
    from actors.refs import Stream

__all__ = ["AsyncActor", "Delivery", "handles"]

H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")


def handles(message: type[Message]) -> Callable[[H], H]:
    """Mark a method as the handler of a contract: `async def`, `def`, or an async generator where the contract has parts.

    A generator yields parts, and last the reply, which ends the stream.
    """

    def mark(handler: H) -> H:
        handler.__handles__ = message  # type: ignore[attr-defined]
        return handler

    return mark


class Delivery:
    """A contract's message in a mailbox. Its answer goes to its execution; a tell has none."""

    __slots__ = ("call", "execution", "lane", "message", "on_failure", "reply_to", "type")

    def __init__(self, message: Message, call: Call, execution: Execution | None) -> None:
        self.message = message
        self.type = message.contract.type
        self.call = call
        self.lane = call.lane
        self.execution = execution
        self.reply_to = None


class AsyncActor(pykka.Actor):
    """See the module's docstring. An author writes a name, handlers, and perhaps the three hooks, which may be coroutines."""

    name: ClassVar[str] = ""
    concurrency: ClassVar[int] = 1
    """Handlers that may interleave at their awaits."""

    mailbox_limits: ClassVar[tuple[int, int]] = (1024, 1024)
    """Messages that may wait: foreground, background."""

    _handlers: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._handlers = {
            member.__handles__.contract.type: name
            for name, member in inspect.getmembers(cls, inspect.isfunction)
            if hasattr(member, "__handles__")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mailbox: Mailbox = self.actor_inbox  # type: ignore[assignment]
        mailbox.limits = dict(zip(("fg", "bg"), self.mailbox_limits, strict=True))
        self.host: Host | None = None
        self.handled = 0
        self.failed = 0
        self._mailbox = mailbox
        self._running: set[asyncio.Task[None]] = set()
        self._running_bg = 0
        self._owned: set[asyncio.Task[Any]] = set()
        self._on_end: Callable[[str | None, str | None], None] = lambda _reason, _traceback: None
        self._on_dead_letter: Callable[[str, str], None] = lambda _type, _reason: None
        self._started: asyncio.Future[None] | None = None

    # What an author uses

    @property
    def call(self) -> Call | None:
        """The call that is being handled, if any."""
        return current_call.get()

    async def ask(
        self,
        message: Message,
        *,
        to: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (seconds for the whole call, across processes)
        key: str | None = None,
        lane: str | None = None,
    ) -> Any:
        """Ask an actor, wherever it lives; see `Ref.ask`."""
        return await self._hosted.ref(to or message.contract.actor).ask(message, timeout=timeout, key=key, lane=lane)

    def tell(self, message: Message, *, to: str | None = None, key: str | None = None, lane: str | None = None) -> None:
        """Tell an actor, wherever it lives; see `Ref.tell`."""
        self._hosted.ref(to or message.contract.actor).tell(message, key=key, lane=lane)

    def stream(
        self, message: Message, *, to: str | None = None, timeout: float | None = None, key: str | None = None, lane: str | None = None
    ) -> Stream:
        """Ask for an answer in parts; see `Ref.stream`."""
        return self._hosted.ref(to or message.contract.actor).stream(message, timeout=timeout, key=key, lane=lane)

    def spawn(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run something beside the handlers. Its failure ends the actor; it is cancelled before `on_stop`."""
        # Outside any call: what runs on must not inherit a deadline.
        token = current_call.set(None)
        try:
            task = self._loop.create_task(coroutine, name=f"{self.name}:{name}")
        finally:
            current_call.reset(token)
        self._owned.add(task)
        task.add_done_callback(self._owned_ended)
        return task

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run what would hold the loop in one of the host's threads."""
        return await self._loop.run_in_executor(self._hosted.threads, function, *args)

    def metrics(self) -> list[Metric]:
        """What this actor adds to `sys.metrics`."""
        return []

    def readiness(self) -> str | None:
        """None when ready; else why not."""
        return None

    @property
    def _hosted(self) -> Host:
        if self.host is None:
            raise RuntimeError(f"{self} lives in no host: start it with Host.start_actor")
        return self.host

    # The seams that pykka leaves for a new runtime

    @staticmethod
    def _create_actor_inbox() -> Any:
        return Mailbox()

    @staticmethod
    def _create_future() -> Any:
        return AsyncFuture()

    def _start_actor_loop(self) -> None:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = shared_loop()
        self._loop_thread = threading.get_ident()
        if asyncio._get_running_loop() is self._loop:  # noqa: SLF001 (get_running_loop raises)
            self._begin()
        else:
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._wake = asyncio.Event()
        self._loop_thread = threading.get_ident()
        self._mailbox.on_put = self._wake_up
        self._main = self._loop.create_task(self._serve(), name=str(self))

    def _wake_up(self) -> None:
        if threading.get_ident() == self._loop_thread:
            self._wake.set()
        else:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _serve(self) -> None:
        """The actor's life, as pykka's `_actor_loop`: set up, run, tear down."""
        try:
            await settled(self.on_start())
        except Exception:
            await self._end_failed(*sys.exc_info(), hook=False)
            if self._started is not None and not self._started.done():
                self._started.set_exception(sys.exc_info()[1] or RuntimeError("on_start failed"))
        else:
            if self._started is not None and not self._started.done():
                self._started.set_result(None)

        while not self.actor_stopped.is_set():
            await self._serve_some()

        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        self._cancel_owned()
        self._actor_loop_teardown()

    async def _serve_some(self) -> None:
        self._wake.clear()
        while not self.actor_stopped.is_set() and len(self._running) < self.concurrency:
            # One slot is left to the foreground.
            background = self.concurrency == 1 or self._running_bg < self.concurrency - 1
            try:
                envelope = self._mailbox.get(background=background)
            except IndexError:
                break
            if isinstance(envelope, Delivery):
                self._start_handling(envelope)
            elif isinstance(envelope.message, _ActorStop):
                await self._finish_before_stop()
                await self._handle_plain(envelope)
            else:
                await self._handle_plain(envelope)

        if not self.actor_stopped.is_set():
            await self._wake.wait()

    async def _finish_before_stop(self) -> None:
        """Messages queued before a stop are handled before it, those of the other lane and those in flight too."""
        waiting = self._mailbox.waiting()["bg"]
        while waiting or self._running:
            while waiting and len(self._running) < self.concurrency:
                waiting -= 1
                with contextlib.suppress(IndexError):
                    self._start_handling(self._mailbox._lanes["bg"].popleft())
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _handle_plain(self, envelope: Any) -> None:
        """A message of pykka's own: a stop, a proxy's call, or anything for `on_receive`."""
        try:
            response = await settled(self._handle_receive(envelope.message))
            if envelope.reply_to is not None:
                envelope.reply_to.set(response)
        except Exception as error:
            if envelope.reply_to is not None:
                pykka._actor.logger.info(f"Exception returned from {self} to caller:", exc_info=sys.exc_info())
                envelope.reply_to.set_exception()
            else:
                await self._end_failed(type(error), error, error.__traceback__)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            pykka._actor.logger.debug(f"{error!r} in {self}. Stopping all actors.")
            await settled(self._stop())
            ActorRegistry.stop_all(block=False)

    def _start_handling(self, delivery: Delivery) -> None:
        execution = delivery.execution
        if execution is not None and execution.outcome is not None:
            return
        if delivery.call.remaining() <= 0:
            self._on_dead_letter(delivery.type, "its deadline passed in the mailbox")
            if execution is not None:
                execution.finish(DeadlineExceeded("the call's time was up before it was begun"))
            return

        task = self._loop.create_task(self._handle(delivery))
        self._running.add(task)
        self._running_bg += delivery.lane == "bg"
        timer = self._loop.call_at(delivery.call.deadline, self._time_is_up, delivery, task)
        if execution is not None:
            execution.task = task

        def ended(task: asyncio.Task[None]) -> None:
            timer.cancel()
            self._running.discard(task)
            self._running_bg -= delivery.lane == "bg"
            self._wake.set()

        task.add_done_callback(ended)

    def _time_is_up(self, delivery: Delivery, task: asyncio.Task[None]) -> None:
        if delivery.execution is not None:
            delivery.execution.cancel(DeadlineExceeded())
        else:
            task.cancel()

    async def _handle(self, delivery: Delivery) -> None:
        current_call.set(delivery.call)
        execution = delivery.execution
        try:
            outcome: Reply | LatticeError | None = await self._run(delivery)
            self.handled += 1
        except LatticeError as error:
            outcome = error
        except asyncio.CancelledError:
            outcome = (execution.why_cancelled if execution is not None else None) or Cancelled("the actor is being stopped")
        except Exception as error:
            self.failed += 1
            if execution is None:
                await self._end_failed(type(error), error, error.__traceback__)
                return
            logger.opt(exception=error).error("a handler failed", type=delivery.type, call=delivery.call.id)
            outcome = Internal(f"{delivery.type} failed; the log of {self.name} says why")

        if execution is not None:
            execution.finish(outcome if outcome is not None else Internal(f"{delivery.type}: the handler answered nothing"))

    async def _run(self, delivery: Delivery) -> Reply | None:
        name = self._handlers.get(delivery.type)
        if name is None:
            raise UnknownType(f"{self.name} handles no {delivery.type!r}")

        answer = getattr(self, name)(delivery.message)
        if not hasattr(answer, "__aiter__"):
            return await settled(answer)

        reply: Reply | None = None
        contract, execution = delivery.message.contract, delivery.execution
        async with contextlib.aclosing(answer) as items:
            async for item in items:
                if contract.part is not None and isinstance(item, contract.part):
                    if execution is not None:
                        await execution.put(item)
                else:
                    reply = item
        return reply

    def _stop(self) -> Any:
        """As pykka's; a coroutine where `on_stop` is one."""
        ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        self._cancel_owned()
        pykka._actor.logger.debug(f"Stopped {self}")
        return self._stopped()

    async def _stopped(self) -> None:
        if self._owned:
            await asyncio.wait(self._owned)
        try:
            await settled(self.on_stop())
        except Exception:
            self._handle_failure(*sys.exc_info())
        self._on_end(None, None)

    async def _end_failed(self, kind: Any, error: Any, traceback: Any, *, hook: bool = True) -> None:
        if self.actor_stopped.is_set():
            return
        self._handle_failure(kind, error, traceback)
        self._cancel_owned()
        if hook:
            try:
                await settled(self.on_failure(kind, error, traceback))
            except Exception:
                self._handle_failure(*sys.exc_info())
        self._wake.set()
        import traceback as tracebacks

        self._on_end(f"{kind.__name__}: {error}", "".join(tracebacks.format_exception(error)))

    def _cancel_owned(self) -> None:
        for task in self._owned:
            task.cancel()

    def _owned_ended(self, task: asyncio.Task[Any]) -> None:
        self._owned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.actor_stopped.is_set():
            failing = self._loop.create_task(self._end_failed(type(error), error, error.__traceback__))
            self._running.add(failing)
            failing.add_done_callback(self._running.discard)


async def settled(value: Any) -> Any:
    """A value, or what an awaitable comes to."""
    return await value if inspect.isawaitable(value) and not isinstance(value, pykka.Future) else value


def shared_loop() -> asyncio.AbstractEventLoop:
    """The loop of actors that are started outside any: one thread for all of them."""
    with _shared_lock:
        if not _shared:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="actors", daemon=True).start()
            _shared.append(loop)
        return _shared[0]


_shared: list[asyncio.AbstractEventLoop] = []
_shared_lock = threading.Lock()
