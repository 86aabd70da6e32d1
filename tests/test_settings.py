"""Every setting has bounds, and what the docs say of settings is so."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from actors.message import contracts
from run import CLASSES, Settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "MB": 1 << 20, "GiB": 1 << 30}
FILES = ("db", "owner", "keycheck", "py")


def fields(model: type[BaseModel] = Settings, at: str = "") -> Iterator[tuple[str, type[BaseModel], str]]:
    """Every setting: its whole name, its model, its own name."""
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        inner = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for kind in inner:
            yield from fields(kind, f"{at}{name}.")
        if not inner:
            yield f"{at}{name}", model, name


ALL = {path: (model, name) for path, model, name in fields()}


def is_number(model: type[BaseModel], name: str) -> bool:
    return {float, int} & {model.model_fields[name].annotation, *flat(model.model_fields[name].annotation)} != set()


def flat(annotation: Any) -> Iterator[Any]:
    for kind in get_args(annotation):
        yield kind
        yield from flat(kind)


def is_taken(model: type[BaseModel], name: str, value: Any) -> bool:
    """Whether a model takes this value for one of its fields, whatever others it needs."""
    try:
        model.model_validate({name: value})
    except ValidationError as error:
        return all(told["loc"][0] != name for told in error.errors())
    return True


@pytest.mark.parametrize("path", [path for path, (model, name) in ALL.items() if is_number(model, name)])
def test_a_number_has_a_lower_and_an_upper_bound(path: str) -> None:
    model, name = ALL[path]
    wrap = (lambda number: {"turn": number}) if isinstance(model.model_fields[name].default, dict) else (lambda number: number)
    # Whole ones beyond 64 bits cannot be told to anybody over the wire.
    for number in (-(10**18), 10**18, -1e300, 1e300, float("inf"), float("-inf"), float("nan")):
        assert not is_taken(model, name, wrap(number)), number


def defaults_of(told: str) -> list[Any]:
    """The defaults of the settings that a page may mean by a name, whole or its last words."""
    return [
        model.model_fields[name].default for path, (model, name) in ALL.items() if path == told or path.endswith(f".{told}")
    ]


def same(said: str, unit: str, default: Any) -> bool:
    return isinstance(default, (int, float)) and float(said.replace(",", "")) * UNITS.get(unit, 1) == default


SAID = [
    pytest.param(*found, id=f"{page.name}-{found[0]}")
    for page in PAGES
    for found in re.findall(r"`([a-z_.]+)`\** \(([\d.,]*\d)(?:\s+([A-Za-z]+))?[),;]", page.read_text())
    if defaults_of(found[0])
]


@pytest.mark.parametrize(("name", "said", "unit"), SAID)
def test_a_default_in_the_docs_is_the_settings_own(name: str, said: str, unit: str) -> None:
    assert any(same(said, unit, default) for default in defaults_of(name)), defaults_of(name)


def test_the_docs_tell_defaults() -> None:
    assert len(SAID) > 15


def test_the_table_of_a_memorys_life_has_the_defaults() -> None:
    _, _, after = (ROOT / "docs" / "memory.md").read_text().partition("setting of `[memory.life]`")
    rows = re.findall(r"^\| (`[^|]+`) \| ([\d., ]+) \|", after.partition("\n\n")[0], re.MULTILINE)
    told = {
        name: float(value)
        for names, values in rows
        for name, value in zip(re.findall(r"`(\w+)`", names), values.split(", "), strict=True)
    }
    life = Settings.model_fields["memory"].default.life
    assert len(told) > 5
    assert told == {name: getattr(life, name) for name in told}


for actor in CLASSES:
    # Contracts are known once they are imported; what the gateway is told stands with the supervisors'.
    if actor != "gateway":
        importlib.import_module(f"actors.{actor}.messages")

SECTIONS = {word for path in ALL for word in path.split(".")[:-1]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_setting_that_the_docs_name_is_there(page: Path) -> None:
    for section in re.findall(r"`\[{1,2}([a-z_.]+)\]{1,2}`", page.read_text()):
        assert section.split(".")[-1] in SECTIONS or page.name == "export.md", section  # there it is a messenger's form
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", page.read_text()):
        if name.split(".")[0] in SECTIONS and name not in contracts and name.split(".")[-1] not in FILES:
            assert defaults_of(name) or name.split(".")[-1] in SECTIONS, name
