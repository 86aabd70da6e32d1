"""What texts become: whose words, alike whatever is read beside them."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from actors.encoder import weights
from actors.encoder.minilm import MiniLM, prepare

HEADS = 12


def by_numpy(tensors, ids):
    """The network itself, in full precision and without a graph."""

    def linear(value, prefix):
        return value @ tensors[f"{prefix}.weight"].T + tensors[f"{prefix}.bias"]

    def norm(value, prefix):
        value = (value - value.mean(-1, keepdims=True)) / np.sqrt(value.var(-1, keepdims=True) + 1e-12)
        return value * tensors[f"{prefix}.weight"] + tensors[f"{prefix}.bias"]

    state = tensors["embeddings.word_embeddings.weight"][ids] + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    state = norm(state + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(6):
        prefix = f"encoder.layer.{layer}"
        query, key, value = (
            linear(state, f"{prefix}.attention.self.{part}").reshape(len(ids), HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1]))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ value
        mixed = mixed.transpose(1, 0, 2).reshape(len(ids), -1)
        state = norm(state + linear(mixed, f"{prefix}.attention.output.dense"), f"{prefix}.attention.output.LayerNorm")
        wide = linear(state, f"{prefix}.intermediate.dense")
        wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        state = norm(state + linear(wide, f"{prefix}.output.dense"), f"{prefix}.output.LayerNorm")
    return state


def test_seven_bits_keep_what_the_network_says(model):
    tensors = weights.read_safetensors(weights.checked(weights.model_folder())[0])
    ids = [101, *model._tokens("The lighthouse was closed when we came, so we had tea in the village instead."), 102]
    ours = model._session.run(None, {"ids": np.array([ids])})[0][0]
    theirs = by_numpy(tensors, ids)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() > 0.96
    assert cosines.mean() > 0.98


def test_only_words_with_a_topic_are_kept(model):
    vocabulary = model._tokenizer.get_vocab()
    words = model.passage("Did you see the lighthouse?", "Ann: We drove to the coast.")
    assert words.tokens.tolist() == [vocabulary["see"], vocabulary["lighthouse"]]
    assert words.vectors.shape == (2, 128)
    assert np.abs(np.linalg.norm(words.vectors, axis=1) - 127).max() < 2


def test_the_context_changes_what_a_word_means(model):
    alone = model.passage("It was closed.", "").vectors
    read = model.passage("It was closed.", "Ann: Did you see the lighthouse?").vectors
    assert alone.shape == read.shape
    assert (alone != read).any()


def test_a_text_of_common_words_alone_has_vectors_too(model):
    assert len(model.passage("what is it", "").tokens) == 1
    assert len(model.question("what is it").tokens) == 3


def test_nothing_but_space_has_none(model):
    assert len(model.passage(" \n", "before").tokens) == 0
    assert len(model.question("").tokens) == 0


def test_what_is_too_long_is_read_up_to_the_window(model):
    assert 0 < len(model.passage("lighthouse " * 1000, "coast " * 1000).tokens) <= 254
    assert 0 < len(model.question("lighthouse " * 1000).tokens) <= 254


def test_a_text_has_the_same_vectors_whatever_is_read_beside_it_and_by_whichever_thread(model, prepared_at):
    texts = [f"Number {number} of the lighthouses stands on a rock" + " in the sea" * (number % 7) for number in range(40)]
    alone = [model.passage(text, texts[0]).vectors.tobytes() for text in texts]
    other = MiniLM(prepare(prepared_at))
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: other.passage(text, texts[0]).vectors.tobytes(), reversed(texts)))
    assert together[::-1] == alone


def test_strange_texts_are_read(model):
    for text in ("👋🏽 مرحبا", "\u202eabc", "a\u0301" * 50, "你好世界", "\x01\x02", "x" * 5000):
        model.passage(text, text)
        model.question(text)


def test_a_disk_that_takes_no_file_of_it_does_not_keep_the_model_from_its_work(tmp_path):
    (tmp_path / "cache").symlink_to(tmp_path / "a disk that is gone")
    prepared = prepare(tmp_path / "cache" / "minilm.model")
    assert len(MiniLM(prepared).question("Where is the lighthouse?").tokens) == 1
