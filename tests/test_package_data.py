"""A wheel has all that the code reads beside itself: `package-data` in pyproject.toml names each such file."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_file_that_is_no_code_is_named_in_the_package_data() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    tops = [pattern.rstrip("*") for pattern in tools["packages"]["find"]["include"]]
    beside = {
        path
        for top in tops
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    named = {
        path
        for package, patterns in tools["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert len(beside) > len(tops)
    assert beside - named == set()
