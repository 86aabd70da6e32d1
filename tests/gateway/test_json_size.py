"""JSON of too many values or fields is refused before it costs anything; text that looks like it is not."""

from __future__ import annotations

import json
import time

import pytest
from pydantic import ValidationError

from gateway.chat import ChatBody
from gateway.errors import HttpError
from gateway.json_size import FIELDS, VALUES
from gateway.memories import RememberBody
from gateway.validation import read_json


def test_text_full_of_commas_and_brackets_is_text():
    body = {"text": '[{,"\\' * 100_000, "more": ["],[" * 100_000] * 3}
    assert read_json(json.dumps(body).encode()) == body


@pytest.mark.parametrize("item", [b"{}", b"[]", b"0", b'""', b"[0]"])
def test_a_body_of_too_many_values_is_refused(item):
    with pytest.raises(HttpError, match=f"more than {VALUES} values"):
        read_json(b"[" + b",".join([item] * (VALUES + 2)) + b"]")


def test_as_many_as_there_may_be_are_taken():
    assert len(read_json(b"[" + b",".join([b"0"] * VALUES) + b"]")) == VALUES
    assert len(read_json(json.dumps({str(number): {} for number in range(FIELDS)}).encode())) == FIELDS


def test_the_object_that_has_too_many_fields_is_named():
    many = {str(number): 1 for number in range(FIELDS + 1)}
    for body, param in (({"a": [1, {"b": many}]}, "a[1].b"), (many, None)):
        with pytest.raises(HttpError, match=f"more than {FIELDS} fields") as refused:
            read_json(json.dumps(body).encode())
        assert refused.value.param == param


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (RememberBody, {"memories": [{}] * 100_000}),
        (RememberBody, {"memories": [{"text": "a", "links": [{}] * 100_000}]}),
        (ChatBody, {"messages": [{}] * 100_000}),
        (ChatBody, {"messages": [{"role": "user", "content": [1] * 100_000}]}),
    ],
)
def test_a_hundred_thousand_wrong_items_are_one_mistake(model, body):
    began = time.process_time()
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    assert refused.value.error_count() < 8
    assert time.process_time() - began < 0.2
