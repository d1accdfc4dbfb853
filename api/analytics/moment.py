"""What is asked of this moment: the providers and their breakers, and how far the buckets are behind."""

from sqlalchemy import text

PROVIDERS = text(
    """
    SELECT provider, failures, greatest(open_until, limited_until) AS until,
        CASE WHEN open_until > now() THEN 'open' WHEN limited_until > now() THEN 'limited' ELSE 'closed' END AS state
    FROM llm_providers ORDER BY provider
    """
)
# Counted so far: after a bulk import there may be millions.
FRESHNESS = text(
    """
    SELECT (SELECT count(*) FROM (SELECT FROM analytics_dirty_marks LIMIT 10000) AS counted) AS marks,
        (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8
         FROM analytics_dirty_marks ORDER BY id LIMIT 1) AS oldest_seconds,
        changed_at, swept_at
    FROM analytics_state
    """
)
