"""The steps of a thought and their timings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from actors.thinking.messages import Step
from transport.errors import LatticeError

__all__ = ["OpenStep", "Steps"]


class OpenStep:
    """A step under way; what it sets as `outcome` is what the thought tells of it."""

    def __init__(self) -> None:
        self.outcome = "done"
        self.took_s = 0.0


class Steps:
    """What a thought did, in the order in which it ended."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.done: list[Step] = []

    @contextmanager
    def step(self, name: str) -> Iterator[OpenStep]:
        """Time a step; what it raises is its outcome and goes on."""
        step = OpenStep()
        started = time.perf_counter()
        try:
            yield step
        except LatticeError as error:
            step.outcome = error.code
            raise
        except TimeoutError:
            step.outcome = "deadline_exceeded"
            raise
        except (asyncio.CancelledError, GeneratorExit):
            step.outcome = "cancelled"
            raise
        except Exception:
            step.outcome = "internal"
            raise
        finally:
            step.took_s = took = time.perf_counter() - started
            self.done.append(
                Step(
                    name=name,
                    started_ms=round((started - self.began) * 1000, 3),
                    took_ms=round(took * 1000, 3),
                    outcome=step.outcome,
                )
            )
