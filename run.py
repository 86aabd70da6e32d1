#!/usr/bin/env python3
"""Lattice's command line and composition root: the only file that knows every part.

Where the dependencies are not importable, `commands/bootstrap.py` first makes `.venv` beside this file from the pinned
requirements and continues inside it. What a command does stands in `commands/`, in a file of its name.
"""

from __future__ import annotations

import os
import signal
import sys

# Ctrl-C while all is imported ends it, without a stack. Who ignores it (nohup) goes on ignoring it.
interrupted = signal.getsignal(signal.SIGINT)
if __name__ == "__main__" and interrupted is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from commands.bootstrap import bootstrap

# numpy's BLAS starts a thread for each core when it is imported. The zygote must hold none; and two that wait for each other on
# busy cores make a product of a few MB four times slower than one does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if __name__ == "__main__":
    bootstrap(sys.argv[1:])

# From here on the dependencies are there.

import importlib
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from actors.daemon.settings import DaemonSettings
from actors.encoder.settings import EncoderSettings
from actors.limits import ProcessLimits
from actors.llm.settings import LlmSettings
from actors.memory.settings import MemorySettings
from actors.paradox.settings import ParadoxSettings
from actors.thinking.settings import ThinkingSettings
from commands.actor import actor
from commands.backup import backup, restore
from commands.chaos import chaos
from commands.doctor import doctor
from commands.exit_status import ConfigurationError, refusal
from commands.house import Sentences
from commands.keys import keys
from commands.reload import reload
from commands.restart import restart
from commands.send import send
from commands.settings_file import BESIDE, read, stands_beside, text_of
from commands.status import status
from commands.test import test
from commands.transfer import export_memories, import_memories
from commands.up import supervise, up, zygote
from commands.wrong_settings import check_discovery, check_environment, check_files, check_path, explain, no_json, wrong_values
from gateway.settings import GatewaySettings
from supervisors.settings import SupervisionSettings
from supervisors.spec import ChildSpec, SupervisorSpec
from transport import keys as keyring
from transport.foreign import put_file

if TYPE_CHECKING:
    from actors.host import Host

__all__ = ["Composition", "Settings", "main"]

CLASSES = {
    "encoder": "actors.encoder.actor:Encoder",
    "memory": "actors.memory.actor:Memory",
    "llm": "actors.llm.actor:Llm",
    "paradox": "actors.paradox.actor:Paradox",
    "thinking": "actors.thinking.actor:Thinking",
    "daemon": "actors.daemon.actor:Daemon",
    "gateway": "gateway.actor:Gateway",
}
"""In the order in which they start; they stop in reverse, so that the gateway is drained first."""


READY_S = 60.0
"""How long an actor may take until it is ready. One that has to do something about its database first says so, and has more."""


WALK_S = 5.0
"""How long an actor that is started for nobody may take to answer."""


def default_data_dir() -> Path:
    """Where people expect a program's data: `$XDG_DATA_HOME/lattice`.

    A relative path there is passed over, as the XDG specification says: it would be another place in each directory.
    """
    told = Path(os.environ.get("XDG_DATA_HOME", ""))
    try:
        return (told if told.is_absolute() else Path.home() / ".local" / "share") / "lattice"
    except RuntimeError as error:
        raise ConfigurationError("this user has no home directory: say where to keep the data with --data-dir") from error


class Address(BaseModel):
    """Where an actor is reached over TCP, and the public CURVE key by which it is known there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(pattern=r"^tcp://.+:\d+$")
    key: str | None = None
    """None where it is this machine's own: `python3 run.py keys curve`."""

    @field_validator("address")
    @classmethod
    def _has_a_port(cls, address: str) -> str:
        if not 0 < int(address.rpartition(":")[2]) < 1 << 16:
            raise ValueError("a port is a number from 1 to 65535")
        return address

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, key: str | None) -> str | None:
        if key is not None and not keyring.is_key(key):
            raise ValueError("a public key has 40 characters of Z85, as `python3 run.py keys curve` prints it there")
        return key


class Addresses(BaseModel):
    """Actors that are (also) reached over TCP: `memory = {address = "tcp://10.0.0.5:7001", key = "..."}`.

    An actor that is started here listens at its address too; one that is not is looked for there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoder: Address | None = None
    memory: Address | None = None
    llm: Address | None = None
    thinking: Address | None = None
    paradox: Address | None = None
    daemon: Address | None = None
    gateway: Address | None = None


class Settings(BaseSettings):
    """Everything that can be set: `lattice.toml`, then `LATTICE_*` in the environment, then flags; later ones win."""

    model_config = SettingsConfigDict(
        env_prefix="LATTICE_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    data_dir: Path = Field(default_factory=default_data_dir)
    encoder: EncoderSettings = EncoderSettings()
    memory: MemorySettings = MemorySettings()
    llm: LlmSettings = LlmSettings()
    thinking: ThinkingSettings = ThinkingSettings()
    paradox: ParadoxSettings = ParadoxSettings()
    daemon: DaemonSettings = DaemonSettings()
    gateway: GatewaySettings = GatewaySettings()
    addresses: Addresses = Addresses()
    limits: ProcessLimits = ProcessLimits()
    supervision: SupervisionSettings = SupervisionSettings()

    @field_validator("data_dir", mode="before")
    @classmethod
    def _names_a_place(cls, value: object) -> object:
        # An empty one would be the working directory: a variable that was forgotten, not a place that was meant.
        if isinstance(value, str) and (not value or "\0" in value):
            raise ValueError(f"{value!r} is no path")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment."""
        del settings_cls, dotenv_settings, file_secret_settings
        return (init_settings, env_settings)


class AsWritten(Settings):
    """Settings from the file that `up` wrote, and from nowhere else."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, alone."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class Composition:
    """How the parts are joined; see `commands.house.Composition`."""

    actors = tuple(CLASSES)

    def load_settings(self, config: Path | None, flags: Mapping[str, Any]) -> Settings:
        """The settings of this start.

        Raises:
            ConfigurationError: naming the file and the field, where something is wrong with them.
        """
        if config is None and stands_beside():
            config = BESIDE
        told = {} if config is None else read(config)

        class FromFile(Settings):
            @classmethod
            def settings_customise_sources(
                cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                """As all, then the file."""
                first = super().settings_customise_sources(settings_cls, *sources, **named)
                return (*first, InitSettingsSource(settings_cls, init_kwargs=told))

        try:
            settings = FromFile(**flags)
        except ValidationError as error:
            raise ConfigurationError(explain(wrong_values(error), config, text_of(config))) from error
        except SettingsError as error:
            part = re.search(r'field "(\w+)"', str(error))
            names = no_json(os.environ, part[1] if part else "")
            raise ConfigurationError(f"{' or '.join(names)} in the environment is not JSON") from error
        except RecursionError as error:
            raise ConfigurationError("a variable in the environment, LATTICE_…, is nested too deeply") from error
        try:
            data_dir = settings.data_dir.expanduser().resolve()
        except RuntimeError as error:
            homeless = str(settings.data_dir).startswith("~")
            reason = "names a user who has no home directory" if homeless else "is a link that leads to itself"
            raise ConfigurationError(f"data_dir: {settings.data_dir} {reason}") from error

        check_path(data_dir)
        check_files(settings, config)
        check_environment(os.environ, Settings.model_fields)
        check_discovery(settings, os.environ)

        return settings.model_copy(update={"data_dir": data_dir})

    def write_settings(self, settings: Settings, run_dir: Path) -> None:
        """Lay the settings down for the supervisor and the zygote, which may be started again long after.

        Raises:
            click.ClickException: the disk takes nothing; those that were laid down before stand.
        """
        try:
            put_file(run_dir / "settings.json", settings.model_dump_json().encode())
        except OSError as error:
            raise refusal(f"the settings cannot be written down in {run_dir}: {error.strerror}", error) from error

    def read_settings(self, run_dir: Path) -> Settings:
        """The settings that `up` was started with. The environment has been looked at already, and is not again."""
        return AsWritten.model_validate_json((run_dir / "settings.json").read_bytes())

    def spec(self, settings: Settings) -> SupervisorSpec:
        """Seven permanent children. One that crashes takes no other with it, since what they share is messages."""
        rules = settings.supervision
        children = tuple(
            ChildSpec(
                name=name,
                shutdown=rules.drain_s,
                heartbeat_s=rules.heartbeat_s,
                gets_listener=name == "gateway",
                # A stream may be longer than any drain, and its client cannot be sent to another process.
                lingers_s=settings.gateway.request_timeout_s if name == "gateway" else 0.0,
                ready_timeout_s=READY_S,
            )
            for name in self.actors
        )
        return SupervisorSpec(
            strategy="one_for_one",
            children=children,
            spares=rules.spares,
            standbys=rules.standbys,
            drain_all_s=rules.drain_s,
        )

    def make_host(self, settings: Settings, run_dir: Path, incarnation: str | None = None) -> Host:
        """The host of one process."""
        from actors.host import Host

        known = {name: known for name in CLASSES if (known := getattr(settings.addresses, name)) is not None}
        addresses = {name: address.address for name, address in known.items()}
        curve = curve_keys(settings, known) if known else None
        return Host(run_dir=run_dir, incarnation=incarnation, addresses=addresses, curve=curve, limits=settings.limits)

    async def start_actor(self, host: Host, name: str, settings: Settings, listener: socket.socket | None = None) -> None:
        """Start the actor `name`. The one place where a name meets a class and its arguments."""
        module, _, class_name = CLASSES[name].partition(":")
        actor_class = getattr(importlib.import_module(module), class_name)
        arguments: dict[str, Any] = {"data_dir": settings.data_dir}
        if name == "gateway":
            arguments["listener"] = listener

        await host.start_actor(actor_class, getattr(settings, name), **arguments)

    async def walk_through(self, name: str, settings: Settings, scratch: Path) -> None:
        """What a spare process does that has time, so that it is quick when it bears the name: start the actor, ask it, end it.

        In a directory that is thrown away, and alone: it reaches no other actor, no model and no endpoint.
        """
        from actors.host import Host
        from actors.memory.messages import NewMemory, Remember
        from actors.system import SysPing

        alone = settings.model_copy(
            update={
                "data_dir": scratch,
                "encoder": EncoderSettings(model="none"),
                "llm": LlmSettings(discover=False),
                "gateway": GatewaySettings(),
            }
        )
        question = Remember(memories=(NewMemory(text="nothing"),)) if name == "memory" else SysPing()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with Host(run_dir=scratch) as host, Host(run_dir=scratch, bind=False) as caller:
                await self.start_actor(host, name, alone, listener)
                await caller.ref(name).ask(question, timeout=WALK_S)

    def import_everything(self) -> None:
        """What the zygote does once so that no replacement has to."""
        for place in CLASSES.values():
            importlib.import_module(place.partition(":")[0])


def curve_keys(settings: Settings, known: Mapping[str, Address]) -> keyring.Curve:
    """The keys for every TCP address: there is no TCP without CURVE here, also not on loopback."""
    directory = settings.data_dir / "keys"
    server, client = keyring.load_or_create(directory, "server"), keyring.load_or_create(directory, "client")
    return keyring.Curve(
        server=keyring.ServerKeys(server, lambda: keyring.allowed(directory)),
        client=lambda name: keyring.ClientKeys(client, known[name].key or server.public),
    )


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.pass_context
def main(context: click.Context) -> None:
    """Lattice: a mind server between your chat application and its models.

    \b
    Examples:
      python3 run.py up                                        start the house, all actors
      python3 run.py up --port 9000 --config lattice.toml
      python3 run.py send memory.recall '{"query": "Porto"}'   say something to an actor
      python3 run.py restart memory                            one actor anew, or --all
      python3 run.py doctor                                    what is missing or wrong here
    """
    # A command speaks in sentences. What loguru says to the terminal by itself is for logs, which every process has.
    logger.remove()
    context.obj = Composition()


for command in (
    up,
    actor,
    send,
    status,
    restart,
    doctor,
    keys,
    export_memories,
    import_memories,
    backup,
    restore,
    test,
    chaos,
    supervise,
    zygote,
    reload,
):
    main.add_command(command)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupted)
    main(prog_name="python3 run.py")
