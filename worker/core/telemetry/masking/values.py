"""Whether a value is a secret, by its form alone or by how much its name promises.

The measure is what a person would say: would it harm if a stranger read this? A placeholder, a reference to where the
secret is kept, the name of a field and a sentence for people would not; `changeme` given to a password would.
"""

import base64
import itertools
from functools import lru_cache

from worker.core.telemetry.masking.linear import any_of, pattern, word_set
from worker.core.telemetry.masking.marks import SHADOWED_MARK
from worker.core.telemetry.masking.names import Promise, words

_MAX = 4096
_JUDGED = 256
"""What is drawn by lot shows it within so many characters."""
_MAX_PASSPHRASE = 120
_WORD = r"[A-Za-z][a-z]*"

_PLACEHOLDER = pattern(
    "(?i)",
    any_of(
        r"<.*>",
        r"\[[\w.: -]*\]",
        r"\{[\w.: {}-]*\}",
        r"%.*%",
        r"__.*__",
        r"@.*@",
        r".*\.{3}.*",
        r".*(?:x{5,}|\*{3,}|_{4,}|\?{3,}|-{5,}).*",
        r"x{3,}|\*+|\.+|-+|_+|0+|1+|\?+|#[0-9a-f]{3,8}",
        r"(?:dummy|fake|mock|stub|wrong|bad|invalid|incorrect|sample|foo|bar|baz|foobar|hashed|encrypted|plain|confirmed|[a-z-]*string)",
        r"(?:dummy|fake|mock|invalid|wrong|bad)[-_ ][a-z_ -]+|[a-z_ -]+[-_ ](?:dummy|fake|mock|invalid|wrong|bad)",
        r"(?:put|insert|enter|add|paste|set|replace|use|type|fill)[-_ ].*",
        r".*\b(?:your|my)?[-_ ]?(?:here|goes[-_ ]here)",
        r"(?:.*[^a-z])?your[-_ ]?[a-z].*",
        r"(?:the|an?|some|any|every|each|this)[-_ ](?:.*[-_ ])?(?:password|passphrase|secret|token|key|credentials?)",
        r".*(?:placeholder|redacted|replace_?me|to_?be_?replaced|fill_?me|masked|omitted|removed|hidden|obfuscated).*",
        r".*example(?:key)?",
        r"example(?:[-_ ].*)?",
        r"(?:todo|fixme|tbd|n/?a|none|null|nil|true|false|yes|no|on|off|undefined|unset|empty|blank|optional|required|nullable)",
        r"(?:string|str|text|varchar|char|bool|boolean|number|integer|int|any|object|array|list|dict|map|bytes|uuid|void)(?:\(\d+\))?\??",
        r"(?:hidden|input|never|always|inherit|include|omit|same-origin|write|read|admin_only|default|auto|automatic|dynamic|unknown)",
    ),
)
"""What stands where the secret is to be put, or says that there is none."""

_REFERENCE = pattern(
    any_of(
        r"@[\w:.]+/.*|[$]{1,2}[A-Za-z_({].*|\.[A-Za-z]\w*(?:\.\w+)*",
        r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|[\w.-]+:\d{2,5}",
        r".*(?:\$\{|\{\{|\$\(|\$\{\{|#\{|<%|%\(|%[sdv]\b|\{[A-Za-z_][\w.]*\}|\{\d*\}).*",
        r"%[A-Za-z_].*",
        r"(?i:https?|ftp|ssh|file|redis|amqp|postgres|postgresql|mysql|mongodb(?:\+srv)?|ldaps?|jdbc|git|s3|gs|op|vault|env|ref|secret|arn|data|urn|ssm|awssm|keyring|keychain|projects|resolve|config|pass|bao|aws-sm|gcp-sm|azkv|doppler|sops|file|base64)(?::|/).*",
        r"(?:\.{0,2}|~)/(?:[\w.-]+/)*[\w.-]+/?",
        r"[A-Za-z]:\\.*",
        r"(?:[\w.-]+/)+[\w-]+\.[a-z]{2,5}",
        r"[\w-]+\.(?:txt|pem|key|json|ya?ml|env|crt|cer|p12|pfx|jks|js|ts|py|rb|go|php|html?|css|md|xml|ini|conf|cfg|toml|pub|png|svg)",
        r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+",
        r"[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+(?:\(.*)?",
        r"[a-z]+:[a-z_-]+(?::[a-z_-]+)*",
        r"(?:[a-z]+\|)+[a-z:0-9,|]+|[a-z]+:\d+",
        r"[A-Za-z_][\w.]*\(.*\)?.*",
        r"\\.*|.*\\[wdsSWDbB].*|\^.*|.*\[[^\]]{1,20}\][+*{].*",
    ),
)
"""What names the place of a secret, or how to make one: variables, paths, addresses, attributes, patterns."""

_WORDY = pattern(
    any_of(_WORD, r"[A-Z]+"), r"(?:[-_.:/,;?! ]*", any_of(_WORD, r"[A-Z]+"), r")*[-_.:/,;?! ]?[0-9]{0,2}[-_.:!?]?"
)
"""Words, however they are joined, with a number at most at the end."""
_ALGORITHM = pattern(
    r"(?i)(?:sha|md|aes|rsa|hs|rs|es|ps|ed|base|utf|oauth|oidc|saml|x|v|http|ecdsa|hmac|p|secp|blake|argon|pbkdf|ripemd|crc|bcrypt|scrypt)"
    r"[-_]?v?\d[\w/.-]{0,12}"
)
_TECHNICAL = pattern(
    "(?i)",
    any_of(
        r"[a-z]+[-_ ]?v?\d+(?:\.\d+)*",
        r"v?\d+(?:[._-]\d+)*[a-z]?",
        r"[\d.,:/ -]+(?:ms|s|m|h|d|px|em|rem|%|kb|mb|gb)?",
    ),
)
"""Versions, numbers, times, sizes."""

_NOT_IN_TOKENS = pattern(r"[\s;<>(){}|,]")
_NUMBER = pattern(r"\d{6}")
_UUID = pattern(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_RANDOM = pattern(r"[A-Za-z0-9+/=_.~!?@#$%^&*|-]+")
_PROSE = word_set(
    "a an the is are was were be been must should shall can cannot may will would please enter enters your",
    "you we i our my to of for from in at on by with without or not no has have had does do did if this that",
    "these it its as least than more most new old current wrong invalid missing incorrect expired required",
    "forgot forgotten reset change confirm show hide choose create update again match matches minimum maximum",
    "characters character long short length only when where how what which who field value name user users",
    "password passwords passphrase token tokens secret secrets key keys credentials login sign failed error",
    "empty used using via",
)
_NAME_WORDS = word_set(
    "password passwords passwd pwd pass passphrase passcode secret secrets token tokens key keys api apikey",
    "access auth authorization oauth oauth2 bearer client private public user username login id refresh csrf",
    "xsrf jwt session credential credentials db database new old current confirm confirmation reset field",
    "input name type value hash header cookie admin root account basic code grant",
)
_JOINED = word_set(
    "password passwd secret token apikey accesstoken refreshtoken userpassword clientsecret secretkey",
    "authtoken idtoken",
)


def is_placeholder(value: str) -> bool:
    """Whether the value stands for a secret that is not there."""
    return len(set(value)) <= 1 or _PLACEHOLDER.fullmatch(value)


def _transitions(value: str, *, joints: bool = True) -> int:
    """How often the kind of character changes: upper case, lower case, digit, and other if `joints`."""
    kinds = [3 if c.isdigit() else 2 if c.isupper() else 1 if c.isalpha() else 0 for c in value]
    # A capital begins a word: that says nothing of chance.
    return sum(1 for a, b in itertools.pairwise(kinds) if a != b and (a, b) != (2, 1) and (joints or (a and b)))


def _runs(value: str) -> int:
    """How many characters follow the one before them in the alphabet."""
    return sum(1 for a, b in itertools.pairwise(value) if ord(b) - ord(a) == 1)


def _in_words(value: str) -> int:
    """How many characters stand in words: four letters or more in one case, of which the first may be a capital."""
    total = run = 0
    before = "-"
    for char in f"{value}-":
        begins = char.isupper() and not before.isupper()
        if char.isalpha() and not begins and (char.isupper() == before.isupper() or run == 1):
            run += 1
        else:
            total += run if run > 3 else 0
            run = int(char.isalpha())
        before = char
    return total


def _is_encoded_text(value: str) -> bool:
    """Whether the value is a text in base64."""
    try:
        raw = base64.b64decode(
            value + "=" * (-len(value) % 4), altchars=b"-_" if "-" in value or "_" in value else None
        )
    except ValueError:
        return False
    return sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in raw) * 20 >= len(raw) * 17 or _is_utf8(raw)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_drawn(value: str) -> bool:
    """Whether the value is so clearly drawn by lot that no name has to say so."""
    joints = value.count("_") + value.count("-")
    return (
        _is_mixed(value)
        and joints * 8 <= len(value)
        and _in_words(value) * 5 < len(value) * 2
        and looks_random(value, 24)
        and not _NUMBER.found_in(value)
        and not _is_encoded_text(value)
    )


def _is_mixed(value: str) -> bool:
    return any(c.islower() for c in value) and any(c.isupper() for c in value)


@lru_cache(maxsize=4096)
def looks_random(value: str, least: int = 16) -> bool:
    """Whether the value looks drawn by lot: it changes its kind of character often and repeats little."""
    if not least <= len(value) <= _MAX or not _RANDOM.fullmatch(value):
        return False
    value = value[:_JUDGED]
    digits = sum(c.isdigit() for c in value)
    letters = sum(c.isalpha() for c in value)
    if digits < 2 or letters < 4 or len(set(value)) < min(10, len(value) // 2) or _runs(value) * 4 > len(value):
        return False
    # In one case and without joints, letters stand together by chance as well.
    joined = "_" in value or "-" in value
    share = 3 if _is_mixed(value) else 2
    return _transitions(value, joints=False) * 5 >= len(value) and not (
        (joined or share == 3) and _in_words(value) * 5 >= len(value) * share
    )


def _same_as_name(value: str, name: str) -> bool:
    """Whether the value only repeats its name, or is made of the words that such names are made of."""
    if len(value) > 100:
        return False
    plain = "".join(c for c in value.lower() if c.isalnum())
    return (
        plain == "".join(words(name)) or plain in _JOINED or all(word in _NAME_WORDS for word in words(value) or ["-"])
    )


def _is_passphrase(value: str, promise: Promise, *, setting: bool) -> bool:
    """Whether words in a row are a secret and no sentence for people."""
    parts = value.split()
    prose = _PROSE - _NAME_WORDS if promise is Promise.SECRET else _PROSE
    if setting and any(c.isdigit() for c in value) and not any(part.strip(".,:;!?").lower() in prose for part in parts):
        return True
    if not 2 <= len(parts) <= 12 or value[-1] in ".:?!…," or value[0] in "#(":
        return False
    plain = [part.strip(".,:;!?'\"()").lower() for part in parts]
    return not any(part in prose for part in plain) and not (parts[0][:1].isupper() and parts[1][:1].islower())


def _long_words(value: str) -> bool:
    """Whether the value's words have more than two letters, the most of them."""
    return len(value) < 40 and sum(c.isalpha() for c in value) * 2 >= len(words(value)) * 5


def is_wordy(value: str) -> bool:
    """Whether the value is words, joined by a sign, with a number at most at the end."""
    return _WORDY.fullmatch(value) and not value.isalnum()


def _is_camel(value: str) -> bool:
    return value.isalpha() and not value.islower() and not value.isupper()


def _is_numbered_word(value: str) -> bool:
    """Whether the value is one word and two digits or more: what people type for a password."""
    return len(value) >= 8 and value.isalnum() and value.islower() and value[-2:].isdigit()


def _is_numbered_phrase(value: str) -> bool:
    """Whether the value is several words, joined, and a number: `canary-ts-4`."""
    return len(value) >= 8 and len(parts := value.split("-")) > 2 and parts[-1].isdigit() and parts[0].isalpha()


def is_token(value: str) -> bool:
    """Whether the value is more than words, a version or a number: letters and digits, long enough to be drawn."""
    value = value[:_JUDGED]
    if len(value) >= 40 and _transitions(value) * 2 >= len(value) and len(set(value)) > 20:
        return True
    if len(value) < 6 or _NOT_IN_TOKENS.found_in(value):
        return False
    if _UUID.fullmatch(value):
        return True
    digits = any(c.isdigit() for c in value)
    if digits and any(c.isalpha() for c in value):
        if (_is_numbered_word(value) or _is_numbered_phrase(value)) and not _ALGORITHM.fullmatch(value):
            return True
        return (
            not (_WORDY.fullmatch(value) and _long_words(value))
            and not _TECHNICAL.fullmatch(value)
            and not _ALGORITHM.fullmatch(value)
        )
    if digits:
        return len(value) >= 8 and value.isdigit() and _runs(value) < len(value) - 1
    return len(value) >= 16 and _is_camel(value) and _transitions(value) * 3 >= len(value)


def is_secret(value: str, name: str, promise: Promise, *, setting: bool) -> bool:
    """Whether the value that the name is given is a secret.

    `setting`: it stands in a file of settings, where each value is the real one; in code a word may be a field's name.
    """
    value = value.strip()
    if len(value) > _MAX_PASSPHRASE and " " in value:
        return False
    if (
        not 3 <= len(value) <= _MAX
        or SHADOWED_MARK.found_in(value)
        or is_placeholder(value)
        or _REFERENCE.fullmatch(value)
    ):
        return False
    if promise is Promise.LITTLE:
        return looks_random(value) and not _UUID.fullmatch(value)
    if _same_as_name(value, name):
        return setting and promise is Promise.PASSWORD and value.islower() and value.isalnum()
    if any(c.isspace() for c in value):
        return promise in (Promise.PASSWORD, Promise.SECRET) and _is_passphrase(value, promise, setting=setting)
    if not setting and value.isalpha() and value.isupper():
        return False
    if promise is Promise.PASSWORD:
        return setting or not (_is_camel(value) or not value.isascii())
    if promise is Promise.SECRET:
        return len(value) >= 4 and not _ALGORITHM.fullmatch(value) and not _is_camel(value) and not value.isdigit()
    return is_token(value)
