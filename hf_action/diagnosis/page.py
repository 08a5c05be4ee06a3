"""Drawing docs/causes.md from the table of causes, so that the page says what the code does."""

from hf_action.diagnosis.causes import CAUSES
from hf_action.diagnosis.remedies import UNNAMED, fill
from hf_action.diagnosis.signs import Blame

# A remedy on the page names what a real one would name; these two are known without any evidence.
_NAMES = {name: f"*{name}*" for name in UNNAMED if name not in ("app_file", "settings")}

_WHOSE = {
    Blame.APP: ("The app", "Its files, its packages, or the hardware that it needs."),
    Blame.SETTINGS: (
        "The settings",
        "README.md, secrets and variables, access to models, and the size of the repository.",
    ),
    Blame.ACCOUNT: ("The account", "Plan, payment, limits and blocks of the Space's owner."),
    Blame.HUB: ("The Hub", "Nothing of yours is wrong; these are worth another try (`retries`)."),
}


def draw_page() -> str:
    """Return the tables of docs/causes.md: for each word whose fault it is, how it looks, and what to do."""
    parts = []
    for blame, (title, text) in _WHOSE.items():
        rows = [
            f"| `{cause.word}` | {_cell(cause.looks)} | {_cell(fill(cause.remedy, _NAMES))} | [docs]({cause.link}) |"
            for cause in CAUSES
            if cause.blame is blame
        ]
        head = ["| `cause` | how it looks | what to do | more |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {title} (`blame: {blame.value}`)", "", text, "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """Return a text as it stands in a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")
