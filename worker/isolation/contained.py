"""Work in a contained process, as the worker sees it: open a room, call functions in it, close it."""

import asyncio
import contextlib
import errno
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

import worker
from worker.isolation import frames
from worker.isolation.errors import AnswerRejected, ContainmentFailed, ProcessEnded, TooSlow
from worker.isolation.inside import MAX_WORDS, validator
from worker.isolation.room import Bounds, Room

_CHUNK = 1 << 20
_LOOK_SECONDS = 1.0
_BLOCK = 4096


class _Told(BaseModel):
    """An error, as it comes across the wall."""

    error: str
    words: str


class Contained:
    """One contained process. A call that fails to answer ends it; errors that were declared leave it alive."""

    def __init__(
        self,
        channel: socket.socket,
        lifeline: socket.socket,
        errors: Mapping[str, type[Exception]],
        seconds: float,
        *,
        at_work: "set[asyncio.Task[bytes]] | None" = None,
    ) -> None:
        for end in (channel, lifeline):
            end.setblocking(False)
        self._channel = channel
        self._lifeline = lifeline
        self._errors = errors
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._exchanges: set[asyncio.Task[bytes]] = set()
        # Shared with all that are forked from it.
        self._at_work = set() if at_work is None else at_work
        self._end: str | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether no more calls are answered."""
        return self._end is not None

    @property
    def at_work(self) -> bool:
        """Whether it, or a fork of it, is busy with a call."""
        return bool(self._at_work)

    async def call(self, function: Callable[..., Any], *arguments: Any, seconds: float | None = None) -> Any:
        """What the function returns there, checked to be of the type that it declares.

        `function` is of a module, or the method of a class of which the process keeps one object. Raises the declared
        errors, or ContainmentFailed when no answer comes within `seconds`. Cancelled, the process goes on, and answers
        nobody: whoever opened it ends it.
        """
        message = await asyncio.to_thread(frames.call, function, arguments)
        exchange = asyncio.create_task(self._exchange(message, seconds or self._seconds))
        self._exchanges.add(exchange)
        self._at_work.add(exchange)
        exchange.add_done_callback(self._forget)
        answer = await asyncio.shield(exchange)
        return await asyncio.to_thread(self._value, function, answer)

    def _forget(self, exchange: "asyncio.Task[bytes]") -> None:
        self._exchanges.discard(exchange)
        self._at_work.discard(exchange)
        if not exchange.cancelled():
            # Where nobody waits for it any more, its error is nobody's.
            exchange.exception()

    async def _exchange(self, message: bytes, seconds: float) -> bytes:
        loop = asyncio.get_running_loop()
        async with self._turn:
            if self._end is not None:
                raise ProcessEnded(self._end)
            try:
                async with asyncio.timeout(seconds):
                    await loop.sock_sendall(self._channel, message)
                    _, size = frames.HEADER.unpack(await self._read(frames.HEADER.size))
                    if size > frames.MAX_ANSWER:
                        raise AnswerRejected(f"The contained process gave an answer of {size} bytes.")
                    return await self._read(size)
            except TimeoutError:
                why = f"The repository could not be read within {seconds:.0f} s (CVA_CONTAINED_SECONDS)."
                await self.close(why)
                raise TooSlow(why) from None
            except AnswerRejected as error:
                await self.close(str(error))
                raise
            except OSError as error:
                raise ProcessEnded(await self._how_it_ended()) from error

    async def _read(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        content = bytearray()
        while len(content) < size:
            part = await loop.sock_recv(self._channel, min(_CHUNK, size - len(content)))
            if not part:
                raise ConnectionResetError
            content += part
        return bytes(content)

    def _value(self, function: Callable[..., Any], answer: bytes) -> Any:
        if answer.startswith(b'{"value":'):
            try:
                return validator(function).validate_json(memoryview(answer)[9:-1].tobytes())
            except ValidationError as error:
                raise AnswerRejected(
                    f"The contained process gave an answer of another form ({error.error_count()} errors)."
                ) from None
        try:
            told = _Told.model_validate_json(answer)
        except ValidationError:
            raise AnswerRejected("The contained process gave no answer that can be read.") from None
        # They are shown and stored, where no NUL can be.
        kind, words = self._errors.get(told.error), told.words[:MAX_WORDS].replace("\0", "\N{REPLACEMENT CHARACTER}")
        if kind is not None:
            raise kind(words)
        if told.error == "MemoryError":
            raise ProcessEnded("Reading the repository took more memory than a run may have.")
        raise ContainmentFailed(
            f"Reading the repository failed: {told.error[:200]} at {words[:200]}.".replace("\0", "")
        )

    async def fork(self) -> "Contained":
        """A second process with all that this one has read."""
        async with self._turn:
            if self._end is not None:
                raise ProcessEnded(self._end)
            channel, inner = socket.socketpair()
            lifeline, held = socket.socketpair()
            with inner, held:
                try:
                    socket.send_fds(
                        self._channel, [frames.HEADER.pack(frames.FORK, 0)], [inner.fileno(), held.fileno()]
                    )
                except OSError as error:
                    channel.close()
                    lifeline.close()
                    raise ProcessEnded(await self._how_it_ended()) from error
        return Contained(channel, lifeline, self._errors, self._seconds, at_work=self._at_work)

    async def _how_it_ended(self) -> str:
        """One sentence on the end of the process, from its warden where it has one."""
        loop = asyncio.get_running_loop()
        report = b""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                report = await loop.sock_recv(self._lifeline, 1024)
        await self.close("The contained process has ended.")
        try:
            ending = json.loads(report)
            number, memory = int(ending["signal"]), int(ending["memory"]) >> 20
        except (ValueError, KeyError, TypeError):
            return "The process that reads the repository ended before it was done."
        how = f"was ended by {signal.Signals(number).name}" if number else "ended"
        took = f"it had taken up to {memory} MiB of memory"
        return f"The process that reads the repository {how} before it was done; {took}."

    async def close(self, why: str = "The contained process was closed.") -> None:
        """End the process and all that it started; returns when its warden has seen to that."""
        await asyncio.shield(self.end(why))

    def end(self, why: str = "The contained process was closed.") -> "asyncio.Task[None]":
        """As `close`, without waiting."""
        if self._closing is None:
            self._end = why
            self._closing = asyncio.create_task(self._close(asyncio.current_task()))
        return self._closing

    async def _close(self, by: "asyncio.Task[Any] | None") -> None:
        waiting = self._exchanges - {by}
        for exchange in waiting:
            exchange.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        self._channel.close()
        with contextlib.suppress(OSError):
            self._lifeline.shutdown(socket.SHUT_WR)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                while await loop.sock_recv(self._lifeline, 1024):
                    continue
        self._lifeline.close()


class Isolation:
    """The fork server of this process; started when it is first wanted, and again when it has died. Thread-safe.

    `prepare` («module:function») is called in it before anything is forked, so that each contained process finds loaded
    what it needs; `errors` are those that may be raised across the wall.
    """

    def __init__(self, prepare: str, errors: Iterable[type[Exception]]) -> None:
        self._prepare = prepare
        self._errors = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in errors}
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @asynccontextmanager
    async def open(self, room: Room, *, seconds: float = 300.0) -> AsyncIterator[Contained]:
        """A contained process in the room, for as long as the block lasts; a call may take so many seconds.

        Raises ContainmentFailed.
        """
        opening = asyncio.create_task(asyncio.to_thread(self._open, room, seconds))
        try:
            contained = await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread goes on and opens what nobody would close.
            await asyncio.shield(asyncio.create_task(_discard(opening)))
            raise
        watching = asyncio.create_task(_watch(contained, room)) if room.folder is not None else None
        try:
            yield contained
        finally:
            if watching is not None:
                watching.cancel()
            await contained.close()

    def _open(self, room: Room, seconds: float) -> Contained:
        channel, inner = socket.socketpair()
        lifeline, held = socket.socketpair()
        body = pickle.dumps(room)
        message = frames.HEADER.pack(frames.CALL, len(body)) + body
        with inner, held, self._lock:
            for last in (False, True):
                try:
                    socket.send_fds(self._started(), [message], [inner.fileno(), held.fileno()])
                    break
                except OSError as error:
                    self._stop()
                    if last:
                        raise ContainmentFailed(
                            f"No process could be started to read the repository: {error}."
                        ) from None
        return Contained(channel, lifeline, self._errors, seconds)

    def start(self) -> None:
        """Have the fork server load its modules before the first run wants it. Blocking, for milliseconds."""
        with self._lock:
            self._started()

    def _started(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._server = subprocess.Popen(
                    [sys.executable, "-m", "worker.isolation", str(theirs.fileno()), self._prepare],
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
        return self._control

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def close(self) -> None:
        """End the fork server; open rooms end with their blocks."""
        with self._lock:
            self._stop()


async def _discard(opening: "asyncio.Task[Contained]") -> None:
    with contextlib.suppress(ContainmentFailed):
        await (await opening).close()


async def _watch(contained: Contained, room: Room) -> None:
    """End a process that fills its folder: no limit of the system's counts all files together. Where nothing is at work
    nothing is written: what a call leaves behind ends with it."""
    assert room.folder is not None
    while not contained.ended:
        await asyncio.sleep(_LOOK_SECONDS)
        if contained.at_work and not await asyncio.to_thread(_within, room.folder, room.bounds):
            await contained.close(
                f"Reading the repository filled its folder with more than {room.bounds.folder} bytes."
            )


def _within(folder: Path, bounds: Bounds) -> bool:
    """Whether the folder holds no more than it may: bytes, each file and folder at least a block. What lies too deep to
    be looked at is more."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    total += _size(entry)
                    if total > bounds.folder:
                        return False
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return False
    return True


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return max(_BLOCK, entry.stat(follow_symlinks=False).st_blocks * 512)
    except FileNotFoundError:
        return 0


def _environment() -> dict[str, str]:
    """Nothing of ours: no keys, no database's address; what the interpreter needs to find our packages."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": tempfile.gettempdir(),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(Path(worker.__file__).resolve().parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
    }
