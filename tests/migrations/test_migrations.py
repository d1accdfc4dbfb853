"""The revisions, and what happens when many processes apply them at once."""

import contextlib
import re
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from procrastinate.schema import SchemaManager

from alembic import command
from invariant.postgres import Server
from tests.support import processes
from worker.core.db import migrate

REVISIONS = [
    "001_init",
    "002_monitor_jobs",
    "003_analytics_tables",
    "004_remediation_tables",
    "005_tribunal",
    "006_work_items",
    "007_rollups",
    "008_installation",
    "009_places",
    "010_access",
    "011_limits",
    "012_removal",
    "013_scale",
    "014_remediation",
    "015_monitoring",
    "016_previews",
]


def downgrade(url: str, revision: str) -> None:
    with migrate.locked_connection(url) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()


def test_upgrade_check_downgrade_upgrade(server: Server) -> None:
    with server.database(template=None) as url:
        assert migrate.upgrade(url) == REVISIONS
        assert migrate.upgrade(url) == []
        with migrate.locked_connection(url) as connection:
            config = migrate._config()
            config.attributes["connection"] = connection
            command.check(config)
            connection.rollback()
            command.downgrade(config, "base")
            connection.commit()
        with psycopg.connect(url) as connection:
            left = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' UNION ALL"
                " SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            ).fetchall()
        assert left == [("schema_migrations",)]
        assert migrate.upgrade(url) == REVISIONS


def test_a_database_that_newer_code_has_migrated_is_served_and_left_as_it_is(server: Server, tmp_path: Path) -> None:
    """As in a rolling deploy, and when it is taken back: the replicas of the version before start anew meanwhile."""
    with server.database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE schema_migrations SET version_num = '999_of_tomorrow'")
        assert migrate.upgrade(url) == []
        migrating = {"CVA_APPLY_MIGRATIONS": "true"}
        with processes.api(url, tmp_path, **migrating) as (api, _), processes.worker(url, tmp_path, **migrating):
            assert api.get("/ready").json()["checks"]["migrations"] == "ok"
            source = {"kind": "files", "files": {"a.py": "eval(x)\n"}}
            body = {"source": source, "constitution": "- Code MUST NOT call `eval()`.\n"}
            run = api.post("/api/runs", json=body).json()["id"]
            assert processes.eventually(lambda: api.get(f"/api/runs/{run}").json()["verdict"], 60) == "FAIL"


@pytest.mark.parametrize("revision", [None, "", "010_access", "999", "abc", "99x_y", "011_limits"])
def test_a_database_at_any_other_revision_is_not_served(revision: str | None) -> None:
    assert not migrate.serves(revision)
    assert "this version needs" in migrate.missing(revision)


def test_a_callback_that_is_on_its_way_is_owed_after_the_upgrade(server: Server) -> None:
    with server.database(template=None) as url:
        migrate.upgrade(url)
        downgrade(url, "005_tribunal")
        job = "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('monitoring', %s, %s)"
        with psycopg.connect(url) as connection:
            for run_id in ("a", "b", "b"):
                connection.execute(job, ("monitoring.deliver_callback", f'{{"run_id": "{run_id}"}}'))
            connection.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE args->>'run_id' = 'a'")
        assert migrate.upgrade(url) == [
            "006_work_items",
            "007_rollups",
            "008_installation",
            "009_places",
            "010_access",
            "011_limits",
            "012_removal",
            "013_scale",
            "014_remediation",
            "015_monitoring",
            "016_previews",
        ]
        with psycopg.connect(url) as connection:
            owed = connection.execute("SELECT kind, subject, status FROM work_items ORDER BY subject").fetchall()
        assert owed == [("monitoring.deliver_callback", subject, "queued") for subject in ("a", "b")]


def test_rows_from_before_belong_to_who_made_them(server: Server) -> None:
    """And a mark of somebody who could not make it today applies to nothing."""
    with server.database(template=None) as url:
        migrate.upgrade(url)
        downgrade(url, "009_places")
        with psycopg.connect(url) as connection:
            connection.execute(
                """
                INSERT INTO repo_connections (id, full_name, clone_url, created_by) VALUES
                    (%(shop)s, 'acme/shop', 'https://github.com/acme/shop', 'ada'),
                    (gen_random_uuid(), 'acme/nobodys', 'https://github.com/acme/x', NULL);
                """,
                {"shop": "00000000-0000-0000-0000-00000000000a"},
            )
            connection.execute(
                """
                INSERT INTO constitution_versions (id, content, sha256) VALUES (gen_random_uuid(), 'x', 'digest');
                """
            )
            run = (
                "INSERT INTO runs (id, source_kind, source, created_by, repo_id, constitution_version_id)"
                " SELECT gen_random_uuid(), 'git', %s, %s, %s, id FROM constitution_versions RETURNING id"
            )
            mark = (
                "INSERT INTO feedback (id, run_id, scope, subject, mark, fingerprints, created_by)"
                " VALUES (gen_random_uuid(), %s, '', 'finding', 'accepted', '{}', %s)"
            )
            git = '{"url": "https://GitHub.com:443/acme/shop.git"}'
            for source, owner, repo in (
                (git, "eve", "00000000-0000-0000-0000-00000000000a"),
                (git, "eve", None),
                ("{}", "eve", None),
                ("{}", None, None),
            ):
                row = connection.execute(run, [source, owner, repo]).fetchone()
                assert row is not None
                for by in ("ada", "eve", None):
                    connection.execute(mark, [row[0], by])
        assert migrate.upgrade(url) == [
            "010_access",
            "011_limits",
            "012_removal",
            "013_scale",
            "014_remediation",
            "015_monitoring",
            "016_previews",
        ]
        with psycopg.connect(url) as connection:
            members = connection.execute("SELECT user_name, role FROM repo_members").fetchall()
            marks = connection.execute(
                "SELECT applies_to, array_agg(created_by ORDER BY created_by) FROM feedback GROUP BY 1 ORDER BY 1"
            ).fetchall()
        assert members == [("ada", "admin")]
        assert marks[:-1] == [
            ("repository 00000000-0000-0000-0000-00000000000a github.com/acme/shop", ["ada", None]),
            ("service constitution digest", [None]),
            ("user eve constitution digest", ["eve", None]),
            ("user eve github.com/acme/shop", ["eve", None]),
        ]
        assert marks[-1] == (None, ["ada", "ada", "ada", "eve", "eve"])


CATALOGUE = {
    "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_name LIKE 'procrastinate%' ORDER BY 1, 2",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE 'procrastinate%' ORDER BY 1",
    # We have some of our own beside them.
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'procrastinate%'"
    " AND indexname LIKE 'procrastinate%' ORDER BY 1",
    "constraints": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE conrelid::regclass::text LIKE 'procrastinate%' ORDER BY 1",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
    " WHERE tgrelid::regclass::text LIKE 'procrastinate%' AND NOT tgisinternal ORDER BY 1",
    "enums": "SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY 1, e.enumsortorder",
}


def test_the_queues_schema_is_the_installed_releases_own(server: Server, url: str) -> None:
    with server.database(template=None) as plain:
        with psycopg.connect(plain) as connection:
            connection.execute(SchemaManager.get_schema())
        with psycopg.connect(plain) as expected, psycopg.connect(url) as ours:
            for kind, query in CATALOGUE.items():
                found = ours.execute(query).fetchall()
                assert found == expected.execute(query).fetchall(), kind
                assert found


def test_ten_apis_start_at_once_on_an_empty_database(server: Server, tmp_path: Path) -> None:
    with server.database(template=None) as url, contextlib.ExitStack() as stack:
        running = []
        for number in range(10):
            port = processes.free_port()
            env = processes.environment(url, HOST="127.0.0.1", PORT=str(port), CVA_APPLY_MIGRATIONS="true")
            running.append((port, stack.enter_context(processes.process("api", env, tmp_path, f"api-{number}"))))
        for port, api in running:
            api.wait_for("Application startup complete", 90)
            assert httpx.get(f"http://127.0.0.1:{port}/ready", timeout=30).status_code == 200
        logs = [api.log for _, api in running]
        for log in logs:
            assert "CVA API v1.2 starting up" in log
        applied = [re.findall(r"\[CVA\] Applying migration (\w+)", log) for log in logs]
        assert sorted(name for names in applied for name in names) == REVISIONS
        counts = sorted(int(re.findall(r"\[CVA\] Migrations applied: (\d+)", log)[0]) for log in logs)
        assert sum(counts) == len(REVISIONS)


def test_without_the_variable_nothing_is_applied(server: Server, tmp_path: Path) -> None:
    with server.database(template=None) as url, processes.api(url, tmp_path) as (client, api):
        assert "[CVA] CVA_APPLY_MIGRATIONS not set, skipping migrations" in api.log
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize("module", ["api", "worker"])
def test_production_without_a_database_does_not_start(module: str, tmp_path: Path) -> None:
    env = processes.environment("", CVA_PRODUCTION="true", CVA_API_TOKEN="t", OPENAI_API_KEY="sk-x")
    del env["DATABASE_URL"]
    with processes.process(module, env, tmp_path) as running:
        assert running.popen.wait(30) == 1
        assert "RuntimeError: DATABASE_URL environment variable is required in production/Railway" in running.log


def test_a_production_worker_without_a_provider_says_which_would_help(url: str, tmp_path: Path) -> None:
    with processes.process("worker", processes.environment(url, CVA_PRODUCTION="true"), tmp_path) as running:
        assert running.popen.wait(30) == 1
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "DEEPSEEK_API_KEY"):
            assert name in running.log


def test_the_closed_sets_are_closed_in_the_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        insert = "INSERT INTO runs (id, source_kind, source, status{0}) VALUES (gen_random_uuid(), 'git', '{{}}', {1})"
        wrong: list[tuple[str, str]] = [
            ("", "'lost'"),
            (", verdict", "'completed', 'GOOD'"),
            (", verdict", "'queued', 'PASS'"),
            (", verdict, finished_at", "'failed', 'PASS', now()"),
            (", verdict", "'completed', 'PASS'"),
        ]
        for columns, values in wrong:
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(insert.format(columns, values))


def test_the_audit_log_is_append_only(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO remediation_audit_log (actor, action) VALUES ('a', 'b')")
        statements: list[Any] = [
            "UPDATE remediation_audit_log SET actor = 'c'",
            "DELETE FROM remediation_audit_log",
            "TRUNCATE remediation_audit_log",
        ]
        for statement in statements:
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                connection.execute(statement)


def test_runs_from_before_the_rollups_are_measured_after_the_upgrade(server: Server) -> None:
    with server.database(template=None) as url:
        migrate.upgrade(url)
        downgrade(url, "006_work_items")
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO runs (id, source_kind, source, status, verdict, finished_at)"
                " SELECT gen_random_uuid(), 'git', '{}', status, verdict, now() FROM (VALUES"
                " ('completed', 'VETO'), ('failed', 'ERROR'), ('cancelled', NULL)) AS ended (status, verdict)"
            )
            connection.execute(
                "INSERT INTO criterion_results (id, run_id, key, category, severity, outcome, reason)"
                " SELECT gen_random_uuid(), id, key, 'security', 'high', outcome, '' FROM runs,"
                " (VALUES ('a', 'FAIL'), ('b', 'FAIL'), ('c', 'PASS')) AS result (key, outcome) WHERE verdict = 'VETO'"
            )
            verified = '[{"verified": true}]'
            for key, round_, vote, confidence, evidence in (
                ("a", 1, "PASS", 0.9, "[]"),
                ("a", 2, "FAIL", 0.8, verified),
                ("b", 1, "FAIL", 0.7, verified),
                ("c", 1, "FAIL", 0.9, verified),
            ):
                connection.execute(
                    "INSERT INTO opinions (id, run_id, key, role, round, model, vote, score, confidence, rationale, evidence)"
                    " SELECT gen_random_uuid(), id, %s, 'security', %s, 'm', %s, 3, %s, '', %s FROM runs WHERE verdict = 'VETO'",
                    [key, round_, vote, confidence, evidence],
                )
        assert migrate.upgrade(url) == [
            "007_rollups",
            "008_installation",
            "009_places",
            "010_access",
            "011_limits",
            "012_removal",
            "013_scale",
            "014_remediation",
            "015_monitoring",
            "016_previews",
        ]
        with psycopg.connect(url) as connection:
            vetoed = connection.execute("SELECT key FROM criterion_results WHERE vetoed").fetchall()
            marked = connection.execute(
                "SELECT r.verdict FROM analytics_dirty_marks m JOIN runs r ON r.id = m.run_id ORDER BY 1"
            ).fetchall()
        assert vetoed == [("a",)]
        assert marked == [("ERROR",), ("VETO",)]


def test_a_worker_of_the_revision_before_can_still_record_a_verdict(server: Server, url: str) -> None:
    """The statements that it sends at the end of a run; the sweep makes good what they leave out."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO runs (id, source_kind, source, status, verdict, finished_at)"
            " VALUES (gen_random_uuid(), 'files', '{}', 'completed', 'PASS', now())"
        )
        connection.execute(
            "INSERT INTO analytics_run_metrics (run_id, repo_full_name, branch, event, mode, tribunal, verdict, score,"
            " attempts, queue_seconds, work_seconds, created_at, finished_at, findings_low, criteria_passed, files_seen,"
            " files_total, judges, llm_calls, llm_seconds, prompt_tokens, completion_tokens, cost_usd, llm_calls_reused,"
            " usage) SELECT id, NULL, NULL, 'api', 'full', 'static', 'PASS', NULL, 1, 0, 0, created_at, finished_at, 0,"
            " 0, 1, 1, '{}', 0, 0, 0, 0, 0, 0, '{}' FROM runs"
        )
        connection.execute(
            "INSERT INTO analytics_dirty_marks (repo_full_name, hour) VALUES (NULL, date_trunc('hour', now()))"
        )


# Those that grow with the runs.
_BIG = (
    "runs|run_events|criterion_results|findings|opinions|artifacts|criteria|constitution_versions|uploads|llm_calls"
    "|llm_uses|analytics_run_metrics|monitor_jobs|procrastinate_jobs|procrastinate_events"
)
_GUARD = """
    CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_EVENT = 'table_rewrite' THEN
            RAISE EXCEPTION 'rewrites %', pg_event_trigger_table_rewrite_oid()::regclass;
        ELSIF current_query() ~* 'INDEX' AND current_query() !~* 'CONCURRENTLY'
            AND current_query() ~* ('\\mON (' || current_setting('guard.big') || ')\\M') THEN
            RAISE EXCEPTION 'holds up who writes: %', current_query();
        END IF;
    END $$;
    CREATE EVENT TRIGGER guard_rewrites ON table_rewrite EXECUTE FUNCTION guard();
    CREATE EVENT TRIGGER guard_indexes ON ddl_command_start WHEN TAG IN ('CREATE INDEX', 'DROP INDEX')
        EXECUTE FUNCTION guard();
"""


def test_no_revision_since_the_eighth_rewrites_a_table_or_holds_up_who_writes_to_a_big_one(server: Server) -> None:
    with server.database(template=None) as url:
        migrate.upgrade(url)
        downgrade(url, "007_rollups")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET guard.big = '{_BIG}'")
            connection.execute(_GUARD)
            with pytest.raises(psycopg.errors.RaiseException, match="holds up"):
                connection.execute(f"SET guard.big = '{_BIG}'; CREATE INDEX ON runs (branch)")
            with pytest.raises(psycopg.errors.RaiseException, match="rewrites runs"):
                connection.execute("ALTER TABLE runs ALTER COLUMN event_seq TYPE numeric")
        assert migrate.upgrade(url) == REVISIONS[7:]
