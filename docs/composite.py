"""Draws composite/action.yml from action.yml: the same inputs and outputs, for runners without Docker.

A composite action says where each output comes from, and gets its inputs only as expressions; each of them goes to the
program as the variable that a container would get. tests/project/test_action_yml.py compares.
"""

import re

import yaml

HEAD = """\
# Drawn by `make docs` from action.yml; docs/runners.md says when to use which.
name: Hugging Face Spaces operator, without Docker
"""
RESTORE = (
    "Not available here, and a mistake: a composite action has no post step. "
    "Undo in a step of its own with `if: always()`, or use the container."
)
RUNS = """\
runs:
  using: composite
  steps:
    - id: space
      shell: bash # the only one that is the same on Linux, macOS and Windows
      run: |
        for python in python3 python; do
          if "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            exec "$python" -I "$GITHUB_ACTION_PATH/launch.py"
          fi
        done
        message='Python 3.11 or newer is needed on this runner. Put a step with actions/setup-python before this one.'
        echo "::error::$message"
        printf 'result=invalid-input\\nmessage=%s\\n' "$message" >>"$GITHUB_OUTPUT"
        exit 2
      env:
        MSYS2_ENV_CONV_EXCL: INPUT_ # or bash on Windows would turn /healthz into C:/Program Files/Git/healthz
"""


def composite(action: str) -> str:
    """Return the text of composite/action.yml."""
    about = yaml.safe_load(action)
    head = re.sub(r"^(?:branding:\n(?:  .*\n)+|name: .*\n)", "", action.partition("\ninputs:")[0], flags=re.MULTILINE)
    inputs, outputs = (section(action, name) for name in ("inputs", "outputs"))
    inputs = re.sub(r"(^  restore:\n    description: ).*", rf"\g<1>'{RESTORE}'", inputs, flags=re.MULTILINE)
    for name in about["outputs"]:
        value = f"    value: ${{{{ steps.space.outputs.{name} }}}}\n"
        outputs = re.sub(rf"^(  {name}:\n(?:    .*\n)+)", rf"\g<1>{value}", outputs, flags=re.MULTILINE)
    variables = "".join(f"        INPUT_{name.upper()}: ${{{{ inputs.{name} }}}}\n" for name in about["inputs"])
    return f"{HEAD}{head}\n{inputs}\n{outputs}\n{RUNS}{variables}"


def section(action: str, name: str) -> str:
    """Return one section of action.yml, as it stands there."""
    found = re.search(rf"^{name}:\n(?:  .*\n)+", action, re.MULTILINE)
    return found[0] if found else ""
