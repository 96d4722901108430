"""Every failure a user can meet, as one tree.

    YardError                 exit code
    ├── UsageError                2   a wrong argument or option
    ├── ToolMissing               3   Java, helm, a registry … is not there
    ├── ManifestError             4   the manifest cannot be read or breaks a rule
    ├── InputError                5   the job's input is missing or broken
    ├── JobFailed                 6   the job ran and failed
    │   └── OutOfMemory           7   … because it ran out of memory
    ├── ClusterError              8   the cluster does not answer or says no
    │   └── SubmissionRejected    9   admission refused the application
    ├── TimedOut                 10   waited long enough
    └── Cancelled                11   a person stopped it

A message says what failed, on which object, what was expected and seen, and the next command to type.
"""


class YardError(Exception):
    exit_code = 1

    def __init__(self, what: str, *, where: str = "", next_command: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_command = next_command

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.next_command:
            lines.append(f"Next: {self.next_command}")
        return "\n".join(lines)


class UsageError(YardError):
    exit_code = 2


class ToolMissing(YardError):
    exit_code = 3


class ManifestError(YardError):
    exit_code = 4


class InputError(YardError):
    exit_code = 5


class JobFailed(YardError):
    exit_code = 6


class OutOfMemory(JobFailed):
    exit_code = 7


class ClusterError(YardError):
    exit_code = 8


class SubmissionRejected(ClusterError):
    exit_code = 9


class TimedOut(YardError):
    exit_code = 10


class Cancelled(YardError):
    exit_code = 11
