"""What a release must know, and the one line of action.yml that it changes.

    release.py check TAG OWNER/REPO <TAGS    say what is released, for $GITHUB_OUTPUT, or all that speaks against it
    release.py tree BASE-TREE IMAGE          print the tree of the release commit, as GitHub's API takes it
    release.py notes TAG IMAGE OWNER/REPO    print the notes
    release.py newest MAJOR <TAGS            print the newest version of a major, such as v1

Run in the root of the repository by .github/workflows/release.yml, before anything is installed, so it imports only the
standard library. docs/releasing.md tells the whole story.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

NUMBER = r"(?:0|[1-9]\d*)"
VERSION = rf"({NUMBER})\.({NUMBER})\.({NUMBER})"
UNRELEASED = "  image: Dockerfile\n"


class Refusal(Exception):
    """Why nothing is released, one line for each reason."""


def main(words: list[str]) -> int:
    """Run one of the commands above; return the exit status."""
    try:
        match words:
            case ["check", tag, repository]:
                print("".join(f"{name}={value}\n" for name, value in check(tag, repository, sys.stdin).items()), end="")
            case ["tree", base, image]:
                print(json.dumps(tree(base, image)))
            case ["notes", tag, image, repository]:
                print(notes(tag, image, repository))
            case ["newest", major]:
                print(newest(major, sys.stdin))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except Refusal as refusal:
        print("".join(f"::error::{line}\n" for line in str(refusal).splitlines()), end="", file=sys.stderr)
        return 1
    return 0


def check(tag: str, repository: str, refs: Iterable[str]) -> dict[str, str]:
    """Return what the tag of the source releases; `refs` are those of all released versions."""
    found = re.fullmatch(rf"source/v({VERSION})", tag)
    if not found:
        raise Refusal(f"the tag {tag} is not of the form source/v1.2.3")
    version, major = found[1], found[2]
    against = [
        f"{place} says {said}, the tag says {version}" for place, said in named_versions().items() if said != version
    ]
    if not entry(version):
        against.append(f"CHANGELOG.md has nothing below a heading '## {version} - YYYY-MM-DD'")
    out = released(refs)
    later = [each for each in out if each[0] == int(major) and each >= numbers(version)]
    if later:
        against.append(f"v{'.'.join(map(str, max(later)))} is out, and v{major} never moves back")
    if against:
        raise Refusal("\n".join(against))
    return {
        "version": version,
        "tag": f"v{version}",
        "major": f"v{major}",
        "image": f"ghcr.io/{repository.lower()}",  # the name of an image has no capitals, that of a repository may
        "base": base(),
        "draft": "" if out else "true",  # the Marketplace takes no release that is out already
    }


def named_versions() -> dict[str, str]:
    """Return where a version stands, and which."""
    found = re.search(r'^VERSION = "(.*)"$', Path("hf_action/__init__.py").read_text(), re.MULTILINE)
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    return {"hf_action/__init__.py": found[1] if found else "nothing", "pyproject.toml": project["version"]}


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as something that has an order."""
    return tuple(map(int, version.split(".")))


def released(refs: Iterable[str]) -> list[tuple[int, ...]]:
    """Return the versions among `refs`; the others are tags such as v1."""
    found = (re.fullmatch(rf"refs/tags/v({VERSION})", ref.strip()) for ref in refs)
    return [numbers(each[1]) for each in found if each]


def newest(major: str, refs: Iterable[str]) -> str:
    """Return the tag of the newest released version of a major, or nothing."""
    found = [each for each in released(refs) if f"v{each[0]}" == major]
    return f"v{'.'.join(map(str, max(found)))}" if found else ""


def base() -> str:
    """Return the image that the Dockerfile builds on, with its registry, as labels and digests need it."""
    found = re.search(r"^FROM ([\w.-]+:[\w.-]+) AS interpreter$", Path("Dockerfile").read_text(), re.MULTILINE)
    if not found:
        raise Refusal("the Dockerfile has no line 'FROM name:tag AS interpreter' with an official image of Docker Hub")
    return f"docker.io/library/{found[1]}"


def entry(version: str) -> str:
    """Return what CHANGELOG.md says of a version, or nothing."""
    heading = rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n"
    found = re.search(rf"{heading}(.*?)(?=^## |\Z)", Path("CHANGELOG.md").read_text(), re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def tree(base_tree: str, image: str) -> dict[str, object]:
    """Return the tree of the release commit: all of `base_tree`, and action.yml with the image by digest."""
    if not re.fullmatch(r"ghcr\.io/[a-z0-9._/-]+@sha256:[0-9a-f]{64}", image):
        raise Refusal(f"{image} does not name an image by digest")
    text = Path("action.yml").read_text()
    if text.count(UNRELEASED) != 1:
        raise Refusal("action.yml has not one line 'image: Dockerfile'")
    content = text.replace(UNRELEASED, f"  image: docker://{image}\n")
    return {
        "base_tree": base_tree,
        "tree": [{"path": "action.yml", "mode": "100644", "type": "blob", "content": content}],
    }


def notes(tag: str, image: str, repository: str) -> str:
    """Return the notes: the entry of CHANGELOG.md, and how anybody can check where the image comes from."""
    return f"""{entry(tag.removeprefix("v"))}

---
`{tag}` runs this image, built from the tag `source/{tag}`:

```
gh attestation verify oci://{image} --repo {repository} --source-ref refs/tags/source/{tag}
```"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
