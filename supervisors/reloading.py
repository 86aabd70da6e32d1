"""Has the settings read again by a process of its own, while `up` goes on watching. One at a time; what it prints is told."""

from __future__ import annotations

import selectors
import subprocess
from collections.abc import Callable, Sequence

from supervisors.service import Service

__all__ = ["Reloading"]


class Reloading:
    """The wish to read the settings again, and the process that does it.

    Args:
        command: of that process; empty where there is none, and then nothing is ever wanted.
        selector: of who watches; the process's output is looked for there.
        service: told when it begins and when it is over.
        on_line: gets what is worth a person's eye.
    """

    def __init__(
        self, command: Sequence[str], selector: selectors.BaseSelector, service: Service, on_line: Callable[[str], None]
    ) -> None:
        self.command = command
        self.selector = selector
        self.service = service
        self.on_line = on_line
        self.wanted = False
        self.process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Of the process that reads them; 0 while none does."""
        return self.process.pid if self.process is not None else 0

    def want(self) -> None:
        """They are to be read again, after the process that reads them now, if one does: it may have begun too early."""
        self.wanted = bool(self.command)

    def begin(self) -> None:
        """Read them, if that is wanted and nobody does."""
        if not self.wanted or self.process is not None:
            return

        self.wanted = False
        self.on_line("reading the settings again")
        self.service.reloading()
        try:
            self.process = subprocess.Popen(  # noqa: S603 (the composition root's own command)
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        except OSError as error:
            # No process, no descriptor, or a program that is being replaced: no reason to stop watching.
            self.on_line(f"the settings cannot be read again: {error.strerror}; nothing was changed")
            self.service.reloaded()
            return

        assert self.process.stdout is not None  # noqa: S101 (for the type checker; it is a pipe)
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def hear(self, ready: set[int]) -> None:
        """Tell what it says, and read them once more where that is wanted by its end.

        Args:
            ready: descriptors that can be read.
        """
        if (process := self.process) is None or process.stdout is None or process.stdout.fileno() not in ready:
            return

        if line := process.stdout.readline():
            self.on_line(line.rstrip())
            return

        self.end()
        self.service.reloaded()
        self.begin()

    def end(self) -> None:
        """See that no process of this is left."""
        if (process := self.process) is None or process.stdout is None:
            return

        self.selector.unregister(process.stdout)
        process.stdout.close()
        # It has closed its output and is about to end, or the house ends while it still runs.
        process.kill()
        process.wait()
        self.process = None
