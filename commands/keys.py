"""`run.py keys`: API keys for HTTP, CURVE keys for actors that talk over TCP, and the key of the databases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.databases import tell_of
from commands.house import House, alone, with_house

if TYPE_CHECKING:
    from actors.sqlite.encryption import StoreKey

__all__ = ["keys"]


@click.group()
def keys() -> None:
    """API keys for HTTP, CURVE keys for actors that talk over TCP, and the key of the databases.

    \b
    Examples:
      python3 run.py keys create laptop        an API key, shown once
      python3 run.py keys curve --help
    """


@keys.command()
@click.option("--namespace", help="The only namespace that the key opens; all of them without it.")
@click.argument("name")
@with_house
def create(house: House, name: str, namespace: str | None) -> None:
    """Make an API key and show it, this once; a hash of it is kept.

    \b
    Example:
      python3 run.py keys create laptop --namespace anna
    """
    from gateway.auth import KeyFile

    house.prepare()
    click.echo(KeyFile(house.settings.data_dir).create(name, namespace))


@keys.command(name="list")
@with_house
def list_keys(house: House) -> None:
    """The names of the API keys, and when each was made.

    \b
    Example:
      python3 run.py keys list --data-dir /var/lib/lattice
    """
    from gateway.auth import KeyFile

    known = KeyFile(house.settings.data_dir).list()
    if not known:
        click.echo(f"there is no API key in {house.settings.data_dir}; `python3 run.py keys create NAME` makes one", err=True)
    for key in known:
        click.echo(f"{key.name:<24} {key.namespace or 'all namespaces':<24} {key.created:%Y-%m-%d %H:%M}")


@keys.command()
@click.argument("name")
@with_house
def revoke(house: House, name: str) -> None:
    """Let an API key open nothing any more, from now on.

    \b
    Example:
      python3 run.py keys revoke laptop
    """
    from gateway.auth import KeyFile

    house.prepare()
    KeyFile(house.settings.data_dir).revoke(name)
    click.echo(f"{name} opens nothing any more")


@keys.command()
@click.option("--allow", metavar="PUBLIC", help="Let the client with this public key in, under NAME.")
@click.argument("name", required=False)
@with_house
def curve(house: House, name: str | None, allow: str | None) -> None:
    """Make a CURVE key pair where there is none, and print its public half.

    \b
    Examples:
      python3 run.py keys curve                     this machine's actors, as a server
      python3 run.py keys curve client              this machine's, where they ask others
      python3 run.py keys curve laptop --allow KEY  let a client in
    """
    from transport import keys as curves

    if allow and name is None:
        raise click.UsageError("say under which name the client is let in: python3 run.py keys curve NAME --allow PUBLIC")

    house.prepare()
    directory = house.settings.data_dir / "keys"
    if allow and name:
        curves.allow(directory, allow, name)
        click.echo(f"{name} is let in")
    else:
        click.echo(curves.load_or_create(directory, name or "server").public)


@keys.command()
def new() -> None:
    """Make a key for the databases and print it. It is kept nowhere: whoever loses it loses what it opens.

    \b
    Example:
      (umask 077; python3 run.py keys new > lattice.key)
      export LATTICE_MEMORY_KEY_FILE=$PWD/lattice.key
      python3 run.py keys encrypt
    """
    from actors.sqlite.encryption import StoreKey

    click.echo(StoreKey.new_text())


@keys.command()
@with_house
def encrypt(house: House) -> None:
    """Encrypt all databases with the key in the environment, while no house runs.

    \b
    Example:
      LATTICE_MEMORY_KEY_FILE=$PWD/lattice.key python3 run.py keys encrypt
    """
    change(house, None, key_in_environment("`python3 run.py keys new` makes a key"))


@keys.command()
@with_house
def decrypt(house: House) -> None:
    """Write all databases unencrypted, while no house runs. The key in the environment opens them.

    \b
    Example:
      LATTICE_MEMORY_KEY_FILE=$PWD/lattice.key python3 run.py keys decrypt
    """
    change(house, key_in_environment("without it nothing can be decrypted"), None)


@keys.command()
@click.argument("new_key_file", type=click.Path(path_type=Path))
@with_house
def rekey(house: House, new_key_file: Path) -> None:
    """Encrypt all databases with the key in NEW_KEY_FILE, while no house runs. The key in the environment opens them.

    \b
    Example:
      (umask 077; python3 run.py keys new > next.key)
      LATTICE_MEMORY_KEY_FILE=$PWD/lattice.key python3 run.py keys rekey next.key
    """
    from actors.sqlite.encryption import StoreKey

    change(house, key_in_environment("without it nothing can be opened"), StoreKey.from_file(new_key_file))


def key_in_environment(otherwise: str) -> StoreKey:
    """The key that the environment holds or names.

    Raises:
        click.ClickException: there is none, and what that means.
    """
    from actors.sqlite.encryption import KEY, StoreKey

    key = StoreKey.from_environment()
    if key is None:
        raise click.ClickException(f"{KEY} is not set: {otherwise}")
    return key


def change(house: House, old: StoreKey | None, new: StoreKey | None) -> None:
    """Bring every database from one key to another; those that have it already are passed over, so that it can be run again."""
    from actors.sqlite.rekeying import rekey_file

    with alone(house):
        for path in sorted(house.settings.data_dir.glob("*.db")):
            tell_of(path, "writing anew")
            done = rekey_file(path, old, new)
            click.echo(f"{path.name}: {'done' if done else 'was so already'}")
