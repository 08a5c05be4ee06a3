"""Stand-ins for `gh` and `docker`, so that the shell of the release workflow runs here, word for word.

`gh` answers from a local git repository, FORGE, as GitHub would: a reference that is there is not made again, one that
is not there is not moved. A call that begins as FORGE_SAYS names it `fails`. `docker` has a registry in which everything
has one digest. Both note what they were asked in FORGE/calls. FORGE_SAYS, a JSON object, makes them answer otherwise.

The programs are of bash and ask this process, which answers in a thread: an interpreter for each call would take longer.
"""

import argparse
import json
import os
import shlex
import socketserver
import subprocess
from collections.abc import Callable
from pathlib import Path

DIGEST = "sha256:" + "ab" * 32
SAYS = {"runs": 1, "signed": True, "base": DIGEST, "program": "hf-space 1.2.3", "fails": "nothing", "may-tag": True}

# No jq is needed for these, and another expression is a failing test.
JQ: dict[str, Callable] = {
    ".[].ref": lambda answer: "\n".join(each["ref"] for each in answer),
    ".sha": lambda answer: answer["sha"],
    '.[] | "\\(.ref) \\(.object.sha)"': lambda answer: "\n".join(f"{each['ref']} {each['object']['sha']}" for each in answer),
    '"\\(.tree.sha) \\(.parents[0].sha) \\(.verification.verified)"': lambda answer: (
        f"{answer['tree']['sha']} {answer['parents'][0]['sha']} {str(answer['verification']['verified']).lower()}"
    ),
    "select(.verification.verified).sha": lambda answer: answer["sha"] if answer["verification"]["verified"] else "",
}


# Sends what it was called with, each word ended by NUL; what comes on stdin is read where a word says so.
PROGRAM = """\
#!/usr/bin/env bash
for word; do [ "$word" != - ] || given=$(cat; echo .); done
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' "$FORGE" "$FORGE_SAYS" "${{given%.}}" $# {name} "$@" >&3
for part in status said error; do IFS= read -r -d '' "$part" <&3; done
printf %s "$said"
printf %s "$error" >&2
exit "$status"
"""


class Programs(socketserver.ThreadingTCPServer):
    """What the programs ask."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)

    def install(self, folder: Path) -> None:
        """Put the programs there."""
        for name in ("gh", "docker"):
            (folder / name).write_text(PROGRAM.format(port=self.server_address[1], name=name))
            (folder / name).chmod(0o755)


class Call(socketserver.StreamRequestHandler):
    """One call of a program."""

    def word(self) -> str:
        """Return the next word that it was called with."""
        found = bytearray()
        while (byte := self.rfile.read(1)) != b"\0":
            assert byte
            found += byte
        return found.decode()

    def handle(self) -> None:
        forge, says, given, count = (self.word() for _ in range(4))
        words = [self.word() for _ in range(int(count) + 1)]
        try:
            status, said, error = 0, answer(words, given, Path(forge), SAYS | json.loads(says)), ""
        except Refused as refused:
            status, said, error = 1, "", str(refused)
        except Exception as mistake:  # noqa: BLE001 - the test shows it with the log
            status, said, error = 1, "", repr(mistake)
        for text in (str(status), said and f"{said}\n", error and f"{error}\n"):
            self.wfile.write(text.encode() + b"\0")


class Refused(Exception):
    """What the program says of a failure."""


def answer(call: list[str], given: str, forge: Path, says: dict) -> str:
    """Return what the program says to one call."""
    with (forge / "calls").open("a") as calls:
        calls.write(shlex.join(call) + "\n")
    if shlex.join(call).startswith(says["fails"]):
        raise Refused(f"{call[0]}: HTTP 502")
    match call:
        case ["gh", "api", *rest]:
            return api(Repository(forge), rest, given, signed=says["signed"], may_tag=says["may-tag"])
        case ["gh", "run", "list", *_]:
            return str(says["runs"])
        case ["gh", "release", "view", tag, *_]:
            if not (forge / f"notes-{tag}").exists():
                raise Refused("")
        case ["gh", "release", "create", tag, *rest]:
            assert "--verify-tag" in rest and Repository(forge).has(f"refs/tags/{tag}")
            assert not (forge / f"notes-{tag}").exists()
            (forge / f"notes-{tag}").write_text(given)
        case ["gh", "attestation", "verify", *_] | ["docker", "buildx", "imagetools", "create", *_]:
            pass
        case ["docker", "buildx", "imagetools", "inspect", _, "--format", shape] if "SBOM" in shape:
            return '{"spdxVersion": "SPDX-2.3"}'
        case ["docker", "buildx", "imagetools", "inspect", *_]:
            return says["base"]
        case ["docker", "run", *_]:
            return says["program"]
        case unknown:
            raise AssertionError(unknown)
    return ""


def api(repository: "Repository", words: list[str], given: str, *, signed: bool, may_tag: bool) -> str:
    """Return the answer to one request of `gh api`."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("path")
    parser.add_argument("--method")
    parser.add_argument("--paginate", action="store_true")
    parser.add_argument("--input", choices=["-"])
    parser.add_argument("--raw-field", action="append", default=[])
    parser.add_argument("--field", action="append", default=[])
    parser.add_argument("--jq", choices=JQ, default=None)
    asked = parser.parse_args(words)
    body = json.loads(given) if asked.input else {}
    for field in (*asked.raw_field, *asked.field):
        name, _, value = field.partition("=")
        body[name] = value
    resource = asked.path.removeprefix("repos/OWNER/hf-space/git/")
    match asked.method or ("POST" if body else "GET"), resource.split("/"):
        case "GET", ["matching-refs", *prefix]:
            found = [{"ref": ref, "object": {"sha": repository.git("rev-parse", ref)}} for ref in repository.refs("/".join(prefix))]
        case "GET", ["commits", sha]:
            tree, parent = repository.git("rev-parse", f"{sha}^{{tree}}", f"{sha}^").split()
            found = {"tree": {"sha": tree}, "parents": [{"sha": parent}], "verification": {"verified": signed}}
        case "POST", ["trees"]:
            found = {"sha": repository.tree(body["base_tree"], *body["tree"])}
        case "POST", ["commits"]:
            sha = repository.commit(body["tree"], parent=body["parents[]"], message=body["message"])
            found = {"sha": sha, "verification": {"verified": signed}}
        case "POST", ["refs"] if not may_tag:
            raise Refused("gh: Resource not accessible by integration (HTTP 403)")
        case "POST", ["refs"] if not repository.has(body["ref"]):
            found = repository.point(body["ref"], body["sha"])
        case "PATCH", ["refs", *name] if repository.has(f"refs/{'/'.join(name)}") and body["force"] == "true":
            found = repository.point(f"refs/{'/'.join(name)}", body["sha"])
        case refused:
            raise Refused(f"gh: {refused} (HTTP 422)")
    return JQ[asked.jq](found) if asked.jq else json.dumps(found)


class Repository:
    """What GitHub's API does with a repository, done by git."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def git(self, *words: str, given: str | None = None) -> str:
        """Run git; return what it printed."""
        person = {
            f"GIT_{role}_{what}": "forge@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        environ = os.environ | person | {"GIT_INDEX_FILE": str(self._path / "index")}
        done = subprocess.run(["git", *words], cwd=self._path, env=environ, input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def refs(self, prefix: str) -> list[str]:
        """Return the references that begin so."""
        return [
            ref for ref in self.git("for-each-ref", "--format=%(refname)").split() if ref.startswith(f"refs/{prefix}")
        ]

    def has(self, ref: str) -> bool:
        """Tell whether there is such a reference."""
        return ref in self.refs("")

    def point(self, ref: str, sha: str) -> dict[str, str]:
        """Make or move a reference."""
        self.git("update-ref", ref, sha)
        return {"ref": ref}

    def tree(self, base: str, blob: dict[str, str]) -> str:
        """Make a tree like another, but for one file."""
        sha = self.git("hash-object", "-w", "--stdin", given=blob["content"])
        self.git("read-tree", base)
        self.git("update-index", "--add", "--cacheinfo", f"{blob['mode']},{sha},{blob['path']}")
        return self.git("write-tree")

    def commit(self, tree: str, *, parent: str, message: str) -> str:
        """Make a commit that no reference points at yet."""
        assert len(parent) == 40  # GitHub takes no names here
        return self.git("commit-tree", tree, "-p", parent, "-m", message)
