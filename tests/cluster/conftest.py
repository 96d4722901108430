from collections.abc import Iterator

import pytest

from cluster.node import Node


@pytest.fixture
def absent() -> Iterator[Node]:
    """A cluster that is not there yet, and will not be afterwards."""
    node = Node()
    node.down()
    yield node
    node.down()
    node.main("down", "--purge")


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A running one, shared by a file's tests."""
    node = Node()
    node.down()
    node.up()
    yield node
    node.down()
    node.main("down", "--purge")
