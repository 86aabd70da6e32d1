"""The processes of one supervisor: its spares, its socket, its roster. Adopts whom its predecessor left.

The same for the supervisor of the house and for one that is itself a child; knows neither `up` nor who supervises it.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from loguru import logger

from actors.supervision import Child as ChildView
from supervisors import linux
from supervisors.control import Control
from supervisors.held_sockets import HeldSockets
from supervisors.kept_files import KeptFiles
from supervisors.leaving import Leaving
from supervisors.listener import Listener
from supervisors.place import Place
from supervisors.process import Process, Reaper
from supervisors.process_child import ProcessChild, Shared
from supervisors.roster import Entry, Roster, RosterFile
from supervisors.spares import Spares
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.standbys import Standbys
from supervisors.supervision import Supervision
from supervisors.zygote import clear_scratch
from transport.addresses import keep_private
from transport.foreign import make_way_for_directory

__all__ = ["Processes"]

SAVE_AGAIN_S = 1.0
LOOK_S = 1.0
"""How often it is looked whether the run directory is still there, in seconds."""

SAVE_STATE_S = 0.05
"""How long after a change of a child's state the roster is written, in seconds. Which process bears which name is written at
once; how far a process is, it tells the next supervisor itself."""


class Processes:
    """Children that are processes, under one `Supervision`. Lives in one loop.

    Args:
        spec: the children and the rules.
        place: where this supervisor stands.
        zygote: pid and socket of a zygote that runs already; None: the command starts one.
        on_change: told of each child whose state has changed.
        on_report: told of each crash report: whose, and where it is.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        place: Place,
        *,
        zygote: tuple[int, socket.socket] | None = None,
        on_change: Callable[[ChildView], None] = lambda _: None,
        on_report: Callable[[str, Path], None] = lambda *_: None,
    ) -> None:
        self.place = place
        self.on_change = on_change
        self.loop = asyncio.get_running_loop()
        self.reaper = Reaper()
        self.keeper_started = linux.start_time(place.keeper_pid)
        self.children: dict[str, ProcessChild] = {}
        self.listener = Listener(place.run_dir, place.name, self._connected)
        self.unsaved: asyncio.TimerHandle | None = None
        """Until the roster is written again: a state has changed, or it could not be written."""

        self.roster = RosterFile(place.roster)
        self.kept_files = KeptFiles(place.run_dir, place.kept_files)
        self.looking: asyncio.TimerHandle | None = None
        self.spares = Spares(
            place.zygote_command,
            place.run_dir,
            spec.spares,
            self.reaper,
            supervisor=place.name,
            # One that forks its own zygote has the next one at once.
            keeper=place.keeper_pid if zygote is None else None,
            first=zygote,
        )
        self.standbys = Standbys(self.spares, kept=spec.standbys)
        self.held_sockets = HeldSockets(place.run_dir)
        self.leaving = Leaving()
        self.shared = Shared(
            place=place,
            spares=self.spares,
            standbys=self.standbys,
            held_sockets=self.held_sockets,
            leaving=self.leaving,
            save=self._note_bearer,
            on_report=on_report,
        )
        self.supervision = Supervision(spec, self._make_child, name=place.name, on_change=self._changed, on_forget=self._forget)

    def open(self) -> None:
        """Begin to make spares, which takes longest."""
        self.loop.add_signal_handler(*self.reaper.on_signal)
        self.spares.open()

    def start(self) -> None:
        """Adopt whoever is there, and start what is missing, in order. Whoever calls holds the supervisor's lock."""
        self.listener.open()
        self._look()
        self._adopt_children()
        self.spares.expect(sum(child.process is None for child in self.children.values()))
        self.supervision.start()

    def close(self) -> None:
        """Let nobody in any more, end the spares, and write down what is to be written."""
        if self.looking is not None:
            self.looking.cancel()
        self.listener.close()
        if self.unsaved is not None:
            self._save_roster()
        if self.unsaved is not None:
            self.unsaved.cancel()
        self.roster.close()
        self.leaving.hurry()
        self.standbys.close()
        self.spares.close()
        for child in self.children.values():
            child.write_reports()

    def _look(self) -> None:
        """See that the run directory is there, or make it anew: spares and orphans find this supervisor by it."""
        self.looking = self.loop.call_later(LOOK_S, self._look)
        try:
            make_way_for_directory(self.place.run_dir)
            whole = self.kept_files.look()
            if not (whole and self.listener.in_place):
                self._make_run_dir_anew()
            elif self.roster.is_spoilt and self._save_roster():
                logger.warning("the roster was deleted or spoilt; it is written anew", path=str(self.place.roster))
            # Nobody listens in a directory that others may write to: who is killed would not come back.
            keep_private(self.place.run_dir)
        except OSError as error:
            logger.error("the run directory is gone and cannot be made anew", path=str(self.place.run_dir), error=str(error))

    def _make_run_dir_anew(self) -> None:
        logger.warning(
            "the run directory or a file in it was deleted or replaced; it is made anew", path=str(self.place.run_dir)
        )
        self.place.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.kept_files.restore()
        self.listener.open()
        self._save_roster()

    def leave_nothing(self) -> None:
        """Remove what a successor would adopt by, and what spares left: this supervisor has ended, and was not killed."""
        try:
            self.listener.remove()
            self.place.roster.unlink(missing_ok=True)
            clear_scratch(self.place.run_dir, self.place.name)
        except OSError as error:
            # The roster names processes with the moment of their start: none of them will be found.
            logger.warning("what is left in the run directory cannot be removed", reason=error.strerror)

    async def kill(self) -> None:
        """End all children at once, whatever they do."""
        for child in self.children.values():
            if child.process is not None:
                child.process.kill()

    def _changed(self, child: ChildView) -> None:
        if child.state == "given_up":
            self.standbys.dismiss(child.name)
        if child.state in ("given_up", "stopped"):
            self.held_sockets.close(child.name)
        if self.unsaved is None:
            self.unsaved = self.loop.call_later(SAVE_STATE_S, self._save_again)
        self.on_change(child)

    def _make_child(self, spec: ChildSpec, supervision: Supervision) -> ProcessChild:
        child = self.children[spec.name] = ProcessChild(spec, supervision, self.shared)
        return child

    def _forget(self, name: str) -> None:
        self.children.pop(name).write_reports()
        self.standbys.dismiss(name)
        self.held_sockets.close(name)
        self._save_roster()

    # Who is there already

    def _adopt_children(self) -> None:
        roster = Roster.read(self.place.roster)
        ours = roster.of_house(self.place.keeper_pid, self.keeper_started)

        for entry in roster.children:
            process = self._process_of(entry)
            if ours and entry.added and entry.name not in self.children and (process or entry.added.restart != "temporary"):
                self.supervision.remember_child(entry.added, key=entry.key)

            child = self.children.get(entry.name)
            if child is None:
                self._end_stranger(entry, process)
                continue

            child.epoch = entry.epoch
            record = self.supervision.records[entry.name]
            if ours:
                record.starts, record.restarts = entry.starts, entry.restarts
                record.since, record.last_exit = entry.since, entry.last_exit

            if process is None:
                continue

            if ours:
                child.adopt(process, entry, wait_s=child.spec.heartbeat_s * child.spec.heartbeats_missed)
                self.supervision.strategy.adopt(entry.name, "ready" if entry.state == "ready" else "starting")
            else:
                child.see_off(process, entry)
                self.supervision.strategy.adopt(entry.name, "draining")
            logger.info("found a child", child=entry.name, pid=entry.pid, ours=ours)

        # What the last supervisor of this house had forgotten stays forgotten.
        listed = {entry.name for entry in roster.children}
        for name in [name for name in self.children if ours and name not in listed]:
            self.supervision.delete_child(name)

    def _process_of(self, entry: Entry) -> Process | None:
        pidfd = linux.open_pidfd(entry.pid, entry.started) if entry.pid and entry.started else None
        if pidfd is None or entry.pid is None:
            return None

        return Process(entry.pid, pidfd, self.reaper)

    def _end_stranger(self, entry: Entry, process: Process | None) -> None:
        if process is not None:
            logger.warning("a child that is no longer in the spec is ended", child=entry.name, pid=entry.pid)
            process.kill(signal.SIGTERM)
            process.let_go()

    def _note_bearer(self, name: str) -> None:
        """What a replacement waits for. The file is written anew when nobody does."""
        self._write_roster(lambda: self.roster.add(self._entry(name), self._whole_roster))
        if self.unsaved is None:
            self.unsaved = self.loop.call_later(SAVE_STATE_S, self._save_again)

    def _save_roster(self) -> bool:
        written = self._write_roster(lambda: self.roster.replace(self._whole_roster()))
        if written and self.unsaved is not None:
            self.unsaved.cancel()
            self.unsaved = None
        return written

    def _whole_roster(self) -> Roster:
        entries = tuple(self._entry(name) for name in self.children if name in self.supervision.records)
        return Roster(up_pid=self.place.keeper_pid, up_started=self.keeper_started, children=entries)

    def _entry(self, name: str) -> Entry:
        member, record = self.supervision.strategy.members.get(name), self.supervision.records[name]
        return (
            self.children[name]
            .entry()
            .model_copy(
                update={
                    "state": member.state if member is not None else record.seen,
                    "starts": record.starts,
                    "restarts": record.restarts,
                    "since": record.since,
                    "last_exit": record.last_exit,
                    "added": record.added,
                    "key": record.key,
                }
            )
        )

    def _write_roster(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except OSError as error:
            # A disk that takes nothing: children are started all the same. Should this supervisor be killed before there is
            # room, the next one starts whom an old roster has as gone, and sends away who bears the name already and knocks.
            if self.unsaved is None:
                logger.error("the roster of children cannot be written", path=str(self.place.roster), error=str(error))
                self.unsaved = self.loop.call_later(SAVE_AGAIN_S, self._save_again)
            return False
        return True

    def _save_again(self) -> None:
        self.unsaved = None
        self._save_roster()

    # Who connects

    def _connected(self, control: Control) -> None:
        self.loop.add_reader(control.fileno(), self._hello, control)

    def _hello(self, control: Control) -> None:
        self.loop.remove_reader(control.fileno())
        try:
            received = control.receive()
        except BlockingIOError:
            received = None

        message = received[0] if received else {}
        if message.get("say") != "hello":
            control.close()
        elif message["state"] == "spare":
            self._spare(control)
        elif message["state"] == "zygote":
            self._elder(control, message["keeper"])
        else:
            child = self.children.get(message.get("name", ""))
            if child is None or not child.hello(control, message):
                logger.warning("a process that bears no name here is sent away", claims=message.get("name"))
                control.send("begone")
                control.close()

    def _spare(self, control: Control) -> None:
        if (process := self._process_at(control)) is not None:
            self.spares.arrived(process)

    def _elder(self, control: Control, keeper: int) -> None:
        process = self._process_at(control)
        if process is not None and not (keeper == self.place.keeper_pid and self.spares.borrow(process)):
            process.send("begone")
            process.let_go()

    def _process_at(self, control: Control) -> Process | None:
        """Who is at the other end; None when nobody is any more."""
        pid = control.peer_pid()
        pidfd = linux.open_pidfd(pid)
        if pidfd is None:
            control.close()
            return None

        process = Process(pid, pidfd, self.reaper)
        process.attach(control)
        return process
