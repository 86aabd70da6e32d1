"""LiteLLM's router under the same faults: runs in an environment of its own, told by a JSON object a line.

`{"a": url, "b": url, "stream": bool, "clients": n, "allowance_s": s, "text": "..."}` is answered by
`{"whole": n, "seconds": [...], "errors": {name: n}}`. Knows nothing of Lattice.
"""

from __future__ import annotations

import asyncio
import collections
import json
import sys
import time
from typing import Any

import litellm

GIVE_UP_S = 8.0


def router(told: dict[str, Any]) -> Any:
    """Two deployments, the second of them the first one's fallback."""
    return litellm.Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {"model": "openai/gpt-test", "api_base": told[name], "api_key": "none", "max_retries": 0},
            }
            for name in ("a", "b")
        ],
        fallbacks=[{"a": ["b"]}],
        num_retries=0,
        timeout=told["allowance_s"],
        stream_timeout=told["allowance_s"],
        allowed_fails=3,
        cooldown_time=5,
    )


async def ask(made: Any, told: dict[str, Any]) -> tuple[str, float]:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(GIVE_UP_S):
            asked = {"model": "a", "messages": [{"role": "user", "content": "Hello"}]}
            if told["stream"]:
                text, finish = "", None
                async for chunk in await made.acompletion(**asked, stream=True):
                    text += chunk.choices[0].delta.content or ""
                    finish = chunk.choices[0].finish_reason or finish
            else:
                whole = await made.acompletion(**asked)
                text, finish = whole.choices[0].message.content, whole.choices[0].finish_reason
    except Exception as error:  # noqa: BLE001 (whatever it raises is what a client would see)
        return type(error).__name__, time.perf_counter() - began

    sound = text == told["text"] and finish == "stop"
    return "" if sound else "taken for whole, and is not", time.perf_counter() - began


async def burst(made: Any, told: dict[str, Any]) -> dict[str, Any]:
    answers = await asyncio.gather(*(ask(made, told) for _ in range(told["clients"])))
    errors = collections.Counter(error for error, _ in answers if error)
    return {
        "whole": sum(not error for error, _ in answers),
        "seconds": [seconds for _, seconds in answers],
        "errors": dict(errors),
    }


async def main() -> None:
    litellm.suppress_debug_info = True
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        made = router(told)
        bursts = [await burst(made, told) for _ in range(2)]
        sys.stdout.write(f"RESULT {json.dumps(bursts)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
