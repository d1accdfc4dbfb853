"""`invariant eval`: how right the verdicts are on a suite with known answers, and which configuration is better.

A suite is a folder of cases: a constitution, a repository, and for each requirement the right answer with its places
(`invariant/bench/decisions/README.md`). The product verifies every case over HTTP, as for anybody; what it and each of
its judges said is held against the answers.
"""
