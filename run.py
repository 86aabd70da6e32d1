#!/usr/bin/env python3
"""Lattice's command line and composition root: the only file that knows every part.

Where the dependencies are not importable, `commands/bootstrap.py` first makes `.venv` beside this file from the pinned
requirements and continues inside it.
"""

from __future__ import annotations

import sys

from commands.bootstrap import ROOT, bootstrap, say

if __name__ == "__main__":
    bootstrap(sys.argv[1:])

# From here on the dependencies are there. What only one command needs is imported in it: `up` stays small and dull.

import asyncio
import dataclasses
import importlib
import json
import os
import secrets
import socket
import subprocess
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from actors.daemon.settings import DaemonSettings
from actors.llm.settings import LlmSettings
from actors.memory.settings import MemorySettings
from actors.paradox.settings import ParadoxSettings
from actors.thinking.settings import ThinkingSettings
from gateway.settings import GatewaySettings
from supervisors.spec import ChildSpec, SupervisorSpec
from transport.addresses import run_directory
from transport.errors import LatticeError
from transport.lock import Lock

CLASSES = {
    "memory": "actors.memory.actor:Memory",
    "llm": "actors.llm.actor:Llm",
    "paradox": "actors.paradox.actor:Paradox",
    "thinking": "actors.thinking.actor:Thinking",
    "daemon": "actors.daemon.actor:Daemon",
    "gateway": "gateway.actor:Gateway",
}
"""In the order in which they start; they stop in reverse, so that the gateway is drained first."""

ACTORS = tuple(CLASSES)


def default_data_dir() -> Path:
    """Where people expect a program's data: `$XDG_DATA_HOME/lattice`."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "lattice"


class ActorAddresses(BaseModel):
    """Where actors are found that do not live on this machine: `memory = "tcp://10.0.0.5:7001"`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory: str | None = None
    llm: str | None = None
    thinking: str | None = None
    paradox: str | None = None
    daemon: str | None = None
    gateway: str | None = None


class Settings(BaseSettings):
    """Everything that can be set: `lattice.toml`, then `LATTICE_*` in the environment, then flags; later ones win."""

    model_config = SettingsConfigDict(
        env_prefix="LATTICE_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    data_dir: Path = Field(default_factory=default_data_dir)
    memory: MemorySettings = MemorySettings()
    llm: LlmSettings = LlmSettings()
    thinking: ThinkingSettings = ThinkingSettings()
    paradox: ParadoxSettings = ParadoxSettings()
    daemon: DaemonSettings = DaemonSettings()
    gateway: GatewaySettings = GatewaySettings()
    addresses: ActorAddresses = ActorAddresses()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file that `config_file` names."""
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(config: Path | None, flags: Mapping[str, Any]) -> Settings:
    """The settings of this start.

    Raises:
        click.ClickException: naming the file and the field, where something is wrong with them.
    """
    if config is None and Path("lattice.toml").exists():
        config = Path("lattice.toml")
    if config is not None and not config.exists():
        raise click.ClickException(f"{config} does not exist")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    try:
        settings = FromFile(**flags)
    except tomllib.TOMLDecodeError as error:
        raise click.ClickException(f"{config} is not valid TOML: {error}") from error
    except ValidationError as error:
        raise click.ClickException(explain(error, config)) from error

    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})


def explain(error: ValidationError, config: Path | None) -> str:
    """Every setting that is wrong, one a line, by its dotted name."""
    lines = [f"the settings{f' in {config}' if config else ''} are wrong:"]

    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(step) for step in problem["loc"]) or "(as a whole)"
        reason = "there is no such setting" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"  {name}: {reason}")

    return "\n".join(lines)


# Composition


def supervisor_spec() -> SupervisorSpec:
    """The house: six permanent children. One that crashes takes no other with it, since what they share is messages."""
    return SupervisorSpec(
        strategy="one_for_one",
        children=tuple(ChildSpec(name=name, gets_listener=name == "gateway") for name in ACTORS),
    )


async def start_actor(host: Any, name: str, settings: Settings, listener: socket.socket | None = None) -> None:
    """Start the actor `name` in `host`. The one place where a name meets a class and its arguments."""
    module, _, class_name = CLASSES[name].partition(":")
    actor_class = getattr(importlib.import_module(module), class_name)
    arguments: dict[str, Any] = {} if name == "llm" else {"data_dir": settings.data_dir}
    if name == "gateway":
        arguments["listener"] = listener

    await host.start_actor(actor_class, getattr(settings, name), **arguments)


# The command line


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command has."""
    for option in (
        click.option("--data-dir", type=click.Path(path_type=Path), help="Where everything is kept."),
        click.option("--config", type=click.Path(path_type=Path), help="Settings file; ./lattice.toml where there is one."),
    ):
        command = option(command)
    return command


def flags_of(data_dir: Path | None, host: str | None = None, port: int | None = None) -> dict[str, Any]:
    """Settings from those flags that were given."""
    flags: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    gateway = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return {**flags, "gateway": gateway} if gateway else flags


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Lattice: a mind server between your chat application and its models.

    \b
    Examples:
      run.py up                                        start the house, all actors
      run.py up --port 9000 --config lattice.toml
      run.py send memory.recall '{"query": "Porto"}'   say something to an actor
      run.py restart memory                            replace one actor
      run.py doctor                                    what is missing or wrong here
    """


@main.command()
@with_settings
@click.option("--host", help="Address to listen on; beyond loopback API keys are asked for.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.  [default: 8080]")
@click.option("--single-process", is_flag=True, help="All actors in this process: for development and small machines.")
def up(data_dir: Path | None, config: Path | None, host: str | None, port: int | None, single_process: bool) -> None:
    """Start the house: every actor a supervised process, until Ctrl-C.

    \b
    Example:
      run.py up --port 9000 --data-dir /var/lib/lattice
    """
    from supervisors.up import run_up

    settings = load_settings(config, flags_of(data_dir, host, port))
    run_dir = prepare_directories(settings)
    listener = open_listener(settings)
    url = "http://{}:{}".format(*listener.getsockname()[:2])
    on_ready = lambda: click.echo(READY.format(url=url))  # noqa: E731

    with house_lock(settings):
        if single_process:
            sys.exit(run_in_one_process(settings, run_dir, listener, on_ready))

        write_settings(settings, run_dir)
        sys.exit(
            run_up(itself("supervise", run_dir), run_dir=run_dir, listener=listener, on_line=click.echo, on_ready=on_ready)
        )


READY = """
Lattice is ready at {url}

  curl {url}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"model": "default", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

Ctrl-C drains and stops it."""


@main.command(hidden=True)
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--listener", type=int)
@click.option("--up-pid", type=int, required=True)
def supervise(run_dir: Path, listener: int | None, up_pid: int) -> None:
    """What `up` starts: the supervisor's process."""
    from supervisors.supervisor import run_supervisor

    settings = read_settings(run_dir)
    sys.exit(
        run_supervisor(
            supervisor_spec(),
            run_dir=run_dir,
            data_dir=settings.data_dir,
            zygote_command=itself("zygote", run_dir),
            listener_fd=listener,
            up_pid=up_pid,
            assignment={"run_dir": str(run_dir)},
        )
    )


@main.command(hidden=True)
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--control", type=int, required=True)
def zygote(run_dir: Path, control: int) -> None:
    """What the supervisor starts: imports everything once and forks spare processes."""
    from supervisors.child import run_child
    from supervisors.zygote import run_zygote

    Path("/proc/self/comm").write_text("lattice-zygote")
    import_everything()
    settings = read_settings(run_dir)

    async def populate(host: Any, assignment: Any, sockets: list[socket.socket]) -> None:
        await start_actor(host, assignment.name, settings, sockets[0] if sockets else None)

    def become(assignment: Any, channel: Any) -> int:
        Path("/proc/self/comm").write_text(f"lattice-{assignment.name}"[:15])
        return run_child(assignment, channel, lambda _: make_host(settings, run_dir, assignment.incarnation), populate)

    sys.exit(run_zygote(control, become))


@main.command()
@with_settings
@click.argument("name", type=click.Choice(ACTORS))
@click.option("--host")
@click.option("--port", type=click.IntRange(0, 65535))
def actor(name: str, data_dir: Path | None, config: Path | None, host: str | None, port: int | None) -> None:
    """Run one actor as a process of its own, without a supervisor.

    It finds the other actors, and they find it, through the run directory of the same --data-dir, or through [addresses].

    \b
    Example, in two terminals:
      run.py actor memory --data-dir /tmp/m
      run.py send memory.stats '{}' --data-dir /tmp/m
    """
    settings = load_settings(config, flags_of(data_dir, host, port))
    run_dir = prepare_directories(settings)
    sys.exit(run_alone(name, settings, run_dir))


@main.command()
@with_settings
@click.argument("type_name", metavar="TYPE")
@click.argument("body", metavar="JSON", default="{}")
@click.option("--to", help="Actor to ask; by default the part of TYPE before the dot. Needed for sys.* types.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds.")
@click.option("--key", help="Idempotency key.")
def send(
    type_name: str, body: str, to: str | None, timeout: float, key: str | None, data_dir: Path | None, config: Path | None
) -> None:
    """Say something to an actor and print its answer as JSON; of a stream, each part on a line.

    \b
    Examples:
      run.py send memory.remember '{"memories": [{"text": "Ana lives in Porto"}]}'
      run.py send memory.recall '{"query": "Where does Ana live?", "k": 3}'
      run.py send sys.ping --to llm
    """
    settings = load_settings(config, flags_of(data_dir))
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise click.ClickException(f"the body is not JSON: {error}") from error
    answer = asyncio.run(say_to(settings, type_name, parsed, to=to, timeout=timeout, key=key))
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


@main.command()
@with_settings
@click.option("--json", "as_json", is_flag=True, help="The supervisor's answer as it is.")
def status(data_dir: Path | None, config: Path | None, as_json: bool) -> None:
    """Every actor of the running house: state, pid, restarts, memory, what waits in its mailbox."""
    from commands.send import table

    settings = load_settings(config, flags_of(data_dir))
    children = asyncio.run(say_to(settings, "supervisor.children", {}))["children"]
    click.echo(json.dumps({"actors": children}, indent=2) if as_json else table(children))
    sys.exit(0 if all(child["state"] == "ready" for child in children) else 1)


@main.command()
@with_settings
@click.argument("name")
def restart(name: str, data_dir: Path | None, config: Path | None) -> None:
    """Drain one actor and start it anew; returns once it is ready.

    \b
    Example:
      run.py restart memory
    """
    from commands.send import table

    settings = load_settings(config, flags_of(data_dir))
    child = asyncio.run(say_to(settings, "supervisor.restart", {"name": name}, timeout=60))["child"]
    click.echo(table([child]))


@main.command()
@with_settings
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def doctor(data_dir: Path | None, config: Path | None, as_json: bool) -> None:
    """Look at this machine, the settings and the data; name the remedy for what is missing or wrong."""
    from commands.doctor import examine

    findings = asyncio.run(examine(place_of(load_settings(config, flags_of(data_dir)))))

    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.state:5} {finding.what}" + (f"\n      {finding.remedy}" if finding.remedy else ""))

    sys.exit(1 if any(finding.state == "wrong" for finding in findings) else 0)


@main.command(name="export")
@with_settings
@click.option("--namespace", default="default", show_default=True)
@click.argument("file", type=click.File("w"), default="-")
def export_memories(file: TextIO, namespace: str, data_dir: Path | None, config: Path | None) -> None:
    """Write every memory of a namespace as JSON Lines, while the house runs.

    \b
    Example:
      run.py export backup.jsonl --namespace anna
    """
    from commands.transfer import export_to

    settings = load_settings(config, flags_of(data_dir))
    count = asyncio.run(with_memory(settings, lambda memory: export_to(memory, namespace, file)))
    say(f"{count} memories written to {file.name}")


@main.command(name="import")
@with_settings
@click.option("--namespace", default="default", show_default=True)
@click.argument("file", type=click.File("r"), default="-")
def import_memories(file: TextIO, namespace: str, data_dir: Path | None, config: Path | None) -> None:
    """Bring back what `export` wrote; a second time it changes nothing.

    \b
    Example:
      run.py import backup.jsonl --namespace anna
    """
    from commands.transfer import import_from

    settings = load_settings(config, flags_of(data_dir))
    created, known = asyncio.run(with_memory(settings, lambda memory: import_from(memory, namespace, file)))
    say(f"{created} memories came in, {known} were known already")


@main.group()
def keys() -> None:
    """API keys for HTTP, and CURVE keys for actors that talk over TCP."""


@keys.command(name="create")
@with_settings
@click.option("--namespace", help="The only namespace that the key opens; all of them without it.")
@click.argument("name")
def create_key(name: str, namespace: str | None, data_dir: Path | None, config: Path | None) -> None:
    """Make an API key and show it, this once; a hash of it is kept.

    \b
    Example:
      run.py keys create laptop --namespace anna
    """
    click.echo(key_file(data_dir, config).create(name, namespace))


@keys.command(name="list")
@with_settings
def list_keys(data_dir: Path | None, config: Path | None) -> None:
    """The names of the API keys, and when each was made."""
    for key in key_file(data_dir, config).list():
        click.echo(f"{key.name:<24} {key.namespace or 'all namespaces':<24} {key.created:%Y-%m-%d %H:%M}")


@keys.command(name="revoke")
@with_settings
@click.argument("name")
def revoke_key(name: str, data_dir: Path | None, config: Path | None) -> None:
    """Let an API key open nothing any more, from now on."""
    key_file(data_dir, config).revoke(name)
    say(f"{name} opens nothing any more")


@keys.command(name="curve")
@with_settings
@click.option("--allow", metavar="PUBLIC", help="Let the client with this public key in, under NAME.")
@click.argument("name", default="server")
def curve_keys(name: str, allow: str | None, data_dir: Path | None, config: Path | None) -> None:
    """Make a CURVE key pair where there is none, and print its public half.

    \b
    Examples:
      run.py keys curve                     this machine's actors, as a server
      run.py keys curve client              this machine, as a client
      run.py keys curve laptop --allow KEY  let a client in
    """
    from transport import keys as curve

    settings = load_settings(config, flags_of(data_dir))
    prepare_directories(settings)
    if allow:
        curve.allow(settings.data_dir / "keys", allow, name)
        say(f"{name} is let in")
    else:
        click.echo(curve.load_or_create(settings.data_dir / "keys", name).public)


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests; what follows goes to pytest. `--lint` runs ruff, mypy and import-linter instead.

    \b
    Examples:
      run.py test
      run.py test tests/memory -k cursor
      run.py test --lint
    """
    os.chdir(ROOT)
    if "--lint" not in arguments:
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606

    bin_dir = Path(sys.executable).parent
    for linter in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"], ["lint-imports"]):
        say(" ".join(linter))
        if subprocess.run([bin_dir / linter[0], *linter[1:]], check=False).returncode:  # noqa: S603
            sys.exit(1)


# What the commands are made of


def itself(command: str, run_dir: Path) -> list[str]:
    """The program again, with a hidden command."""
    return [sys.executable, str(ROOT / "run.py"), command, str(run_dir)]


def prepare_directories(settings: Settings) -> Path:
    """Make the data directory (0700) and give the run directory."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return run_directory(settings.data_dir)


def write_settings(settings: Settings, run_dir: Path) -> None:
    """Lay this start's settings down for the supervisor and the zygote, which may be started again long after."""
    path = run_dir / "settings.json"
    path.touch(mode=0o600)
    path.write_text(settings.model_dump_json())


def read_settings(run_dir: Path) -> Settings:
    """The settings that `up` was started with."""
    return Settings.model_validate_json((run_dir / "settings.json").read_bytes())


def open_listener(settings: Settings) -> socket.socket:
    """The HTTP listener. It is opened once, here, and inherited: connections wait while the gateway is replaced."""
    from gateway.settings import check_bind

    try:
        check_bind(settings.gateway, settings.data_dir)
    except LatticeError as error:
        raise click.ClickException(error.message) from error
    family = socket.AF_INET6 if ":" in settings.gateway.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.gateway.host, settings.gateway.port))
    except OSError as error:
        where = f"{settings.gateway.host}:{settings.gateway.port}"
        raise click.ClickException(f"cannot listen on {where}: {error.strerror}. Take another with --port.") from error
    listener.listen(1024)
    return listener


@contextmanager
def house_lock(settings: Settings) -> Iterator[None]:
    """One house for each data directory."""
    lock = Lock(settings.data_dir / "house.lock")
    if not lock.try_acquire():
        raise click.ClickException(
            f"another house runs in {settings.data_dir} (process {lock.holder}); see it with `run.py status`, "
            "or start this one with another --data-dir"
        )
    try:
        yield
    finally:
        lock.release()


def run_in_one_process(settings: Settings, run_dir: Path, listener: socket.socket, on_ready: Callable[[], None]) -> int:
    """What `up --single-process` does."""
    from supervisors.single import run_single

    async def start(host: Any, name: str) -> None:
        # A gateway that is restarted closes its listener; this one stays open, and connections wait in it.
        await start_actor(host, name, settings, listener.dup() if name == "gateway" else None)

    return run_single(
        supervisor_spec(),
        run_dir=run_dir,
        data_dir=settings.data_dir,
        make_host=lambda: make_host(settings, run_dir),
        start=start,
        on_line=click.echo,
        on_ready=on_ready,
    )


def run_alone(name: str, settings: Settings, run_dir: Path) -> int:
    """What `actor NAME` does: the life of a supervised process, without a supervisor."""
    from supervisors.child import run_child
    from supervisors.control import Assignment

    async def populate(host: Any, assignment: Assignment, sockets: list[socket.socket]) -> None:
        del sockets
        await start_actor(host, assignment.name, settings, open_listener(settings) if name == "gateway" else None)
        click.echo(f"{name} is ready at {run_dir / name}.sock")

    assignment = Assignment(
        name=name, incarnation=secrets.token_hex(8), epoch=1, run_dir=run_dir, data_dir=settings.data_dir, up_pid=os.getpid()
    )
    return run_child(assignment, None, lambda _: make_host(settings, run_dir, assignment.incarnation), populate)


def make_host(settings: Settings, run_dir: Path, incarnation: str | None = None) -> Any:
    """The host of one process of this house."""
    from actors.host import Host

    addresses = {name: address for name, address in settings.addresses.model_dump().items() if address}
    return Host(run_dir=run_dir, incarnation=incarnation, addresses=addresses)


def import_everything() -> None:
    """What the zygote does once so that no replacement has to."""
    for place in CLASSES.values():
        importlib.import_module(place.partition(":")[0])


async def say_to(settings: Settings, type_name: str, body: Any, **options: Any) -> Any:
    """One question to the running house, over its sockets; the answer's body.

    Raises:
        click.ClickException: when none runs there, or it answers an error.
    """
    from commands.send import find, send

    name = options.get("to") or find(type_name).actor
    async with client_host(settings, name) as host:
        return await send(host, type_name, body, **options)


async def with_memory(settings: Settings, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do `work` with a ref to the running memory actor."""
    async with client_host(settings, "memory") as host:
        try:
            return await work(host.ref("memory"))
        except LatticeError as error:
            raise click.ClickException(f"{error.code}: {error.message}") from error


def client_host(settings: Settings, name: str) -> Any:
    """A host that lives no actor, for asking the actor `name`.

    Raises:
        click.ClickException: when that actor does not run here and no address is set for it.
    """
    run_dir = run_directory(settings.data_dir)
    if not (run_dir / f"{name}.sock").exists() and not getattr(settings.addresses, name, None):
        raise click.ClickException(
            f"no {name} runs in {settings.data_dir}; start the house with `run.py up`, or name its --data-dir"
        )
    return make_host(settings, run_dir)


def key_file(data_dir: Path | None, config: Path | None) -> Any:
    """The file of API keys."""
    from gateway.auth import KeyFile

    settings = load_settings(config, flags_of(data_dir))
    prepare_directories(settings)
    return KeyFile(settings.data_dir)


def place_of(settings: Settings) -> Any:
    """What doctor is to look at."""
    from commands.doctor import Place

    return Place(
        root=ROOT,
        data_dir=settings.data_dir,
        host=settings.gateway.host,
        port=settings.gateway.port,
        endpoints=tuple((known.name, known.base_url, known.key_problem()) for known in settings.llm.endpoints),
    )
