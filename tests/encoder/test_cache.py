"""The prepared model on disk: whole, or made anew."""

import pytest

from actors.encoder import weights
from actors.encoder.cache import Prepared, read_prepared, write_prepared
from actors.encoder.minilm import prepare
from actors.encoder.weights import BadWeights, checked


def test_what_was_written_is_read(tmp_path):
    write_prepared(tmp_path / "deep" / "model", Prepared(b"graph", b"tokenizer"))
    assert read_prepared(tmp_path / "deep" / "model") == Prepared(b"graph", b"tokenizer")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


@pytest.mark.parametrize("kept", [0, 20, 50, -1])
def test_a_damaged_one_is_made_anew(tmp_path, prepared_at, kept):
    path = tmp_path / "model"
    sound = prepared_at.read_bytes()
    path.write_bytes(sound[:kept] + b"x" * (kept == 50) + sound[51:] * (kept == 50))
    assert read_prepared(path) is None
    prepare(path)
    assert path.read_bytes() == sound


def test_weights_that_are_not_the_pinned_ones_are_refused(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(BadWeights, match="--no-deps"):
        checked(tmp_path)
    monkeypatch.setattr(weights, "model_folder", lambda: tmp_path)
    with pytest.raises(BadWeights):
        prepare(tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()
