"""What all contracts have in common."""

import pytest
from pydantic import ValidationError

from actors.message import Data, Name, Namespace


class Note(Data):
    name: Name
    namespace: Namespace = "default"
    text: str = ""


@pytest.mark.parametrize("names", [{"name": "a\0b"}, {"name": "a", "namespace": "\0"}, {"name": ""}, {"name": "a" * 257}])
def test_a_name_that_no_database_takes_is_refused(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Note(**names)


def test_a_name_may_be_in_any_script_and_on_several_lines() -> None:
    assert Note(name="Łukasz\nof 東京").name == "Łukasz\nof 東京"


def test_what_is_wrong_is_told_without_the_contents() -> None:
    with pytest.raises(ValidationError) as caught:
        Note.model_validate({"name": "a", "text": ["a secret"]})

    assert "text" in str(caught.value)
    assert "secret" not in str(caught.value)
