"""`python -m invariant.fuzz.guided TARGET SECONDS`: a target under libFuzzer, by way of atheris, in its own process.

libFuzzer sees which branches an input takes and what it is compared with, and finds in minutes what blind mutation does
not find in hours. atheris (https://github.com/google/atheris) is large, for Linux alone, and not installed by default.
The corpus stays in .invariant/fuzz; an input that fails is written to the tests' corpus, which replays it.
"""

import sys
from pathlib import Path

KEPT = Path(".invariant/fuzz")
_MAX_BYTES = 20_000
_MEMORY_MEGABYTES = 2048


def _escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


def main() -> None:
    """Never returns: libFuzzer ends the process, with 0 where nothing failed."""
    import atheris

    name, seconds = sys.argv[1:]
    # Only what is imported here is instrumented.
    with atheris.instrument_imports(include=["worker"], enable_loader_override=False):
        from invariant.fuzz import command, loop
        from invariant.fuzz.targets import TARGETS
    target = TARGETS[name]
    corpus, failures = KEPT / name, command.CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in (*target.seeds, *loop.read_corpus(failures)):
        (corpus / loop.name_of(data)).write_bytes(data)
    words = KEPT / f"{name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))

    def one(data: bytes) -> None:
        wrong = loop.failure(target, data)
        if wrong is not None:
            raise AssertionError(wrong)

    limits = [f"-max_total_time={seconds}", f"-max_len={_MAX_BYTES}", f"-rss_limit_mb={_MEMORY_MEGABYTES}"]
    # Hangs are found by the process's own time. By the clock (0 is no exception) a process that was suspended hangs.
    quiet = ["-timeout=1000000", "-print_final_stats=1", f"-dict={words}", f"-artifact_prefix={failures}/"]
    atheris.Setup([sys.argv[0], *limits, *quiet, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
