"""Clients of a row: over HTTP with the openai package, over the wire with nothing of ours.

Each keeps its own history; what it does follows from its own seed. Knows no fault and judges nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import openai

from chaos.history import History, Outcome
from chaos.raw import Refused, Unanswered, Wire
from chaos.words import fact, question

__all__ = ["END_S", "Client", "Follower", "HttpTalker", "HttpWriter", "Shared", "WireTalker", "WireWriter"]

PER_SESSION = 40
"""Facts after which a client begins another session: reading one back stays cheap."""

EXCHANGES = 3
"""How many exchanges a talk has."""

PACE_S = (0.0, 0.06)
"""How long a client waits between two operations, in seconds: the machine is to be busy, not to be measured."""

REQUEST_S = 60.0
END_S = 90.0
"""How long a client is waited for at its end, in seconds: longer than any operation may take."""

AGAIN_S = 0.1
"""How long a client waits before it repeats what failed, in seconds."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all clients of a row have in common."""

    url: str
    """The gateway's URL."""

    run_dir: Path
    """Where the actors' sockets are."""

    folder: Path
    """For their histories."""

    namespace: str
    """The namespace that they write to, and nobody else."""

    going: threading.Event = field(default_factory=threading.Event)
    """Set while they ask; clear while they are to keep quiet."""

    over: threading.Event = field(default_factory=threading.Event)
    """Set once they are to end."""


class Client:
    """One client: a thread, a seed, a history."""

    def __init__(self, shared: Shared, name: str, seed: str) -> None:
        self.shared = shared
        self.name = name
        self.rng = random.Random(seed)
        self.history = History(shared.folder / f"{name}.jsonl", name)
        self.resting = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)
        self.number = 0

    def run(self) -> None:
        """What the thread does: `work`, and then the history's end."""
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 (raised again by whoever stops the load)
            self.error = error
        finally:
            self.resting.set()
            self.history.close()

    def work(self) -> None:
        """Open what is needed and take turns."""
        raise NotImplementedError

    def turns(self) -> Iterator[None]:
        """One for each operation, until the load is over."""
        while not self.shared.over.wait(self.rng.uniform(*PACE_S)):
            if not self.shared.going.is_set():
                self.resting.set()
                self.shared.going.wait()
                self.resting.clear()
                continue
            yield

    def join(self) -> None:
        """Wait until it has ended."""
        self.thread.join(END_S)
        if self.thread.is_alive():
            raise TimeoutError(f"{self.name} did not end within {END_S:g} s")

    def next(self) -> int:
        """The number of its next fact or question."""
        self.number += 1
        return self.number


class Writer(Client):
    """Writes numbered facts, now and then one again with its key, and reads its session back."""

    def write_all(
        self,
        write: Callable[[str, list[str], str], list[str]],
        read: Callable[[str], list[str]],
        errors: Callable[[BaseException], Outcome | None],
    ) -> None:
        """Take turns at writing and reading until the load is over."""
        last: tuple[str, list[str], str] | None = None
        for _ in self.turns():
            session = f"{self.name}.{self.number // PER_SESSION}"
            chance = self.rng.random()
            if chance < 0.2:
                self.attempt("read", {"session": session}, partial(read_back, read, session), errors)
                continue
            if chance > 0.9 and last is not None:
                session, facts, key = last
            else:
                facts = [fact(self.rng, self.name, self.next()) for _ in range(self.rng.choice((1, 1, 1, 3)))]
                key = f"{self.name}:{self.number}"
            last = (session, facts, key)
            told = {"session": session, "facts": facts, "key": key}
            once = partial(write_once, write, session, facts, key)
            while self.attempt("write", told, once, errors) == "failed" and not self.shared.over.wait(AGAIN_S):
                pass

    def attempt(
        self,
        do: str,
        told: dict[str, Any],
        work: Callable[[], dict[str, Any]],
        errors: Callable[[BaseException], Outcome | None],
    ) -> Outcome:
        """One operation, with its two lines in the history."""
        op = self.history.begin(do, namespace=self.shared.namespace, **told)
        try:
            answer = work()
        except Exception as error:
            outcome = errors(error)
            if outcome is None:
                raise
            self.history.end(op, outcome, error=describe(error))
            return outcome
        self.history.end(op, "ok", **answer)
        return "ok"


def write_once(write: Callable[[str, list[str], str], list[str]], session: str, facts: list[str], key: str) -> dict[str, Any]:
    """What a write adds to its history."""
    return {"ids": write(session, facts, key)}


def read_back(read: Callable[[str], list[str]], session: str) -> dict[str, Any]:
    """What a read adds to its history."""
    return {"facts": read(session)}


class HttpWriter(Writer):
    """With the openai package's plain requests, as it comes: two repetitions of its own."""

    def work(self) -> None:
        """Write and read over HTTP."""
        with http_client(self.shared) as client:

            def write(session: str, facts: list[str], key: str) -> list[str]:
                body = {"memories": [{"text": text, "kind": "fact", "session": session} for text in facts]}
                options: Any = {"headers": {"Idempotency-Key": key}}
                told: Any = client.post("/memories", cast_to=object, body=body, options=options)
                return [memory["id"] for memory in told["memories"]]

            def read(session: str) -> list[str]:
                told: Any = client.get(f"/memories?limit=1000&kind=fact&session={session}", cast_to=object)
                return [memory["text"] for memory in told["memories"]]

            self.write_all(write, read, of_http)


class WireWriter(Writer):
    """Over memory's own socket."""

    def work(self) -> None:
        """Write and read over the wire."""
        with Wire(self.shared.run_dir / "memory.sock") as wire:
            namespace = self.shared.namespace

            def write(session: str, facts: list[str], key: str) -> list[str]:
                memories = [{"text": text, "kind": "fact", "session": session} for text in facts]
                told = wire.ask("memory.remember", {"namespace": namespace, "memories": memories}, key=key)
                return [memory["id"] for memory in told["memories"]]

            def read(session: str) -> list[str]:
                body = {"namespace": namespace, "session": session, "kind": "fact", "limit": 1000}
                return [memory["text"] for memory in wire.ask("memory.list", body)["memories"]]

            self.write_all(write, read, of_wire)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told."""

    said: str
    finish: str | None
    degraded: bool


class Talker(Client):
    """Talks of a few exchanges, whose whole history is sent each time. A failed one is repeated with its key."""

    def streams(self) -> bool:
        """Whether the next answer is to be a stream."""
        return True

    def talk(self, answer: Callable[[list[dict[str, str]], str, str, bool], Answer]) -> None:
        """Take turns until the load is over. `answer` gets messages, session, key, and whether it is to be a stream."""
        messages: list[dict[str, str]] = []
        session = ""
        for _ in self.turns():
            if len(messages) in {0, 2 * EXCHANGES}:
                messages, session = [], f"{self.name}.{self.number}"
            asked = question(self.rng, self.name, self.next())
            messages.append({"role": "user", "content": asked})
            said = self.until_answered(messages, session, f"{self.name}:{self.number}", answer)
            if said is None:
                return
            messages.append({"role": "assistant", "content": said})

    def until_answered(
        self,
        messages: list[dict[str, str]],
        session: str,
        key: str,
        answer: Callable[[list[dict[str, str]], str, str, bool], Answer],
    ) -> str | None:
        """One exchange, repeated until it is answered; None when the load is over before that."""
        asked = messages[-1]["content"]
        while True:
            asking = {"namespace": self.shared.namespace, "session": session, "question": asked, "expected": asked, "key": key}
            stream = self.streams()
            op = self.history.begin("chat", form="stream" if stream else "plain", **asking)
            try:
                told = answer(messages, session, key, stream)
            except Broken as error:
                self.history.end(op, "failed", broken=True, error=str(error))
            except (openai.OpenAIError, Refused, Unanswered) as error:
                self.history.end(op, "failed", error=describe(error))
            else:
                self.history.end(op, "ok", said=told.said, finish=told.finish, degraded=told.degraded)
                return told.said
            if self.shared.over.wait(AGAIN_S):
                return None


class HttpTalker(Talker):
    """With the openai package, plain and streaming by turns; what broke as a stream is also asked for in one piece."""

    def streams(self) -> bool:
        """By chance."""
        return self.rng.random() >= 0.4

    def work(self) -> None:
        """Talk over HTTP."""
        with http_client(self.shared) as client:

            def answer(messages: list[dict[str, str]], session: str, key: str, stream: bool) -> Answer:
                headers = {"X-Lattice-Session": session, "Idempotency-Key": key}
                create: Any = client.chat.completions.create
                if not stream:
                    whole = create(model="gpt-test", messages=messages, extra_headers=headers)
                    choice = whole.choices[0]
                    return Answer(choice.message.content or "", choice.finish_reason, whole.lattice["degraded"])

                said, finish, degraded = "", None, False
                with create(model="gpt-test", messages=messages, stream=True, extra_headers=headers) as chunks:
                    try:
                        for chunk in chunks:
                            degraded |= getattr(chunk, "lattice", {}).get("degraded", False)
                            for choice in chunk.choices:
                                said += choice.delta.content or ""
                                finish = choice.finish_reason or finish
                    except openai.OpenAIError as error:
                        raise Broken(describe(error)) from error
                return Answer(said, finish, degraded)

            self.talk(answer)


class WireTalker(Talker):
    """Over thinking's own socket, as a stream."""

    def work(self) -> None:
        """Talk over the wire."""
        with Wire(self.shared.run_dir / "thinking.sock") as wire:

            def answer(messages: list[dict[str, str]], session: str, key: str, stream: bool) -> Answer:
                body = {
                    "namespace": self.shared.namespace,
                    "session": session,
                    "messages": messages,
                    "model": "gpt-test",
                    "stream": stream,
                    "talk": session,
                    "retry": True,
                }
                said, finish, degraded = "", None, False
                try:
                    for kind, part in wire.stream("thinking.think", body, key=key, ttl_s=REQUEST_S):
                        if kind == "part":
                            said += part["delta"].get("content") or ""
                        else:
                            finish, degraded = part["choices"][0]["finish_reason"], part["degraded"]
                except Unanswered as error:
                    if said:
                        raise Broken(str(error)) from error
                    raise
                return Answer(said, finish, degraded)

            self.talk(answer)


class Follower(Client):
    """Follows memory's feed from where it stands, and waits for news."""

    def __init__(self, shared: Shared, name: str, seed: str) -> None:
        super().__init__(shared, name, seed)
        self.until: int | None = None
        """The change that it is to be told of before it ends; whoever ends the load sets it, from another thread."""

    def work(self) -> None:
        """Follow until the load is over and all was told."""
        with Wire(self.shared.run_dir / "memory.sock") as wire:
            cursor = wire.ask("memory.stats", {"namespace": self.shared.namespace})["feed_cursor"]
            deadline = None
            while (until := self.until) is None or cursor < until:
                if until is not None:
                    deadline = deadline or time.monotonic() + END_S / 2
                    if time.monotonic() > deadline:
                        break
                op = self.history.begin("feed", after=cursor)
                body = {"cursor": cursor, "limit": self.rng.choice((1, 7, 100)), "wait_ms": 500}
                try:
                    fed = wire.ask("memory.feed", body)
                except (Refused, Unanswered) as error:
                    self.history.end(op, "failed", error=str(error))
                    continue
                seqs = [change["seq"] for change in fed["changes"]]
                self.history.end(op, "ok", seqs=seqs, cursor=fed["cursor"])
                cursor = fed["cursor"]


class Broken(Exception):
    """A stream that ended in an error after it had begun."""


def http_client(shared: Shared) -> openai.OpenAI:
    """The openai package's client, with its own repetitions."""
    headers = {"X-Lattice-Namespace": shared.namespace}
    return openai.OpenAI(base_url=f"{shared.url}/v1", api_key="none", default_headers=headers, timeout=REQUEST_S)


def of_http(error: BaseException) -> Outcome | None:
    """What a failed HTTP operation means for the store; None: it is no answer but a fault of the campaign's own."""
    if isinstance(error, openai.APIStatusError) and error.status_code in {400, 401, 403, 404, 413, 422, 429}:
        return "refused"
    return "failed" if isinstance(error, openai.OpenAIError) else None


def of_wire(error: BaseException) -> Outcome | None:
    """The same over the wire."""
    if isinstance(error, Refused):
        return "refused"
    return "failed" if isinstance(error, Unanswered) else None


def describe(error: BaseException) -> str:
    """One line."""
    return f"{type(error).__name__}: {error}"[:300]
