"""What can go wrong with a page that is not the api's affair."""


class PageError(Exception):
    """Shown as a page. `status` is of HTTP, `title` what has happened, `advice` what to do."""

    status = 400
    title = "That cannot be shown"
    advice = "Go back and try again."

    def __init__(self, advice: str | None = None) -> None:
        super().__init__(self.title)
        if advice is not None:
            self.advice = advice


class Forgery(PageError):
    status = 403
    title = "This form was not sent by this page"
    advice = "It may have been open for longer than your session. Go back, reload the page and send it again."


class BodyTooLarge(PageError):
    status = 413
    title = "That is too large"
    advice = "Send less: leave out what is built or vendored."


class LoginFailed(PageError):
    """What the provider said is not shown: it may be anybody's text."""

    status = 403
    title = "You could not be logged in"
    advice = "Try again; when it happens again, tell your administrator the request id below."


class NotAllowed(PageError):
    status = 403
    title = "You may not log in here"
    advice = "Ask your administrator to add you to CVA_UI_ALLOW."


class NotThere(PageError):
    status = 404
    title = "There is nothing here"
    advice = "It does not exist, or it is not yours to see."
