"""Files of tests are read by the process that runs them, and by no other: `pytest --read-own --dist loadfile -n 4`.

Each process of pytest-xdist would read all of them, which takes it four or five seconds, to run some. Here it finds files,
xdist hands out these, and the tests of one are found as its turn comes. Tests chosen by a word (`-k`) are chosen by the
names of their files.
"""

import pytest
from _pytest.runner import runtestprotocol


class Unread(pytest.Item):
    """A file whose tests are not known yet: to xdist, one test."""

    def tests(self) -> list[pytest.Item]:
        """Read the file; return its tests as they shall be run. What cannot be read is reported as an error."""
        found = list(self.session.genitems(pytest.Module.from_parent(self.parent, path=self.path)))
        self.config.hook.pytest_collection_modifyitems(session=self.session, config=self.config, items=found)
        return found

    def runtest(self) -> None:
        """Nothing: its tests are run in its place."""


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path, parent) -> Unread:
    """Read no file yet. xdist hands out together what has the same name before `::`, here nothing but the file."""
    return Unread.from_parent(parent, name=module_path.name, path=module_path, nodeid=f"{parent.nodeid}/{module_path.name}::")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run the tests of a file, or one of these, of which nothing is told but how it ended: each message takes a while."""
    if isinstance(item, Unread):
        _run_file(item, nextitem)
    else:
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed:
                item.ihook.pytest_runtest_logreport(report=report)
    return True


def _run_file(file: Unread, nextitem: pytest.Item | None) -> None:
    items, tests = file.session.items, file.tests()
    place = items.index(file)
    for test, after in zip(tests, [*tests[1:], nextitem], strict=False):
        items[place] = test  # xdist makes sure that a report is of the test that it has asked for
        file.config.hook.pytest_runtest_protocol(item=test, nextitem=after)
    items[place] = file
    if not tests:  # so none has torn down what the next file does not share
        runtestprotocol(file, log=False, nextitem=nextitem)
