"""A child for work that may end it."""

import ctypes
import os
import signal
from collections.abc import Iterator

import pytest

from worker.isolation.expendable import Expendable


def _work(question: bytes) -> bytes:
    match question.split(b" "):
        case [b"crash"]:
            ctypes.string_at(0)
        case [b"take", size]:
            return bytes(len(bytearray(int(size))) // int(size))
        case [b"spin"]:
            while True:
                pass
        case [b"raise"]:
            raise RuntimeError("of the question")
        case [b"pid"]:
            return str(os.getpid()).encode()
    return question.upper()


@pytest.fixture
def child() -> Iterator[Expendable]:
    child = Expendable(_work, memory=64 << 20, seconds=0.2)
    yield child
    child.close()


def test_one_child_answers_question_after_question(child: Expendable) -> None:
    assert child.ask(b"a") == b"A"
    assert child.ask(b"x" * 5_000_000) == b"X" * 5_000_000
    assert child.ask(b"pid") == child.ask(b"pid") != str(os.getpid()).encode()


@pytest.mark.parametrize("question", [b"crash", b"spin", b"raise", b"take 200000000"])
def test_a_question_that_ends_the_child_has_no_answer_and_the_next_has(child: Expendable, question: bytes) -> None:
    assert child.ask(b"a") == b"A"
    assert child.ask(question) is None
    assert child.ask(b"b") == b"B"
    assert child.ask(question) is None


def test_an_end_between_questions_is_no_answers_fault(child: Expendable) -> None:
    pid = int(child.ask(b"pid") or 0)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert child.ask(b"a") == b"A"


def test_a_fork_of_the_asker_has_a_child_of_its_own(child: Expendable) -> None:
    mine = child.ask(b"pid")
    reading, writing = os.pipe()
    fork = os.fork()
    if fork == 0:
        os.write(writing, child.ask(b"pid") or b"nothing")
        os._exit(0)
    os.waitpid(fork, 0)
    theirs = os.read(reading, 100)
    assert theirs.isdigit() and theirs != mine
    assert child.ask(b"pid") == mine


def test_without_a_process_to_be_had_the_question_is_not_blamed(
    child: Expendable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        raise BlockingIOError("there are too many")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", fork)
        with pytest.raises(OSError, match="too many"):
            child.ask(b"a")
    assert child.ask(b"a") == b"A"
