"""The files of a snapshot as text, for whatever is searched for in them.

A file is text when it decodes; a NUL in it, its size or its folder hides nothing. What is neither text nor a kind of
file that cannot hold code is unreadable, and whoever needs to have seen everything has not.
"""

import html
import re  # noqa: TID251  linear: what follows a backslash holds no other
from collections.abc import Iterator
from dataclasses import dataclass

from worker.core.linear import pattern
from worker.sources.snapshot import Snapshot
from worker.verification import references


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MEDIA = _set(
    "png jpg jpeg gif webp ico bmp tif tiff avif pdf woff woff2 ttf otf eot mp3 mp4 wav ogg webm mov avi flac mo psd "
    "ai eps sketch fig icns cur xcf heic jp2 m4a ogv aac wma ds_store db sqlite sqlite3 npy npz parquet feather onnx "
    "h5 hdf5 tflite safetensors blend fbx glb aseprite"
)
_BINARY = _set(
    "gz tgz bz2 xz zst zip 7z rar tar jar war ear whl egg class pyc pyo so dylib dll exe a o obj lib wasm bin dat pdb "
    "deb rpm dmg iso img apk aab ipa nupkg pack idx p7b der crt cer jceks"
)
# How documents for printers begin that are text.
_PICTURES = (b"%PDF", b"%!PS", b"\xc5\xd0\xd3\xc6")
_HEAD = 4096
_CODE = _set(
    "py pyi pyw pyx js jsx mjs cjs ts tsx mts cts go java rs c h cc cpp cxx hpp cs kt kts swift rb php pl lua scala sh "
    "bash ps1"
)
_PROSE = _set("md markdown rst txt adoc asciidoc tex po pot")
_PROSE_NAMES = pattern(
    r"(?i)^(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS|CONTRIBUTORS|CHANGELOG|CHANGES|README|HISTORY)(?:[.-]\w+)?$"
)
_PYTHON = _set(
    "py pyi pyw pyx pxd pxi ipynb cgi fcgi wsgi pth bzl star py3 rpy sage spyx xsh smk pyt mpy ipy tac gyp gypi scons "
    "sconscript pyde"
)
# What a file is called whose text a program fills in first.
_TEMPLATE = pattern(r"\.(?:j2|jinja2?|tmpl|tpl|template|in|mako|mustache|hbs|erb|ejs|dist|orig|bak|sample|example)$")
_SPEAKS_PYTHON = pattern(r"(?i)python|py-?script|\bimport\s+\w|\bdef\s+\w+\s*\(")
_NO_CODE = (
    _PROSE
    | _MEDIA
    | _set(
        "json jsonl toml yaml yml ini cfg conf csv tsv xml lock log css map pem crt key typed in example sample "
        "gitignore gitattributes editorconfig dockerignore license patch diff sum snap svg"
    )
)
# Written by package managers, and nothing that people say anything in.
_LOCKS = _set(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock uv.lock poetry.lock pdm.lock pipfile.lock "
    "cargo.lock go.sum composer.lock gemfile.lock packages.lock.json gradle.lockfile flake.lock"
)
_CODING = pattern(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN_CODECS = pattern(
    r"(?i)^(?:utf-?8(?:-sig)?|us-?ascii|ascii|latin-?1|iso-?8859-\d+|cp125\d|windows-125\d|euc-jp|shift_jis|gbk|gb2312"
    r"|big5|koi8-r)$"
)
_ESCAPE = re.compile(r"\\(?:u+00|u\{0{0,6}|U000000|x)([2-7][0-9a-fA-F])\}?|\\(1[0-7]{2}|0?[4-7][0-7])(?![0-7])")
_MARKUP = _set("html htm xhtml vue svelte svg xml jsp php erb ejs j2 jinja jinja2 hbs mustache")
_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Text:
    """One file. `content` None: it does not decode, and may hold anything."""

    path: str
    content: str | None

    @property
    def ending(self) -> str:
        return ending(self.path)


def ending(path: str) -> str:
    """The file's ending in lower case, empty without one."""
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[-1].lower() if "." in name.lstrip(".") or name.startswith(".") else ""


def is_prose(path: str) -> bool:
    """Whether the file is a document for people, where a word is a mention."""
    return ending(path) in _PROSE or _PROSE_NAMES.match(path.rsplit("/", 1)[-1]) is not None


def is_media(path: str) -> bool:
    """Whether the file is a picture, a font, a sound: nothing that could hold code."""
    return ending(path) in _MEDIA


def is_disguised(data: bytes) -> bool:
    """Whether a file that by its name is a picture, a font or a sound is text all the same."""
    head = data[:_HEAD]
    if head.startswith(_PICTURES) or b"\0" in head or not head.strip():
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A letter may be cut off at the end of what is looked at.
        return error.start >= len(head) - 3 and len(data) > _HEAD
    return True


def is_binary(path: str) -> bool:
    """Whether the file is by its name an archive, a compiled program or a dump: nothing that people write."""
    return ending(path) in _BINARY


def is_lock(path: str) -> bool:
    """Whether the file is a package manager's lock file."""
    return path.rsplit("/", 1)[-1].lower() in _LOCKS


def may_be_python(path: str, content: str | None) -> bool:
    """Whether the file can hold Python: by its ending, or where its ending tells nothing or it speaks of Python."""
    kind = ending(path)
    if kind in _PYTHON:
        return True
    if is_prose(path):
        return False
    bare = _TEMPLATE.sub("", path.lower())
    if not kind or (bare != path.lower() and (ending(bare) in _PYTHON or not ending(bare))):
        return True
    return content is None or _SPEAKS_PYTHON.search(content) is not None


def is_other_code(path: str, content: str | None) -> bool:
    """Whether the file may be code in a language that the built-in analyzers do not read."""
    kind = ending(path)
    if kind in ("py", "pyi"):
        return False
    if kind:
        return kind not in _NO_CODE
    return _PROSE_NAMES.match(path.rsplit("/", 1)[-1]) is None and (content is None or content[:2] == "#!")


def decode(data: bytes, path: str) -> str | None:
    """The file's text, or None where nobody can say what stands in it."""
    if data.startswith(_POINTER) or data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        # The file itself is elsewhere, or in a form that no tool here reads.
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = _tried(data, "utf-16")
    elif data.count(0) * 4 > len(data):
        # UTF-16 without its mark, or no text.
        return None
    else:
        text = _tried(data.removeprefix(b"\xef\xbb\xbf"), "utf-8")
    kind = ending(path)
    if text is None and (b"\0" not in data[:8192] or kind in _CODE):
        text = data.decode("latin-1")
    if text is None:
        return None
    if kind in _PYTHON or not kind:
        declared = next((found for line in text.split("\n")[:2] if (found := _CODING.match(line))), None)
        if declared is not None and not _PLAIN_CODECS.match(declared[1]):
            return None
    return text.replace("\0", " ")


def _tried(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def read(snapshot: Snapshot) -> Iterator[Text]:
    """Every file of the snapshot but media, in its order. Blocking."""
    for file in snapshot.files:
        if not is_media(file.path):
            yield Text(file.path, decode((snapshot.root / file.path).read_bytes(), file.path))


def unescaped(text: Text) -> str:
    """The content, where letters that a language lets one write as escapes are letters."""
    content = text.content or ""
    if "\\" in content:
        content = _ESCAPE.sub(lambda code: chr(int(code[1], 16) if code[1] else int(code[2], 8)), content)
    if text.ending in _MARKUP and "&" in content:
        content = html.unescape(references.short(content))
    if text.ending in ("ipynb", "json"):
        content = content.replace("\\n", "\n").replace('\\"', '"')
    return content
