"""A repository made searchable: BM25F over the words of paths, definitions and text, and the import graph.

BM25F weighs a term by the field it stands in before it saturates (Robertson, Zaragoza, Taylor: «Simple BM25
extension to multiple weighted fields», CIKM 2004). What a file is called and what it defines comes on top, in full:
saturated, the word «router» in a router's path was worth no more than in anybody's comment. A file is worth what its
best piece is worth. The weights were fitted on six repositories (`invariant bench retrieval`); sums over pieces,
shares for neighbours in the import graph and for a file's test were tried and are not there.
"""

import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.core.linear import pattern
from worker.core.telemetry.masking import mask_file, split_marks
from worker.sources.snapshot import Snapshot
from worker.verification import lines as lines_of
from worker.verification.context.chunks import Chunk, SourceFile, cut
from worker.verification.context.imports import Paths, dependents, imports
from worker.verification.context.words import counted, identifiers, words
from worker.verification.marks import Attributes, Mark, by_text
from worker.verification.texts import decode, is_disguised, is_lock, is_media

MAX_FILE_BYTES = 200_000
MAX_TOTAL_BYTES = 10_000_000
_KEPT_CHARS = 32_000_000
# A word, a token or base64: nothing is called or assigned.
_KEY_PIECE = pattern(r"^[\w+/.-]+={0,2}$")
_AROUND_KEY = " \t\"'`,;+*#>\\"

_K1 = 1.2
_BODY, _NAMES, _PATH = 1.0, 2.0, 4.0
_LENGTH_BODY, _LENGTH_NAMES, _LENGTH_PATH = 0.6, 0.3, 0.3
_TITLE = 2.0
# Shares of the most that a query could score.
_IN_PATH, _NAME, _DEFINES, _PROSE_LESS = 0.7, 0.06, 0.1, 0.02
_MOST_DEFINED = 2.0

# Text, and no code or prose that judges would learn from.
_DATA = pattern(r"\.(?:csv|ipynb|lock)$")
_NOISE = pattern(r"(?i)https?://\S+|\b(?:fix(?:es|ed)?|close[sd]?|resolve[sd]?|see|pr|issue)\s*:?\s*#\d+|#\d+")
_PROSE = pattern(r"(?i)\.(?:md|markdown|rst|txt|adoc)$|(?:^|/)(?:docs?|examples?|_examples?|changelog)/")


@dataclass(frozen=True)
class LeftOut:
    """A file that no judge is shown, and why."""

    path: str
    why: str


@dataclass(frozen=True)
class _Posting:
    chunk: int
    weight: float


class Index:
    """Built once per snapshot; searching does not change it."""

    def __init__(
        self,
        files: Mapping[str, SourceFile],
        texts: Mapping[str, str],
        left_out: Sequence[LeftOut],
        attributes: Attributes | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.files = files
        self.left_out = tuple(left_out)
        self.attributes = attributes or Attributes([])
        self._snapshot = snapshot
        self.masked_lines = {path: len(file.masked) for path, file in files.items() if file.masked}
        """How many lines of a file a mask leaves nothing of, though they may be code; of all that were read."""
        self._others: OrderedDict[str, SourceFile | None] = OrderedDict()
        self._kept = 0
        paths = Paths(files)
        self.graph = {path: imports(texts[path], path, paths) for path in files}
        self.dependents = dependents(self.graph)
        self.chunks: list[Chunk] = [chunk for file in files.values() for chunk in file.chunks]
        self.sizes = [size([chunk.path, *self._lines(chunk)]) for chunk in self.chunks]
        self._paths = {path: _Path.of(path) for path in files}
        self._postings = self._post()
        self._defined: dict[str, set[int]] = defaultdict(set)
        for number, chunk in enumerate(self.chunks):
            for name in chunk.names:
                self._defined[name.lower()].add(number)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Index":
        """Read and index what can be shown. Blocking: about a second for a thousand files."""
        attributes = Attributes.of(snapshot)
        files: dict[str, SourceFile] = {}
        texts: dict[str, str] = {}
        left_out: list[LeftOut] = []
        total = 0
        for file in snapshot.files:
            why = _why_not(file.path, file.size, total, attributes)
            # NUL, which a text here never holds, marks the fence's nonce in prompts.
            text = None if why else decode((snapshot.root / file.path).read_bytes(), file.path)
            if text is None:
                left_out.append(LeftOut(file.path, why or "binary"))
                continue
            if (mark := by_text(text)) is not None:
                left_out.append(LeftOut(file.path, mark.value))
                continue
            total += file.size
            source, text = masked(file.path, text)
            if source is None:
                left_out.append(LeftOut(file.path, "its secrets cannot be hidden line by line"))
                continue
            files[file.path] = source
            texts[file.path] = text
        return cls(files, texts, left_out, attributes, snapshot)

    def source(self, path: str, *, whole: int = 0) -> SourceFile | None:
        """The file as it may be shown, one that was left out of the index as well; None where nobody can read it or it
        may hold secrets. One of less than `whole` bytes need not be cut. Blocking."""
        if path in self.files or self._snapshot is None:
            return self.files.get(path)
        if path in self._others:
            self._others.move_to_end(path)
            return self._others[path]
        source = self._others[path] = self._read(path, whole)
        self._kept += _chars(source)
        if source is not None and source.masked:
            self.masked_lines[path] = len(source.masked)
        # What was read last stays, however large it is.
        while self._kept > _KEPT_CHARS and len(self._others) > 1:
            self._kept -= _chars(self._others.popitem(last=False)[1])
        return source

    def _read(self, path: str, whole: int) -> SourceFile | None:
        assert self._snapshot is not None
        if self.attributes.mark(path) is Mark.SECRET or path not in self._snapshot.paths:
            return None
        data = (self._snapshot.root / path).read_bytes()
        text = None if is_media(path) and not is_disguised(data) else decode(data, path)
        return None if text is None else masked(path, text, whole=whole)[0]

    def _lines(self, chunk: Chunk) -> Sequence[str]:
        return self.files[chunk.path].lines[chunk.start - 1 : chunk.end]

    def _post(self) -> dict[str, list[_Posting]]:
        fields: list[tuple[Counter[str], Counter[str], Counter[str]]] = []
        for chunk in self.chunks:
            body = counted("\n".join(self._lines(chunk)))
            fields.append((body, counted(" ".join(chunk.names)), counted(chunk.path)))
        if not fields:
            return {}
        means = [max(1.0, sum(sum(entry[n].values()) for entry in fields) / len(fields)) for n in range(3)]
        postings: dict[str, list[_Posting]] = defaultdict(list)
        shape = ((_BODY, _LENGTH_BODY), (_NAMES, _LENGTH_NAMES), (_PATH, _LENGTH_PATH))
        for number, entry in enumerate(fields):
            weights: dict[str, float] = defaultdict(float)
            for (weight, length), counts, mean in zip(shape, entry, means, strict=True):
                scale = weight / (1 - length + length * sum(counts.values()) / mean)
                for word, count in counts.items():
                    weights[word] += count * scale
            for word, value in weights.items():
                postings[word].append(_Posting(number, value))
        return dict(postings)

    def score_chunks(self, query: str) -> dict[int, float]:
        """Number of a chunk → how well its words answer, for those that hold any word of the query."""
        scores: dict[int, float] = defaultdict(float)
        for word, weight in self._weights(query).items():
            for posting in self._postings.get(word, []):
                scores[posting.chunk] += weight * posting.weight / (_K1 + posting.weight)
        return scores

    def place_chunks(self, query: str) -> dict[int, float]:
        """As score_chunks, and on top of it what the file's name and the definitions in the chunk say."""
        weights = self._weights(query)
        most = sum(weights.values())
        named = identifiers(query)
        scores = self.score_chunks(query)
        of_files: dict[str, float] = {}
        for number in scores:
            chunk = self.chunks[number]
            if chunk.path not in of_files:
                of_files[chunk.path] = _of_path(self._paths[chunk.path], weights, most)
            defined = sum(1 / len(self._defined[name]) for name in named if number in self._defined.get(name, ()))
            scores[number] += of_files[chunk.path] + most * _DEFINES * min(_MOST_DEFINED, defined)
        return scores

    def defined(self, name: str) -> frozenset[int]:
        """Numbers of the chunks in which the name is defined, without regard to case."""
        return frozenset(self._defined.get(name.lower(), ()))

    def _weights(self, query: str) -> dict[str, float]:
        """Word of the query → the most it can add to a score.

        The query's first line says what it is about, and counts double; addresses and issue numbers say nothing.
        """
        query = _NOISE.sub(" ", query)
        title = frozenset(words(query.strip().partition("\n")[0]))
        weights = {}
        for word, times in Counter(words(query)).items():
            holding = len(self._postings.get(word, []))
            rarity = math.log(1 + (len(self.chunks) - holding + 0.5) / (holding + 0.5))
            weights[word] = rarity * (1 + math.log(times)) * (_TITLE if word in title else 1)
        return weights

    def rank(self, query: str) -> list[tuple[str, float]]:
        """Files by their best piece, the best first; those without any word of the query are not listed."""
        best: dict[str, float] = {}
        for number, value in self.place_chunks(query).items():
            path = self.chunks[number].path
            best[path] = max(best.get(path, value), value)
        return sorted(best.items(), key=lambda entry: (-entry[1], entry[0]))

    def affected_by(self, changed: Iterable[str]) -> frozenset[str]:
        """The changed files and those that import them, directly."""
        found = {path for path in changed if path in self.files}
        return frozenset(found.union(*(self.dependents.get(path, frozenset()) for path in found)))


def masked(path: str, text: str, *, whole: int = 0) -> tuple[SourceFile | None, str]:
    """The file as judges and scouts may read it, None where its secrets cannot be hidden line by line; and its text
    with one kind of line ends. One of less than `whole` bytes need not be cut, and is one chunk."""
    lines = lines_of.of(text)
    text = "\n".join(lines)
    shown = tuple(mask_file(text, path).split("\n")) if lines else ()
    if len(shown) != len(lines):
        return None, text
    hidden = frozenset(n for n, pair in enumerate(zip(lines, shown, strict=True), start=1) if _is_hidden(*pair))
    if size(shown) < whole:
        return SourceFile(path, shown, (Chunk(path, 1, len(shown), ()),) if shown else (), hidden), text
    return replace(cut(path, shown, text), masked=hidden), text


def _is_hidden(line: str, shown: str) -> bool:
    """Whether nothing is left of the line under its mask, and it is not plainly a piece of a key: `run=eval` stands
    between the marks of a key as well as base64 does."""
    if line == shown or any(character.isalnum() for piece in split_marks(shown) for character in piece):
        return False
    return _KEY_PIECE.match(line.strip(_AROUND_KEY)) is None


def _chars(source: SourceFile | None) -> int:
    return 0 if source is None else sum(map(len, source.lines))


def size(lines: Iterable[str]) -> int:
    """Bytes that the lines take with their numbers. Scripts of more bytes a letter take more tokens a letter too."""
    return sum((len(line) if line.isascii() else len(line.encode())) + 6 for line in lines)


@dataclass(frozen=True)
class _Path:
    """The words of a path and of its last part, and whether it is a document's."""

    words: frozenset[str]
    name: frozenset[str]
    prose: bool

    @classmethod
    def of(cls, path: str) -> "_Path":
        name = frozenset(words(path.rpartition("/")[2]))
        return cls(frozenset(words(path)), name, _PROSE.search(path) is not None)


def _of_path(path: _Path, weights: Mapping[str, float], most: float) -> float:
    """What a file's path says of a query whose words have these weights, `most` together."""
    found = sum(weights[word] for word in sorted(path.words & weights.keys()))
    named = len(path.name & weights.keys()) / len(path.name) if path.name else 0.0
    return _IN_PATH * found + most * (_NAME * named - _PROSE_LESS * path.prose)


def _why_not(path: str, size: int, total: int, attributes: Attributes) -> str | None:
    if is_media(path):
        return "pictures, fonts, sounds"
    if is_lock(path):
        return "lock files"
    if (mark := attributes.mark(path)) is not None:
        return mark.value
    if _DATA.search(path):
        return "data"
    if size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES} bytes"
    if total + size > MAX_TOTAL_BYTES:
        return f"the repository's text is larger than {MAX_TOTAL_BYTES} bytes"
    return None
