"""A contained process: what it answers, how it ends, and what no stranger gets out of it."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invariant.waiting import until
from tests.support import contained as hostile
from tests.support.app import settings
from tests.support.processes import stands_still
from worker.isolation import linux, proof
from worker.isolation.contained import Contained, Isolation
from worker.isolation.errors import AnswerRejected, ContainmentFailed, ProcessEnded, TooSlow
from worker.isolation.room import Bounds, Layer, Room
from worker.sources import make, removal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")

_DECLARED = f"{hostile.Declared.__module__}.{hostile.Declared.__qualname__}"
_BOUNDS = Bounds(memory=512 << 20, file=32 << 20, folder=96 << 20, processes=64)


@pytest.fixture
async def process(isolation: Isolation, tmp_path: Path) -> AsyncIterator[Contained]:
    async with isolation.open(Room(_folder(tmp_path), bounds=_BOUNDS), seconds=30) as made:
        yield made


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    folder.mkdir(exist_ok=True)
    return folder


async def _at_work(process: Contained) -> None:
    async with asyncio.timeout(10):
        while not process.at_work:
            await asyncio.sleep(0.01)


async def test_functions_answer_and_an_object_is_kept(process: Contained) -> None:
    assert await process.call(hostile.double, 21) == 42
    assert [await process.call(hostile.Counter.add, number) for number in (1, 2, 3)] == [1, 3, 6]


async def test_a_fork_goes_on_from_what_was_read_and_changes_nothing_there(process: Contained) -> None:
    await process.call(hostile.Counter.add, 10)
    forked = await process.fork()
    assert await forked.call(hostile.Counter.add, 1) == 11
    assert await process.call(hostile.Counter.add, 5) == 15
    await forked.close()
    assert await process.call(hostile.double, 2) == 4


@pytest.mark.skipif(linux.landlock_version() < 6, reason="before Linux 6.12 Landlock knows no signals")
async def test_a_program_of_one_run_ends_no_other_run_that_shares_the_room(process: Contained) -> None:
    ours, theirs = await process.fork(), await process.fork()
    number = await theirs.call(hostile.process_id)
    assert await ours.call(hostile.kill_by_a_program, number) != 0
    assert await theirs.call(hostile.double, 2) == 4
    await theirs.close()
    await ours.close()


async def test_a_declared_error_crosses_the_wall_and_another_only_by_its_kind(process: Contained) -> None:
    with pytest.raises(hostile.Declared, match="so it is"):
        await process.call(hostile.fail, "so it is")
    with pytest.raises(ContainmentFailed, match=r"RuntimeError at contained.py:\d+") as failed:
        await process.call(hostile.leak, "sk-secret-of-the-repository")
    assert "sk-secret" not in str(failed.value)
    assert await process.call(hostile.double, 1) == 2


async def test_an_answer_of_another_form_is_refused(process: Contained) -> None:
    with pytest.raises(ContainmentFailed):
        await process.call(hostile.lie, 0)
    with pytest.raises(AnswerRejected):
        await process.call(hostile.flood, 80)


@pytest.mark.parametrize("words", ["a\0b", "x" * 1_000_000])
async def test_words_of_an_error_are_bounded_and_can_be_stored(process: Contained, words: str) -> None:
    with pytest.raises(hostile.Declared) as failed:
        process._value(hostile.fail, json.dumps({"error": _DECLARED, "words": words}).encode())
    assert len(str(failed.value)) <= 2000
    assert "\0" not in str(failed.value)


async def test_an_answer_of_nothing_but_errors_costs_the_reader_little(process: Contained) -> None:
    answer = b'{"value":[' + b"0," * (16 << 20) + b"0]}"
    began = time.monotonic()
    with pytest.raises(AnswerRejected, match="1 error"):
        process._value(hostile.listed, answer)
    assert time.monotonic() - began < 5


async def test_what_explodes_is_ended_and_nothing_else_waits(isolation: Isolation, tmp_path: Path) -> None:
    async with isolation.open(Room()) as other, isolation.open(Room(_folder(tmp_path))) as exploding:
        spinning = asyncio.create_task(exploding.call(hostile.spin, 0, seconds=1.5))
        slowest = 0.0
        while not spinning.done():
            began = time.monotonic()
            assert await other.call(hostile.double, 4) == 8
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.05)
        with pytest.raises(TooSlow, match="CVA_CONTAINED_SECONDS"):
            await spinning
        assert slowest < 1
        with pytest.raises(ProcessEnded):
            await exploding.call(hostile.double, 1)


async def test_a_fork_that_spins_ends_when_it_is_closed(process: Contained) -> None:
    forked = await process.fork()
    number = await forked.call(hostile.process_id)
    spinning = asyncio.create_task(forked.call(hostile.spin, 0))
    async with asyncio.timeout(10):
        # Its state: it runs (proc(5)).
        while (await process.call(hostile.read, f"/proc/{number}/stat")).rpartition(") ")[2][0] != "R":
            await asyncio.sleep(0.01)
    await forked.close()
    with pytest.raises((ProcessEnded, asyncio.CancelledError)):
        await spinning
    seen = await process.call(hostile.listed, "/proc")
    async with asyncio.timeout(10):
        while str(number) in seen:
            seen = await process.call(hostile.listed, "/proc")


async def test_a_call_that_is_cancelled_leaves_the_process_to_the_others(process: Contained) -> None:
    slow = asyncio.create_task(process.call(hostile.by_a_program, "import time; time.sleep(0.5)"))
    await _at_work(process)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await process.call(hostile.double, 8) == 16


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_process_that_dies_is_told_of(process: Contained, number: int) -> None:
    with pytest.raises(ProcessEnded, match=r"ended before it was done; it had taken up to \d+ MiB"):
        await process.call(hostile.end, number)


async def test_memory_is_bounded(process: Contained) -> None:
    with pytest.raises(ProcessEnded, match="more memory"):
        await process.call(hostile.hog, 1)
    printed = await process.call(hostile.by_a_program, "print(len(bytearray(1 << 30)))")
    assert printed == ""


@pytest.mark.parametrize(
    "hog", [(hostile.hog_together, 4, 200), (hostile.hog_as_orphans, 4, 200), (hostile.hog_shared, 600)]
)
async def test_memory_of_a_run_is_bounded_together_and_the_others_go_on(
    process: Contained, hog: tuple[Callable[..., Any], *tuple[int, ...]]
) -> None:
    forked = await process.fork()
    began = time.monotonic()
    with pytest.raises(ProcessEnded):
        await forked.call(*hog)
    assert time.monotonic() - began < 20
    assert await process.call(hostile.double, 3) == 6


@as_root
async def test_no_more_processes_are_started_than_it_may(isolation: Isolation, tmp_path: Path) -> None:
    async with isolation.open(Room(_folder(tmp_path), bounds=_BOUNDS)) as bounded:
        assert 0 < await bounded.call(hostile.fork_many, 10_000, seconds=60) <= _BOUNDS.processes


async def test_what_is_left_behind_ends_with_the_answer(process: Contained, tmp_path: Path) -> None:
    beat = _folder(tmp_path) / "beat"
    forked = await process.fork()
    for one in (process, forked):
        await one.call(hostile.leave_behind, str(beat))
        await asyncio.to_thread(until, lambda: stands_still(beat), 10)
        beat.unlink()
    await forked.close()
    assert await process.call(hostile.double, 2) == 4


async def test_what_a_fork_leaves_behind_ends_with_it(process: Contained, tmp_path: Path) -> None:
    beat = _folder(tmp_path) / "beat"
    forked = await process.fork()
    exploding = asyncio.create_task(forked.call(hostile.leave_behind_and_spin, str(beat)))
    await asyncio.to_thread(until, beat.exists, 10)
    await forked.close()
    await asyncio.gather(exploding, return_exceptions=True)
    await asyncio.to_thread(until, lambda: stands_still(beat), 10)
    assert await process.call(hostile.double, 2) == 4


async def test_no_program_changes_the_snapshot_that_others_read(isolation: Isolation, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    request = make.Request(None, content=b'{"a.py": "eval(x)"}', content_format="files")
    async with isolation.open(Room(folder)) as process:
        snapshot = await process.call(make.make, request, folder, settings().contained())
        place = snapshot.root / "a.py"
        code = f"import os, pathlib\np = pathlib.Path({str(place)!r})\ntry: p.unlink()\nexcept OSError: print('held')\n"
        code += "try: p.write_text('harmless')\nexcept OSError: print('held')\n"
        code += f"pathlib.Path({str(snapshot.scratch / 'mine')!r}).write_text('x'); print(p.read_text())"
        forked = await process.fork()
        printed = await forked.call(hostile.by_a_program, code)
        await forked.close()
    assert printed.split() == ["held", "held", "eval(x)"]


async def test_the_disk_is_not_filled(isolation: Isolation, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    async with isolation.open(Room(folder, bounds=_BOUNDS)) as process:
        with pytest.raises(ContainmentFailed):
            await process.call(hostile.one_file, str(folder), 64)
    async with isolation.open(Room(folder, bounds=_BOUNDS)) as process:
        with pytest.raises((ProcessEnded, asyncio.CancelledError)):
            await process.call(hostile.fill, str(folder), 256)
        assert process.ended


@pytest.mark.parametrize(
    "fill",
    [(hostile.fill_with_folders, 3_000), (hostile.fill_below, 1_500, "a"), (hostile.fill_below, 500, "of-a-long-name")],
)
async def test_folders_fill_a_folder_too(
    isolation: Isolation, tmp_path: Path, fill: tuple[Callable[..., Any], *tuple[Any, ...]]
) -> None:
    function, *arguments = fill
    folder = _folder(tmp_path)
    async with isolation.open(Room(folder, bounds=replace(_BOUNDS, folder=8 << 20))) as process:
        with pytest.raises((ProcessEnded, asyncio.CancelledError)):
            await process.call(function, str(folder), *arguments)
        assert process.ended
    assert removal.remove(folder)


# (what is tried, with which arguments)
Try = tuple[Callable[..., Any], tuple[Any, ...]]


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Try]]:
    """Things of the worker's, each of which would be had by any program of its user."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    key = home / ".ssh" / "id_ed25519"
    key.write_text("THE KEY")
    other = tmp_path / "another-run" / "snapshot"
    other.mkdir(parents=True)
    (other / "code.py").write_text("THEIRS")
    listening = socket.create_server(("127.0.0.1", 0))
    local = tmp_path / "local.sock"
    machine = socket.socket(socket.AF_UNIX)
    machine.bind(str(local))
    machine.listen()
    # Where everybody may send to it, as to the log of a machine.
    common = Path(tempfile.mkdtemp(prefix="invariant-log-"))
    log = common / "log.sock"
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(str(log))
    for place in (common, log):
        place.chmod(0o777)
    yield {
        "another user's key": (hostile.read, (str(key),)),
        "another run's file": (hostile.read, (str(other / "code.py"),)),
        "another run's folder": (hostile.listed, (str(other),)),
        "a write into another run": (hostile.write, (str(other / "new.py"),)),
        "a write into the temporary folder": (hostile.write, ("/tmp/invariant-was-here",)),
        "a write into our code": (hostile.write, (str(Path(proof.__file__).with_name("new.py")),)),
        "the password file": (hostile.read, ("/etc/shadow",)),
        "a connection to loopback": (hostile.connect, listening.getsockname()),
        "a connection to the internet": (hostile.connect, ("192.0.2.1", 443)),
        "a connection to a local socket": (hostile.connect_local, (str(local),)),
        "a datagram to a local socket": (hostile.send_local, (str(log),)),
        "a signal to the worker": (hostile.signal_process, (os.getpid(),)),
        "a signal to its parent": (hostile.signal_process, (os.getppid(),)),
    }
    listening.close()
    machine.close()
    datagrams.close()
    shutil.rmtree(common)


async def test_nothing_of_the_workers_is_had_from_within(process: Contained, secrets: dict[str, Try]) -> None:
    got = {}
    for what, (function, arguments) in secrets.items():
        try:
            got[what] = await process.call(function, *arguments)
        except ContainmentFailed:
            assert not process.ended, what
    assert got == {}


async def test_while_cloning_nothing_but_the_port_is_connected_to(isolation: Isolation, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        async with isolation.open(Room(_folder(tmp_path), ports=(443,))) as cloning:
            with pytest.raises(ContainmentFailed):
                await cloning.call(hostile.connect, *address)
            assert await cloning.call(hostile.connect_beside, *address) == []
        async with isolation.open(Room(_folder(tmp_path), ports=(address[1],))) as cloning:
            assert await cloning.call(hostile.connect, *address) == "connected"


async def test_no_memory_is_had_that_belongs_to_no_process(process: Contained) -> None:
    assert await process.call(hostile.hidden_memory, 0) == []


@pytest.mark.usefixtures("secrets")
async def test_a_program_that_it_starts_has_no_more(process: Contained, secrets: dict[str, Try]) -> None:
    key = secrets["another user's key"][1][0]
    port = secrets["a connection to loopback"][1][1]
    code = (
        "import socket\n"
        f"try: print(open({key!r}).read())\nexcept OSError: print('held')\n"
        f"try: socket.create_connection(('127.0.0.1', {port}), 2); print('connected')\nexcept OSError: print('held')\n"
    )
    assert (await process.call(hostile.by_a_program, code)).split() == ["held", "held"]


async def test_a_program_gets_neither_the_memory_nor_the_channel_of_the_process(process: Contained) -> None:
    printed = await process.call(hostile.by_a_program, hostile.MEMORY_OF_THE_FIRST)
    assert printed.splitlines() == ["held", "[0, 1, 2]"]


async def test_no_environment_with_our_secrets_can_be_read(isolation: Isolation, tmp_path: Path) -> None:
    """Of a worker of its own, whose environment holds them from the start."""
    script = (
        "import asyncio\n"
        "from tests.support import contained as hostile\n"
        "from worker.isolation.contained import Isolation\n"
        "from worker.isolation.room import Room\n"
        "async def main():\n"
        "    isolation = Isolation('tests.support.contained:prepare', [])\n"
        "    async with isolation.open(Room()) as process:\n"
        "        print(await process.call(hostile.environments))\n"
        "    isolation.close()\n"
        "asyncio.run(main())\n"
    )
    root = Path(proof.__file__).parents[2]
    env = {**os.environ, "DATABASE_URL": "postgresql://THE-SECRET", "OPENAI_API_KEY": "sk-THE-SECRET"}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], cwd=root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "C.UTF-8" in done.stdout
    assert "THE-SECRET" not in done.stdout


async def test_which_walls_stand_is_proven(isolation: Isolation, tmp_path: Path) -> None:
    standing = await proof.prove(isolation, tmp_path)
    assert {*standing.layers} | {*standing.missing} == set(Layer)
    assert {Layer.PROCESSES, Layer.FILES, Layer.CALLS, Layer.SOCKETS, Layer.LIMITS} <= {*standing.layers}
    assert (Layer.USER in standing.layers) == (os.geteuid() == 0)


async def test_a_worker_that_is_a_containers_first_process_is_told_of_that_wall_too(process: Contained) -> None:
    bait = proof.Bait("/nowhere", 1, await process.call(hostile.process_id), os.getuid())
    assert Layer.PROCESSES in await process.call(proof.held_back, bait)
