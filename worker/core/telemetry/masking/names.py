"""How much a name promises that its value is a secret."""

from enum import Enum, auto
from functools import lru_cache

from worker.core.telemetry.masking.linear import word_set


class Promise(Enum):
    PASSWORD = auto()
    """Whatever a person types: any word may be one."""
    SECRET = auto()
    """Often made by hand as well."""
    TOKEN = auto()
    """Made by a machine; a word is none."""
    LITTLE = auto()
    """Holds a word of secrets, but is about one: only what looks drawn by lot is hidden."""
    NONE = auto()


_PASSWORDS = (
    *(
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "passwrd",
        "pwd",
        "passwort",
        "kennwort",
        "senha",
        "contrasena",
        "contraseña",
    ),
    *(
        "wachtwoord",
        "motdepasse",
        "lozinka",
        "haslo",
        "requirepass",
        "masterauth",
        "userpass",
        "dbpass",
        "rootpass",
        "sshpass",
    ),
)
_SECRETS = (
    *(
        "secret",
        "secretkey",
        "secretkeybase",
        "secrettoken",
        "jwtkey",
        "signingkey",
        "encryptionkey",
        "hmackey",
        "cryptokey",
        "masterkey",
    ),
    *("encryptkey", "signkey", "cipherkey", "cookiekey"),
)
_TOKENS = (
    *("token", "apikey", "accesskey", "privatekey", "accountkey", "sharedkey"),
    *("authkey", "licensekey", "servicekey", "subscriptionkey", "storagekey", "sessionkey"),
    *(
        "credential",
        "credentials",
        "clientkey",
        "deploykey",
        "adminkey",
        "serverkey",
        "writekey",
        "ingestkey",
        "appkey",
    ),
    *("aeskey", "deskey", "consumerkey", "functionkey", "hostkey", "webhookkey", "apitoken"),
)
_LAST_WORDS = {
    "private": Promise.LITTLE,
    **dict.fromkeys(("pass", "pw", "pswd", "psw", "mdp", "passw"), Promise.PASSWORD),
    **dict.fromkeys(
        ("jwt", "bearer", "pat", "auth", "salt", "authorization", "sid", "cookie", "creds", "cred", "pepper", "otp"),
        Promise.TOKEN,
    ),
}
# What may stand behind and changes nothing: the password of whom, in which form, for which stage.
_TRAILERS = word_set(
    "value values default str string plain plaintext raw base base64 b64 hex dev development prod production",
    "test testing live staging stage local old new current previous primary secondary main admin root env",
    "data text literal decoded encoded a b x y override sandbox real it",
)
# What is known to be no secret, whatever it looks like.
_PUBLIC = word_set(
    "id ids sha sha1 sha256 sha512 md5 checksum digest fingerprint thumbprint public pub cert certificate url",
    "uri regex pattern alphabet address chars charset format name names path file filename length count size",
    "type types version min max",
)
_FIRST = word_set(
    "is has have no show hide max min num number invalid missing incorrect forgot forget change update enter",
    "require requires required reset allow use uses validate check verify generate create get set on handle",
    "error err msg label expired unexpected unknown empty without with total count lexer last next",
)
_ABOUT = word_set(
    "bad wrong the a an unterminated illegal undefined expecting expected unexpected invalid unknown missing",
    "no next end incorrect expired each every this that any",
)
_PUBLIC_KEYS = (
    "publickey",
    "publishablekey",
    "sitekey",
    "primarykey",
    "foreignkey",
    "cachekey",
    "sortkey",
    "partitionkey",
    "gpgkey",
    "pgpkey",
    "sshkey",
)


@lru_cache(maxsize=8192)
def words(name: str) -> tuple[str, ...]:
    """The name's words in lower case: cut at what is no letter or digit, and where a capital begins a word."""
    cut = []
    for before, char, after in zip(f" {name}", name, f"{name[1:]} ", strict=False):
        begins = char.isupper() and (before.islower() or before.isdigit() or (before.isupper() and after.islower()))
        cut.append(f" {char}" if begins else char if char.isalnum() else " ")
    return tuple("".join(cut).lower().split())


@lru_cache(maxsize=8192)
def promise(name: str) -> Promise:
    """What a value of this name is likely to be."""
    parts = list(words(name))
    while len(parts) > 1 and (parts[-1] in _TRAILERS or parts[-1].isdigit()):
        parts.pop()
    if parts and "".join(parts).endswith(("sessionid", "sessid")):
        return Promise.LITTLE
    if not parts or parts[-1] in _PUBLIC or "public" in parts:
        return Promise.NONE
    parts[-1] = parts[-1].rstrip("0123456789") or parts[-1]
    joined = "".join(parts)
    if joined.endswith(_PUBLIC_KEYS):
        return Promise.NONE
    about = (
        (parts[0] in _FIRST and len(parts) > 1)
        or joined.startswith("nopass")
        or "existing" in parts
        or _refers(parts, joined)
    )
    return _about(_ending(joined, parts[-1]), joined) if not about else Promise.LITTLE


def _refers(parts: list[str], joined: str) -> bool:
    """`tls_secret` names an object of Kubernetes, `proxy_pass` where a server passes a request on."""
    if joined.endswith(("certificatessecret", "certificatesecret", "tlssecret", "pullsecret")):
        return True
    return (
        parts[-1] == "pass"
        and len(parts) > 1
        and parts[-2] in ("proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached")
    )


def is_about(word: str) -> bool:
    """Whether the word before a name makes it one that is only spoken of: invalid token, unexpected token."""
    return word in _ABOUT


def _ending(joined: str, last: str) -> Promise:
    if joined.endswith(_PASSWORDS):
        return Promise.PASSWORD
    if joined.endswith(_SECRETS):
        return Promise.SECRET
    if joined.endswith(_TOKENS):
        return Promise.TOKEN
    if last.endswith("s") and joined.endswith(tuple(f"{word}s" for word in (*_PASSWORDS, *_SECRETS, *_TOKENS))):
        return Promise.TOKEN
    return _LAST_WORDS.get(last, Promise.NONE)


def _about(ending: Promise, joined: str) -> Promise:
    """Names with a word of secrets in their midst, and keys of no known sort, promise little."""
    if ending is not Promise.NONE:
        return ending
    # A function that counts or a file that holds them would have ended in one of the public words.
    return (
        Promise.LITTLE
        if joined.endswith("key")
        or any(word in joined for word in ("passw", "secret", "token", "apikey", "credential"))
        else Promise.NONE
    )
