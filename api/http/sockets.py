"""WebSockets whose clients have nothing to say: what they send is bounded, and so is what they have us answer."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# No client sends messages; pongs and a close are all that is expected.
MAX_MESSAGE = 4 << 10
_BYTES = 64 << 10
_BYTES_PER_SECOND = 1 << 10


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """A client that sends more than 64 KiB and 1 KiB per second is cut off: frames without end, pings whose pongs it
    does not read, a message in endless pieces.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._sent = 0
        self._began = self.loop.time()

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated:
            self._sent += len(data)
            if self._sent > _BYTES + _BYTES_PER_SECOND * (self.loop.time() - self._began):
                self.transport.abort()
                return
        super().data_received(data)
