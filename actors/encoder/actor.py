"""The encoder actor: takes texts to the model, in threads of their own.

It is a process of its own because of what it loads: a hundred megabytes and third-party kernels, which memory can lose and
still answer. Whoever asks before the model is there is told so; nothing waits for it to be made.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from loguru import logger

from actors.encoder.messages import (
    Describe,
    Described,
    Encode,
    Encoded,
    EncodeQuestion,
    Passage,
    PassageVectors,
    QuestionVectors,
)
from actors.encoder.settings import EncoderSettings
from actors.metrics import Metric
from actors.runtime import AsyncActor, handles
from transport.errors import Unavailable

__all__ = ["Encoder"]

T = TypeVar("T")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from actors.encoder.minilm import MiniLM

LOAD_WAIT_S = 5.0
"""How long a question waits for a prepared model to be loaded: after this process was replaced, 0.3 s on an idle machine."""

FIRST_S = 0.01
"""After its start, how long the encoder answers who has waited for it before it begins to load, which takes the interpreter
from the loop, in seconds."""

BUSY_MS = 2000
"""When to ask again while the model is being prepared."""


class Encoder(AsyncActor):
    """Reads texts with MiniLM.

    Args:
        settings: see `EncoderSettings`.
        data_dir: holds cache/, unless the settings name another place for it.
    """

    name: ClassVar[str] = "encoder"
    concurrency: ClassVar[int] = 16

    def __init__(self, settings: EncoderSettings, data_dir: Path) -> None:
        super().__init__()
        self.settings = settings
        self._folder = settings.cache_dir or data_dir / "cache"
        self._state: Literal["ready", "preparing", "absent"] = "preparing"
        self._reason = "it is being loaded"
        self._name = ""
        self._model: MiniLM | None = None
        self._loaded = asyncio.Event()
        self._front = ThreadPoolExecutor(1, "encoder questions")
        self._back = ThreadPoolExecutor(settings.threads, "encoder passages", initializer=_step_back, initargs=(settings.nice,))
        self._read = 0

    async def on_start(self) -> None:
        """Be ready at once; the model comes later."""
        if self.settings.model == "none":
            self._is_absent("the settings say that there is to be none")
        else:
            self.spawn(self._load(), name="load the model")

    async def on_stop(self) -> None:
        """End the threads."""
        self._front.shutdown(wait=False, cancel_futures=True)
        self._back.shutdown(wait=False, cancel_futures=True)

    async def on_failure(self, *_: object) -> None:
        """End the threads."""
        await self.on_stop()

    @handles(Describe)
    async def describe(self, message: Describe) -> Described:
        """What it reads with."""
        if message.wait_ms and self._state == "preparing":
            with suppress(TimeoutError):
                async with asyncio.timeout(message.wait_ms / 1000):
                    await self._loaded.wait()
        return Described(model=self._name, state=self._state, reason=self._reason)

    @handles(EncodeQuestion)
    async def encode_question(self, message: EncodeQuestion) -> QuestionVectors:
        """Vectors of a question."""
        model = await self._when_loaded()
        words = await asyncio.get_running_loop().run_in_executor(self._front, model.question, message.text)
        return QuestionVectors(model=self._name, tokens=words.tokens.tobytes(), vectors=words.vectors.tobytes())

    @handles(Encode)
    async def encode(self, message: Encode) -> Encoded:
        """Vectors of passages."""
        model = await self._when_loaded()
        loop = asyncio.get_running_loop()
        parts = [message.passages[number :: self.settings.threads] for number in range(self.settings.threads)]
        read = await asyncio.gather(*(loop.run_in_executor(self._back, _passages, model, part) for part in parts if part))
        self._read += len(message.passages)
        vectors = [
            read[number % self.settings.threads][number // self.settings.threads] for number in range(len(message.passages))
        ]
        return Encoded(model=self._name, passages=tuple(vectors))

    def metrics(self) -> list[Metric]:
        """How many passages were read, and whether the model is loaded."""
        return [
            Metric("lattice_encoder_passages", "counter", "Passages read", [({}, self._read)]),
            Metric("lattice_encoder_ready", "gauge", "1 when the model is loaded", [({}, int(self._model is not None))]),
        ]

    async def _when_loaded(self) -> MiniLM:
        if self._model is None and self._state == "preparing":
            try:
                async with asyncio.timeout(LOAD_WAIT_S):
                    await self._loaded.wait()
            except TimeoutError:
                raise Unavailable(f"the model: {self._reason}", retry_after_ms=BUSY_MS) from None
        if self._model is None:
            raise Unavailable(f"there is no model: {self._reason}", retry_after_ms=60_000)
        return self._model

    async def _load(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(FIRST_S)
        self._name, path = await loop.run_in_executor(self._front, _place, self._folder)
        there = await loop.run_in_executor(self._front, path.exists)
        # What is made for the first time takes seconds and is nobody's hurry; what was made is somebody's question.
        thread = self._front if there else self._back
        if not there:
            self._reason = "it is being prepared, once; seconds"
        try:
            self._model = await loop.run_in_executor(thread, _load, path)
        except Exception as error:  # noqa: BLE001 (whatever it was, recall goes on without; the operator is told)
            logger.bind(error=type(error).__name__).error("the model cannot be loaded: {}", error)
            self._is_absent(str(error))
            return
        if self._model is None:
            from actors.encoder.weights import INSTALL

            self._is_absent(f"it is not installed: {INSTALL}")
            return
        self._state, self._reason = "ready", ""
        self._loaded.set()
        logger.bind(model=self._name).info("the model is loaded")

    def _is_absent(self, reason: str) -> None:
        self._state, self._reason = "absent", reason
        self._loaded.set()
        logger.info("no model: {}", reason)


def _place(folder: Path) -> tuple[str, Path]:
    from actors.encoder.minilm import model_name

    name = model_name()
    return name, folder / f"{name}.model"


def _load(path: Path) -> MiniLM | None:
    from actors.encoder.minilm import MiniLM, prepare

    prepared = prepare(path)
    return None if prepared is None else MiniLM(prepared)


def _passages(model: MiniLM, passages: Sequence[Passage]) -> list[PassageVectors]:
    words = [model.passage(passage.text, passage.before) for passage in passages]
    return [PassageVectors(tokens=one.tokens.tobytes(), vectors=one.vectors.tobytes()) for one in words]


def _step_back(nice: int) -> None:
    """Lower the priority of the calling thread alone, as Linux allows."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
