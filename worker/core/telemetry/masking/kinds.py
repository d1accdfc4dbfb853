"""What a file's path says about how secrets stand in it."""

from enum import Enum

from worker.core.telemetry.masking.linear import any_of, pattern, shadow


class Kind(Enum):
    """How values are written."""

    CODE = "code"
    """A value is a quoted literal; what has no quotes is a name or an expression."""
    DATA = "data"
    """JSON and its like: quoted, and the names are data as well."""
    SETTINGS = "settings"
    """`name = value` or `name: value` to the end of the line: .env, INI, properties, TOML, netrc."""
    YAML = "yaml"
    SHELL = "shell"
    """Shell, Makefiles, Dockerfiles: values end at a space, and options have values."""
    MARKUP = "markup"
    """XML and HTML: attributes and elements."""
    PROSE = "prose"
    """Text for people, with pieces of all the others; also whatever has no known path."""
    TRANSLATION = "translation"
    """What people read in other languages; names such as `password` stand beside their translations."""
    LOCK = "lock"
    """Written by a tool: hashes, and no secret but one with a shape of its own."""


_BY_NAME = (
    (
        pattern(
            r"(?i)(?:^|/)",
            any_of(r"locales?", "i18n", "l10n", "langs?", "languages?", "translations?", "intl"),
            r"/.*\.(?:ya?ml|json5?|properties|php|ts|js|rb|xml|toml|ini|md|html|resx|py)$",
        ),
        Kind.TRANSLATION,
    ),
    (
        pattern(r"(?i)(?:^|/)(?:messages?|labels|i18n|strings|translations?)[_-][a-z]{2}(?:[_-][a-z]{2})?\.[a-z]+$"),
        Kind.TRANSLATION,
    ),
    (pattern(r"(?i)\.(?:po|pot|xlf|xliff|strings|stringsdict|arb|ftl|resx)$"), Kind.TRANSLATION),
    (
        pattern(
            r"(?i)(?:^|/)",
            any_of(
                r"[\w.-]*-lock\.(?:json|ya?ml)", r"[\w.-]+\.lock", r"[\w.-]+\.lock\.hcl", r"[\w.-]+\.lockb?", r"go\.sum"
            ),
            "$",
        ),
        Kind.LOCK,
    ),
    (
        pattern(
            r"(?i)(?:^|/)",
            any_of(
                r"\.env(?:[._-][\w.-]*)?",
                r"[\w.-]*\.env",
                r"\.(?:npmrc|pypirc|netrc|pgpass|htpasswd|my\.cnf|yarnrc|gemrc|boto|s3cfg)",
                r"\.(?:git-credentials|wgetrc|curlrc)",
                r"_netrc",
                "credentials",
            ),
            "$",
        ),
        Kind.SETTINGS,
    ),
    (
        pattern(
            r"(?i)(?:^|/)",
            any_of(
                r"\.envrc",
                r"(?:docker|container|(?:gnu)?make)file(?:[._-][\w.-]*)?",
                r"justfile|procfile|\.profile",
                r"\.?(?:bash|zsh)_?(?:rc|profile)",
            ),
            "$",
        ),
        Kind.SHELL,
    ),
)

_BY_EXTENSION = {
    Kind.SETTINGS: "ini cfg conf cnf config properties toml tf tfvars hcl env service reg ovpn",
    Kind.YAML: "yml yaml",
    Kind.DATA: "json json5 jsonc ipynb webmanifest har tfstate",
    Kind.SHELL: "sh bash zsh fish ksh mk mak dockerfile bat cmd",
    Kind.MARKUP: "xml html htm xhtml svg plist csproj vbproj fsproj props targets pom xaml wsdl xsd vue svelte jsp",
    Kind.PROSE: "md markdown rst txt adoc asciidoc log text org textile tex http rest",
}
_KINDS = dict.fromkeys(("cshtml", "erb", "twig", "hbs"), Kind.MARKUP) | {
    extension: kind for kind, extensions in _BY_EXTENSION.items() for extension in extensions.split()
}


def kind_of(path: str | None) -> Kind:
    """How the file at the path is read; without a path as prose, which may hold any of them."""
    if path is None:
        return Kind.PROSE
    path = shadow(path.replace("\\", "/")[-500:])
    for named, kind in _BY_NAME:
        if named.found_in(path):
            return kind
    name = path.rsplit("/", 1)[-1].lower()
    if "." not in name:
        return Kind.PROSE
    return _KINDS.get(name.rsplit(".", 1)[-1], Kind.CODE)
