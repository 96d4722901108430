"""`yard` of a notebook: what there is to look at, as tables."""

from typing import TYPE_CHECKING, Any

from sparkyard.names import CATALOG

if TYPE_CHECKING:
    from sparkyard.notebook.place import Place


class Yard:
    """yard.namespaces(), yard.tables(), yard.history(table), yard.sample(table), yard.shares()"""

    def __init__(self, spark: Any, place: "Place") -> None:
        self._spark = spark
        self._place = place

    def __repr__(self) -> str:
        return str(self.__doc__)

    def namespaces(self) -> list[str]:
        return sorted(row[0] for row in self._spark.sql(f"SHOW NAMESPACES IN {CATALOG}").collect())

    def tables(self, namespace: str = "") -> list[str]:
        """Names as one writes them in SQL; of one namespace, or of all."""
        spaces = [namespace] if namespace else self.namespaces()
        listed = [self._spark.sql(f"SHOW TABLES IN {CATALOG}.`{space}`").collect() for space in spaces]
        return sorted(f"{CATALOG}.{row.namespace}.{row.tableName}" for rows in listed for row in rows)

    def history(self, table: str) -> Any:
        """The table's versions; read one with `SELECT … FROM table VERSION AS OF id`."""
        return self._spark.sql(f"SELECT committed_at, snapshot_id, operation, summary FROM {table}.snapshots ORDER BY committed_at")

    def sample(self, table: str, rows: int = 10) -> Any:
        return self._spark.table(table).limit(rows)

    def shares(self) -> dict[str, str]:
        """Where the files of each share are, in the notebook and in executors alike."""
        return self._place.shares
