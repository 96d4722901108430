"""Why a share cannot be had: rclone's and the server's words as one of a few causes, each with what to change."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """`final`: trying again soon helps nothing, and a domain locks an account that fails to log on too often."""

    name: str
    words: str
    fix: str
    final: bool = False


NO_CREDENTIALS = Cause("no credentials", "", "create the Secret with the keys username, password and, for a domain, domain")
GONE = Cause("mount gone", "", "none: it is mounted again at once; if that repeats, look at the agent's log and memory limit")
STOPPED = Cause("agent stopped", "", "none, if it is being updated: the next agent mounts it again")
UNKNOWN = Cause("failed", "", "see the agent's log")
CAUSES = (
    Cause("host unknown", r"no such host|server misbehaving|name resolution", "correct server, or the DNS that the nodes' pods ask"),
    Cause("refused", r"connection refused", "start the file server, or correct server and port"),
    Cause("no route", r"no route to host|network is unreachable", "correct server, or the nodes' way to it"),
    Cause(
        "timed out",
        r"i/o timeout|deadline exceeded|timed? ?out",
        "look whether the server is up, and for firewalls and network policies on the way to its port",
    ),
    Cause(
        "password expired",
        r"password.*(expired|must be changed)|PASSWORD_(EXPIRED|MUST_CHANGE)",
        "set a new password, then put it into the Secret",
        True,
    ),
    Cause("account locked", r"locked out|account.*(disabled|locked|expired|restriction)", "have the account unlocked or enabled", True),
    Cause(
        "logon failure",
        r"logon is invalid|LOGON_FAILURE|logon failure|logon type",
        "correct username, password or domain in the Secret",
        True,
    ),
    Cause("no such share", r"share name cannot be found|BAD_NETWORK_NAME|network name", "correct share"),
    Cause("no such folder", r"directory not found|file does not exist|object (name|path) not found|name is not found", "correct subPath"),
    Cause("permission denied", r"access.denied|permission denied|ACCESS_DENIED", "give the account rights on the share and on its folder"),
    Cause(
        "connection broken",
        r"\bEOF\b|broken pipe|reset by peer|closed network|connection (is )?closed",
        "look at the file server: it cut the line",
    ),
)


def find_cause(text: str) -> Cause:
    return next((cause for cause in CAUSES if re.search(cause.words, text, re.IGNORECASE)), UNKNOWN)


def format_message(share: str, address: str, cause: Cause, said: str, secret: str) -> str:
    """One line that names share, server, cause and the way out."""
    quoted = f" ({' '.join(said.split())})" if said else ""
    return f"share {share} ({address}): {cause.name}{quoted}; {cause.fix.replace('the Secret', f'Secret {secret}')}"
