"""The buckets that are to be computed anew, and the one form of the statements that do it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import TextClause, text

Key = tuple[str | None, datetime]
"""A repository ('' for runs without one, None for all of them together) and where its bucket begins."""


def parameters(keys: Collection[Key]) -> dict[str, list[object]]:
    """The values of a statement made by `replacing`."""
    return {"repos": [repo for repo, _ in keys], "starts": [starts_at for _, starts_at in keys]}


def of_runs(relation: str, repo: str, unit: str, *, whole: bool) -> str:
    """`keys k` joined to the rows `m` of runs in their periods. `repo` is the column of a row's repository."""
    same = "" if whole else f"{repo} = k.repo AND "
    return _each_key(
        f"SELECT * FROM {relation} m"
        f" WHERE {same}m.finished_at >= k.starts_at AND m.finished_at < k.starts_at + interval '1 {unit}'",
        "m",
    )


def of_parts(relation: str, unit: str, *, whole: bool, where: str = "true") -> str:
    """`keys k` joined to the rows `b` of a smaller unit in their periods."""
    same = "b.repo_full_name IS NULL" if whole else "b.repo_full_name = k.repo"
    return _each_key(
        f"SELECT * FROM {relation} b WHERE {where} AND {same}"
        f" AND b.starts_at >= k.starts_at AND b.starts_at < k.starts_at + interval '1 {unit}'",
        "b",
    )


def of_hour(relation: str) -> str:
    """`keys k` joined to the rows `b` of all repositories in their hours."""
    return _each_key(
        f"SELECT * FROM {relation} b WHERE b.repo_full_name IS NOT NULL AND b.starts_at = k.starts_at", "b"
    )


def _each_key(query: str, name: str) -> str:
    """Key by key through the index. OFFSET 0 keeps the planner from turning it around: it cannot know how short a
    period is, and reads the whole table.
    """
    return f"keys k CROSS JOIN LATERAL ({query} OFFSET 0) AS {name}"


def replacing(
    table: str, fresh: str, *, figures: Sequence[str], whole: bool, span: str | None = None, dimensions: str = ""
) -> TextClause:
    """A statement that makes the rows of `table` under the keys what `fresh` says, and counts those that it changed.

    `fresh` is a query over `keys k (repo, starts_at, n)`. It gives n, the number of a key, by which it is cheaper to
    group than by a name, and the dimensions and figures. Rows that it does not give are deleted; rows that say the same
    already are not written. Nobody else may write to the table meanwhile.
    """
    repo = "o.repo_full_name IS NULL" if whole else "o.repo_full_name = k.repo"
    scope = f"o.starts_at = k.starts_at AND {repo}" + (f" AND o.span = '{span}'" if span else "")
    stored = _each_key(f"SELECT o.ctid AS place, o.* FROM {table} o WHERE {scope}", "o")
    same = " AND ".join(f"fresh.{name} = o.{name}" for name in ("starts_at", *dimensions.split(", ")) if name)
    if not whole:
        same += " AND fresh.repo = o.repo_full_name"
    own = ", ".join(name for name in ("span" if span else "", "repo_full_name", "starts_at", dimensions) if name)
    given = ", ".join(name for name in (f"'{span}'" if span else "", "repo", "starts_at", dimensions) if name)
    return text(
        f"""
        WITH keys AS (
            SELECT repo, starts_at, n
            FROM unnest(CAST(:repos AS text[]), CAST(:starts AS timestamptz[]))
                WITH ORDINALITY AS k (repo, starts_at, n)
        ), fresh AS MATERIALIZED (
            SELECT repo, starts_at, found.* FROM ({fresh}) AS found JOIN keys USING (n)
        ), gone AS (
            DELETE FROM {table}
            WHERE ctid = ANY (ARRAY (SELECT place FROM {stored} WHERE NOT EXISTS (SELECT FROM fresh WHERE {same})))
            RETURNING 1
        ), written AS (
            INSERT INTO {table} AS old ({own}, {", ".join(figures)})
            SELECT {given}, {", ".join(figures)} FROM fresh
            ON CONFLICT ({own}) DO UPDATE
            SET {", ".join(f"{name} = excluded.{name}" for name in figures)}, updated_at = now()
            WHERE ({", ".join(f"old.{name}" for name in figures)})
                IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in figures)})
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM written)
        """
    )
