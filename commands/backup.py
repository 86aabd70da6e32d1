"""`run.py backup` and `run.py restore`: all databases of the house in one file, and back.

The file is a tar: `manifest.json`, then the databases, whole and checked. What is encrypted stays so.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from commands.databases import tell_of
from commands.house import House, alone, finish_restore, with_house
from commands.outputs import whole
from commands.restoring import begin, begun, checked, finish, in_the_way
from transport.lock import Lock

__all__ = ["backup", "restore"]

ACTORS: Final = ("llm", "thinking", "paradox", "daemon", "memory")
"""Memory last: the cursors that the others keep into its feed then lie within it."""

FORM: Final = 1
LONGEST_S: Final = 86_400.0
CHUNK: Final = 1 << 20


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_house
def backup(house: House, file: Path) -> None:
    """Copy all databases into FILE, while the house runs or stands still.

    Each is consistent and checked. The copy is encrypted where the original is.

    \b
    Example:
      python3 run.py backup lattice.tar
    """
    finish_restore(house)
    name = f"backup-{secrets.token_hex(4)}"
    with copies_for_now(house.settings.data_dir, name):
        copies = copied(house, name)
        if not copies:
            raise click.ClickException(f"there is no database in {house.settings.data_dir}")
        with whole(file) as out:
            written = pack(copies, out)
    click.echo(f"{', '.join(sorted(copies))}: {written >> 10} KiB written to {file}", err=True)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_house
def restore(house: House, file: Path) -> None:
    """Bring back what `backup` wrote, into a data directory that has no databases.

    \b
    Example:
      python3 run.py restore lattice.tar --data-dir /var/lib/lattice
    """
    house.prepare()
    data_dir: Path = house.settings.data_dir
    with alone(house):
        if there := in_the_way(data_dir):
            raise click.ClickException(
                f"{data_dir} has databases already, or what is left of some ({', '.join(there)}): nothing was changed; "
                "move them away, or take another with --data-dir"
            )
        for left_by_a_kill in begun(data_dir):
            shutil.rmtree(left_by_a_kill)
        part = begin(data_dir)
        try:
            names = unpack(file, part)
            refuse_unsound(part, names)
            checked(part)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        finish(data_dir)
    click.echo(f"{', '.join(names)} are back in {data_dir}", err=True)


@contextmanager
def copies_for_now(data_dir: Path, name: str) -> Iterator[None]:
    """Copies of that name may be made, and are gone afterwards: after a kill with the next start, or the next backup."""
    from actors.sqlite.backup import making_path, remove_abandoned

    if not data_dir.is_dir():
        yield
        return
    path = making_path(data_dir, name)
    lock = Lock(path)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        remove_abandoned(data_dir)
        lock.take()
    except OSError as error:
        raise click.ClickException(f"{path.parent} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        for copy in path.parent.glob(f"{name}.*"):
            copy.unlink(missing_ok=True)
        lock.release()


def copied(house: House, name: str) -> dict[str, Path]:
    """A checked copy of every database: made by its actor where it runs, else here, while no house runs."""
    from actors.sqlite.backup import backup_path, write_copy
    from actors.sqlite.encryption import StoreKey

    data_dir: Path = house.settings.data_dir
    copies = {}
    for actor in ACTORS:
        path = data_dir / f"{actor}.db"
        if not path.exists():
            continue
        tell_of(path, "copying")
        if house.runs(actor):
            asyncio.run(house.with_actor(actor, partial(ask, actor, name)))
        else:
            with house.locked():
                write_copy(path, backup_path(path, name), StoreKey.from_environment())
        copies[path.name] = backup_path(path, name)
    return copies


async def ask(actor: str, name: str, ref: Any) -> None:
    """Have an actor copy its database."""
    import importlib

    contract = importlib.import_module(f"actors.{actor}.messages").Backup
    await ref.ask(contract(name=name), timeout=LONGEST_S)


def pack(copies: dict[str, Path], out: Any) -> int:
    """Write the archive; returns how many bytes of databases are in it."""
    manifest = {
        "lattice": "backup",
        "version": FORM,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {name: {"bytes": path.stat().st_size, "sha256": digest(path)} for name, path in copies.items()},
    }
    told = json.dumps(manifest, indent=2).encode()
    # A stream of blocks, since what it goes to may be a pipe.
    with tarfile.open(fileobj=out, mode="w|") as archive:
        entry = tarfile.TarInfo("manifest.json")
        entry.size, entry.mode = len(told), 0o600
        archive.addfile(entry, io.BytesIO(told))
        for name, path in copies.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, 0o600
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return sum(path.stat().st_size for path in copies.values())


def unpack(file: Path, part: Path) -> list[str]:
    """Lay the databases of a backup down in `part`, as its manifest describes them.

    Raises:
        click.ClickException: it is no backup, a newer one, or damaged.
    """
    try:
        with tarfile.open(file) as archive:
            first = archive.next()
            if first is None or first.name != "manifest.json" or first.size > CHUNK:
                raise click.ClickException(f"{file} is no backup of Lattice")
            manifest = json.load(archive.extractfile(first))  # type: ignore[arg-type]
            if manifest.get("lattice") != "backup" or manifest.get("version") != FORM:
                raise click.ClickException(
                    f"{file} is a backup of version {manifest.get('version')}; this program knows {FORM}"
                )
            known = {name: entry for name, entry in manifest["files"].items() if name in {f"{actor}.db" for actor in ACTORS}}
            for member in archive:
                if member.name in known and member.isfile():
                    lay_down(archive, member, part / member.name)
    except (tarfile.TarError, ValueError, KeyError, AttributeError, EOFError) as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise click.ClickException(f"{file} is no backup of Lattice, or is damaged: {reason}") from error
    if not known:
        raise click.ClickException(f"{file} holds no database of Lattice")
    for name, entry in known.items():
        if not (part / name).exists() or digest(part / name) != entry["sha256"]:
            raise click.ClickException(f"{file} is damaged: {name} is not what it was")
    return sorted(known)


def lay_down(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write one member to disk."""
    source = archive.extractfile(member)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        if source is not None:
            shutil.copyfileobj(source, out, CHUNK)
        out.flush()
        os.fsync(out.fileno())


def refuse_unsound(part: Path, names: list[str]) -> None:
    """Read the databases to their last pages.

    Raises:
        click.ClickException: one is not sound.
    """
    from actors.sqlite.backup import check
    from actors.sqlite.encryption import StoreKey

    key = StoreKey.from_environment()
    for name in names:
        tell_of(part / name, "checking")
        if wrong := check(part / name, key):
            raise click.ClickException(f"{name} in it cannot be read ({wrong}): nothing was changed; is the key the right one?")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
