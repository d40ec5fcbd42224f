"""Numbers, bytes and seconds for people, and quantities of Kubernetes as bytes. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

_UNITS = ("B", "kB", "MB", "GB", "TB")
_DECIMAL = ("", "k", "M", "G", "T", "P", "E")
_FACTORS: dict[str, float] = {
    "m": 1e-3,
    **{unit: 1000**number for number, unit in enumerate(_DECIMAL)},
    **{
        unit: 1024 ** (number + 1)
        for number, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
    },
}


def counted(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size_text(size_bytes: int) -> str:
    """`9.4 GB`."""
    unit = _unit_of(size_bytes)
    return f"{_in(unit, size_bytes)} {_UNITS[unit]}"


def share_text(done_bytes: int, total_bytes: int) -> str:
    """`3.1 of 9.4 GB`."""
    unit = _unit_of(total_bytes)
    return f"{_in(unit, done_bytes)} of {_in(unit, total_bytes)} {_UNITS[unit]}"


def time_text(seconds: int) -> str:
    """`52 s`, `12 min`, `3 h`."""
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def quantity(text: str) -> float:
    """Of a valid quantity such as `500m` or `16Gi`."""
    number = text.rstrip("kKMGTPEim")
    return float(number) * _FACTORS[text[len(number) :]]


def quantity_bytes(text: str) -> int:
    """Of a valid quantity such as `16Gi`."""
    return int(quantity(text))


def canonical(resources: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Requests and limits as the API server stores them: `1000m` as `1`, `1024Mi` as `1Gi`."""
    return {
        part: {name: _canonical(text) for name, text in amounts.items()}
        for part, amounts in resources.items()
    }


def _canonical(text: str) -> str:
    unit = text[len(text.rstrip("kKMGTPEim")) :]
    binary = unit.endswith("i")
    base = 1024 if binary else 1000
    units = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei") if binary else ("m", *_DECIMAL)
    amount = Fraction(text.removesuffix(unit)) * Fraction(_FACTORS[unit]).limit_denominator(1000)
    whole, steps = math.ceil(amount if binary else amount * 1000), 0
    while whole and whole % base == 0 and steps < len(units) - 1:
        whole, steps = whole // base, steps + 1
    return f"{whole}{units[steps]}"


def _unit_of(size_bytes: int) -> int:
    return min(len(_UNITS) - 1, (len(str(max(1, size_bytes))) - 1) // 3)


def _in(unit: int, size_bytes: int) -> str:
    value = size_bytes / 1000**unit
    return f"{value:.1f}" if unit and value < 100 else f"{value:.0f}"
