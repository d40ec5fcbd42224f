"""`matinee completion SHELL`: print what lets a shell complete the commands and their flags.

bash: source <(matinee completion bash). zsh: the same with zsh. fish: matinee completion fish |
source. In the shell's start file it is there in every shell. Nothing of Matinee runs at the Tab.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from matinee.cli import COMMANDS, module_of


class Listing(argparse.ArgumentParser):
    """A parser that remembers its arguments and its verbs. `flags`: each with all its spellings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.flags: list[argparse.Action] = []
        self.words: list[str] = []
        self.verbs: Mapping[str, Listing] = {}
        super().__init__(*args, **kwargs)

    def add_subparsers(self, **kwargs: Any) -> Any:
        action = super().add_subparsers(**kwargs)
        self.verbs = action.choices
        return action

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        action = super().add_argument(*args, **kwargs)
        if action.option_strings:
            self.flags.append(action)
        else:
            self.words += map(str, action.choices or ())
        return action


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("completion", description=__doc__)
    parser.add_argument("shell", choices=SCRIPTS, metavar="SHELL", help=", ".join(SCRIPTS))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, _overrides: list[str]) -> int:
    print(SCRIPTS[args.shell](_listings()))
    return 0


def _listings() -> dict[str, Listing]:
    """Of each command. Nothing is known of one whose libraries are missing but its name."""
    found = {}
    for name in COMMANDS:
        found[name] = Listing(prog=name)
        with contextlib.suppress(ModuleNotFoundError):
            module = importlib.import_module(module_of(name))
            commands = Listing().add_subparsers()
            module.add_parser(commands)
            found[name] = _with_verbs(commands.choices[name])
    return found


def _with_verbs(listing: Listing) -> Listing:
    """The verbs of a command are words, and what they take is taken by it."""
    flags = {tuple(action.option_strings): action for action in listing.flags}
    for verb, inner in listing.verbs.items():
        listing.words.append(verb)
        flags |= {tuple(action.option_strings): action for action in inner.flags}
    listing.flags = list(flags.values())
    return listing


def _bash(listings: Mapping[str, Listing]) -> str:
    """Where it finds nothing, bash completes names of files."""
    of_commands = "\n".join(
        f"        {name}) words='{_spellings(listing)}' valued='{_valued(listing)}' ;;"
        for name, listing in listings.items()
    )
    return f"""_matinee() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words valued
    case ${{COMP_WORDS[1]}} in
{of_commands}
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        words='{" ".join(listings)} --help --version' valued=''
    fi
    COMPREPLY=()
    case " $valued " in
        *" ${{COMP_WORDS[COMP_CWORD-1]}} "*) ;;
        *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    esac
}}
complete -o default -F _matinee matinee"""


def _zsh(listings: Mapping[str, Listing]) -> str:
    prelude = "autoload -Uz compinit bashcompinit && compinit && bashcompinit"
    return f"{prelude}\n{_bash(listings)}"


def _fish(listings: Mapping[str, Listing]) -> str:
    lines = []
    for name, listing in listings.items():
        about = _quoted(COMMANDS[name].help)
        lines.append(f"complete -c matinee -n __fish_use_subcommand -f -a {name} -d {about}")
        within = f"complete -c matinee -n '__fish_seen_subcommand_from {name}'"
        lines += [f"{within} {_fish_flag(action)}" for action in listing.flags]
        if listing.words:
            lines.append(f"{within} -f -a '{' '.join(listing.words)}'")
    return "\n".join(lines)


def _fish_flag(action: argparse.Action) -> str:
    spelled = [
        f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
        for word in action.option_strings
    ]
    value = [] if action.nargs == 0 else ["-r"]
    about = (action.help or "").partition("%(")[0].replace("%%", "%").rstrip(" (")
    return " ".join([*spelled, *value, "-d", _quoted(about)])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _spellings(listing: Listing) -> str:
    flags = [word for action in listing.flags for word in action.option_strings]
    return " ".join([*listing.words, *flags])


def _valued(listing: Listing) -> str:
    """Flags that a value follows."""
    return " ".join(
        word for action in listing.flags if action.nargs != 0 for word in action.option_strings
    )


SCRIPTS: dict[str, Callable[[Mapping[str, Listing]], str]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
