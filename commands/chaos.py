"""`run.py chaos`: the fault campaign, as a table while it runs and as JSON for whoever reads it later."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chaos.result import Result
    from chaos.row import Row

__all__ = ["chaos"]

COLUMNS = (
    "{name:<22} {passed:<6} {seconds:>7} {kills:>5} {requests:>8} {writes:>6} {lost:>4} {doubled:>7} {failed:>6} {broken:>6} "
    "{degraded:>8} {stall:>7}"
)
TELL_S = 5.0
"""Between two signs of life where there is no terminal."""


@click.command()
@click.option("--row", "names", multiple=True, metavar="NAME", help="Only this row, or rows whose name begins so. Repeatable.")
@click.option("--list", "listing", is_flag=True, help="Name the rows, what each does, and when it has passed.")
@click.option("--seed", type=int, help="Of all that chance decides.  [default: by the clock, and told]")
@click.option("--kills", type=click.IntRange(1, 10_000), help="Faults in rows that repeat them.  [default: 6, with --short 2]")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=10.0, show_default=True, help="Of a fault that goes on.")
@click.option("--mix", metavar="KIND=N,...", help="Clients: write, chat, raw, think, feed.")
@click.option("--short", is_flag=True, help="The few rows that the tests run: about a minute.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write everything there, too.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave data and histories in this new folder.")
def chaos(
    *,
    names: tuple[str, ...],
    listing: bool,
    seed: int | None,
    kills: int | None,
    seconds: float,
    mix: str | None,
    short: bool,
    json_file: Path | None,
    keep: Path | None,
) -> None:
    """Break a real house in every way that we know, under load, and hold what clients were told against what is there.

    The exit code is 0 only if every row passed. docs/chaos.md tells how to read the table.

    \b
    Examples:
      python3 run.py chaos --list
      python3 run.py chaos --short --seed 7
      python3 run.py chaos --row kill- --kills 50 --json chaos.json
      python3 run.py chaos --row kill-memory --mix write=4,chat=0
    """
    from chaos.campaign import Campaign

    rows = chosen(names, short=short)
    if listing:
        for row in rows:
            click.echo(f"{row.number:>2}  {row.name:<22} {row.fault}\n{'':26} passes: {row.passes}")
        return

    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"--keep: {keep} is not empty")
    seed = int(time.time()) if seed is None else seed
    kills = kills or (2 if short else 6)
    # Whoever ends the campaign ends its houses too: leaving their blocks does it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    screen = Screen()
    campaign = Campaign(
        seed=seed,
        kills=kills,
        seconds=seconds,
        mix=mix_of(mix),
        on_begin=screen.begin,
        on_result=screen.result,
        on_progress=screen.progress,
        keep=keep,
    )
    click.echo(f"seed {seed}, {len(rows)} rows, {kills} kills a row")
    click.echo(COLUMNS.format(**{name: name for name in HEADER}))
    whole = False
    try:
        campaign.run(rows)
        whole = True
    finally:
        # Also where it is ended early: what was played until then was played.
        told = {"whole": whole, **campaign.told()}
        told["passed"] = told["passed"] and whole
        if json_file is not None:
            json_file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    totals = told["totals"]
    failed = sum(not result.passed for result in campaign.results)
    click.echo(
        f"{len(campaign.results)} lines, {failed} failed: {totals['kills']} kills, {totals['requests']} requests, "
        f"{totals['writes']} writes, {totals['lost']} lost, {totals['doubled']} doubled, {totals['failed']} failed; "
        f"the longest that a client waited: {totals['stall_s']:.2f} s"
    )
    sys.exit(0 if told["passed"] else 1)


HEADER = (
    "name",
    "passed",
    "seconds",
    "kills",
    "requests",
    "writes",
    "lost",
    "doubled",
    "failed",
    "broken",
    "degraded",
    "stall",
)


class Screen:
    """The table as it grows. What happens meanwhile goes to standard error: on a terminal into one line, else now and then."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.name = ""
        self.told = time.monotonic()

    def begin(self, row: Row | None, fault: str) -> None:
        """A row begins."""
        self.name = row.name if row is not None else "end"
        self.progress(fault)

    def progress(self, what: str) -> None:
        """Something happens."""
        if self.terminal:
            click.echo(f"\r\033[K{self.name}: {what}"[:118], err=True, nl=False)
        elif time.monotonic() - self.told > TELL_S:
            self.told = time.monotonic()
            click.echo(f"  ... {self.name}: {what}", err=True)

    def result(self, result: Result) -> None:
        """A row is over."""
        if self.terminal:
            click.echo("\r\033[K", err=True, nl=False)
        cells: dict[str, Any] = {name: getattr(result, name, "") for name in HEADER}
        cells |= {"passed": "ok" if result.passed else "FAILED", "seconds": f"{result.seconds:.1f}"}
        cells["stall"] = f"{result.stall_s:.2f} s"
        click.echo(COLUMNS.format(**cells))
        for why in result.why[:10]:
            click.echo(f"    {why}")
        if len(result.why) > 10:
            click.echo(f"    and {len(result.why) - 10} more; all of them in --json")


def chosen(names: tuple[str, ...], *, short: bool) -> tuple[Row, ...]:
    """The rows that were asked for.

    Raises:
        click.UsageError: there is none of such a name.
    """
    from chaos.row import all_rows

    rows = all_rows()
    for name in names:
        if not any(row.name.startswith(name) for row in rows):
            raise click.UsageError(f"--row: there is no row {name!r}; there are {', '.join(row.name for row in rows)}")
    if short and not names:
        return tuple(row for row in rows if row.short)
    return tuple(row for row in rows if not names or row.name.startswith(names))


def mix_of(text: str | None) -> Any:
    """Clients as they were asked for.

    Raises:
        click.UsageError: that is no mix.
    """
    from chaos.load import Mix

    if text is None:
        return Mix()
    wanted: dict[str, int] = {}
    for part in text.split(","):
        kind, _, number = part.partition("=")
        if kind not in Mix.__dataclass_fields__ or not number.isdecimal() or int(number) > 64:
            kinds = ", ".join(Mix.__dataclass_fields__)
            raise click.UsageError(f"--mix: {part!r} is not KIND=N with one of {kinds} and at most 64")
        wanted[kind] = int(number)
    return Mix(**wanted)
