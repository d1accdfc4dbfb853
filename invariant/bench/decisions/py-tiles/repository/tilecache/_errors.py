"""The errors of the library."""


class TileError(Exception):
    """A tile could not be fetched or kept."""


class TileMissing(TileError):
    """The server has no such tile."""
