"""`python -m tools.hostile NAME PORT`: one attack, from a process of its own, until it is ended.

It prints a line when it begins. It is nice: it stands for other machines, and these would not take
the server's own processor.
"""

from __future__ import annotations

import asyncio
import os
import sys

from tools.hostile.attacks import ATTACKS, attack

NICENESS = 19


def main(name: str, port: str) -> None:
    os.nice(NICENESS)
    asyncio.run(attack(ATTACKS[name], int(port), lambda: print("begun", flush=True)))


if __name__ == "__main__":
    main(*sys.argv[1:])
