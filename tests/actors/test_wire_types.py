"""Values from the wire have the types that the contracts say, in every contract of every actor."""

import importlib
from typing import Any

import pytest

from actors.message import Contract, contracts
from transport.errors import Invalid

for part in ("daemon", "encoder", "llm", "memory", "paradox", "thinking"):
    importlib.import_module(f"actors.{part}.messages")
for module in ("actors.supervision", "actors.system", "actors.sqlite.backup"):
    importlib.import_module(module)

OF_ANOTHER_TYPE: dict[str, list[Any]] = {
    "integer": ["5", 5.0, True],
    "number": ["0.5", True],
    "boolean": ["yes", 1, "true"],
    "string": [5, b"bytes", True],
}
"""By JSON schema's name of a type what pydantic would make one of, or nearly."""


def typed(contract: Contract) -> list[tuple[str, str]]:
    """The contract's own fields that have one type, each with it."""
    fields: dict[str, dict[str, Any]] = contract.message.model_json_schema().get("properties", {})
    return [(name, field["type"]) for name, field in fields.items() if field.get("type") in OF_ANOTHER_TYPE]


FIELDS = sorted((name, *field) for name, contract in contracts.items() if "." in name for field in typed(contract))


@pytest.mark.parametrize(("name", "field", "kind"), FIELDS)
def test_a_value_of_another_type_is_refused_by_its_field(name: str, field: str, kind: str) -> None:
    for value in OF_ANOTHER_TYPE[kind]:
        with pytest.raises(Invalid) as caught:
            contracts[name].message.parse({field: value})

        assert field in {one["field"] for one in caught.value.detail["fields"]}, value


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("memory.remember", {"memories": [{"text": "a", "metadata": {}, "placed": "yes", "importance": "0.5"}]}),
        ("memory.recall", {"query": "a", "weights": {"recency": "1"}}),
        ("memory.recall", {"query": "a", "since": 1700000000}),
        ("memory.recall", {"query": "a", "since": "1700000000"}),
        ("memory.recall", {"query": b"a"}),
        ("supervisor.check", {"children": [{"name": "a", "significant": "no"}]}),
        ("supervisor.add", {"child": {"name": "a", "shutdown": "5"}}),
        ("llm.generate", {"model": 5, "messages": []}),
    ],
)
def test_inside_of_other_values_too(name: str, body: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        contracts[name].message.parse(body)


@pytest.mark.parametrize("body", [[], {"memories": ["a text"]}])
def test_what_is_to_be_a_map_is_told_so_in_words_of_no_language(body: Any) -> None:
    with pytest.raises(Invalid, match="a map is needed"):
        contracts["memory.remember"].message.parse(body)


def test_an_integer_is_a_number_and_a_text_a_time() -> None:
    body = {"query": "a", "weights": {"recency": 1}, "since": "2024-05-01T10:00:00Z"}
    recall = contracts["memory.recall"].message.parse(body)
    assert recall.model_dump(mode="json")["weights"] == {"recency": 1.0}
