"""`python -m matinee` and the `matinee` command begin here.

Importing a command takes a tenth of a second and more, in which nothing has been begun: a signal
ends the program at once then. So this module imports next to nothing before it heeds signals.
"""

from __future__ import annotations

import sys

from matinee_api.signals import end_at_once


def main() -> int:
    """Run the command that `sys.argv` names, and return its exit code."""
    end_at_once()
    from matinee.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
