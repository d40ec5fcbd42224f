"""Numbers, bytes and seconds for people, and quantities of Kubernetes as bytes. Pure."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")
_FACTORS: dict[str, float] = {
    "": 1,
    "m": 1e-3,
    **{unit: 1000 ** (number + 1) for number, unit in enumerate(("k", "M", "G", "T", "P", "E"))},
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


def _unit_of(size_bytes: int) -> int:
    return min(len(_UNITS) - 1, (len(str(max(1, size_bytes))) - 1) // 3)


def _in(unit: int, size_bytes: int) -> str:
    value = size_bytes / 1000**unit
    return f"{value:.1f}" if unit and value < 100 else f"{value:.0f}"
