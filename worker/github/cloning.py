"""The token that git reads a repository with, made when it is needed."""

from worker.core.settings import Settings
from worker.github.client import App
from worker.github.errors import GitHubFailure, RateLimited, Unavailable
from worker.runtime.resources import Tokens
from worker.sources.errors import SourceNotFound, SourceUnavailable


def tokens(settings: Settings) -> Tokens:
    """For one process, which keeps each until it ends."""
    app = App(settings)

    async def token(installation_id: int, repository_id: int) -> str:
        """Raises SourceUnavailable, SourceNotFound."""
        try:
            return await app.clone_token(installation_id, repository_id)
        except (Unavailable, RateLimited) as error:
            raise SourceUnavailable(f"GitHub gave no token for the repository ({error}).") from error
        except GitHubFailure as error:
            raise SourceNotFound(
                f"GitHub gave no token for the repository: the App may not read it any more ({error})."
            ) from error

    return token
