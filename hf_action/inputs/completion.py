"""Makes a shell complete the words of the command: a script for bash, zsh and fish, drawn from `INPUTS`.

The scripts know only what the command itself knows. They do not ask the Hub, so they complete no Spaces. argcomplete
and shtab are not used: they read an argparse parser, and there is none (see `doors`).
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from hf_action.inputs.commands import COMMANDS
from hf_action.inputs.table import INPUTS, OPERATIONS
from hf_action.inputs.usage import OWN

# The words that may come first.
WORDS = OPERATIONS | COMMANDS

BASH = """\
# bash completion of hf-space: source it, or keep it as
# ~/.local/share/bash-completion/completions/hf-space
_hf_space() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
  if [[ $word == = ]]; then # bash takes --logs=never for three words
    word=
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  COMPREPLY=()
  case $before in
{values}
    *)
      if [[ $word == -* ]]; then
        words='{flags}'
      elif ((COMP_CWORD == 1)); then
        words='{operations}'
      fi ;;
  esac
  # shellcheck disable=SC2207 # the bash of macOS has no mapfile
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _hf_space hf-space
"""

ZSH = """\
#compdef hf-space
# zsh completion of hf-space: keep it as _hf-space in a folder of $fpath, or source it after compinit
_hf_space_operations() {{
  local -a operations=({operations})
  _describe operation operations
}}
_hf_space() {{
  _arguments \\
{flags}
    '1: :_hf_space_operations' '*: : '
}}
if [[ ${{funcstack[1]}} == _hf-space ]]; then _hf_space "$@"; else compdef _hf_space hf-space; fi
"""

FISH = """\
# fish completion of hf-space: keep it as ~/.config/fish/completions/hf-space.fish
complete -c hf-space -f
{lines}
"""


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag: what it is for in a few words, what its value looks like, and which words to offer for it."""

    name: str
    about: str
    form: str = ""  # empty: it needs no value
    values: tuple[str, ...] = ()
    is_file: bool = False  # whether its value is the name of a file


def flags() -> list[Flag]:
    """Return every flag there is."""
    given = [
        Flag(f"--{row.name}", _short(row.about), row.reader.form, row.reader.words, is_file=row.reader.is_file)
        for row in INPUTS.values()
    ]
    own = [
        Flag(f"--{name}", _short(about), form, is_file=bool(form))
        for name, _, form, about in ((*key.partition(" "), about) for key, about in OWN.items())
        if name != "completion"
    ]
    return [*given, Flag("--completion", _short(OWN["completion"]), "SHELL", tuple(SHELLS)), *own]


def bash() -> str:
    """Return the script for bash, 3.2 and newer."""
    valued = [flag for flag in flags() if flag.form]
    values = [f"    {flag.name}) words='{' '.join(flag.values)}' ;;" for flag in valued if flag.values]
    files = "|".join(flag.name for flag in valued if flag.is_file)
    files = (
        f'    {files})\n      # shellcheck disable=SC2207\n      COMPREPLY=($(compgen -f -- "$word"))\n      return ;;'
    )
    others = "|".join(flag.name for flag in valued if not flag.values and not flag.is_file)
    return BASH.format(
        values="\n".join([*values, files, f"    {others}) return ;;"]),
        flags=" ".join(flag.name for flag in flags()),
        operations=" ".join(WORDS),
    )


def zsh() -> str:
    """Return the script for zsh."""
    specs = []
    for flag in flags():
        values = "_files" if flag.is_file else f"({' '.join(flag.values)})" if flag.values else " "
        specs.append(f"{flag.name}=[{flag.about}]:{flag.form}:{values}" if flag.form else f"{flag.name}[{flag.about}]")
    return ZSH.format(
        operations=" ".join(shlex.quote(f"{name}:{_short(about)}") for name, about in WORDS.items()),
        flags="\n".join(f"    {shlex.quote(spec)} \\" for spec in specs),
    )


def fish() -> str:
    """Return the script for fish."""
    operations = [f"-n __fish_use_subcommand -a {name} -d {_fish(_short(about))}" for name, about in WORDS.items()]
    lines = []
    for flag in flags():
        value = " -r -F" if flag.is_file else f" -x -a '{' '.join(flag.values)}'" if flag.form else ""
        lines.append(f"-l {flag.name.removeprefix('--')}{value} -d {_fish(flag.about)}")
    return FISH.format(lines="\n".join(f"complete -c hf-space {line}" for line in [*operations, *lines]))


SHELLS: dict[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _short(about: str) -> str:
    """Return the first sentence, which is what fits beside a word."""
    return about.partition(". ")[0].rstrip(".")


def _fish(text: str) -> str:
    """Quote for fish, where a quote inside of quotes takes a backslash."""
    return "'" + text.replace("'", "\\'") + "'"
