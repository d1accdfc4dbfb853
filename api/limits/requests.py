"""Requests per minute, of a user and of a token.

The minute is the database's, one row per subject. A process takes permits by the handful, so that most requests cost
no statement; what it took and did not use is lost with the minute. Within the minute they are paced: beyond a burst a
request waits until its time has come, so that nobody uses up a minute in its first second, at the cost of the others.
Who goes on after a refusal is answered later and later: a thousand clients that do not listen must not keep the
process busy with saying no.
"""

import asyncio
import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import text

from api.auth import Principal
from api.http.errors import TooManyRequests
from worker.core.db.database import Database
from worker.core.telemetry import logs

log = logs.get(__name__)

WINDOW_SECONDS = 60
_HANDFUL = 50
# A twentieth of the minute's permits may lie idle with each replica.
_SHARE = 20
# A twentieth of the minute at once, and always as much as a page of a ui asks for.
_BURST = 50
# The api ends within this after SIGTERM, and no client waits much longer.
_LONGEST_WAIT = 5.0
_PAUSE_PER_REFUSAL = 0.1
_LONGEST_PAUSE = 25.0
_MOST_REFUSALS = int(_LONGEST_PAUSE / _PAUSE_PER_REFUSAL)
_LOGGED = {10**power for power in range(9)}
"""By their number: a line for each would be a flood of its own."""
_MOST_PAUSING = 1000
_MOST_KNOWN = 10_000

_GRANT = text(
    """
    WITH clock AS (
        SELECT clock_timestamp() AS now
    ), granted AS (
        INSERT INTO request_windows AS w (subject, began, granted)
        SELECT :subject, date_trunc('minute', now), :wanted FROM clock
        ON CONFLICT (subject) DO UPDATE SET began = excluded.began,
            granted = excluded.granted + CASE WHEN w.began = excluded.began THEN w.granted ELSE 0 END
        WHERE w.began < excluded.began OR w.began = excluded.began AND w.granted + excluded.granted <= :most
        RETURNING granted
    )
    SELECT granted, extract(epoch FROM date_trunc('minute', now) + interval '1 minute' - now)::float8 AS seconds
    FROM clock LEFT JOIN granted ON true
    """
)


@dataclass
class _Lease:
    """Permits of a subject's minute that this process holds; `told` counts its refusals for the log. By the loop's
    clock: `until`, the minute's end, and `due`, when the requests that went on would have come at an even pace."""

    until: float = 0.0
    left: int = 0
    ungranted: int = 0
    refusals: int = 0
    told: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    due: float = -math.inf

    def pace(self, most: int, now: float) -> float:
        """Seconds until one more request may go on: the generic cell rate algorithm (ITU-T I.371), at `most` a
        minute. One that would have to wait for too long does not count."""
        interval = WINDOW_SECONDS / most
        due = max(self.due, now - max(_BURST, most // _SHARE) * interval) + interval
        if due - now <= _LONGEST_WAIT:
            self.due = due
        return max(0.0, due - now)

    def begin(self, seconds: float, now: float) -> None:
        if now >= self.until:
            # Who did not listen in one minute is not listened to at once in the next.
            minutes = 1 + int((now - self.until) // WINDOW_SECONDS)
            self.left, self.told = 0, 0
            self.refusals = min(self.refusals, _MOST_REFUSALS) >> minutes
        self.until = now + seconds


@dataclass(frozen=True)
class _Policy:
    name: str
    subject: str
    most: int


class Requests:
    """The limits of one process's requests."""

    def __init__(self, db: Database, *, of_user: int, of_token: int) -> None:
        self._db = db
        self._of_user = of_user
        self._of_token = of_token
        self._leases: dict[str, _Lease] = {}
        self._over: dict[bytes, _Policy] = {}
        self._pausing = 0

    async def take(self, principal: Principal, permits: int = 1, *, credentials: str | None = None) -> dict[str, str]:
        """Count a request, or as many as it is worth; returns the headers that say what is left.

        Raises TooManyRequests, and then `check` knows the `credentials` until the minute is over.
        """
        policies = list(self._policies(principal))
        for policy in policies:
            lease = self._lease(policy.subject)
            if not await self._permitted(policy, lease, min(permits, policy.most)):
                if credentials is not None:
                    self._remember(credentials, policy)
                await self._refuse(policy, lease)
        return self._headers(policies)

    async def pace(self, principal: Principal) -> None:
        """Wait until the time of one more request has come. Raises TooManyRequests when that is not soon."""
        now = self._now()
        longest = 0.0
        for policy in self._policies(principal):
            lease = self._lease(policy.subject)
            wait = lease.pace(policy.most, now)
            if wait > _LONGEST_WAIT:
                await self._pause(policy, lease)
                raise TooManyRequests(
                    f"This {policy.name} asks much faster than {policy.most} times a minute; wait a little.",
                    seconds=wait,
                    logged=True,
                )
            longest = max(longest, wait)
        if longest > 0:
            await asyncio.sleep(longest)

    async def check(self, credentials: str) -> None:
        """Refuse whom this minute has refused already, before anything is looked up. Raises TooManyRequests."""
        digest = _digest(credentials)
        policy = self._over.get(digest)
        if policy is None:
            return
        lease = self._lease(policy.subject)
        if self._now() < lease.until:
            await self._refuse(policy, lease)
        del self._over[digest]

    def _remember(self, credentials: str, policy: _Policy) -> None:
        if len(self._over) >= _MOST_KNOWN:
            self._over.clear()
        self._over[_digest(credentials)] = policy

    def _policies(self, principal: Principal) -> Iterator[_Policy]:
        if principal.name is not None and self._of_user:
            yield _Policy("user", f"user:{principal.name}", self._of_user)
        if principal.token is not None and self._of_token:
            yield _Policy("token", f"token:{principal.token.id}", self._of_token)

    def _lease(self, subject: str) -> _Lease:
        lease = self._leases.get(subject)
        if lease is None:
            if len(self._leases) >= _MOST_KNOWN:
                now = self._now()
                self._leases = {name: one for name, one in self._leases.items() if one.until > now}
            lease = self._leases[subject] = _Lease()
        return lease

    async def _permitted(self, policy: _Policy, lease: _Lease, permits: int) -> bool:
        async with lease.turn:
            now = self._now()
            if now >= lease.until:
                lease.left, lease.ungranted = 0, policy.most
            if lease.left < permits and lease.ungranted:
                await self._grant(policy, lease, permits - lease.left)
            if lease.left < permits:
                return False
            lease.left -= permits
            return True

    async def _grant(self, policy: _Policy, lease: _Lease, needed: int) -> None:
        """Take a handful from the database; just what is needed where a handful is not left."""
        handful = max(needed, min(_HANDFUL, policy.most // _SHARE))
        for wanted in dict.fromkeys((handful, needed)):
            values = {"subject": policy.subject, "wanted": wanted, "most": policy.most}
            async with self._db.single_statement() as connection:
                row = (await connection.execute(_GRANT, values)).one()
            lease.begin(row.seconds, self._now())
            if row.granted is not None:
                lease.left += wanted
                lease.ungranted = policy.most - row.granted
                return
        if needed == 1:
            lease.ungranted = 0

    async def _refuse(self, policy: _Policy, lease: _Lease) -> None:
        seconds = lease.until - self._now()
        await self._pause(policy, lease)
        variable = f"CVA_{policy.name.upper()}_REQUESTS_PER_MINUTE"
        problem = TooManyRequests(
            f"This {policy.name} has made the {policy.most} requests that it may make in a minute ({variable}).",
            seconds=max(seconds, lease.until - self._now()),
            logged=True,
        )
        problem.headers |= self._headers([policy])
        raise problem

    async def _pause(self, policy: _Policy, lease: _Lease) -> None:
        """Let whoever is refused wait for the answer, the longer the more often that was."""
        lease.refusals += 1
        lease.told += 1
        if lease.told in _LOGGED:
            log.warning("requests refused", subject=policy.subject, most=policy.most, refused=lease.told)
        if self._pausing >= _MOST_PAUSING:
            return
        self._pausing += 1
        try:
            pause = min(_LONGEST_PAUSE, _PAUSE_PER_REFUSAL * lease.refusals)
            # Those who were refused together shall not come back together.
            await asyncio.sleep(random.uniform(0.8 * pause, pause))  # noqa: S311  spreads, hides nothing
        finally:
            self._pausing -= 1

    def _headers(self, policies: list[_Policy]) -> dict[str, str]:
        """RateLimit and RateLimit-Policy, as draft-ietf-httpapi-ratelimit-headers has them."""
        if not policies:
            return {}
        standing = []
        for policy in policies:
            lease = self._lease(policy.subject)
            seconds = max(0, round(lease.until - self._now()))
            standing.append(f'"{policy.name}";r={lease.left + lease.ungranted};t={seconds}')
        return {
            "RateLimit-Policy": ", ".join(f'"{policy.name}";q={policy.most};w={WINDOW_SECONDS}' for policy in policies),
            "RateLimit": ", ".join(standing),
        }

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _digest(credentials: str) -> bytes:
    return hashlib.sha256(credentials.encode("utf-8", "surrogateescape")).digest()
