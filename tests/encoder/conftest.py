"""The model itself, loaded once for all tests of a run."""

import pytest

from actors.encoder.minilm import MiniLM, model_name, prepare


@pytest.fixture(scope="session")
def prepared_at(model_cache):
    return model_cache / f"{model_name()}.model"


@pytest.fixture(scope="session")
def model(prepared_at):
    return MiniLM(prepare(prepared_at))
