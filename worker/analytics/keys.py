"""The buckets that are to be computed anew, and the one form of the statements that do it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import TextClause, text

Key = tuple[str | None, datetime]
"""A repository ('' for runs without one, None for all of them together) and where its bucket begins."""

KEPT_RUNS = 5
"""So many runs that broke a rule are kept with it."""


def parameters(keys: Collection[Key]) -> dict[str, list[object]]:
    """The values of a statement made by `replacing`."""
    return {"repos": [repo for repo, _ in keys], "starts": [starts_at for _, starts_at in keys]}


def of_runs(repo: str, *, whole: bool) -> str:
    """Joins rows `m` of runs, whose repository is `repo`, to the hours `k` they lie in."""
    same = "" if whole else f"{repo} = k.repo AND "
    return f"{same}m.finished_at >= k.starts_at AND m.finished_at < k.starts_at + interval '1 hour'"


def of_parts(unit: str, *, whole: bool) -> str:
    """Joins rows `b` of a smaller unit to the periods `k` they lie in."""
    same = "b.repo_full_name IS NULL" if whole else "b.repo_full_name = k.repo"
    return f"{same} AND b.starts_at >= k.starts_at AND b.starts_at < k.starts_at + interval '1 {unit}'"


def replacing(
    table: str, fresh: str, *, figures: Sequence[str], whole: bool, span: str | None = None, dimensions: str = ""
) -> TextClause:
    """A statement that makes the rows of `table` under the keys what `fresh` says, and counts those it changed.

    `fresh` is a query over `keys k` that gives repo, starts_at, the dimensions and the figures. Rows that it does not
    give are deleted; rows that say the same already are not written.
    """
    repo = "o.repo_full_name IS NULL" if whole else "o.repo_full_name = keys.repo"
    scope = f"o.starts_at = keys.starts_at AND {repo}" + (f" AND o.span = '{span}'" if span else "")
    same = " AND ".join(f"fresh.{name} = o.{name}" for name in ("starts_at", *dimensions.split(", ")) if name)
    if not whole:
        same += " AND fresh.repo = o.repo_full_name"
    own = ", ".join(name for name in ("span" if span else "", "repo_full_name", "starts_at", dimensions) if name)
    given = ", ".join(name for name in (f"'{span}'" if span else "", "repo", "starts_at", dimensions) if name)
    return text(
        f"""
        WITH keys AS (
            SELECT repo, starts_at
            FROM unnest(CAST(:repos AS text[]), CAST(:starts AS timestamptz[])) AS k (repo, starts_at)
        ), fresh AS MATERIALIZED ({fresh}), gone AS (
            DELETE FROM {table} o USING keys
            WHERE {scope} AND NOT EXISTS (SELECT FROM fresh WHERE {same})
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
