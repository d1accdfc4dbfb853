"""What a user holds at this moment: runs that wait, bytes of uploads. The user's requests take turns."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Principal
from api.http.errors import TooManyRequests
from worker.core.settings import Settings

_RETRY_RUNS_SECONDS = 30.0
_RETRY_UPLOADS_SECONDS = 3600.0

_HOLDINGS = text("SELECT waiting, bytes FROM user_holdings(:user)")


async def make_room(
    session: AsyncSession, principal: Principal, settings: Settings, *, runs: int = 0, size: int = 0
) -> None:
    """Make sure that the user may hold so many more; until the transaction ends nobody else of theirs is asked.

    Raises TooManyRequests.
    """
    if principal.name is None:
        return
    held = (await session.execute(_HOLDINGS, {"user": principal.name})).one()
    if runs and settings.user_runs_waiting and held.waiting + runs > settings.user_runs_waiting:
        raise TooManyRequests(
            f"{held.waiting} runs of this user wait already, which is as many as may (CVA_USER_RUNS_WAITING).",
            seconds=_RETRY_RUNS_SECONDS,
        )
    if size and settings.user_upload_bytes and held.bytes + size > settings.user_upload_bytes:
        raise TooManyRequests(
            f"This user's uploads hold {held.bytes} bytes; with this one they would be above "
            f"{settings.user_upload_bytes} (CVA_USER_UPLOAD_BYTES). They go after CVA_KEEP_UPLOADS_DAYS.",
            seconds=_RETRY_UPLOADS_SECONDS,
        )
