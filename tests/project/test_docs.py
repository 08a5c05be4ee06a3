"""The documents say what the code does."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from docs import generate
from hf_action.diagnosis.causes import BY_WORD
from hf_action.inputs.settings import parse
from hf_action.inputs.table import INPUTS, OPERATIONS
from hf_action.operations.batch import NO_TOKEN
from hf_action.report.outputs import outputs
from hf_action.rules.outcomes import Outcome
from hf_action.rules.results import Step
from hf_action.rules.stages import STAGES
from hf_action.step import BUG, STUCK
from tests.project.test_action_yml import ACTION

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
TROUBLE = (ROOT / "docs/troubleshooting.md").read_text()


@pytest.mark.parametrize("word", BY_WORD)
def test_every_cause_is_listed(word):
    """One row a cause, on a page that the code draws; the page of troubles leads there."""
    assert f"| `{word}` |" in (ROOT / "docs/causes.md").read_text()
    assert "(causes.md)" in TROUBLE


def test_every_remedy_of_a_stage_is_listed():
    """One row a stage."""
    for stage in STAGES.values():
        assert not stage.remedy or f"| `{stage.name}` | {stage.remedy} |" in TROUBLE


@pytest.mark.parametrize("text", [BUG, STUCK.remedy, STUCK.seen, NO_TOKEN.seen])
def test_other_messages_are_listed(text):
    """What ends a step in another way is on the page, too."""
    assert text in TROUBLE


def test_every_outcome_that_fails_has_its_section():
    """With its exit status."""
    for outcome in Outcome:
        if outcome.status:
            assert re.search(rf"^## `{outcome.word}` \((?:exit status )?{outcome.status}\)", TROUBLE, re.MULTILINE), outcome


def test_the_readme_names_everything():
    """Each input with its default, each output, operation, stage and result word."""
    for row in INPUTS.values():
        shown = f"| `{row.name}` | {f'`{row.default}`' if row.default else ''}"
        assert shown in README, row.name
    for name in ACTION["outputs"]:
        assert f"`{name}`" in README, name
    for word in (*OPERATIONS, *STAGES, *(outcome.word for outcome in Outcome)):
        assert f"`{word}`" in README, word
    assert set(ACTION["outputs"]) == set(outputs_of_nothing())


def outputs_of_nothing() -> dict[str, str]:
    return outputs(Step(operation="info", outcome=Outcome.OK, message="", elapsed=0.0, requests=0, prices={}))


def test_promises_of_the_security_page_name_tests_that_exist():
    """A promise is kept by a test, and the test is there."""
    named = re.findall(r"`(tests/\S+?\.py)::(\w+)`", (ROOT / "docs/security.md").read_text())
    assert len(named) >= 8
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(), test


def test_links_between_documents_lead_somewhere():
    """A relative link names a file that is there."""
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_listed():
    """The page of pages has a row for each document, and the README leads to it and to the contract."""
    pages = (ROOT / "docs/README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f"]({page.name})" in pages or page.name == "README.md", page.name
    assert "](docs/README.md)" in README and "](docs/contract.md)" in README


# ---- what is drawn, and what is to be copied ----


@pytest.mark.parametrize("page", generate.PAGES)
def test_what_is_drawn_is_up_to_date(page):
    """Tables and pictures are what `make docs` draws from the code."""
    text = (ROOT / page).read_text()
    assert "<!-- end -->" in text
    assert generate.drawn(text) == text


def yaml_blocks() -> list:
    """Return the YAML of all pages, each with the name of its page."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [(page, block) for page in pages for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)]
    return [pytest.param(block, id=f"{page.name}-{number}") for number, (page, block) in enumerate(blocks)]


@pytest.mark.parametrize("block", yaml_blocks())
def test_what_is_to_be_copied_is_right(block):
    """Every YAML block is YAML, and what it gives to the action is an input without mistake or warning."""
    document = yaml.safe_load(block)
    jobs = document.get("jobs", {}).values() if isinstance(document, dict) else [{"steps": document}]
    for step in (step for job in jobs for step in job.get("steps", ())):
        if step.get("uses", "").startswith("OWNER/hf-space@"):
            given = {name: str(value).replace("${{ github.sha }}", "1" * 40) for name, value in step["with"].items()}
            flags = [f"--{name}={value.lower() if value in ('True', 'False') else value}" for name, value in given.items()]
            assert not parse(flags, {"HF_TOKEN": "hf_x", "GITHUB_STATE": "/a/file"}).warnings
            assert set(re.findall(r"steps\.space\.outputs\.([\w-]+)", block)) <= set(ACTION["outputs"])


def test_the_readme_fits_its_purpose():
    """The uses to paste come first, then on the same page how to try it; and the whole is under 400 lines."""
    lines = README.splitlines()
    assert len(lines) < 400
    first_page = lines[:80]
    uses = [line for line in first_page if line.startswith("# .github/workflows/")]
    assert len(uses) == 3 and first_page.index(uses[0]) < 20
    shown = first_page[first_page.index("## Try it") :]
    assert [line.split("#")[0].strip() for line in shown if line.startswith("$")] == ["$ make demo", "$ make test"]


CONTRACT = (ROOT / "docs/contract.md").read_text()


def test_the_contract_names_what_there_is():
    """Each input with its default, each operation, stage, cause and result word, each output."""
    for row in INPUTS.values():
        (default,) = re.findall(rf"^\| `{row.name}` \| (.+?) \| .+ \|$", CONTRACT, re.MULTILINE)
        assert default == f"`{row.default}`" if row.default else not re.fullmatch("`.*`", default), row.name
    for word in (*OPERATIONS, *STAGES, *BY_WORD, *ACTION["outputs"], *(outcome.word for outcome in Outcome)):
        assert f"`{word}`" in CONTRACT, word
    for outcome in Outcome:
        assert re.search(rf"^\| {outcome.status} \| .*`{outcome.word}`", CONTRACT, re.MULTILINE), outcome


def test_the_code_cites_sections_that_the_contract_has():
    """A comment says where a rule comes from, by the name of a section or of a cause's heading."""
    sections = set(re.findall(r"^#+ (.+)$", CONTRACT, re.MULTILINE))
    for path in (ROOT / "hf_action").glob("**/*.py"):
        cited = re.findall(r"docs/contract\.md, \"?([A-Z][a-z]+(?: [a-z]+)*)", " ".join(path.read_text().split()))
        assert set(cited) <= sections, path.name


# ---- every message is on the page of troubles ----

# How errors and verdicts are called, with the place of the message among their arguments.
MESSAGES = {"Verdict": 1, "Refused": 0, "Denied": 0, "NotFound": 0, "Unreachable": 0, "OutOfTime": 0, "NotRolledBackError": 0}
BARE = 12  # letters of a fixed part that can be looked up


def messages() -> list:
    """Return the longest fixed part of each message that the code makes, with the module it is from."""
    found = set()
    for path in sorted((ROOT / "hf_action").glob("**/*.py")):
        for node in ast.walk(generate.parsed(path)):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in MESSAGES and len(node.args) > MESSAGES[name]:
                found |= {(path.stem, fixed_part(node.args[MESSAGES[name]]))}
            elif isinstance(node, ast.FunctionDef) and node.name == "why_not":
                found |= {(path.stem, fixed_part(each.value)) for each in ast.walk(node) if isinstance(each, ast.Return)}
    return sorted(row for row in found if len(row[1]) >= BARE)


def fixed_part(node: ast.expr) -> str:
    """Return the longest part of a text that does not depend on anything."""
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [each.value for each in values if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return max(texts, key=len, default="").strip(" .,:;()")


@pytest.mark.parametrize(("module", "text"), messages())
def test_every_message_is_listed(module, text):
    """A user who searches the page for the words of a message finds them."""
    assert text in TROUBLE.replace("`", ""), module
