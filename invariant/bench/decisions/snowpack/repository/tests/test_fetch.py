import hashlib
import io
import urllib.request

import pytest

from snowpack import fetch
from snowpack.config import Source


def test_download_and_check(tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(b"archive"))
    path = fetch.download(Source("x", "https://x.example/a.tar.gz", ""), tmp_path)
    fetch.check(path, hashlib.sha256(b"archive").hexdigest())
    with pytest.raises(fetch.Corrupt):
        fetch.check(path, "00")
