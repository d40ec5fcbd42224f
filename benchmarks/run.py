"""Run every benchmark and write what they say into README.md and docs/benchmarks.md.

    python benchmarks/run.py            all of them
    python benchmarks/run.py cancel     the named ones, printed only

A benchmark is a script in this folder that ends with a `main()` of its own; it prints a line of
JSON (`_report.py`) for each figure, and none, with a sentence on stderr, where the machine lacks
what it needs. Measure on a quiet machine: the load is in the conditions. What falls short of its
target is named at the end, with whether that may be noise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import chance_of_so_few

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
MACHINE = ("cpu", "cores", "load_1min", "python")
RARE = 0.05
"""What happens by chance less often than this is not called noise."""

Line = dict[str, Any]


def main() -> int:
    named = sys.argv[1:]
    scripts = [script for script in benchmarks(HERE) if not named or script.stem in named]
    results = {script.stem: measured(script) for script in scripts}
    lines = {name: found for name, found in results.items() if found is not None}
    every = [line for found in lines.values() for line in found]
    print(table(every))
    if not named:
        write(ROOT / "README.md", f"{table(every)}\n\n{machine(every)}")
        write(ROOT / "docs" / "benchmarks.md", with_conditions(lines))
    for line in every:
        if not line["holds"]:
            print(shortfall(line), file=sys.stderr)
    failed = [name for name in results if name not in lines]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def benchmarks(folder: Path) -> list[Path]:
    """Scripts, in the order of their names; other modules only help them."""
    return sorted(
        path
        for path in folder.glob("*.py")
        if not path.name.startswith("_")
        and path.name != "run.py"
        and '__name__ == "__main__"' in path.read_text()
    )


def measured(script: Path) -> list[Line] | None:
    """What it printed; None, with the reason on stderr, when it failed."""
    print(f"{script.stem} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=False
    )
    print(f"{script.stem}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if run.returncode:
        print(f"{script.stem}: exit code {run.returncode}", file=sys.stderr)
        return None
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def table(lines: Iterable[Line]) -> str:
    rows = [
        "| What | Here | Peer or floor | Ratio | Range | Target | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    rows += [row(line) for line in lines]
    return "\n".join(rows)


def row(line: Line) -> str:
    """A target bounds the ratio where there is a peer, and then the range is that of the ratio."""
    unit = "" if line["unit"] == "1" else line["unit"]
    bounded = "x" if line["ratio"] is not None else f" {unit}".rstrip()
    ours = f"{line['ours']:g} {unit}".strip()
    peer = "" if line["peer"] is None else f"{line['peer']:g} {unit}".strip()
    ratio = "" if line["ratio"] is None else f"{line['ratio']:g}"
    span = "" if line["turns"] == 1 else "{:g} to {:g}".format(*line["range"])
    target = f"≤ {line['target']:g}{bounded}"
    cells = (line["name"], ours, peer, ratio, span, target, "✓" if line["holds"] else "missed")
    return f"| {' | '.join(cells)} |"


def shortfall(line: Line) -> str:
    """A sentence about a figure that misses its target."""
    got = line["ours"] if line["ratio"] is None else line["ratio"]
    low, high = line["range"]
    held, turns = line["turns_held"], line["turns"]
    said = f"falls short: {line['name']}: {got:g} against a target of {line['target']:g}"
    if turns == 1:
        return f"{said}; measured once, so run it again before believing it"
    chance = chance_of_so_few(held, turns)
    told = f"{said}; {held} of {turns} turns met it ({low:g} to {high:g})"
    if chance < RARE:
        return f"{told}: not noise, which would do that in {chance:.1%} of such runs"
    return f"{told}: this may be noise, load {line['conditions']['load_1min']:g}; run it again"


def machine(lines: Iterable[Line]) -> str:
    """Of all the lines: they were measured one after the other."""
    conditions = [line["conditions"] for line in lines]
    if not conditions:
        return ""
    loads = [one["load_1min"] for one in conditions]
    first = conditions[0]
    return (
        f"{first['cores']} cores of {first['cpu']}, Python {first['python']}, "
        f"load {min(loads):g} to {max(loads):g}; the rest in `docs/benchmarks.md`."
    )


def with_conditions(lines: dict[str, list[Line]]) -> str:
    every = [line for found in lines.values() for line in found]
    parts = [table(every), "", machine(every).partition(";")[0] + "."]
    for name, line in ((name, line) for name, found in lines.items() for line in found):
        parts += ["", f"### {line['name']}", "", f"`python benchmarks/{name}.py`", ""]
        parts += [f"- turns: {line['turns']}"]
        parts += [
            f"- {key}: {value}" for key, value in line["conditions"].items() if key not in MACHINE
        ]
    return "\n".join(parts)


def write(page: Path, text: str) -> None:
    """Between the page's markers."""
    page.write_text(between_markers(page.read_text(), text))


def between_markers(page: str, text: str) -> str:
    """Raises `ValueError` when the page has no markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no line {BEGIN} with {END} after it")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
