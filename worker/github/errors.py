"""How a request to GitHub can fail: a closed set, so that each way is handled as what it is.

GitHubFailure
├── Unavailable    no answer, one that cannot be read, or 5xx: later it may be there
├── RateLimited    the primary or a secondary limit; `seconds` says when again
├── Denied         401, 403: the App lacks the permission, is suspended, or its key is not valid
├── Missing        404, 410: it is not there, or the App may not see it
├── Conflicting    409: it is not in a state for that
└── Rejected       400, 413, 422, and whatever else is said to be our fault
"""


class GitHubFailure(Exception):
    """The message says what was asked for and what GitHub said; no token is in it."""


class Unavailable(GitHubFailure):
    pass


class RateLimited(GitHubFailure):
    """`seconds` until it may be tried again."""

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Denied(GitHubFailure):
    pass


class Missing(GitHubFailure):
    pass


class Conflicting(GitHubFailure):
    pass


class Rejected(GitHubFailure):
    pass
