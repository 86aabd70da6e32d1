"""Row 8: more clients than the house can serve."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

from chaos.faults.models import answers_again
from chaos.flooding import RAMP_S
from chaos.row import Own, Row
from chaos.scene import Failed, Scene
from tests.system.house import ROOT

__all__ = ["ROWS"]

CLIENTS = 16
"""How many clients ask at once when the house's best is measured."""

TIMES = 10
"""How many times as much as the house was seen to serve is asked of it in the flood."""

KEPT = 0.8
"""The share of its best that the house has to go on serving in a flood."""

ROUNDS = 2
END_S = 300.0

REFUSED_S = 0.5
"""How long a refusal may take at the median where a house starts within three seconds. A client that is back at once waits 0.2
s."""

ALLOWED = {"200", "429", "503"}


def flood(scene: Scene) -> None:
    """Best and flood by turns, told by a process of its own."""
    command = [sys.executable, "-m", "chaos.flooding", str(scene.house.port)]
    seconds = scene.seconds + RAMP_S
    options = {"house": scene.house.process.pid, "clients": CLIENTS, "times": TIMES, "seconds": seconds, "rounds": ROUNDS}
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    scene.progress(f"{ROUNDS} rounds of best, flood and storm")
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=END_S * scene.slowness, check=False)
    if ended.returncode:
        raise Failed(f"the clients failed: {ended.stderr[-500:]}")
    told = json.loads(ended.stdout)
    peak = served(told, "peak")
    scene.figures |= {"peak_per_s": peak, **told}
    for phase in ("flood", "storm"):
        judge(scene, told, phase, peak)
    answers_again(scene)


def judge(scene: Scene, told: dict[str, Any], phase: str, peak: float) -> None:
    """All rounds together: one alone says what else the machine did."""
    goodput = served(told, phase)
    answers: Counter[str] = Counter()
    for each in told["rounds"]:
        answers.update(each[phase]["answers"])
        answers.update(each[phase]["uncounted"])
    refused = sorted(each[phase]["refused_p50_s"] or 0.0 for each in told["rounds"])
    scene.figures |= {f"{phase}_per_s": goodput, f"{phase}_goodput": round(goodput / peak, 3)}
    scene.figures |= {f"{phase}_answers": dict(answers), f"{phase}_refused_p50_s": refused[len(refused) // 2]}
    scene.require(set(answers) <= ALLOWED, f"{phase}: answers {dict(answers)}")
    scene.require(goodput >= KEPT * peak, f"{phase}: it served {goodput:.1f}/s, and {peak:.1f}/s at best")
    scene.require(
        refused[len(refused) // 2] <= REFUSED_S * scene.slowness, f"{phase}: a refusal took {refused} s at each round's median"
    )
    if phase == "flood":
        scene.require(answers["429"], "nobody was told 429")


def served(told: dict[str, Any], phase: str) -> float:
    """Answers a second of the machine, over all rounds: what others took of it is not the house's time."""
    rounds = [each[phase] for each in told["rounds"]]
    answered = sum(int(each["answers"].get("200", 0)) for each in rounds)
    return round(answered / sum(float(each["seconds"]) * float(each["share"]) for each in rounds), 2)


ROWS = tuple(
    Row(
        name=name,
        number=8,
        fault=f"{TIMES} times the chats that it served at its best, then {TIMES} times the clients, who never wait; {places}",
        passes=f"the rest is told 429, goodput stays above {KEPT:.0%} of its best, and it serves as before afterwards",
        run=flood,
        own=Own(config=config),
        load=False,
        grows_mb=256,
    )
    for name, places, config in (
        ("flood", f"{CLIENTS} places", f"[gateway]\nmax_in_flight = {CLIENTS}\n"),
        ("flood-default", "places as they come", ""),
    )
)
