"""`%%sql`: a query as a cell; its rows as a table that sorts at a click, and as a plot. `:name` in it is the notebook's variable.

%%sql busiest
SELECT hour, count(*) AS windows FROM yard.refined.events_windows WHERE total > :least GROUP BY hour
"""

import re
from typing import Any

from sparkyard.notebook.table import SHOWN, Rows, format_html, format_text

NAME = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
TEXTS = re.compile(r"'(?:[^'\\]|\\.)*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


def register_sql(shell: Any, spark: Any) -> None:
    def sql(line: str, cell: str = "") -> None:
        """%%sql [name]: the query below; its DataFrame is called `name` afterwards."""
        name, query = (line.strip(), cell) if cell else ("", line)
        if name and not name.isidentifier():
            raise ValueError(f"%%sql {name}: a name for the DataFrame may stand there, the query stands below")
        found = spark.sql(query, args=find_arguments(query, shell.user_ns))
        if name:
            shell.push({name: found}, interactive=False)
        show(found)

    shell.register_magic_function(sql, "line_cell", "sql")


def find_arguments(query: str, space: dict[str, Any]) -> dict[str, Any]:
    """The variables that a query names as :name, outside of texts and comments."""
    wanted = dict.fromkeys(NAME.findall(TEXTS.sub("''", query)))
    if unknown := [name for name in wanted if name not in space]:
        raise NameError(f"the query asks for :{unknown[0]}, and there is no variable of that name")
    return {name: space[name] for name in wanted}


def show(found: Any) -> None:
    rows = found.limit(SHOWN + 1).collect()
    if found.columns:  # a CREATE or DROP has none
        from IPython.display import display

        table = Rows(tuple(found.columns), [tuple(row) for row in rows[:SHOWN]], more=len(rows) > SHOWN)
        display({"text/plain": format_text(table), "text/html": format_html(table)}, raw=True)
