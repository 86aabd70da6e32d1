"""What every command starts from: the settings of this call, and how run.py makes hosts and actors of them."""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from actors.limits import forbid_core_dumps
from commands.exit_status import ConfigurationError, refusal
from commands.restoring import finish, unfinished
from commands.settings_file import BESIDE, stands_beside
from transport.addresses import run_directory
from transport.errors import Conflict, Invalid, LatticeError
from transport.lock import Lock

if TYPE_CHECKING:
    import socket

    from actors.host import Host
    from supervisors.spec import SupervisorSpec

__all__ = [
    "PROGRAM",
    "Composition",
    "House",
    "Sentences",
    "alone",
    "finish_restore",
    "program",
    "step_back",
    "with_house",
    "with_listener_options",
]

ROOT = Path(__file__).resolve().parents[1]

LONGEST_PATH = 400
"""Bytes of the data directory's path: SQLite takes 512 for a file's, and a backup that is being made has a long name in it."""

PORT = "port"
"""The lock that `up` holds, and whoever has inherited its HTTP listener."""

LOOK_S = 0.5
"""How long a lock is waited for that somebody may only be looking at, which takes microseconds where there is a CPU."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

PROGRAM = [sys.executable, str(ROOT / "run.py")]
"""What `up` starts its supervisor and its zygote with. Who composes another house says another program."""


class Composition(Protocol):
    """What run.py knows and commands do not: every part, and how they are joined."""

    actors: tuple[str, ...]
    """Names, in the order in which they start."""

    def load_settings(self, config: Path | None, flags: Mapping[str, Any]) -> Any:
        """The settings of this start, or a `click.ClickException` that names what is wrong."""

    def write_settings(self, settings: Any, run_dir: Path) -> None:
        """Lay the settings down for processes that are started later."""

    def read_settings(self, run_dir: Path) -> Any:
        """The settings that were laid down."""

    def spec(self, settings: Any) -> SupervisorSpec:
        """The children and the rules of the house."""

    def make_host(self, settings: Any, run_dir: Path, incarnation: str | None = None) -> Host:
        """The host of one process."""

    async def start_actor(self, host: Host, name: str, settings: Any, listener: socket.socket | None = None) -> None:
        """Start the actor of a name."""

    async def walk_through(self, name: str, settings: Any, scratch: Path) -> None:
        """Start the actor of a name for nobody, in a directory that is thrown away, and ask it something."""

    def import_everything(self) -> None:
        """Import what every actor needs."""


@dataclass(frozen=True, slots=True)
class House:
    """One call's settings, and what can be made of them."""

    composition: Composition
    settings: Any
    config: Path | None = None
    """The file that was named, or the one that was found."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """What the command line says, which wins over the file and the environment."""

    def prepare(self) -> Path:
        """Make the data directory (0700), and all files from here on its owner's alone; returns the run directory.

        Raises:
            click.ClickException: one of them cannot be made or written.
        """
        data_dir: Path = self.settings.data_dir
        if (length := len(os.fsencode(data_dir.absolute()))) > LONGEST_PATH:
            raise ConfigurationError(
                f"the data directory's path has {length} bytes, and SQLite opens none beyond {LONGEST_PATH}; "
                "take another with --data-dir"
            )
        # One of others leaves files open to everybody, or ones that even their owner cannot open again.
        os.umask(0o077)
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = "something else stands there" if isinstance(error, FileExistsError) else error.strerror
            raise refusal(
                f"the data directory {data_dir} cannot be made: {reason}; take another with --data-dir", error
            ) from error
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise ConfigurationError(f"the data directory {data_dir} cannot be written; take another with --data-dir")
        try:
            return self.run_dir
        except Invalid as error:
            if isinstance(error.__cause__, OSError):
                raise refusal(error.message, error.__cause__) from error
            raise ConfigurationError(error.message) from error

    @property
    def run_dir(self) -> Path:
        """Where sockets and locks are."""
        return run_directory(self.settings.data_dir)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only house of the data directory. What a `restore` that was broken off had checked is in its place then."""
        lock = Lock(self.settings.data_dir / "house.lock")
        try:
            # A command that looks whether somebody holds it is no house.
            asyncio.run(lock.acquire(LOOK_S))
        except Conflict:
            raise click.ClickException(
                f"another house runs in {self.settings.data_dir} (process {lock.holder}); see it with `python3 run.py status`, "
                "or start this one with another --data-dir"
            ) from None
        try:
            if done := finish(self.settings.data_dir):
                click.echo(f"a restore had been broken off: {', '.join(done)} is in its place now", err=True)
            yield
        finally:
            lock.release()

    def client(self, name: str) -> Host:
        """A host without actors, for asking the actor `name`.

        Raises:
            click.ClickException: that actor does not run here, and no address is set for it.
        """
        data_dir = self.settings.data_dir
        remote = getattr(self.settings.addresses, name, None)
        if not remote and not (data_dir.is_dir() and self.runs(name)):
            raise click.ClickException(f"no {name} runs in {data_dir}; {self.instead_of(name)}, or name its --data-dir")
        return self.composition.make_host(self.settings, self.run_dir)

    def instead_of(self, name: str) -> str:
        """What to do where an actor does not run."""
        data_dir = self.settings.data_dir
        others = [other for other in self.composition.actors if data_dir.is_dir() and self.runs(other)]
        if not others:
            return "start the house with `python3 run.py up`"

        found = f"{', '.join(others)} {'runs there by itself' if len(others) == 1 else 'run there, each by itself'}"
        if name in self.composition.actors:
            return f"{found}: start it beside with `python3 run.py actor {name}`"

        ask = "ask each with `python3 run.py send sys.info --to NAME`"
        return f"{found}: {ask}, or start the house around them with `python3 run.py up`"

    def runs(self, name: str) -> bool:
        """Whether that actor runs, or a house that will bring it back. A socket says neither: who is killed leaves his."""
        if is_held(self.run_dir / f"{name}.lock"):
            return True
        return name in (*self.composition.actors, "supervisor") and is_held(self.settings.data_dir / "house.lock")

    async def with_actor(self, name: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """Do `work` with a ref to a running actor.

        Raises:
            click.ClickException: with what the actor has against it.
        """
        async with self.client(name) as host:
            try:
                return await work(host.ref(name))
            except LatticeError as error:
                raise click.ClickException(f"{error.code}: {error.message}") from error


def step_back(settings: Any, name: str) -> None:
    """Lower the priority of this process as far as the actor that it is for is set to: the background life of a house."""
    nice: int = getattr(getattr(settings, name), "process_nice", 0)
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))


def is_held(path: Path) -> bool:
    """Whether a process holds the lock at this path; False where the file may not be read, since nobody can know then."""
    return os.access(path, os.R_OK) and Lock(path).held_by_another()


@contextmanager
def alone(house: House) -> Iterator[None]:
    """Be the only house of the data directory, and see that no actor of it runs by itself.

    Raises:
        click.ClickException: naming who does.
    """
    with house.locked():
        locks = house.run_dir.glob("*.lock") if house.run_dir.is_dir() else ()
        # The port's is held by a supervisor also before it has its own.
        running = sorted({"supervisor" if path.stem == PORT else path.stem for path in locks if is_held(path)})
        if running:
            raise click.ClickException(f"{', '.join(running)} runs in {house.settings.data_dir}: stop it first")
        yield


def finish_restore(house: House) -> None:
    """For who does not lock the data directory: have what a `restore` that was broken off had checked in its place.

    Raises:
        click.ClickException: a house or an actor runs there.
    """
    if any(unfinished(house.settings.data_dir)):
        with alone(house):
            pass


class DataDir(click.Path):
    """A directory's path. An empty one is a shell's variable that was never set, and would be the working directory."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path, if there is one."""
        if value == "":
            self.fail("it is empty", param, ctx)
        return super().convert(value, param, ctx)


class Sentences(click.Group):
    """Commands of which none shows a stack where a disk, or what its output goes to, takes nothing more."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.filename is not None or error.errno not in NO_ROOM:
                raise
            raise click.ClickException(f"what was to be written was not: {error.strerror}") from error


def with_house(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the options that all have, and a `House` as its first argument."""

    @click.option("--data-dir", type=DataDir(path_type=Path), help="Where everything is kept.")
    @click.option("--config", type=click.Path(path_type=Path), help="Settings; ./lattice.toml where there is one.")
    @functools.wraps(command)
    def with_settings(
        *arguments: Any,
        data_dir: Path | None,
        config: Path | None,
        host: str | None = None,
        port: int | None = None,
        **options: Any,
    ) -> Any:
        flags: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
        gateway = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        composition: Composition = click.get_current_context().obj
        try:
            if gateway:
                flags["gateway"] = gateway
            settings = composition.load_settings(config, flags)
            if not settings.limits.core_dumps:
                forbid_core_dumps()
            return command(House(composition, settings, found_config(config), flags), *arguments, **options)
        except LatticeError as error:
            raise click.ClickException(error.message) from error
        except OSError as error:
            # A file of somebody else's, a full or a read-only disk. What names no file is no matter of files.
            if error.filename is None:
                raise
            raise refusal(f"{error.filename}: {error.strerror}", error) from error

    return with_settings


def found_config(named: Path | None) -> Path | None:
    """The settings' file: the one that was named, else `lattice.toml` where it stands in the working directory."""
    path = named or BESIDE
    return path.resolve() if named is not None or stands_beside() else None


def with_listener_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where to listen for HTTP; stands above `with_house`."""
    command = click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: 8080]")(command)
    return click.option("--host", help="Address; beyond loopback API keys are needed.  [default: 127.0.0.1]")(command)


def program(command: str, *arguments: str) -> list[str]:
    """The command line that runs this program with a hidden command."""
    return [*PROGRAM, command, *arguments]
