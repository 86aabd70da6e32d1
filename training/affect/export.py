"""Writes what ships: `python -m training.affect.export DATA STATE`; thresholds from dev.tsv, figures from test.tsv, once."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from actors.affect.classifier import SHIPPED
from actors.affect.labels import LABELS
from actors.neural_network import Network
from training.affect.scores import f1s, macro_f1, tuned_thresholds
from training.affect.train import LONGEST, Affect, read
from training.export import Form, export
from training.minilm import Encoder


def probabilities(network: Network, texts: list[str]) -> np.ndarray:
    return 1 / (1 + np.exp(-network.run(texts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--test", action="store_true", help="measure on test.tsv as well")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    state = torch.load(chosen.state)
    model = Affect(Encoder.pretrained().narrowed(state["layers"], state["inner"]))
    model.load_state_dict(state["model"], strict=False)
    about = {"task": "GoEmotions' 28 labels", "labels": LABELS, "thresholds": dict.fromkeys(LABELS, 0.5)}
    export(model, Form(layers=len(state["layers"]), tokens=LONGEST, outputs=len(LABELS)), SHIPPED, about)

    network = Network(SHIPPED)
    texts, labels = read(chosen.data / "dev.tsv")
    given = probabilities(network, texts)
    thresholds = tuned_thresholds(given, labels)
    described = json.loads(SHIPPED.with_suffix(".json").read_text(encoding="utf-8"))
    described["thresholds"] = {label: round(float(value), 2) for label, value in zip(LABELS, thresholds, strict=True)}
    described["dev_macro_f1"] = round(macro_f1(given, labels, thresholds), 4)
    if chosen.test:
        texts, labels = read(chosen.data / "test.tsv")
        given = probabilities(network, texts)
        described["test_macro_f1"] = round(macro_f1(given, labels, thresholds), 4)
        by_label = zip(LABELS, f1s(given, labels, thresholds), labels.sum(0), strict=True)
        described["test_f1"] = {label: [round(float(value), 3), int(count)] for label, value, count in by_label}
    SHIPPED.with_suffix(".json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(described, indent=1))


if __name__ == "__main__":
    main()
