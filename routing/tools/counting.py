"""How often a request may use one of its tools; counted before the work begins, for calls may run side by side."""

from __future__ import annotations

from routing.tools.tool import Bench, Use


def take_use(use: Use, bench: Bench, most: int | None) -> bool:
    """Whether there is another use, which is taken then; without `most` there always is."""
    name = f"{use.function}.uses"
    taken = bench.memory.get(name, 0)
    if most is not None and taken >= most:
        return False
    bench.memory[name] = taken + 1
    return True


def take_share(use: Use, bench: Bench, wished: int, total: int) -> int:
    """As much as is wished for of what is left of a total, and taken; give back what is not needed."""
    name = f"{use.function}.left"
    left = bench.memory.get(name, total)
    share: int = min(wished, left)
    bench.memory[name] = left - share
    return share


def give_back(use: Use, bench: Bench, share: int) -> None:
    """Leave a part of a share to the next call."""
    bench.memory[f"{use.function}.left"] += share
