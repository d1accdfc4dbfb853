"""What all workers know of a provider: a breaker, the end of a rate limit, and the minute's tokens.

The breaker opens after a row of failures without a success; when its time is over one call tries, and the
rest follow if it succeeds (Nygard, Release It!, 2nd ed., «Circuit Breaker»).
"""

from dataclasses import dataclass

from sqlalchemy import text

from worker.core.db.database import Database

THRESHOLD = 5
_OPEN_SECONDS = 15.0
_OPEN_AT_MOST = 300.0


@dataclass(frozen=True)
class Leave:
    """Whether a call may go out now, and if not, in how many seconds. `open`: the breaker says no."""

    granted: bool
    open: bool
    wait: float


# One statement decides and takes: the probe of a breaker that may close, or tokens from the bucket.
_ASK = text(
    """
    WITH state AS (
        SELECT *, greatest(0, extract(epoch FROM limited_until - clock_timestamp())) AS limited,
            CASE WHEN :rate > 0 THEN least(:rate, coalesce(tokens, :rate)
                + :rate * extract(epoch FROM clock_timestamp() - coalesce(refilled_at, clock_timestamp())) / 60)
            END AS available
        FROM llm_providers WHERE provider = :provider FOR UPDATE
    ), decided AS (
        SELECT *,
            coalesce(open_until > clock_timestamp(), false) AS is_open,
            coalesce(limited, 0) AS wait_limited,
            -- A call larger than the allowance goes out on a full bucket.
            CASE WHEN :rate > 0 THEN greatest(0, (least(:need, :rate) - available) * 60 / :rate) ELSE 0 END
                AS wait_tokens
        FROM state
    ), taken AS (
        UPDATE llm_providers p SET
            tokens = CASE WHEN :rate > 0 THEN d.available - :need ELSE p.tokens END,
            refilled_at = CASE WHEN :rate > 0 THEN clock_timestamp() ELSE p.refilled_at END,
            open_until = CASE WHEN d.failures >= :threshold
                THEN clock_timestamp() + make_interval(secs => :open_seconds) ELSE p.open_until END
        FROM decided d
        WHERE p.provider = d.provider AND NOT d.is_open AND d.wait_limited = 0 AND d.wait_tokens = 0
        RETURNING p.provider
    )
    SELECT d.is_open, greatest(d.wait_limited, d.wait_tokens) AS wait, t.provider IS NOT NULL AS granted
    FROM decided d LEFT JOIN taken t ON true
    """
)


async def ask(db: Database, provider: str, *, need: int, rate: int) -> Leave:
    """May a call of `need` tokens go out? `rate` in tokens per minute, 0 without a limit."""
    async with db.transaction() as session:
        await session.execute(
            text("INSERT INTO llm_providers (provider) VALUES (:provider) ON CONFLICT DO NOTHING"),
            {"provider": provider},
        )
        row = (
            await session.execute(
                _ASK,
                {
                    "provider": provider,
                    "need": need,
                    "rate": rate,
                    "threshold": THRESHOLD,
                    "open_seconds": _OPEN_SECONDS,
                },
            )
        ).one()
    return Leave(granted=row.granted, open=row.is_open, wait=float(row.wait))


_FAILED = text(
    """
    INSERT INTO llm_providers AS p (provider, failures) VALUES (:provider, 1)
    ON CONFLICT (provider) DO UPDATE SET failures = p.failures + 1,
        open_until = CASE WHEN p.failures + 1 >= :threshold THEN clock_timestamp() + make_interval(
            secs => least(:at_most, :open_seconds * power(2, least(10, p.failures + 1 - :threshold)))) END
    """
)
_SUCCEEDED = text(
    "UPDATE llm_providers SET failures = 0, open_until = NULL WHERE provider = :provider AND failures > 0"
)
_LIMITED = text(
    """
    INSERT INTO llm_providers AS p (provider, limited_until)
    VALUES (:provider, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (provider) DO UPDATE SET limited_until = greatest(p.limited_until, excluded.limited_until)
    """
)


async def failed(db: Database, provider: str) -> None:
    """The provider gave no answer."""
    values = {"provider": provider, "threshold": THRESHOLD, "open_seconds": _OPEN_SECONDS, "at_most": _OPEN_AT_MOST}
    async with db.single_statement() as connection:
        await connection.execute(_FAILED, values)


async def succeeded(db: Database, provider: str) -> None:
    """The provider answered, be it with a no."""
    async with db.single_statement() as connection:
        await connection.execute(_SUCCEEDED, {"provider": provider})


async def limited(db: Database, provider: str, seconds: float) -> None:
    """The provider asks everybody to wait."""
    async with db.single_statement() as connection:
        await connection.execute(_LIMITED, {"provider": provider, "seconds": seconds})
