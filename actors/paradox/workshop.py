"""Where judging is done: two threads beside the loop, one for whoever waits and one, at low priority, for the background.

The classifier is loaded by the first thread that needs it. Where it cannot be, the rules judge alone, and that is said once.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from loguru import logger

from actors.affect.classifier import load as load_affect
from actors.neural_network import NetworkMissing
from actors.paradox.classifier.model import Classifier, load
from actors.paradox.judge import Judge
from actors.paradox.judging.pair import Judgement
from actors.paradox.messages import Checked, Statement
from actors.paradox.settings import ParadoxSettings

__all__ = ["Workshop"]

T = TypeVar("T")

NICE = 15
"""The niceness of the background thread: a backlog is worked off in what others leave over."""


class Workshop:
    """Judges in threads.

    Args:
        settings: which classifier to use, if any.
    """

    def __init__(self, settings: ParadoxSettings) -> None:
        self._settings = settings
        self._judge: Judge | None = None
        self._loading = threading.Lock()
        self._front = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._back = ThreadPoolExecutor(1, thread_name_prefix="judge-background", initializer=step_back)

    async def check(self, statements: Sequence[Statement], new: Statement) -> Checked:
        """The verdict on `new` against all `statements`; before whatever the background does."""
        return await self._run(self._front, lambda: self._ready().check(statements, new))

    async def pairs(self, pairs: Sequence[tuple[Statement, Statement]]) -> list[Judgement]:
        """A judgement for each (earlier, later), as if it were alone, in the background."""
        if not pairs:
            return []
        return await self._run(self._back, lambda: self._ready().pairs(pairs))

    async def several(self, pairs: Sequence[tuple[Statement, Statement]]) -> list[Judgement]:
        """A judgement for each (earlier, later) of one statement, in the background."""
        if not pairs:
            return []
        return await self._run(self._back, lambda: self._ready().several(pairs))

    async def feel(self, texts: Sequence[str]) -> list[dict[str, float]] | None:
        """What is felt in texts, in the background; None where there is no classifier."""
        return await self._run(self._back, lambda: feel(texts))

    def close(self) -> None:
        """Take no more; what runs comes to its end."""
        self._front.shutdown(wait=False, cancel_futures=True)
        self._back.shutdown(wait=False, cancel_futures=True)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _ready(self) -> Judge:
        with self._loading:
            if self._judge is None:
                self._judge = Judge(self._classifier())
            return self._judge

    def _classifier(self) -> Classifier | None:
        if self._settings.classifier == "none":
            return None
        try:
            return load(self._settings.classifier_file)
        except NetworkMissing as error:
            logger.warning("paradox judges by rules alone", reason=error.message)
            return None


def feel(texts: Sequence[str]) -> list[dict[str, float]] | None:
    try:
        return load_affect().read(texts)
    except NetworkMissing as error:
        logger.warning("nothing is judged to be felt", reason=error.message)
        return None


def step_back() -> None:
    """Lower this thread's priority; Linux has one for each."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
