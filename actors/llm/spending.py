"""What an endpoint has used of its day, and whether that is all that it may."""

from __future__ import annotations

from actors.llm.messages import Budget
from actors.llm.settings import EndpointSettings


class Spending:
    """Tokens and money of the endpoint of one name, for the day (UTC) that was named last.

    It outlives the endpoint: of one that was changed, calls that are still in flight count for the one in its place.

    Args:
        settings: the endpoint's budgets.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.day = ""
        self.tokens = 0
        self.cost = 0.0

    def begin(self, day: str, tokens: int, cost: float) -> None:
        """Take over what is known of a day."""
        self.day, self.tokens, self.cost = day, tokens, cost

    def add(self, day: str, tokens: int, cost: float) -> None:
        """Count what was used."""
        if day != self.day:
            self.begin(day, 0, 0.0)

        self.tokens += tokens
        self.cost += cost

    def used_up(self, day: str) -> str | None:
        """Which budget of this day is used up, for people; None: none is."""
        if day != self.day:
            return None

        if self.settings.tokens_per_day is not None and self.tokens >= self.settings.tokens_per_day:
            return f"its {self.settings.tokens_per_day} tokens for today are used up"

        if self.settings.cost_per_day is not None and self.cost >= self.settings.cost_per_day:
            return f"its budget of {self.settings.cost_per_day:g} for today is used up"

        return None

    def budget(self, day: str) -> Budget:
        """For those who look."""
        today = day == self.day
        return Budget(
            tokens=self.tokens if today else 0,
            tokens_per_day=self.settings.tokens_per_day,
            cost=round(self.cost, 6) if today else 0.0,
            cost_per_day=self.settings.cost_per_day,
        )
