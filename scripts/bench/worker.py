"""What the three sides share: a process that is asked one question after the other, over a socket, and says when it has the answer."""

import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

Rows = list[list[Any]]


def serve(port: int, questions: Mapping[str, Callable[[], Callable[[], Rows]]]) -> None:
    """`done` ends what is timed; only then are the rows told, for the comparison."""
    with socket.create_connection(("127.0.0.1", port)) as link, link.makefile("r") as asked:
        for line in asked:
            tell = questions[line.strip()]()
            link.sendall(b"done\n")
            link.sendall(f"{json.dumps(tell())}\n".encode())
