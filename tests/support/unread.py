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
    """Read no file yet."""
    return Unread.from_parent(parent, name=module_path.name, path=module_path)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run the tests of a file."""
    if not isinstance(item, Unread):
        return None
    items, tests = item.session.items, item.tests()
    place = items.index(item)
    for test, after in zip(tests, [*tests[1:], nextitem], strict=False):
        items[place] = test  # xdist makes sure that a report is of the test that it has asked for
        item.config.hook.pytest_runtest_protocol(item=test, nextitem=after)
    items[place] = item
    if not tests:  # so none has torn down what the next file does not share
        runtestprotocol(item, log=False, nextitem=nextitem)
    return True
