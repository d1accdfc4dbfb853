"""tar, read forward in constant memory: ustar, GNU's long names, and of PAX the path and the size.

The library's reader keeps every member, lets one header change all that follow, and follows sizes backwards; what
a stranger's headers cost must not depend on what they say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

_BLOCK = 512
_CHUNK = 1 << 16
# A path has at most a kilobyte; times and owners stand beside it.
MAX_HEADER = 16 << 10
# A long name, a long link, a member's own header, one for all that follow.
MAX_HEADERS = 8

REGULAR, FOLDER = b"0", b"5"
_OLD_REGULAR, _CONTIGUOUS, _SPARSE = b"\0", b"7", b"S"
_LONG_NAME, _LONG_LINK, _PAX, _SOLARIS_PAX, _PAX_FOR_ALL = b"L", b"K", b"x", b"X", b"g"
_EXTENDED = (_LONG_NAME, _LONG_LINK, _PAX, _SOLARIS_PAX, _PAX_FOR_ALL)


class TarRejected(ValueError):
    """The archive is damaged, or of a kind that is not read. The message says why."""


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Member:
    """`kind` is REGULAR, FOLDER, or whatever the archive says. `size` in bytes."""

    name: str
    kind: bytes
    size: int


@dataclass
class _Extended:
    """What the headers before a member say of it."""

    path: str | None = None
    size: int | None = None
    headers: int = 0


class Content:
    """A member's bytes, from where the stream stands."""

    def __init__(self, stream: Readable, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted) if wanted else b""
        if len(data) < wanted:
            raise TarRejected("the archive is cut off within a file")
        self._left -= len(data)
        return data

    def skip(self) -> None:
        while self.read(_CHUNK):
            pass


@dataclass
class Reader:
    """Gives the members of `stream` in order; each one's content before the next member is asked for."""

    stream: Readable
    _zeros: bytes = field(default=bytes(_BLOCK), init=False)

    def __iter__(self) -> Iterator[tuple[Member, Content]]:
        """Raises TarRejected; also for an end that is missing, and for anything that follows it."""
        said = _Extended()
        while (block := self._read(_BLOCK)) != self._zeros:
            name, kind, size = _header(block)
            if kind in _EXTENDED:
                self._extend(said, kind, size)
                continue
            size = size if said.size is None else said.size
            name = name if said.path is None else said.path
            said = _Extended()
            if kind == _SPARSE:
                raise TarRejected("it holds sparse files; only plain ones are accepted")
            if kind in (_OLD_REGULAR, _CONTIGUOUS):
                kind = REGULAR
            if kind == REGULAR and name.endswith("/"):
                kind = FOLDER
            content = Content(self.stream, size if kind == REGULAR else 0)
            yield Member(name, kind, size), content
            content.skip()
            self._read(-size % _BLOCK if kind == REGULAR else 0)
        if said.headers:
            raise TarRejected("a header speaks of a file that is not there")
        while chunk := self.stream.read(_CHUNK):
            if chunk.strip(b"\0"):
                raise TarRejected("something follows its end")

    def _read(self, size: int) -> bytes:
        data = self.stream.read(size) if size else b""
        if len(data) < size:
            raise TarRejected("the archive is cut off: its end is missing")
        return data

    def _extend(self, said: _Extended, kind: bytes, size: int) -> None:
        said.headers += 1
        if size > MAX_HEADER:
            raise TarRejected(f"it has a header of {size} bytes")
        if said.headers > MAX_HEADERS:
            raise TarRejected(f"it has more than {MAX_HEADERS} headers before one file")
        data = self._read(size)
        self._read(-size % _BLOCK)
        if kind == _LONG_NAME:
            said.path = _text(data)
        elif kind in (_PAX, _SOLARIS_PAX):
            _pax(said, data)


def _header(block: bytes) -> tuple[str, bytes, int]:
    """Name, kind and size."""
    given = _number(block[148:156])
    summed = block[:148] + b" " * 8 + block[156:]
    # Some old writers summed signed bytes.
    if given != sum(summed) and given != sum(byte - 256 * (byte > 127) for byte in summed):
        raise TarRejected("a header cannot be read")
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return (f"{prefix}/{name}" if prefix else name), block[156:157], _number(block[124:136])


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(data: bytes) -> int:
    """Octal digits, or GNU's binary form for what is larger."""
    if data[0] & 0x80:
        if data[0] != 0x80:
            raise TarRejected("a size is negative or too large")
        return int.from_bytes(data[1:], "big")
    digits = data.strip(b" \0")
    if digits.strip(b"01234567"):
        raise TarRejected("a header cannot be read")
    return int(digits or b"0", 8)


def _pax(said: _Extended, data: bytes) -> None:
    """Records `length key=value`, each with a newline at its end."""
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 8)
        length = data[at:space] if space > 0 else b""
        end = at + int(length) if length.isdigit() else 0
        if not space < end <= len(data) or data[end - 1 : end] != b"\n":
            raise TarRejected("an extended header cannot be read")
        key, _, value = data[space + 1 : end - 1].partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise TarRejected("it holds sparse files; only plain ones are accepted")
        if key == b"path":
            said.path = value.decode("utf-8", "surrogateescape") if value else None
        elif key == b"size":
            if value and (not value.isdigit() or len(value) > 20):
                raise TarRejected("a size is negative or too large")
            said.size = int(value) if value else None
        at = end
