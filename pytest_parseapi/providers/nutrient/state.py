"""What the simulated Nutrient API remembers during one test: credits and uploaded assets."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call

_FIRST_CREDITS: Final = 1000.0


@dataclass(slots=True)
class NutrientState:
    """The credits that are left, and the documents of assets by their id."""

    credits: float = _FIRST_CREDITS
    assets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of each uploaded document."""
    _uploaded: deque[tuple[float, str]] = field(default_factory=deque)

    def keep_asset(self, call: Call, asset: str, names: tuple[str, ...]) -> None:
        """Remember an uploaded document if the call succeeds."""

        def keep() -> None:
            self.assets[asset] = names
            self._uploaded.append((call.now, asset))

        call.effects.append(keep)

    def forget(self, before: float) -> None:
        """Let go of the documents that were uploaded before a moment."""
        while self._uploaded and self._uploaded[0][0] <= before:
            self.assets.pop(self._uploaded.popleft()[1], None)

    def spend(self, call: Call, cost: float) -> tuple[float, float]:
        """What a call costs and what it leaves: never below 0, because only a script says 402.

        The credits go down if the call succeeds; no page says whether failed ones are charged.
        """
        left = max(0.0, self.credits - cost)
        call.effects.append(lambda: setattr(self, "credits", left))
        return cost, left


@dataclass(slots=True, eq=False)
class Extraction:
    """A good request: what it asks for, and what it costs when it is done."""

    operation: str
    """``"parse"``, ``"extract"``, ``"classify"`` or ``"split"``."""
    output: Mapping[str, Any]
    cost: float | None
    """Credits; None where no page gives the price."""
    configuration: Mapping[str, Any] | None = None
    stored: bool = False
    """Whether the request asked to keep its run."""
    usage: tuple[float, float] | None = None
    """What it cost and what was left, once it is done."""

    def pay(self, call: Call) -> tuple[float, float] | None:
        """What it cost and what was left: paid once, when a reply first shows that it is done."""
        if self.usage is not None or self.cost is None:
            return self.usage
        state: NutrientState = call.state
        usage = state.spend(call, self.cost)
        call.effects.append(lambda: setattr(self, "usage", usage))
        return usage
