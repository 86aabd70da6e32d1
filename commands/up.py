"""`run.py up`, and the two hidden commands behind it: `supervise` and `zygote`. The house, in processes or in one."""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.exit_status import ConfigurationError
from commands.house import PORT, Composition, House, program, step_back, with_house, with_listener_options
from commands.http_listener import address_and_port, keep_listener, kept_listener, open_listener
from commands.line_writer import LineWriter
from commands.reload import Unfinished
from supervisors import linux
from transport.errors import Conflict, LatticeError
from transport.foreign import identity, make_way_for_directory, set_aside
from transport.lock import Lock

if TYPE_CHECKING:
    from supervisors.roster import Roster

__all__ = ["supervise", "tell", "up", "url_of", "zygote"]

READY = """
Lattice is ready at {url}
{models}
The dashboard is at {url}/

  curl {url}/v1/chat/completions {key}-H 'Content-Type: application/json' \\
    -d '{{"model": "default", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

Ctrl-C drains and stops it."""

NO_MODELS = """No model endpoint in the settings or the environment: unless one was added over HTTP, or Ollama runs here,
answers come from memory alone and say so. Set OPENAI_API_KEY or ANTHROPIC_API_KEY, or write [[llm.endpoints]] into
lattice.toml: docs/models.md"""

to_watcher = LineWriter(1)
"""Of this process: it has one output."""

atexit.register(to_watcher.close)

DELETED = " (deleted)"
"""What the kernel puts behind the path of a file that has lost its name."""

LEFTOVER_S = 60.0
"""How long what is left of a house whose `up` was killed is waited for. Its supervisor may have just begun, and drains then."""


@click.command()
@click.option("--single-process", is_flag=True, help="All actors in this process: for development and small machines.")
@with_listener_options
@with_house
def up(house: House, *, single_process: bool) -> None:
    """Start the house: every actor a supervised process, until Ctrl-C.

    \b
    Examples:
      python3 run.py up
      python3 run.py up --port 9000 --data-dir /var/lib/lattice --config lattice.toml
    """
    from gateway.settings import asks_for_keys
    from supervisors.up import run_up

    run_dir = house.prepare()
    check_store_key()
    with house.locked():
        refuse_beside_another(run_dir, house.settings.data_dir)
        wait_for_leftovers(run_dir)
        port = Lock(run_dir / f"{PORT}.lock")
        inherited = [port.fileno()] if port.try_acquire() else []
        if (listener := kept_listener(house)) is None:
            listener = open_listener(house)
            keep_listener(listener, house)
        url, models = url_of(listener), models_of(house.settings.llm)
        tell(f"starting the house in {house.settings.data_dir}")
        for name, pid in borne_already(run_dir, house.composition.actors):
            tell(f"{name:<12} runs by itself already (process {pid}); the house's own comes when that one ends")

        def on_ready() -> None:
            asked = asks_for_keys(house.settings.gateway)
            tell(READY.format(url=url, models=models, key="-H 'Authorization: Bearer YOUR-KEY' " if asked else ""))

        if single_process:
            with standing():
                sys.exit(run_in_one_process(house, run_dir, listener, on_ready))

        def lay_down_settings() -> None:
            """Where they were deleted or spoilt together with a supervisor that would have made them anew."""
            path = run_dir / "settings.json"
            try:
                make_way_for_directory(run_dir)
                house.prepare()
                try:
                    house.composition.read_settings(run_dir)
                except (OSError, ValueError):
                    # The lock on the house is held: nobody else has anything to say here.
                    if identity(path) is not None:
                        set_aside(path)
                    house.composition.write_settings(house.settings, run_dir)
            except (OSError, click.ClickException) as error:
                tell(f"the run directory cannot be made anew: {error}")

        house.composition.write_settings(house.settings, run_dir)
        # Whoever starts has them.
        Unfinished(run_dir).write(())
        command = program("supervise", str(run_dir))
        # Where there is a terminal, a hangup says that it was closed. Where there is none, an operator asks for a reload.
        reload = [] if sys.stdin.isatty() else program("reload", str(run_dir), *reload_options(house))
        with standing():
            sys.exit(
                run_up(
                    command,
                    run_dir=run_dir,
                    listener=listener,
                    on_line=tell,
                    on_ready=on_ready,
                    reload_command=reload,
                    before_start=lay_down_settings,
                    inherited=inherited,
                )
            )


@contextmanager
def standing() -> Iterator[None]:
    """While the house stands: a file that is gone was there when it started, and may be by the next start (an upgrade)."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error


def reload_options(house: House) -> list[str]:
    """What was said when the house was started, and the file: what they say of another place is refused."""
    gateway = house.flags.get("gateway", {})
    said = {"--data-dir": house.flags.get("data_dir"), "--host": gateway.get("host"), "--port": gateway.get("port")}
    said["--config"] = house.config
    return [word for option, value in said.items() if value is not None for word in (option, str(value))]


def refuse_beside_another(run_dir: Path, data_dir: Path) -> None:
    """Where somebody has deleted the lock of a house that runs, its roster names it still.

    Raises:
        click.ClickException: naming its process.
    """
    from supervisors.roster import Roster

    path = run_dir / "children.json"
    roster = Roster.read(path)
    if roster.up_started is None or linux.start_time(roster.up_pid) != roster.up_started:
        return
    if not of_another_place(roster, data_dir):
        raise click.ClickException(f"another house runs there (process {roster.up_pid}), though somebody deleted its lock")
    # Its children are that house's: nobody here may take them over.
    path.unlink()


def of_another_place(roster: Roster, data_dir: Path) -> bool:
    """Whether that house has its files elsewhere, and none here: then its roster came here with a copy of all of them.

    One whose directory was moved away has made its files anew where they were.
    """
    files = linux.open_files(roster.up_pid)
    has_a_place = any(file.removesuffix(DELETED).endswith("/house.lock") for file in files)
    for child in roster.children:
        if child.pid is not None and linux.start_time(child.pid) == child.started:
            files |= linux.open_files(child.pid)
    return has_a_place and not any(file.startswith(f"{data_dir}/") for file in files)


def wait_for_leftovers(run_dir: Path) -> None:
    """Wait for those that a killed `up` left and that hold its HTTP listener: they give it back before their locks."""
    # A supervisor that had just been started has the port's lock alone.
    for name, whom in (("supervisor", "the supervisor"), (PORT, "the rest"), ("gateway", "the gateway")):
        lock = Lock(run_dir / f"{name}.lock")
        if not lock.try_acquire():
            who = "" if name == PORT else f" (process {lock.holder})"
            tell(f"waiting for {whom} of the last house to drain{who}")
            with suppress(Conflict):
                asyncio.run(lock.acquire(LEFTOVER_S))

        lock.release()


def borne_already(run_dir: Path, names: tuple[str, ...]) -> Iterator[tuple[str, int | None]]:
    """Actors that run before the house does, with their pids: started alone, or left of the last house."""
    for name in names:
        lock = Lock(run_dir / f"{name}.lock")
        if lock.held_by_another():
            yield name, lock.holder


def check_store_key() -> None:
    """Refuse to start with a key to the databases that is none: every actor that has one would crash over and over.

    Raises:
        click.ClickException: saying what is wrong with it; a `ConfigurationError` unless its file is only not there yet.
    """
    from actors.sqlite.encryption import StoreKey

    try:
        StoreKey.from_environment()
    except LatticeError as error:
        kind = click.ClickException if isinstance(error.__cause__, FileNotFoundError) else ConfigurationError
        raise kind(error.message) from error


def tell(line: str) -> None:
    """Tell whoever watches, if anybody does. Never waits for him."""
    to_watcher.write(line)


def url_of(listener: socket.socket) -> str:
    """What a browser on this machine takes."""
    return f"http://{address_and_port(*listener.getsockname()[:2])}"


def models_of(llm: Any) -> str:
    """Which endpoints are asked, or how to get one. A local Ollama is found later, by llm."""
    from actors.llm.discovery import from_environment

    endpoints = llm.endpoints or (from_environment(os.environ) if llm.discover else ())
    return f"Models are asked of {', '.join(one.name for one in endpoints)}" if endpoints else NO_MODELS


def run_in_one_process(house: House, run_dir: Path, listener: socket.socket, on_ready: Callable[[], None]) -> int:
    """`up --single-process`: the same actors, supervised within one process."""
    from supervisors.single import run_single

    async def start(host: Any, child: Any) -> None:
        # A gateway that is restarted closes its socket; the one here stays open, and connections wait in it.
        handed = listener.dup() if child.gets_listener else None
        await house.composition.start_actor(host, child.name, house.settings, handed)

    return run_single(
        house.composition.spec(house.settings),
        run_dir=run_dir,
        data_dir=house.settings.data_dir,
        make_host=lambda: house.composition.make_host(house.settings, run_dir),
        start=start,
        on_line=tell,
        on_ready=on_ready,
    )


@click.command(hidden=True)
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--listener", type=int)
@click.option("--up-pid", type=int, required=True)
@click.pass_obj
def supervise(composition: Composition, run_dir: Path, listener: int | None, up_pid: int) -> None:
    """What `up` starts: the supervisor's process."""
    from supervisors.supervisor import run_supervisor

    settings = composition.read_settings(run_dir)
    sys.exit(
        run_supervisor(
            composition.spec(settings),
            run_dir=run_dir,
            data_dir=settings.data_dir,
            zygote_command=program("zygote", str(run_dir)),
            listener_fd=listener,
            up_pid=up_pid,
            assignment={},
            kept_files=["settings.json"],
        )
    )


@click.command(hidden=True)
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--control", type=int, required=True)
@click.pass_obj
def zygote(composition: Composition, run_dir: Path, control: int) -> None:
    """What the supervisor starts: imports everything once, and forks spare processes."""
    from supervisors.child import run_child
    from supervisors.inner import run_inner_supervisor
    from supervisors.zygote import run_zygote

    composition.import_everything()
    path = run_dir / "settings.json"
    read, settings = path.stat(), composition.read_settings(run_dir)

    def current() -> Any:
        """The settings as they are when a spare is promoted. Reading takes a millisecond, looking takes none."""
        nonlocal read, settings
        try:
            now = path.stat()
        except FileNotFoundError:
            # The run directory was deleted. The supervisor puts it back, as it was.
            return settings
        if (now.st_mtime_ns, now.st_ino) != (read.st_mtime_ns, read.st_ino):
            read, settings = now, composition.read_settings(run_dir)
        return settings

    async def populate(host: Any, assignment: Any, sockets: list[socket.socket]) -> None:
        step_back(current(), assignment.name)
        await composition.start_actor(host, assignment.name, current(), sockets[0] if sockets else None)

    def make_host(assignment: Any) -> Any:
        return composition.make_host(current(), run_dir, assignment.incarnation)

    def become(assignment: Any, channel: Any) -> int:
        if assignment.supervises is not None:
            return run_inner_supervisor(assignment, channel, make_host, become)

        return run_child(assignment, channel, make_host, populate)

    async def walk(name: str, scratch: Path) -> None:
        await composition.walk_through(name, current(), scratch)

    sys.exit(run_zygote(control, become, walk))
