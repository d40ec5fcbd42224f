"""What a command says on stderr while it works. What servers say is plain text."""

from __future__ import annotations

import sys

from matinee_api.plain_text import plain


class Progress:
    """Lines on stderr; on a terminal also one line that is written over."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        if self._terminal:
            print(f"\r\033[K{plain(text)}", end="", file=sys.stderr, flush=True)
            self._shown = True

    def line(self, text: str) -> None:
        self.end()
        print(plain(text), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line that is written over."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._shown = False
