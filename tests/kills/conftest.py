"""What the tests of killed writers and publishers share."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def ledger(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What is said at the end, also by one of several processes of tests."""
    lines: list[str] = []
    yield lines
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *lines, sep="\n", file=sys.stderr)
