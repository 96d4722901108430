"""The catalog database of a local lake, made before any session asks for it: two that both made it would get into each other's way."""

import sqlite3
from contextlib import closing
from pathlib import Path

# The tables of Iceberg's JDBC catalog, schema V1; on a cluster charts/lake makes the same.
SCHEMA = """
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255), property_value VARCHAR(1000),
    PRIMARY KEY (catalog_name, namespace, property_key));
"""


def ensure_catalog(home: Path) -> None:
    with closing(sqlite3.connect(home / "catalog.db", timeout=60)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(SCHEMA)
