"""Constitutions to begin with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    title: str
    text: str


TEMPLATES = {
    "python": Template(
        "Python service",
        """# Constitution

## Security
- Code MUST NOT call `eval()`. [critical]
- Code MUST NOT call `exec()`. [critical]
- Passwords, tokens and keys MUST NOT be hard-coded in the source.
- SQL statements MUST NOT be put together from user input.

## Errors
- No bare `except`.
- Every request to another service MUST have a timeout.

## Style
- There SHOULD be no unused imports, except in tests.
- Public functions SHOULD have a docstring.
""",
    ),
    "web": Template(
        "Web application",
        """# Constitution

## Security
- User input MUST be escaped before it becomes part of a page.
- Every form that changes something MUST be protected against cross-site request forgery.
- Session cookies MUST be HttpOnly, Secure and SameSite. [critical]
- Secrets MUST NOT be part of what is sent to the browser.

## Errors
- Errors MUST NOT show stack traces to users.
- Every call of the backend MUST handle its failure.

## Accessibility
- Every image SHOULD have an alternative text.
- Every form field SHOULD have a label.
""",
    ),
    "library": Template(
        "Library",
        """# Constitution

## Interface
- Every public function MUST have a docstring that says what it raises.
- Library code MUST NOT write to standard output.
- Library code MUST NOT read environment variables.

## Dependencies
- Network requests MUST NOT be made on import.

## Style
- There SHOULD be no unused imports.
- Names of the public interface SHOULD NOT be abbreviated.
""",
    ),
    "short": Template(
        "A short beginning",
        """# Constitution

- Code MUST NOT call `eval()`.
- Passwords and tokens MUST NOT be hard-coded in the source.
- There SHOULD be no unused imports.
""",
    ),
}
