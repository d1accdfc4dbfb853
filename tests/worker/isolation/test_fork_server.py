"""The fork server and its wardens: who inherits what, and who ends with whom."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import pytest

from invariant.waiting import until
from tests.support import contained as hostile
from tests.support.processes import stands_still
from worker.isolation import memory, proof
from worker.isolation.contained import Contained, Isolation
from worker.isolation.room import Room

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")


async def test_a_contained_process_holds_its_own_channel_and_no_other_rooms(isolation: Isolation) -> None:
    async with isolation.open(Room()) as first, isolation.open(Room()) as second, isolation.open(Room()) as third:
        for process in (first, second, third):
            assert await process.call(hostile.open_sockets) == 1
        fork = await third.fork()
        # Its channel and its lifeline.
        assert await fork.call(hostile.open_sockets) == 2
        await fork.close()


async def test_rooms_go_on_being_opened_when_the_processes_that_wait_for_one_are_killed(isolation: Isolation) -> None:
    async with isolation.open(Room()) as process:
        await process.call(hostile.process_id)
    assert isolation._server is not None
    server = isolation._server.pid
    for which in ("wardens", "held", "wardens"):
        until(lambda: len(memory.branch(server)) >= 5, 10, lambda: "nobody waits for a room")
        wardens = memory.children(server)
        for spare in wardens if which == "wardens" else [held for one in wardens for held in memory.children(one)]:
            os.kill(spare, signal.SIGKILL)
            until(lambda gone=Path(f"/proc/{spare}"): not gone.exists(), 10, lambda: "it lives on")
        # A warden whose process is gone goes as well.
        gone = [Path(f"/proc/{warden}") for warden in wardens]
        until(lambda gone=gone: not any(map(Path.exists, gone)), 10, lambda: "a warden guards nobody")
        async with isolation.open(Room()) as process:
            assert await process.call(hostile.double, 4) == 8
    assert isolation._server.pid == server


async def test_processes_that_wait_for_a_room_end_with_the_server(tmp_path: Path) -> None:
    isolation = Isolation("tests.support.contained:prepare", [])
    async with isolation.open(Room()) as process:
        await process.call(hostile.process_id)
    assert isolation._server is not None
    everything = memory.branch(isolation._server.pid)
    assert len(everything) >= 3
    isolation.close()
    until(lambda: not any(Path(f"/proc/{one}").exists() for one in everything), 10, lambda: "some live on")


async def test_rooms_end_with_the_worker_that_opened_them(tmp_path: Path) -> None:
    folder = tmp_path / "room"
    folder.mkdir()
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from tests.support import contained as hostile\n"
        "from worker.isolation.contained import Contained, Isolation\n"
        "from worker.isolation.room import Room\n"
        "async def main():\n"
        "    isolation = Isolation('tests.support.contained:prepare', [])\n"
        "    async with isolation.open(Room(Path(sys.argv[1]))) as process:\n"
        "        await process.call(hostile.leave_behind_and_spin, sys.argv[1] + '/beat')\n"
        "asyncio.run(main())\n"
    )
    root = Path(proof.__file__).parents[2]
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(folder), cwd=root)
    beat = folder / "beat"
    async with asyncio.timeout(30):
        while not beat.exists():
            await asyncio.sleep(0.05)
    worker.kill()
    await worker.wait()
    await asyncio.to_thread(until, lambda: stands_still(beat), 10)


async def test_the_fork_server_is_started_again_when_it_died(tmp_path: Path) -> None:
    made = Isolation("tests.support.contained:prepare", [])
    try:
        async with made.open(Room()) as process:
            assert await process.call(hostile.double, 1) == 2
            server = made._server
            assert server is not None
            server.kill()
            await asyncio.to_thread(server.wait)
            assert await process.call(hostile.double, 2) == 4
        async with made.open(Room()) as process:
            assert await process.call(hostile.double, 3) == 6
    finally:
        made.close()


async def test_whoever_is_cancelled_while_a_process_is_opened_leaves_none_behind(tmp_path: Path) -> None:
    isolation = Isolation("tests.support.contained:prepare", ())
    opened: list[Contained] = []

    async def use() -> None:
        async with isolation.open(Room(tmp_path)) as contained:
            opened.append(contained)

    # The first one waits for the fork server to start.
    task = asyncio.create_task(use())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    isolation.close()
    assert not opened
    # A socket that nobody closed is a warning, and a warning fails the test.
    gc.collect()
