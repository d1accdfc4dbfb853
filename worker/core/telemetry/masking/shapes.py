"""Credentials that show by their own form what they are, wherever they stand."""

from collections.abc import Iterator
from urllib.parse import unquote

from worker.core.telemetry.masking.linear import Pattern, any_of, any_pattern, pattern
from worker.core.telemetry.masking.marks import Span
from worker.core.telemetry.masking.names import Promise
from worker.core.telemetry.masking.values import is_placeholder, is_secret, is_token

_BODY = "[A-Za-z0-9_-]"
_PREFIXES = pattern(
    r"\b",
    any_of(
        # Language models.
        rf"(?:sk|rk)-{_BODY}{{18,}}",
        r"(?:gsk|hf|r8|api_org)_[A-Za-z0-9]{20,}",
        rf"(?:xai|pplx|nvapi|fw|tgp_v1)[-_]{_BODY}{{24,}}",
        # Hosts of code, packages and containers.
        r"gh[opsur]_[A-Za-z0-9]{20,}",
        r"github_pat_\w{20,}",
        rf"gl(?:pat|dt|ft|rt|cbt|ptt|soat|agent|imt|oas|ffct)-{_BODY}{{16,}}",
        r"npm_[A-Za-z0-9]{30,}",
        rf"pypi-AgE{_BODY}{{30,}}",
        r"rubygems_[0-9a-f]{40,}",
        rf"dckr_(?:pat|oat)_{_BODY}{{20,}}",
        r"(?:pul|sgp|tfp|rdme|pnu|lin_api|figd|ntn)[-_][A-Za-z0-9_-]{30,}",
        # Clouds.
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        rf"AIza{_BODY}{{30,}}",
        rf"GOCSPX-{_BODY}{{20,}}",
        rf"ya29\.{_BODY}{{20,}}",
        r"LTAI[A-Za-z0-9]{16,}",
        r"do[opr]_v1_[0-9a-f]{40,}",
        r"dapi[0-9a-f]{32}(?:-\d)?",
        r"HRKU-[0-9A-Za-z_-]{30,}",
        r"tskey-[a-z]+-[A-Za-z0-9-]{16,}",
        r"hv[bs]\.[A-Za-z0-9_-]{24,}",
        r"sb(?:p|_secret)_[A-Za-z0-9_-]{20,}",
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{24,}",
        r"FlyV1 fm\d[a-z]?_[A-Za-z0-9+/=,_]{20,}",
        r"sha256~[A-Za-z0-9_-]{43}",
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{64,}",
        r"AGE-SECRET-KEY-1[0-9A-Z]{40,}",
        r"[0-9A-Za-z_~.-]{3}\dQ~[0-9A-Za-z_~.-]{31,34}",
        # Messages and mail.
        r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}",
        r"xapp-\d-[A-Za-z0-9-]{10,}",
        r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        r"key-[0-9a-f]{32}\b",
        r"[0-9a-f]{32}-us\d{1,2}\b",
        r"xkeysib-[0-9a-f]{40,}(?:-[A-Za-z0-9]+)?",
        r"SK[0-9a-f]{32}\b",
        r"\d{8,10}:AA[A-Za-z0-9_-]{32,33}\b",
        r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        r"AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{50,}",
        # Shops and payment.
        r"(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}",
        r"whsec_[A-Za-z0-9+/=]{20,}",
        r"shp(?:at|ca|pa|ss|tka)_[0-9a-fA-F]{32}",
        r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}",
        r"EZ[AT]K[A-Za-z0-9]{40,}",
        r"EAA[A-Za-z0-9]{60,}",
        r"FLWSECK(?:_TEST)?-[0-9A-Za-z]{12,}(?:-X)?",
        # Watching and planning.
        r"gl(?:c|sa)_[A-Za-z0-9_=+/]{30,}",
        r"NRAK-[A-Z0-9]{20,}",
        r"sntry[su]_[A-Za-z0-9+/=_]{30,}",
        r"dp\.(?:pt|st|ct|sa|scim)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}",
        r"dt0[a-z]\d\d\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{40,}",
        r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
        r"ATATT3[A-Za-z0-9_=-]{40,}",
        r"CFPAT-[A-Za-z0-9_-]{30,}",
        # Our own.
        r"inv_[A-Za-z0-9_-]{20,}",
    ),
)
# A long run that begins like a web token and is none must not be read again and again: patterns of their own.
_WEB_TOKEN = pattern(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*")
_USER_IN_URL = pattern(r"[A-Za-z][A-Za-z0-9+.]*://(?P<user>[^/\s:@\"'`<>?#\[\]]*):(?P<value>[^/\s\"'`<>\[\]]*)@")
_USER_OF_SOCKET = pattern(r"[\"'`][\w.-]+:(?P<value>[^\s\"'`@]+)@(?:tcp|unix)\(")
_TOKEN_IN_URL = pattern(r"://(?P<value>[A-Za-z0-9_-]{20,})@")
_QUERY = pattern(
    r"(?i)[?&](?:amp;)?(?P<name>[\w.-]{0,40}",
    any_of(
        "token",
        "key",
        "secret",
        "passw(?:or)?d",
        "pwd",
        "signature",
        "sig",
        "auth",
        "credential",
        "code",
        "jwt",
        "sid",
        "pass",
    ),
    r")=(?P<value>[^&\s\"'`<>#;,)\\|]+)",
)
_WEBHOOK = pattern(
    r"(?i)",
    any_of(
        r"hooks\.slack\.com/(?:services|workflows|triggers)/",
        r"discord(?:app)?\.com/api/webhooks/\d+/",
        r"\.webhook\.office\.com/webhookb2/",
        r"hooks\.zapier\.com/hooks/catch/",
    ),
    r"(?P<value>[A-Za-z0-9_/@:-]{16,})",
)
_BOT = pattern(r"(?i)api\.telegram\.org/bot(?P<value>\d{6,}:[A-Za-z0-9_-]{16,})")
_PUBLIC_HOST = pattern(r"@[\w.-]*(?:\bingest\.|sentry)")
_HEADER = pattern(
    r"(?i)\b(?P<name>",
    any_of(
        "(?:proxy-)?authorization",
        r"x-[a-z0-9-]{0,40}(?:token|key|secret|auth|signature|password)",
        "(?:api|private|auth|job|deploy|access|app|application|ocp-apim-subscription)-?(?:key|token)",
        "apikey",
    ),
    r")[\"'`]?\]?\s{0,4}(?::|=>|=|,)\s{0,4}[fbru]{0,2}[\"'`]?",
    "(?:(?:bearer|basic|token|apikey|key|bot|digest|negotiate|ntlm)[ :=]{1,4})?",
    r"(?P<value>[^\s\"'`<>,;\\)\]}]+)",
)
_BEARER = pattern(r"(?i)\b(?:bearer|basic)\s{1,4}(?P<value>[A-Za-z0-9._~+/-]{12,}={0,2})")
_COOKIE = pattern(
    r"(?i)\b",
    any_of(
        "(?:[a-z]+[_.-]?)?sess(?:ion)?(?:[_-]?(?:id|token))?",
        "[a-z]*sid",
        r"connect\.sid",
        "[a-z_]*(?:csrf|xsrf|auth|access|refresh|remember|jwt)[a-z_-]*",
    ),
    r"=(?P<value>[A-Za-z0-9._~%+/:-]{12,}=*)(?:[;\s\"']|$)",
)
_HASHED = pattern(
    any_of(
        r"\$2[abxy]\$\d\d\$[A-Za-z0-9./]{50,53}",
        r"\$(?:apr1|1|5|6|y)\$[^\s:$\"']{1,40}\$[A-Za-z0-9./$]{20,}",
        r"\$argon2(?:id?|d)\$v=\d+\$[A-Za-z0-9+/=,$]{20,}",
    )
)
_DOCUMENTED = {
    ("user", "pass"),
    ("user", "password"),
    ("username", "password"),
    ("username", "pass"),
    ("user", "pwd"),
    ("user", "passwd"),
    ("login", "password"),
    ("name", "password"),
}


_ANY = any_pattern(
    *(_PREFIXES, _WEB_TOKEN, _HASHED, _USER_IN_URL, _USER_OF_SOCKET, _TOKEN_IN_URL, _WEBHOOK, _BOT),
    *(_HEADER, _QUERY, _BEARER, _COOKIE),
)
"""Most texts have none of them: one search says so."""


def shapes(text: str) -> Iterator[Span]:
    """Where credentials of a known form stand."""
    if not _ANY.found_in(text):
        return
    for found in _PREFIXES.finditer(text):
        start, end = found.span()
        if _is_drawn(text[start:end]):
            yield start, end
    for plain in (_WEB_TOKEN, _HASHED):
        yield from (found.span() for found in plain.finditer(text))
    for found in _USER_OF_SOCKET.finditer(text):
        if not _is_template(found.text("value")):
            yield found.span("value")
    if "://" in text:
        yield from _addresses(text)
    for valued in (_HEADER, _QUERY, _BEARER, _COOKIE):
        yield from _judged(valued, text)


def _addresses(text: str) -> Iterator[Span]:
    for found in _USER_IN_URL.finditer(text):
        user, value = found.text("user"), found.text("value")
        known = (user.lower(), value.lower()) in _DOCUMENTED
        if value and not known and not _is_template(value):
            yield found.span("value")
    for found in _TOKEN_IN_URL.finditer(text):
        # The key in the address of a Sentry project is meant for everybody.
        start, end = found.span("value")
        if is_token(found.text("value")) and not _PUBLIC_HOST.match(text[end : end + 100]):
            yield start, end
    yield from (found.span("value") for found in _BOT.finditer(text))
    for found in _WEBHOOK.finditer(text):
        if is_token(found.text("value").replace("/", "")):
            yield found.span("value")


def _is_template(value: str) -> bool:
    return is_placeholder(value) or any(sign in value for sign in "${}<>()") or value.startswith("%") or value.isupper()


def _judged(valued: Pattern, text: str) -> Iterator[Span]:
    for found in valued.finditer(text):
        value = found.text("value").rstrip(".")
        if " " not in unquote(value) and is_secret(value, "authorization", Promise.TOKEN, setting=True):
            start = found.span("value")[0]
            yield start, start + len(value)


def _is_drawn(value: str) -> bool:
    """Whether what follows the prefix is more than words and no example of the form."""
    if is_placeholder(value) or value.lower().endswith("example") or "..." in value:
        return False
    body = value[3:]
    mixed = len(body) >= 30 and not body.islower() and not body.isupper()
    return len(set(body)) >= 6 and (mixed or any(c.isdigit() for c in body)) and "xxxx" not in body.lower()
