"""Bodies as they come in: counted, bounded in time, large ones on disk."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from typing import IO

from starlette.requests import ClientDisconnect, Request

from api.auth import NOBODY, Principal
from api.http import errors
from api.limits.bodies import SMALL
from api.state import State

_SECONDS = 60.0


async def receive(
    request: Request, file: IO[bytes], *, seconds: float, each: Callable[[bytes, int], None] = lambda _, __: None
) -> int:
    """Write the body to `file`; `each` is told of every chunk and of the size so far. Returns the size.

    Raises RequestTimeout, MalformedRequest; the middleware bounds the size.
    """
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                each(chunk, size)
                if size > SMALL:
                    await asyncio.to_thread(file.write, chunk)
                else:
                    file.write(chunk)
    except TimeoutError:
        raise errors.RequestTimeout(f"The body did not arrive within {seconds:.0f} s.") from None
    except ClientDisconnect:
        raise errors.MalformedRequest("The connection was closed before the body was complete.") from None
    return size


@contextlib.asynccontextmanager
async def whole_body(
    request: Request, principal: Principal, state: State, seconds: float = _SECONDS
) -> AsyncIterator[bytes]:
    """The whole body, for as long as the block lasts; a large one has its turn, and is worth many requests.

    Raises RequestTimeout, MalformedRequest, TooManyRequests, Unavailable.
    """
    bodies = state.limits.bodies
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=SMALL))
        large = False

        def each(_: bytes, size: int) -> None:
            nonlocal large
            if size > SMALL and not large:
                if principal is NOBODY:
                    host = "unknown" if request.client is None else request.client.host
                    stack.enter_context(bodies.from_a_stranger(host))
                else:
                    stack.enter_context(bodies.arriving(principal.name))
                large = True

        size = await receive(request, file, seconds=seconds, each=each)
        if not large:
            file.seek(0)
            yield file.read()
            return
        await state.limits.requests.take(principal, size // SMALL)
        async with bodies.in_memory:
            file.seek(0)
            yield await asyncio.to_thread(file.read)
