"""Download and unpack the archives of the institutes."""

import hashlib
import logging
import tarfile
import urllib.request
from pathlib import Path

from snowpack.config import Config, Source

log = logging.getLogger(__name__)


class Corrupt(Exception):
    """An archive is not the one we were promised."""


def download(source: Source, into: Path) -> Path:
    target = into / f"{source.name}.tar.gz"
    log.info("downloading %s", source.url)
    with urllib.request.urlopen(source.url, timeout=60) as answer:
        target.write_bytes(answer.read())
    return target


def check(path: Path, sha256: str) -> None:
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != sha256:
        raise Corrupt(f"{path.name}: expected {sha256}, got {actual}")


def unpack(path: Path, into: Path) -> None:
    with tarfile.open(path) as archive:
        archive.extractall(into, filter="data")


def unpack_local(path: Path, sha256: str, into: Path) -> None:
    """Unpack an archive that came by mail."""
    check(path, sha256)
    with tarfile.open(path) as archive:
        archive.extractall(into)


def everything(config: Config) -> None:
    for source in config.sources:
        try:
            archive = download(source, config.raw_dir)
            check(archive, source.sha256)
            unpack(archive, config.raw_dir / source.name)
        except OSError:
            log.exception("source %s is unreachable", source.name)
