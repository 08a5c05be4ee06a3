"""The release, as .github/workflows/release.yml describes it: its shell and its script, run here step by step."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from hf_action import VERSION
from tests.support.forge import DIGEST, Programs, Repository
from tests.support.serving import serving

ROOT = Path(__file__).parent.parent.parent
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
JOBS = WORKFLOW["jobs"]
IMAGE = f"ghcr.io/owner/hf-space@{DIGEST}"
FILES = (".github", "Dockerfile", "action.yml", "hf_action/__init__.py", "pyproject.toml")
CHANGELOG = """# Changelog

## Unreleased

- It will fly.

## 1.2.3 - 2026-11-25

- It waits.

## 0.0.9 - 2026-01-01

- It was there.
"""


@dataclass
class Release:
    """A copy of the repository whose next version is 1.2.3, a stand-in for GitHub, and a run of the workflow."""

    folder: Path
    says: str = "{}"
    tag: str = "source/v1.2.3"
    results: dict[str, str] = field(default_factory=dict)
    log: str = ""

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def forge(self) -> Repository:
        return Repository(self.folder / "forge")

    @property
    def calls(self) -> list[str]:
        """What gh and docker were asked."""
        calls = self.folder / "forge/calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def change(self, name: str, old: str, new: str) -> None:
        """Put another text into a file of the source."""
        path = self.source / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    def push(self) -> str:
        """Commit the source as it is, and push it; return the commit."""
        git = Repository(self.source).git
        git("add", "--all")
        git("commit", "--allow-empty", "--message=Source")
        git("push", "--quiet", str(self.folder / "forge"), "HEAD:refs/heads/main")
        self.results["github.sha"] = git("rev-parse", "HEAD")
        return self.results["github.sha"]

    def run(self, job: str) -> bool:
        """Run the shell of a job, step by step; tell whether it came to its end."""
        given = JOBS[job]
        for step in given["steps"]:
            if "run" in step and not self._run(step, self._values(given.get("env", {}))):
                return False
        for name, value in given.get("outputs", {}).items():
            self.results[f"needs.{job}.outputs.{name}"] = self._value(value)
        return True

    def _run(self, step: dict, variables: dict[str, str]) -> bool:
        output = self.folder / "output"
        output.write_text("")
        runner = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "FORGE": str(self.folder / "forge"),
            "FORGE_SAYS": self.says,
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REF": f"refs/tags/{self.tag}",
            "GITHUB_REF_NAME": self.tag,
            "GITHUB_REPOSITORY": "OWNER/hf-space",
            "GITHUB_SHA": self.results["github.sha"],
            "RUNNER_TEMP": str(self.folder),
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]  # GitHub's, for `shell: bash`
        environ = runner | variables | self._values(step.get("env", {}))
        done = subprocess.run(command, cwd=self.source, env=environ, capture_output=True, text=True, timeout=120)
        self.log += done.stdout + done.stderr
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.results[f"steps.{step['id']}.outputs.{name}"] = value
        return done.returncode == 0

    def _values(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: self._value(text) for name, text in texts.items()}

    def _value(self, text: str) -> str:
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: self.results[found[1]], text)

    def finish(self) -> bool:
        """Run all jobs, one after the other."""
        return all(self.run(job) for job in ("check", "image", "try", "publish"))


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    """What stands in for gh and docker."""
    with serving(Programs()) as programs:
        yield programs


@pytest.fixture(scope="module")
def prepared(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of 1.2.3, about to begin."""
    tmp_path = tmp_path_factory.mktemp("release")
    release = Release(tmp_path)
    for name in FILES:
        (release.source / name).parent.mkdir(parents=True, exist_ok=True)
        take: Callable = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        take(ROOT / name, release.source / name)
    for name in ("pyproject.toml", "hf_action/__init__.py"):
        release.change(name, f'"{VERSION}"', '"1.2.3"')
    (release.source / "CHANGELOG.md").write_text(CHANGELOG)
    Repository(tmp_path).git("init", "--quiet", "--template=", "--bare", "forge")
    Repository(release.source).git("init", "--quiet", "--template=", "--initial-branch=elsewhere")
    for repository in (release.forge, Repository(release.source)):
        repository.git("config", "maintenance.auto", "false")
    (tmp_path / "bin").mkdir()
    programs.install(tmp_path / "bin")
    (tmp_path / "bin/python3").symlink_to(sys.executable)  # which a machine may have behind a script that looks for it
    (tmp_path / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\ninclude-system-site-packages = false\n")  # and without any package
    release.results |= {"github.token": "a-token", "steps.build.outputs.digest": DIGEST}
    release.push()
    for repository in (release.forge, Repository(release.source)):
        repository.git("gc", "--quiet")  # a file in place of many, as all is copied for each test
    return release


def copy(release: Release, folder: Path) -> Release:
    """Return a copy of a release as it stands."""
    shutil.copytree(release.folder, folder, symlinks=True, dirs_exist_ok=True)
    return Release(folder, results=dict(release.results), log=release.log)


@pytest.fixture
def release(prepared: Release, tmp_path: Path) -> Release:
    """A copy of it."""
    return copy(prepared, tmp_path)


@pytest.fixture(scope="module")
def built(prepared: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The same release, of which only the job that publishes is still to come."""
    release = copy(prepared, tmp_path_factory.mktemp("built"))
    assert release.run("check") and release.run("image") and release.run("try"), release.log
    return release


@pytest.fixture(scope="module")
def finished(built: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The same release, once all has been done."""
    release = copy(built, tmp_path_factory.mktemp("finished"))
    assert release.run("publish"), release.log
    return release


@pytest.fixture
def unpublished(built: Release, tmp_path: Path) -> Release:
    """A copy of the one that is built."""
    return copy(built, tmp_path)


@pytest.fixture
def released(finished: Release, tmp_path: Path) -> Release:
    """A copy of that one."""
    return copy(finished, tmp_path)


# ---- what is released ----


def test_the_release_changes_one_line(released):
    """The tag's tree is that of the source but for the image of action.yml, which it names by digest."""
    source = released.results["github.sha"]
    difference = released.forge.git("diff", "--unified=0", source, "v1.2.3").splitlines()
    assert [line for line in difference if not line.startswith(("diff", "index", "@@"))] == [
        "--- a/action.yml",
        "+++ b/action.yml",
        "-  image: Dockerfile",
        f"+  image: docker://{IMAGE}",
    ]
    before, after = (yaml.safe_load(released.forge.git("show", f"{commit}:action.yml")) for commit in (source, "v1.2.3"))
    assert after == before | {"runs": before["runs"] | {"image": f"docker://{IMAGE}"}}


def test_the_release_commit_follows_the_source(released):
    """One commit on top of the tagged one, on no branch: main goes on building from its Dockerfile."""
    source = released.results["github.sha"]
    assert released.forge.git("rev-list", "v1.2.3", f"^{source}").split() == [released.forge.git("rev-parse", "v1.2.3")]
    assert released.forge.git("rev-parse", "main", "v1.2.3^") == f"{source}\n{source}"


def test_the_major_tags_come_last(released):
    """The action's is the release commit, the image's the image; both move when everything else is there."""
    assert released.forge.git("rev-parse", "v1") == released.forge.git("rev-parse", "v1.2.3")
    writes = [call.split() for call in released.calls if "--field force" in call or " create " in call]
    assert [words[1] for words in writes] == ["release", "api", "buildx"]
    assert released.calls[-1] == f"docker buildx imagetools create --tag ghcr.io/owner/hf-space:1 {IMAGE}"


def test_the_next_version_moves_only_the_major_tag(released):
    """A version stays what it was."""
    first = released.forge.git("rev-parse", "v1.2.3")
    for name in ("pyproject.toml", "hf_action/__init__.py", "CHANGELOG.md"):
        released.change(name, "1.2.3", "1.2.4")
    released.push()
    released.tag, released.says = "source/v1.2.4", '{"program": "hf-space 1.2.4"}'
    assert released.finish(), released.log
    assert released.forge.git("rev-parse", "v1.2.3") == first
    assert released.forge.git("rev-parse", "v1") == released.forge.git("rev-parse", "v1.2.4") != first


def test_the_notes_are_those_of_the_changelog(released):
    """The entry of this version and of no other, and how to check the image."""
    notes = (released.folder / "forge/notes-v1.2.3").read_text()
    assert notes.startswith("- It waits.\n") and "fly" not in notes and "was there" not in notes
    assert f"gh attestation verify oci://{IMAGE} --repo OWNER/hf-space --source-ref refs/tags/source/v1.2.3" in notes


# ---- what is not released ----


def set_version(name: str) -> Callable[[Release], None]:
    return lambda release: release.change(name, '"1.2.3"', '"1.2.4"')


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(set_version("pyproject.toml"), "pyproject.toml says 1.2.4, the tag says 1.2.3", id="project"),
        pytest.param(set_version("hf_action/__init__.py"), "hf_action/__init__.py says 1.2.4, the tag says 1.2.3", id="code"),
        pytest.param(lambda release: release.change("CHANGELOG.md", "## 1.2.3 - 2026-11-25", "## 1.2.3"), "CHANGELOG.md has nothing", id="no date"),
        pytest.param(lambda release: release.change("CHANGELOG.md", "- It waits.\n", ""), "CHANGELOG.md has nothing", id="no notes"),
        pytest.param(lambda release: release.change("CHANGELOG.md", "1.2.3", "1.2.30"), "CHANGELOG.md has nothing", id="other notes"),
        pytest.param(lambda release: release.change("Dockerfile", "AS interpreter", "AS python"), "the Dockerfile has no line", id="no base"),
        pytest.param(lambda release: release.change("Dockerfile", "FROM python", "FROM quay.io/python"), "the Dockerfile has no line", id="other registry"),
        pytest.param(lambda release: setattr(release, "tag", "source/v1.2"), "source/v1.2 is not of the form", id="short tag"),
        pytest.param(lambda release: setattr(release, "tag", "source/v1.2.3-rc1"), "is not of the form source/v1.2.3", id="candidate"),
        pytest.param(lambda release: setattr(release, "tag", "source/v01.2.3"), "is not of the form source/v1.2.3", id="leading zero"),
        pytest.param(lambda release: release.forge.point("refs/tags/v1.2.3", "main"), "v1.2.3 is out, and v1 never moves back", id="there"),
        pytest.param(lambda release: release.forge.point("refs/tags/v1.10.0", "main"), "v1.10.0 is out, and v1 never moves back", id="later"),
        pytest.param(lambda release: setattr(release, "says", '{"runs": 0}'), "test.yml has not passed on main", id="untested"),
    ],
)  # fmt: skip
def test_nothing_is_built_when(spoil, reason, release):
    """The first job says what is wrong and ends the run."""
    spoil(release)
    release.push()
    assert not release.run("check")
    assert any(line.startswith("::error::") and reason in line for line in release.log.splitlines()), release.log
    assert not any(call.startswith("docker") for call in release.calls)


def test_all_reasons_are_told_at_once(release):
    """They can all be fixed at once."""
    for name in ("pyproject.toml", "hf_action/__init__.py", "CHANGELOG.md"):
        release.change(name, "1.2.3", "1.2.4")
    assert not release.run("check")
    assert release.log.count("::error::") == 3


def test_other_majors_do_not_matter(release):
    """v2 may be out, and tags that are not versions, when 1.2.3 fixes v1."""
    for tag in ("v2.0.0", "v1", "v1.2.2", "v1.9.0-rc1"):
        release.forge.point(f"refs/tags/{tag}", "main")
    assert release.run("check"), release.log


@pytest.mark.parametrize("base", ["Name: python:3.13-slim", "sha256:abc", f"Digest: {DIGEST}", ""])
def test_nothing_is_built_on_a_base_without_a_digest(base, unpublished):
    """Whatever the registry answers."""
    unpublished.says = f'{{"base": "{base}"}}'
    assert not unpublished.run("image")


def test_nothing_is_published_that_says_another_version(release):
    """The image is run before anybody is given it."""
    release.says = '{"program": "hf-space 1.2.2"}'
    assert not release.finish()
    assert release.forge.refs("tags/") == []


def test_nothing_is_published_that_github_has_not_signed(unpublished):
    """There is no tag then, nor a release, nor an attempt at one."""
    unpublished.says = '{"signed": false}'
    assert not unpublished.run("publish")
    assert "/git/commits" in unpublished.calls[-1]
    assert unpublished.forge.refs("tags/") == []


def test_a_version_is_never_published_twice(released):
    """Also where two runs were past the first check at the same time."""
    first = released.forge.git("rev-parse", "v1.2.3")
    released.change("action.yml", "founders", "heirs")
    released.push()
    assert not released.run("publish")
    assert released.forge.git("rev-parse", "v1.2.3", "v1") == f"{first}\n{first}"


# ---- what is published again, after a try that came to half of it ----


@pytest.mark.parametrize("fails", ["gh release create", "gh api --method PATCH", "gh api --paginate repos/OWNER/hf-space/git/matching-refs/tags/v1.", "docker buildx imagetools create"])
def test_the_job_goes_on_where_it_stopped(fails, unpublished):
    """The tag stays where it is, the notes are published once, and the major tags come to it."""
    unpublished.forge.point("refs/tags/v1", "main")  # so that it is there to be moved
    unpublished.says = json.dumps({"fails": fails})
    assert not unpublished.run("publish")
    first = unpublished.forge.git("rev-parse", "v1.2.3")
    unpublished.says = "{}"
    assert unpublished.run("publish"), unpublished.log
    assert unpublished.forge.git("rev-parse", "v1.2.3", "v1") == f"{first}\n{first}"
    assert (unpublished.folder / "forge/notes-v1.2.3").read_text().startswith("- It waits.\n")
    assert unpublished.calls[-1] == f"docker buildx imagetools create --tag ghcr.io/owner/hf-space:1 {IMAGE}"


def test_a_tag_that_the_workflow_may_not_make_is_made_by_a_maintainer(unpublished):
    """The run says how; the next try takes the very commit that was tagged."""
    unpublished.says = '{"may-tag": false}'
    assert not unpublished.run("publish") and unpublished.forge.refs("tags/") == []
    (commit,) = re.findall(r"::error::.* git push origin (\w{40}):refs/tags/v1\.2\.3 ", unpublished.log)
    unpublished.forge.point("refs/tags/v1.2.3", commit)
    unpublished.says = "{}"
    assert unpublished.run("publish"), unpublished.log
    assert unpublished.forge.git("rev-parse", "v1.2.3", "v1") == f"{commit}\n{commit}"


def test_a_late_try_moves_no_major_tag_back(unpublished):
    """v1.2.4 came out while v1.2.3 had no notes: it gets them, and v1 stays."""
    unpublished.says = '{"fails": "gh release create"}'
    assert not unpublished.run("publish")
    for tag in ("v1.2.4", "v1"):
        unpublished.forge.point(f"refs/tags/{tag}", "main")
    unpublished.says = "{}"
    assert unpublished.run("publish") and (unpublished.folder / "forge/notes-v1.2.3").exists(), unpublished.log
    assert unpublished.forge.git("rev-parse", "v1") == unpublished.forge.git("rev-parse", "main")
    assert not any(call.startswith("docker buildx imagetools create") for call in unpublished.calls)


@pytest.mark.parametrize(("earlier", "draft"), [([], True), (["v1"], True), (["v0.9.0"], False)])
def test_the_first_release_is_a_draft(earlier, draft, unpublished):
    """The Marketplace is a tick of a maintainer before a release is out; later ones follow it by themselves."""
    for tag in earlier:
        unpublished.forge.point(f"refs/tags/{tag}", "main")
    assert unpublished.run("check") and unpublished.run("publish"), unpublished.log
    (create,) = [call for call in unpublished.calls if call.startswith("gh release create")]
    assert ("--draft" in create) == draft


@pytest.mark.parametrize(
    "image", ["ghcr.io/owner/hf-space:1.2.3", "ghcr.io/Owner/hf-space@" + DIGEST, IMAGE[:-1], IMAGE + "\n  x: y"]
)
def test_action_yml_names_an_image_by_digest_only(image, release):
    """And no other text gets into it."""
    script = [sys.executable, "-I", ".github/release.py", "tree", "base", image]
    done = subprocess.run(script, cwd=release.source, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("line", ["", "  image: docker://old\n", "  image: Dockerfile\n  image: Dockerfile\n"])
def test_action_yml_is_not_released_without_an_image_of_its_own(line, release):
    """There must be exactly one line to change."""
    release.change("action.yml", "  image: Dockerfile\n", line)
    script = [sys.executable, "-I", ".github/release.py", "tree", "base", IMAGE]
    done = subprocess.run(script, cwd=release.source, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


def test_a_mistaken_call_shows_how(release):
    """For a maintainer who tries the script by hand."""
    done = subprocess.run(
        [sys.executable, "-I", ".github/release.py"], cwd=release.source, capture_output=True, text=True
    )
    assert done.returncode == 2 and "release.py check TAG" in done.stderr


# ---- the workflow as a file ----


def test_only_a_maintainers_tag_starts_a_release():
    """No branch, no pull request, no button; and never the tags that it makes itself."""
    assert WORKFLOW[True] == {"push": {"tags": ["source/v*"]}}  # YAML 1.1 reads `on` as true


def test_the_tests_that_must_have_passed_run_on_main():
    """The first job asks for the runs of a workflow that is there, for an event that starts it."""
    test = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    assert test[True]["push"] == {"branches": ["main"]}
    (asked,) = (step["run"] for step in JOBS["check"]["steps"] if "gh run list" in step.get("run", ""))
    assert "--workflow test.yml --branch main --event push" in asked


def test_a_job_may_do_what_it_is_for():
    """Who builds cannot write the repository, and who writes it cannot sign; nothing leaves without approval."""
    assert {
        name: {what for what, how in job["permissions"].items() if how == "write"} for name, job in JOBS.items()
    } == {
        "check": set(),
        "image": {"attestations", "id-token", "packages"},
        "try": set(),
        "publish": {"contents", "packages"},
    }
    assert JOBS["image"]["environment"] == "release"
    assert [JOBS[name]["needs"] for name in ("image", "try", "publish")] == [
        ["check"],
        ["check", "image"],
        ["check", "image", "try"],
    ]


def test_the_image_is_built_on_the_base_by_digest():
    """For both platforms, with what it is made of in its labels."""
    (build,) = (step["with"] for step in JOBS["image"]["steps"] if step.get("id") == "build")
    base = "${{ needs.check.outputs.base }}@${{ steps.base.outputs.digest }}"
    assert (build["platforms"], build["build-args"], build["sbom"]) == ("linux/amd64,linux/arm64", f"BASE={base}", True)
    labels = dict(line.split("=", 1) for line in build["labels"].splitlines())
    name, digest = base.split("@")
    assert labels["org.opencontainers.image.base.name"] == name
    assert labels["org.opencontainers.image.base.digest"] == digest
    assert labels["org.opencontainers.image.revision"] == "${{ github.sha }}"
    assert labels["org.opencontainers.image.version"] == "${{ needs.check.outputs.version }}"


def test_the_base_is_looked_up_as_the_dockerfile_names_it(release):
    """And its digest comes from the registry alone: none is written down."""
    assert release.run("check") and release.run("image"), release.log
    name = "docker.io/library/python:3.13-slim"
    assert f"docker buildx imagetools inspect {name} --format '{{{{print .Manifest.Digest}}}}'" in release.calls
    assert release.results["needs.check.outputs.base"] == name
    assert release.results["steps.base.outputs.digest"] == DIGEST


def test_what_is_signed_is_what_is_released():
    """Provenance and one SBOM for each platform, all of the digest that action.yml will name."""
    signed = [step["with"] for step in JOBS["image"]["steps"] if step.get("uses", "").startswith("actions/attest@")]
    assert [Path(each.get("sbom-path", "")).name for each in signed] == ["", "amd64.spdx.json", "arm64.spdx.json"]
    for each in signed:
        assert (each["subject-name"], each["subject-digest"]) == (
            "${{ env.IMAGE }}",
            "${{ steps.build.outputs.digest }}",
        )


def test_a_failure_in_a_pipe_ends_the_run():
    """GitHub gives pipefail to `shell: bash` only, and the tests here run the shell with it."""
    assert WORKFLOW["defaults"] == {"run": {"shell": "bash"}}


def test_no_expression_stands_in_shell():
    """What a tag or a tool says reaches the shell as a variable, never as its text."""
    assert not [step["run"] for job in JOBS.values() for step in job["steps"] if "${{" in step.get("run", "")]


def test_no_release_uses_a_cache():
    """Another workflow, run for a pull request, might have written it."""
    used = {step["uses"].split("@")[0]: step.get("with", {}) for step in JOBS["image"]["steps"] if "uses" in step}
    assert not any("cache" in name for name in used)
    assert (
        used["docker/setup-buildx-action"]["cache-binary"] is used["docker/setup-qemu-action"]["cache-image"] is False
    )
    assert not {"cache-from", "cache-to"} & set(used["docker/build-push-action"])


# ---- the repository, between releases ----


def test_the_version_is_the_same_everywhere():
    """In the code and in the project."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_the_changelog_can_be_released_from():
    """Its headings are those that the release looks for, the newest first."""
    headings = re.findall(r"^## (?!Unreleased$)(.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    found = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - \d{4}-\d\d-\d\d", heading) for heading in headings]
    numbers = [tuple(map(int, each.groups())) for each in found]
    assert numbers == sorted(numbers, reverse=True)


def test_the_release_replaces_the_base_of_every_stage():
    """BASE stands in each, and is the stage that Dependabot reads unless it is given."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    named, *stages = re.findall(r"^FROM (.*)$", dockerfile, re.MULTILINE)
    assert named.endswith(" AS interpreter") and "\nARG BASE=interpreter\n" in dockerfile
    assert stages and all(stage.split()[0] == "${BASE}" for stage in stages)


def test_the_image_and_the_project_are_described_alike():
    """In the Dockerfile's labels as in pyproject.toml."""
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="(.*?)"', (ROOT / "Dockerfile").read_text()))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (labels["title"], labels["description"]) == (project["name"], project["description"])


def test_the_image_has_the_pins_of_the_command():
    """What it leaves out aside, both were compiled from the same."""
    texts = [(ROOT / "requirements" / name).read_text() for name in ("image.txt", "action.txt")]
    image, action = (set(re.findall(r"^\S+==\S+", text, re.MULTILINE)) for text in texts)
    assert image and image < action
