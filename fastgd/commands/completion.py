"""completion: the script by which a shell completes commands, options and their values."""

import argparse
from typing import Any

SHELLS = ("bash", "zsh", "fish")


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "completion", help="completion for your shell",
        description='Print a script for a shell: eval "$(fastgd completion bash)", or fastgd '
        "completion fish | source.",
    )  # fmt: skip
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    parser.set_defaults(command=lambda options: _print(commands, options.shell))


def _print(commands: Any, shell: str) -> int:
    known = {name: _words(parser) for name, parser in commands.choices.items()}
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](known))
    return 0


def _words(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """Each option of a command, and the values that it offers; "" for what is no option."""
    found: dict[str, list[str]] = {"": []}
    for action in parser._actions:
        values = [str(one) for one in action.choices or ()]
        for option in action.option_strings:
            if option.startswith("--"):
                found[option] = values
        if not action.option_strings:
            found[""] += values
    return found


def _bash(known: dict[str, dict[str, list[str]]]) -> str:
    lines = [
        "_fastgd() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}"',
        '  local before="${COMP_WORDS[COMP_CWORD-1]}"',
        "  COMPREPLY=()",
        "  if [ $COMP_CWORD -eq 1 ]; then",
        f'    COMPREPLY=($(compgen -W "{" ".join(known)}" -- "$word")); return',
        "  fi",
        '  case "${COMP_WORDS[1]} $before" in',
    ]
    for name, options in known.items():
        for option, values in options.items():
            if option and values:
                lines.append(f'    "{name} {option}") COMPREPLY=($(compgen -W "{" ".join(values)}" '
                             '-- "$word")); return;;')  # fmt: skip
    lines += ["  esac", '  case "${COMP_WORDS[1]}" in']
    for name, options in known.items():
        words = " ".join([*filter(None, options), *options[""]])
        lines.append(f'    {name}) COMPREPLY=($(compgen -W "{words}" -- "$word"));;')
    lines += ["  esac", '  [ -n "$COMPREPLY" ] || COMPREPLY=($(compgen -f -- "$word"))', "}",
              "complete -o filenames -F _fastgd fastgd"]  # fmt: skip
    return "\n".join(lines)


def _zsh(known: dict[str, dict[str, list[str]]]) -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(known)


def _fish(known: dict[str, dict[str, list[str]]]) -> str:
    lines = [f"complete -c fastgd -n __fish_use_subcommand -a '{' '.join(known)}'"]
    for name, options in known.items():
        here = f"complete -c fastgd -n '__fish_seen_subcommand_from {name}'"
        for option, values in options.items():
            offered = f" -x -a '{' '.join(values)}'" if values else ""
            if option:
                lines.append(f"{here} -l {option[2:]}{offered}")
            elif values:
                lines.append(f"{here} -a '{' '.join(values)}'")
    return "\n".join(lines)
