"""Every verb of the command line, a line each. A verb imports what it needs when it runs, so that --help is quick."""

from sparkyard.cli import cancel as _cancel  # noqa: F401
from sparkyard.cli import check as _check  # noqa: F401
from sparkyard.cli import delete as _delete  # noqa: F401
from sparkyard.cli import doctor as _doctor  # noqa: F401
from sparkyard.cli import install as _install  # noqa: F401
from sparkyard.cli import list as _list  # noqa: F401
from sparkyard.cli import logs as _logs  # noqa: F401
from sparkyard.cli import open as _open  # noqa: F401
from sparkyard.cli import pod_template as _pod_template  # noqa: F401
from sparkyard.cli import promote as _promote  # noqa: F401
from sparkyard.cli import report as _report  # noqa: F401
from sparkyard.cli import run as _run  # noqa: F401
from sparkyard.cli import runs as _runs  # noqa: F401
from sparkyard.cli import sample as _sample  # noqa: F401
from sparkyard.cli import share as _share  # noqa: F401
from sparkyard.cli import sql as _sql  # noqa: F401
from sparkyard.cli import submit as _submit  # noqa: F401
from sparkyard.cli import table as _table  # noqa: F401
from sparkyard.cli import uninstall as _uninstall  # noqa: F401
from sparkyard.cli import upload as _upload  # noqa: F401
from sparkyard.cli import wait as _wait  # noqa: F401
from sparkyard.cli import webhook as _webhook  # noqa: F401
