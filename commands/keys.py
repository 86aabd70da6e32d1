"""`run.py keys`: API keys for HTTP, and CURVE keys for actors that talk over TCP."""

from __future__ import annotations

import click

from commands.house import House, with_house

__all__ = ["keys"]


@click.group()
def keys() -> None:
    """API keys for HTTP, and CURVE keys for actors that talk over TCP."""


@keys.command()
@click.option("--namespace", help="The only namespace that the key opens; all of them without it.")
@click.argument("name")
@with_house
def create(house: House, name: str, namespace: str | None) -> None:
    """Make an API key and show it, this once; a hash of it is kept.

    \b
    Example:
      run.py keys create laptop --namespace anna
    """
    from gateway.auth import KeyFile

    house.prepare()
    click.echo(KeyFile(house.settings.data_dir).create(name, namespace))


@keys.command(name="list")
@with_house
def list_keys(house: House) -> None:
    """The names of the API keys, and when each was made."""
    from gateway.auth import KeyFile

    for key in KeyFile(house.settings.data_dir).list():
        click.echo(f"{key.name:<24} {key.namespace or 'all namespaces':<24} {key.created:%Y-%m-%d %H:%M}")


@keys.command()
@click.argument("name")
@with_house
def revoke(house: House, name: str) -> None:
    """Let an API key open nothing any more, from now on."""
    from gateway.auth import KeyFile

    house.prepare()
    KeyFile(house.settings.data_dir).revoke(name)
    click.echo(f"{name} opens nothing any more")


@keys.command()
@click.option("--allow", metavar="PUBLIC", help="Let the client with this public key in, under NAME.")
@click.argument("name", default="server")
@with_house
def curve(house: House, name: str, allow: str | None) -> None:
    """Make a CURVE key pair where there is none, and print its public half.

    \b
    Examples:
      run.py keys curve                     this machine's actors, as a server
      run.py keys curve laptop --allow KEY  let a client in
    """
    from transport import keys as curves

    house.prepare()
    directory = house.settings.data_dir / "keys"
    if allow:
        curves.allow(directory, allow, name)
        click.echo(f"{name} is let in")
    else:
        click.echo(curves.load_or_create(directory, name).public)
