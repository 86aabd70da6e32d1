"""Writes the network that ships: `python -m training.paradox.export STATE`, its temperature fitted on pairs made with another seed."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from actors.neural_network import Network
from actors.paradox.classifier.model import SHIPPED
from actors.paradox.classifier.rendering import render
from training.export import Form, export
from training.minilm import Encoder
from training.paradox.made import made
from training.paradox.pair import LABELS
from training.paradox.train import LONGEST, Judge, averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "states", type=Path, nargs="+", help="one, or several that were tuned from the same weights: their average"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    state = torch.load(chosen.states[0])
    model = Judge(Encoder.pretrained().narrowed(state["layers"], state["inner"]))
    model.load_state_dict(averaged(chosen.states), strict=False)
    about = {"task": "how two statements stand to each other", "labels": LABELS, "temperature": 1.0}
    form = Form(layers=len(state["layers"]), tokens=LONGEST, outputs=len(LABELS), kinds=True, first=True)
    export(model, form, chosen.out, about)

    start = datetime(2026, 1, 1, tzinfo=UTC)
    pairs = made(400, 77)
    texts = [render(pair.old, pair.new, pair.speakers, (start, start + pair.gap)) for pair in pairs]
    logits, labels = Network(chosen.out).run(texts), np.array([pair.label for pair in pairs])
    losses = {value / 20: loss(logits, labels, value / 20) for value in range(10, 61)}
    described = json.loads(chosen.out.with_suffix(".json").read_text(encoding="utf-8"))
    described["temperature"] = min(losses, key=lambda value: losses[value])
    described["made_accuracy"] = round(float((logits.argmax(1) == labels).mean()), 4)
    chosen.out.with_suffix(".json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(described))


def loss(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    scaled = logits / temperature
    scaled = scaled - scaled.max(1, keepdims=True)
    return float((np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(labels)), labels]).mean())


if __name__ == "__main__":
    main()
