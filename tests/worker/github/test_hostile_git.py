"""Repositories that mean harm, read over git's smart HTTP with a token: nothing of theirs runs, nothing gets out."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.github.driver import Driver, driver
from tests.support.github.server import GitHub, Repo
from tests.worker.github.conftest import Shop


async def _verified(drive: Driver, shop: Shop) -> Any:
    await drive.deliver("installation", shop.installed())
    await drive.work()
    (run,) = await drive.rows("SELECT status, verdict, error_code FROM runs")
    return run


async def test_hooks_submodules_filters_and_links_do_nothing(drive: Driver, shop: Shop, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    touch = f"touch {canary}"
    shop.commit(
        {
            ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ../../../../etc\n',
            ".gitattributes": "* filter=harm diff=harm merge=harm\n*.bin filter=lfs diff=lfs merge=lfs\n",
            ".gitconfig": f'[filter "harm"]\n\tsmudge = {touch}\n\tclean = {touch}\n[core]\n\tfsmonitor = {touch}\n',
            ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:9/\n",
            "hooks/post-checkout": f"#!/bin/sh\n{touch}\n",
            "big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 10\n",
        }
    )
    (shop.folder / "link").symlink_to("/etc/passwd")
    (shop.folder / "out").symlink_to("../../..")
    sha = shop.commit({"app.py": "X = 1\n"})
    hook = shop.folder / ".git" / "hooks" / "post-upload-pack"
    hook.write_text(f"#!/bin/sh\n{touch}\n")
    hook.chmod(0o755)
    run = await _verified(drive, shop)
    # Links are left out, and that counts against what was searched.
    assert (run.status, run.verdict) == ("completed", "PARTIAL")
    assert not canary.exists()
    report = await drive.rows("SELECT convert_from(content, 'UTF8') AS text FROM artifacts")
    assert not any("root:" in row.text for row in report)
    assert next(iter(shop.repo.checks.values()))["head_sha"] == sha


async def test_a_submodule_that_would_run_something_is_refused_by_git_itself(
    drive: Driver, shop: Shop, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    modules = f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch {canary}"\n\tupdate = !touch {canary}\n'
    shop.commit({".gitmodules": modules})
    run = await _verified(drive, shop)
    assert (run.verdict, run.error_code) == ("ERROR", "source_unsafe") and not canary.exists()
    (check,) = shop.repo.checks.values()
    assert check["conclusion"] == "neutral"


async def test_a_hundred_thousand_refs_are_not_asked_for(drive: Driver, shop: Shop) -> None:
    lines = ["# pack-refs with: peeled fully-peeled sorted"]
    lines += [f"{shop.first} refs/heads/b{number:06d}" for number in range(100_000)]
    lines.append(f"{shop.first} refs/heads/main")
    (shop.folder / ".git" / "packed-refs").write_text("\n".join(lines) + "\n")
    run = await _verified(drive, shop)
    assert (run.status, run.verdict) == ("completed", "PASS")


async def test_a_pack_that_grows_is_refused_for_its_size(url: str, hub: GitHub, tmp_path: Path) -> None:
    """200 MB of nothing are some kilobytes on their way."""
    shop = Shop(hub, tmp_path)
    (shop.folder / "zero").write_bytes(b"\0" * (200 << 20))
    shop.commit({"app.py": "X = 1\n"})
    async with driver(url, hub, CVA_MAX_SNAPSHOT_BYTES=str(16 << 20), CVA_MAX_FILE_BYTES=str(8 << 20)) as drive:
        run = await _verified(drive, shop)
    assert (run.status, run.verdict, run.error_code) == ("failed", "ERROR", "source_too_large"), run


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "-oProxyCommand=touch x", "a b", "../../etc", "a/../../b"])
async def test_a_name_is_no_option_and_no_path(drive: Driver, shop: Shop, name: str, tmp_path: Path) -> None:
    """As GitHub would never say it; whoever has the webhook's secret could."""
    listed = {"id": 9, "full_name": name}
    drive.github.add(Repo(9, name, 42, git=shop.folder / ".git"))
    payload = {**shop.installed(), "repositories": [listed]}
    answer = await drive.deliver("installation", payload)
    if answer.status_code == 202:
        await drive.work()
    assert not list(tmp_path.rglob("x"))
    assert await drive.rows("SELECT 1 FROM runs WHERE verdict IN ('PASS', 'FAIL')") == []
