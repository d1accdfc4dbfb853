"""Passwords that commands are given by options which are no words: `curl -u`, `mysql -p`, `IDENTIFIED BY`."""

from collections.abc import Iterator

from worker.core.telemetry.masking.linear import any_of, pattern
from worker.core.telemetry.masking.marks import Span
from worker.core.telemetry.masking.values import is_placeholder, is_token

_COMMAND = pattern(
    any_of(
        r"\bcurl\b[^\n|;]*?\s(?:-u|--user|--proxy-user|-U)[ =]?[\"']?[^\s:\"'$]+:(?P<curl>[^\s\"'$<>{}]{3,})",
        r"\bsshpass\s+-p\s*[\"']?(?P<sshpass>[^\s\"'$<>{}]{3,})",
        r"\bmysql(?:dump|admin)?\b[^\n|;]*?\s-p[\"']?(?P<mysql>[^\s\"'$<>{}-][^\s\"'$<>{}]{2,})",
        r"\b(?:docker|podman|helm registry|oras|skopeo)\s+login\b[^\n|;]*?\s-p[ =]?[\"']?(?P<docker>[^\s\"'$<>{}]{3,})",
        r"-pass(?:in|out)?\s+[\"']?pass:(?P<openssl>[^\s\"'$<>{}]{3,})",
        r"\bssh-keygen\b[^\n|;]*?\s-[PN][ ]?[\"']?(?P<keygen>[^\s\"'$<>{}]{3,})",
        r"\bredis-cli\b[^\n|;]*?\s-a[ =]?[\"']?(?P<redis>[^\s\"'$<>{}]{3,})",
        r"\bhtpasswd\s+-[A-Za-z]*b[A-Za-z]*\s+\S+\s+\S+\s+[\"']?(?P<htpasswd>[^\s\"'$<>{}]{3,})",
        r"\b(?:IDENTIFIED\s+BY|identified\s+by|(?:WITH\s+)?PASSWORD|(?:with\s+)?password)\s+'(?P<sql>[^\s'$<>{}]{3,})'",
        r"\b(?:chpasswd|passwd --stdin)\b[^\n]*?<<<\s*[\"']?(?:[^\s:\"'$]+:)?(?P<chpasswd>[^\s\"'$<>{}]{3,})",
        r"\becho\s+[\"']?[\w.-]+:(?P<echoed>[^\s\"'$<>{}]{3,})[\"']?\s*\|\s*(?:sudo\s+)?chpasswd",
    ),
)
_GROUPS = ("curl", "keygen", "openssl", "sshpass", "mysql", "docker", "redis", "htpasswd", "sql", "chpasswd", "echoed")


def commands(text: str) -> Iterator[Span]:
    """Passwords given to commands by options that are no words."""
    for line_start, line in _lines_with_commands(text):
        for found in _COMMAND.finditer(line):
            for group in _GROUPS:
                value = found.text(group)
                if value and not is_placeholder(value) and (group != "mysql" or is_token(value) or not value.isalpha()):
                    yield line_start + found.span(group)[0], line_start + found.span(group)[1]


_HAS_COMMAND = pattern(
    r"curl|ssh-keygen|-pass|sshpass|mysql|login|redis-cli|htpasswd|chpasswd|(?i:identified\s+by)|(?i:password)\s+'"
)


def _lines_with_commands(text: str) -> Iterator[tuple[int, str]]:
    done = -1
    for found in _HAS_COMMAND.finditer(text):
        if found.span()[0] < done:
            continue
        start = max(text.rfind("\n", max(0, found.span()[0] - 500), found.span()[0]) + 1, found.span()[0] - 500, 0)
        end = min(found.span()[0] + 1000, len(text))
        done = end
        line_end = text.find("\n", found.span()[0], end)
        end = line_end if line_end >= 0 else end
        done = end
        yield start, text[start:end]
