"""How the command is called: the help reads well, and shells complete what it knows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hf_action.inputs import forms
from hf_action.inputs.commands import COMMANDS, DOCTOR
from hf_action.inputs.completion import SHELLS, bash, flags
from hf_action.inputs.readers import parse_boolean
from hf_action.inputs.table import INPUTS, OPERATIONS, Group
from hf_action.inputs.usage import OWN, hint, in_group, usage, usage_of
from hf_action.rules.stages import STAGES
from tests.support.screens import Terminal

# Columns that the names of operations take.
WORDS = max(map(len, OPERATIONS)) + 2


def test_the_help_reads_well():
    """How to call it, examples, operations, inputs by what they are for with form and default, exit status."""
    text = usage(width=100)
    assert text.startswith("""\
usage: hf-space [OPERATION] SPACE [SPACE ...] [--INPUT VALUE ...]

Operate Hugging Face Spaces, and wait until they are really in the stage asked for.

examples:
  hf-space acme/demo                            look at a Space
""")
    assert f"""

operations (info if none is named):
  {"info":{WORDS}}Look at each Space once and report it.
""" in text
    assert f"""
  {"list":{WORDS}}List the selected Spaces; change nothing.

beside the operations:
  doctor  Say of token, rights, quota, network, certificates and clock what is found, and what to
          do. It changes nothing.

which Spaces:
  --space-id SPACES
      One or more Spaces, separated by newlines, commas or blanks. Write each as owner/name,
      spaces/owner/name, the address of the Space's page, or owner/pattern, where * and ? choose
      from the Spaces of that owner.
  --author NAMES
""" in text
    assert """
      Default: on-failure.
  --log-lines NUMBER
      How many lines of the log to show at most. Default: 50.
  --report-file FILE
      A file in the workspace for all outputs as one JSON document, of any size.
  --summary
      Write a job summary of what happened. Default: true.

connection:
  --token TOKEN
""" in text
    assert """

the command itself:
  --json              Print the outputs as one JSON document to stdout, and everything else to
                      stderr. So does --format json.
  --quiet             Print results, warnings and errors only. -q is the same.
  --record FILE       Write every exchange with the Hub to FILE, without tokens and secrets, for a
                      bug report.
  --record-anonymous  Give owners, Spaces and hosts other names in that file.
""" in text
    assert text.endswith("""
  --version           Print the version.

notes:
  A DURATION is in seconds (90, 0.5) or like 90s, 20m, 1.5m, 1h30m, 1d. A flag without a value may
  be given true or false.
  An input may also be a variable, such as INPUT_TIMEOUT for --timeout. The flag wins.
  Results go to stdout, and to a pipe as one line a Space with tabs in it; progress and errors go to
  stderr. In a terminal each Space has one line that is updated. NO_COLOR and FORCE_COLOR are
  obeyed.

exit status:
  0    ok, unchanged, planned, skipped
  1    failed
  2    invalid-input
  3    denied, not-found
  4    timed-out
  5    unreachable
  6    superseded
  130  cancelled""")


@pytest.mark.parametrize(("width", "widest"), [(30, 50), (60, 60), (99, 99), (100, 100), (101, 100), (500, 100)])
def test_the_help_is_wrapped(width, widest):
    """To the terminal, but never wider than is easy to read; nothing is broken in two."""
    text = usage(width=width)
    wrapped = [line for line in text.splitlines() if line.startswith("      ")]
    assert widest - 25 < max(map(len, wrapped)) <= widest
    assert text.split() == usage(width=100).split()


def test_a_second_column_needs_room():
    """Where there is too little, what stands beside a word stands below it."""
    column = 2 + WORDS
    assert f"\n  {'info':{WORDS}}Look at each Space once and\n{'':{column}}report it.\n" in usage(width=column + 30)
    assert "\n  info\n      Look at each Space once and report" in usage(width=column + 29)


def test_the_help_names_everything():
    """Each operation once, each input in one of the groups, each flag of the command alone."""
    text = usage(width=100)
    assert sorted(row.name for group in Group for row in in_group(group)) == sorted(INPUTS)
    for name in (*INPUTS, *OWN):
        assert len(re.findall(rf"^  --{name}(?: |$)", text, re.MULTILINE)) == 1, name
    assert all(f"  {name} " in text for name in (*OPERATIONS, *COMMANDS))
    assert [f"{group.value}:" in text for group in Group] == [True] * len(Group)


def test_every_form_is_of_some_input():
    """And every input has one; what needs no value has none to show. The words that are completed are read without a mistake."""
    kinds = {name: each for name, each in vars(forms).items() if isinstance(each, forms.Reader)}
    assert [name for name, kind in kinds.items() if kind not in [row.reader for row in INPUTS.values()]] == []
    for row in INPUTS.values():
        assert (row.read is parse_boolean) is row.reader.is_flag is not bool(row.reader.form), row.name
        for word in row.reader.words:
            row.read(word)


def test_the_help_of_the_doctor_is_its_own():
    """The inputs that it uses, with what they mean there, and its exit status; no input that it does not use."""
    text = usage_of(DOCTOR, width=100)
    assert text.startswith("usage: hf-space doctor [SPACE] [--INPUT VALUE ...]\n\nSay of token, rights")
    assert re.findall(r"^  --([\w-]+)", text, re.MULTILINE) == ["operation", "timeout", "token", "endpoint"]
    assert "The operation that does not work" in text and "Default: 30s." in text and "Default: 30m" not in text
    assert "\n  1    there is a problem that would make an operation fail\n" in text


def test_the_hint_fits_a_small_screen():
    """A handful of lines for who does not know how to begin."""
    assert hint().startswith("usage: hf-space [OPERATION] SPACE [SPACE ...] [--INPUT VALUE ...]\n\n  hf-space acme/demo  ")
    assert hint().endswith("\n\nhf-space --help shows the rest.\n") and len(hint().splitlines()) < 12


# ---- completion ----


def need(shell: str) -> str:
    """Return where a shell is; skip in a loud line where it is not."""
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"NOT RUN: there is no {shell}")
    return found


def test_every_flag_is_completed():
    """With what a value looks like, and the values that can be named."""
    found = {flag.name: flag for flag in flags()}
    assert found.keys() == {f"--{name}" for name in (*INPUTS, *(own.partition(" ")[0] for own in OWN))}
    assert found["--logs"].values == ("on-failure", "always", "never") and found["--completion"].values == tuple(SHELLS)
    assert found["--with-stage"].values[: len(STAGES)] == tuple(STAGES)
    assert [flag.name for flag in found.values() if flag.is_file] == ["--fleet-file", "--report-file", "--record"]
    assert found["--token"].about == "Hugging Face access token"
    assert found["--json"].about == "Print the outputs as one JSON document to stdout, and everything else to stderr"
    assert (found["--json"].form, found["--completion"].form, found["--sort"].form) == ("", "SHELL", "name|likes|last-modified")


@pytest.mark.parametrize(
    ("shell", "lines"),
    [
        (
            "bash",
            [
                "    --logs) words='on-failure always never' ;;",
                "    --fleet-file|--report-file|--record)",
                f"    {'|'.join(f'--{row.name}' for row in INPUTS.values() if not (row.reader.words or row.reader.is_file or row.reader.is_flag))}) return ;;",
                f"        words='{' '.join([*OPERATIONS, *COMMANDS])}'",
            ],
        ),
        (
            "zsh",
            [
                "    '--settle=[How long to ignore a stage that has not changed since the step acted: the Hub may still be reporting the old build]:DURATION: ' \\",
                "    '--dry-run[Say what would be done and what a pause would save, and send only reads]' \\",
                "    '--logs=[When to fetch the end of the build or run log: on-failure, always or never]:on-failure|always|never:(on-failure always never)' \\",
                "    '--fleet-file=[A YAML file in the workspace that lists Spaces, each with its own inputs; see schemas/fleet.schema.json]:FILE:_files' \\",
            ],
        ),
        (
            "fish",
            [
                "complete -c hf-space -n __fish_use_subcommand -a list -d 'List the selected Spaces; change nothing'",
                "complete -c hf-space -l settle -x -a '' -d 'How long to ignore a stage that has not changed since the step acted: the Hub may still be reporting the old build'",
                "complete -c hf-space -l dry-run -d 'Say what would be done and what a pause would save, and send only reads'",
                "complete -c hf-space -l fleet-file -r -F -d 'A YAML file in the workspace that lists Spaces, each with its own inputs; see schemas/fleet.schema.json'",
                "complete -c hf-space -l completion -x -a 'bash zsh fish' -d 'Print a script that makes a shell complete words; write --completion and one of bash, zsh, fish'",
            ],
        ),
    ],
)
def test_the_scripts_have_a_line_for_each(shell, lines):
    """With the first sentence that the help has, quoted as the shell wants it."""
    script = SHELLS[shell]().splitlines()
    assert [line for line in lines if line not in script] == []


COMPLETED = [
    ("hf-space re", {"restart"}),
    ("hf-space ", {*OPERATIONS, *COMMANDS}),
    ("hf-space restart --log", {"--logs", "--log-lines"}),
    ("hf-space restart --logs ", {"on-failure", "always", "never"}),
    ("hf-space restart --sort li", {"likes"}),
    ("hf-space wait acme/demo --wait-for-stage PA", {"PAUSED"}),
    ("hf-space info --fleet-file fleet", {"fleet.yml"}),
    ("hf-space info --timeout ", set()),
    ("hf-space info --dry-run --jso", {"--json"}),
    ("hf-space --completion z", {"zsh"}),
]


@pytest.mark.parametrize(("line", "words"), COMPLETED, ids=lambda value: value if isinstance(value, str) else "")
def test_bash_completes(line, words, tmp_path):
    """As bash itself calls the function."""
    (tmp_path / "fleet.yml").touch()
    script = bash() + """
read -ra COMP_WORDS <<<"$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p hf-space | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", script, "bash", line], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (set(done.stdout.split()), done.stderr) == (words, "")


@pytest.mark.parametrize(("line", "words"), COMPLETED, ids=lambda value: value if isinstance(value, str) else "")
def test_fish_completes(line, words, tmp_path):
    """As fish itself lists what it would offer."""
    (tmp_path / "fleet.yml").touch()
    fish = need("fish")
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    code = "source (echo $argv[1] | psub); complete --do-complete $argv[2]"
    done = subprocess.run([fish, "--no-config", "-c", code, SHELLS["fish"](), line], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    offered = {row.split("\t")[0] for row in done.stdout.splitlines()}
    assert (offered - {".cache/", ".local/", ".config/"}, done.stderr) == (words, "")


def typed(shell: list[str], line: str, expected: str, **environ: str) -> None:
    """Type a line and a tab into a shell, as a person would, and wait for what appears."""
    screen = Terminal(program=shell, **environ)
    try:
        screen.until("READY")
        screen.type(f"{line}\t")
        screen.until(lambda: any(expected in row for row in screen.shown))
    finally:
        screen.close()


def test_a_tab_in_bash(tmp_path):
    """It completes a word, and after `=` as well."""
    (tmp_path / "rc").write_text(bash() + "PS1='READY '\n")
    shell = ["bash", "--noprofile", "--rcfile", str(tmp_path / "rc"), "-i"]
    typed(shell, "hf-space rest", "hf-space restart", HOME=str(tmp_path))
    typed(shell, "hf-space info --logs=al", "--logs=always", HOME=str(tmp_path))


@pytest.mark.parametrize(
    ("line", "expected"),
    [("hf-space rest", "hf-space restart"), ("hf-space info --logs al", "--logs always"), ("hf-space info --logs=al", "--logs=always")],
)
@pytest.mark.parametrize("way", ["sourced", "autoloaded"])
def test_a_tab_in_zsh(line, expected, way, tmp_path):
    """Where the script is sourced, and where zsh finds it by itself."""
    zsh = need("zsh")
    (tmp_path / "_hf-space").write_text(SHELLS["zsh"]())
    begin = "fpath=(${fpath:#*/Completion/(Unix|Linux)}); autoload -Uz compinit; compinit -u -D"  # without 900 that complete other commands
    how = f"{begin}; source ~/_hf-space" if way == "sourced" else f"fpath=(~ $fpath); {begin}"
    (tmp_path / ".zshrc").write_text(f"{how}\nPS1='READY '\n")
    typed([zsh, "-i"], line, expected, HOME=str(tmp_path), ZDOTDIR=str(tmp_path))


def test_the_script_for_bash_has_no_slips():
    """Shellcheck finds nothing."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "--shell=bash", "-"], input=bash(), capture_output=True, text=True, timeout=120)
    assert done.stdout == ""
