"""A broken rule of the contract, and which of them a policy holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from pytest_parseapi.checks.record import Finding
from pytest_parseapi.contract.policy import ContractPolicy

__all__ = ["Breach", "kept"]


class Breach(NamedTuple):
    """A rule of the contract that does not hold, and what shows it."""

    rule: str
    finding: Finding

    @property
    def titled(self) -> Finding:
        """The finding with the name of its rule, which is what turns it off."""
        return replace(self.finding, rule=f"{self.finding.rule} [{self.rule}]")


def kept(breaches: Iterator[Breach], policy: ContractPolicy) -> list[Breach]:
    """The breaches of rules that the policy holds, each rule and place once."""
    found: dict[tuple[str, str], Breach] = {}
    for breach in breaches:
        if getattr(policy, breach.rule) is not False:
            found.setdefault((breach.rule, breach.finding.where), breach)
    return list(found.values())
