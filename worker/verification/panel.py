"""The tribunal of LLM judges: criteria in small batches, three judges for each, a debate where they split.

All calls of a round go out together; what one batch is shown does not depend on another. A judge who gives no
usable answer abstains, and says why. When a provider is away the whole attempt ends, to be made again later:
what was answered is on the ledger, and an outage decides nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import lru_cache
from typing import Any

from worker.core.settings import Settings
from worker.core.vocabulary import JudgeRole, Vote
from worker.llm import prices, providers
from worker.llm.errors import LlmError, OverBudget, Rejected, Transient
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller
from worker.verification import answer, prompts, search
from worker.verification.answer import JudgeAnswer
from worker.verification.batching import Batch
from worker.verification.constitution.criteria import Criterion
from worker.verification.context.index import LeftOut
from worker.verification.context.looking import Look, Seen
from worker.verification.context.shown import Context, Overview
from worker.verification.opinion import Opinion
from worker.verification.result import CriterionResult
from worker.verification.tribunal import Progress

_NO_MODEL = "none"
_MAX_ASKED = 2
"""So often a judge may ask to see more."""

Show = Callable[[Sequence[str], JudgeRole, Sequence[Look]], Awaitable[Seen]]
"""Shows a judge of the criteria with these keys what it asks to see."""


class Panel:
    """Three judges with models. `caller` pays."""

    def __init__(self, gateway: Gateway, caller: Caller, settings: Settings) -> None:
        self._gateway = gateway
        self._caller = caller
        self._settings = settings
        self._overview = Overview("", whole=False)
        self._batches: Sequence[Batch] = ()
        self._fence = ""
        self._show: Show | None = None
        self._seen: dict[tuple[str, ...], dict[JudgeRole, list[str]]] = {}

    async def judge(
        self, overview: Overview, shown: Sequence[Batch], progress: Progress, show: Show, *, fence: str
    ) -> list[Opinion]:
        """At most one opinion per judge and criterion; evidence as cited, not yet verified. `show` answers judges who
        ask to see more; `fence` seeds the nonce that marks the repository's text."""
        self._overview, self._batches, self._fence, self._show = overview, shown, fence, show
        count = sum(len(batch.criteria) for batch in shown)
        left = {number: len(JudgeRole) for number in range(len(self._batches))}
        done = 0

        async def one(number: int, role: JudgeRole) -> list[Opinion]:
            nonlocal done
            batch = self._batches[number]
            keys = [criterion.key for criterion in batch.criteria]
            found = await self._opinions(batch, role, keys, task="", round=1)
            left[number] -= 1
            if not left[number]:
                done += len(keys)
                await progress(done, count)
            return found

        opinions = await self._all([one(n, role) for n in range(len(self._batches)) for role in JudgeRole])
        if opinions and all(o.failure == OverBudget.code for o in opinions):
            raise OverBudget(opinions[0].rationale)
        return opinions

    async def debate(self, contested: Sequence[CriterionResult]) -> list[Opinion]:
        """Opinions of a second round on what the judges split over."""
        by_key = {result.criterion.key: result for result in contested}
        asked = []
        for batch in self._batches:
            keys = [criterion.key for criterion in batch.criteria if criterion.key in by_key]
            if keys:
                results = [by_key[key] for key in keys]
                asked += [self._opinions(batch, role, keys, task=_others(results, role), round=2) for role in JudgeRole]
        # A judge who gives no answer now keeps the one it gave before.
        return [opinion for opinion in await self._all(asked) if opinion.failure is None]

    async def _all(self, asked: Sequence[Coroutine[Any, Any, list[Opinion]]]) -> list[Opinion]:
        """All together; the error that trying again may mend comes first, when every call has ended."""
        tasks = [asyncio.create_task(one) for one in asked]
        try:
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
        errors = [one for one in ended if isinstance(one, BaseException)]
        for kind in (Transient, BaseException):
            for error in errors:
                if isinstance(error, kind):
                    raise error
        return [opinion for one in ended if isinstance(one, list) for opinion in one]

    async def _opinions(
        self, batch: Batch, role: JudgeRole, keys: Sequence[str], *, task: str, round: int
    ) -> list[Opinion]:
        # Who is shown everything has nothing to ask for; in a debate all see what any of them asked for before.
        may_look = not self._overview.whole and not batch.context.complete and not task
        seen = self._seen.setdefault(tuple(criterion.key for criterion in batch.criteria), {})
        more = "\n".join(dict.fromkeys(text for other in JudgeRole for text in seen.get(other, ()))) if task else ""
        asking = messages(
            self._overview, batch.context, batch.criteria, role, keys, task=task, more=more, may_look=may_look
        )
        asked: list[str] = []
        try:
            for left in reversed(range(_MAX_ASKED + 1 if may_look else 1)):
                given = await self._gateway.ask(self._ask(role, keys, asking, bool(task), left), self._caller)
                looks = answer.looks(given.value, keys) if left else ()
                if not looks or self._show is None:
                    break
                shown = await self._show(keys, role, looks)
                seen.setdefault(role, []).append(shown.text)
                asked += [_told(look) for look in looks]
                asking = (*asking, *_answered(given.value, shown, left - 1))
        except (Transient, Rejected):
            raise
        except LlmError as error:
            return [
                Opinion(key, role, Vote.ABSTAIN, str(error), _NO_MODEL, round=round, failure=error.code) for key in keys
            ]
        return [
            answer.opinion(one, role, given.model.name, round=round, asked=tuple(asked)) for one in given.value.opinions
        ]

    def _ask(
        self, role: JudgeRole, keys: Sequence[str], asking: tuple[Mapping[str, str], ...], debate: bool, left: int
    ) -> Ask[JudgeAnswer]:
        return Ask(
            role=role.value,
            purpose="debate" if debate else "judge",
            messages=asking,
            answer=JudgeAnswer,
            prompt_version=prompts.version(),
            check=answer.exactly(keys, may_look=left > 0),
            doubt=answer.contradicted(self._settings.pass_score),
            shared=SHARED,
            batch=BATCH,
            fence=self._fence,
        )

    def notes(self, left_out: Sequence[LeftOut], *, changed: bool) -> tuple[str, ...]:
        """What a reader should know of the panel and of what it was shown. `changed`: of what changed alone."""
        return (*_seen(self._batches, changed), *_not_shown(left_out), *_panel_notes(self._settings))


SHARED = 2
"""So many messages are the same for all judges, rounds and constitutions of a snapshot."""
BATCH = 3
"""So many are the same for all judges and rounds of a batch."""


def messages(
    overview: Overview,
    context: Context,
    criteria: Sequence[Criterion],
    role: JudgeRole,
    keys: Sequence[str],
    *,
    task: str,
    more: str = "",
    may_look: bool = False,
) -> tuple[Mapping[str, str], ...]:
    """What is the same for more judges comes first, so that the providers' prefix caches hit."""
    listed = "\n".join(map(_listed, criteria)).replace("\0", " ")
    material = (
        *(
            (prompts.fenced("What else of the repository concerns these criteria:", context.text),)
            if context.text
            else ()
        ),
        prompts.fenced("The criteria, each with its key:", listed),
    )
    last = (
        prompts.text(role.value),
        *((prompts.fenced("What judges asked to see:", more),) if more else ()),
        *((prompts.text("debate"), prompts.fenced("What the other judges said:", task)) if task else ()),
        *((prompts.text("see"),) if may_look else ()),
        prompts.text("answer").replace("{keys}", ", ".join(keys)),
    )
    return (
        {"role": "system", "content": prompts.text("rules")},
        {"role": "user", "content": prompts.fenced("The repository:", overview.text)},
        {"role": "user", "content": "\n\n".join(material)},
        {"role": "user", "content": "\n\n".join(last)},
    )


def _answered(given: JudgeAnswer, shown: Seen, left: int) -> tuple[Mapping[str, str], ...]:
    """The judge's wish and what it is shown, as they follow its question."""
    wish = JudgeAnswer(see=given.see, opinions=[]).model_dump_json()
    then = "You may ask once more, or give your opinions." if left else "Now give your opinions; `see` is empty."
    return (
        {"role": "assistant", "content": wish.replace("\0", " ")},
        {"role": "user", "content": f"{prompts.fenced('What you asked to see:', shown.text)}\n\n{then}"},
    )


def _told(look: Look) -> str:
    return f"{look.by.value} {look.what}" + ("" if look.line is None else f":{look.line}")


@lru_cache(maxsize=4096)
def _listed(criterion: Criterion) -> str:
    """A criterion as judges read it, on one line, with what code searched for: a PASS may rest on that. Every judge
    and round reads it."""
    patterns = search.patterns_of(criterion)
    limits = [
        *(f"only {entry}" for entry in criterion.scope.include),
        *(f"not {entry}" for entry in criterion.scope.exclude),
    ]
    scope = f" [{'; '.join(limits)}]" if limits else ""
    about = f"{criterion.category.value}, {criterion.severity.value}, {criterion.kind.value}"
    searched = f" [searched for: {'  '.join(patterns)}]" if patterns else ""
    return " ".join(f"{criterion.key} ({about}): {criterion.statement}{scope}{searched}".splitlines())


def _others(results: Sequence[CriterionResult], role: JudgeRole) -> str:
    """The other judges' words, in another order for each who reads them."""
    roles = list(JudgeRole)
    at = roles.index(role)
    order = [*roles[at + 1 :], *roles[:at]]
    lines = []
    for result in results:
        by_role = {opinion.role: opinion for opinion in result.opinions}
        lines.append(f"On {result.criterion.key}:")
        for other in order:
            said = by_role.get(other)
            if said is None:
                continue
            if said.void is not None:
                # Words that rest on nothing would only be repeated.
                lines.append(f"- {other.value}: its vote does not count. {said.void}")
                continue
            places = "; ".join(f"{e.path}:{e.start_line}-{e.end_line}" for e in said.evidence if e.verified)
            score = f", score {said.score}" if said.score is not None else ""
            lines.append(
                f"- {other.value}: {said.vote.value}{score}. {said.rationale}" + (f" [{places}]" if places else "")
            )
    return "\n".join(lines).replace("\0", " ")


def _seen(made: Sequence[Batch], changed: bool) -> tuple[str, ...]:
    """`changed`: only what changed, and what imports it, is shown."""
    if not made:
        return ()
    shown = {path for batch in made for path in batch.context.files}
    of = max(batch.context.of_files for batch in made)
    which = "text files that changed or import one that did" if changed else "text files that may be shown"
    if all(batch.context.complete for batch in made):
        return (f"The judges were shown all {of} {which}, whole.",)
    return (f"The judges were shown parts of {len(shown)} of {of} {which}, chosen for each criterion.",)


def _not_shown(left_out: Sequence[LeftOut]) -> tuple[str, ...]:
    reasons = Counter(left.why for left in left_out)
    if not reasons:
        return ()
    told = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
    return (f"{len(left_out)} file(s) were shown to no judge: {told}.",)


def _panel_notes(settings: Settings) -> tuple[str, ...]:
    """Judges of one family, and what is to be known of the prices."""
    chains = {role: providers.chain(role.value, settings) for role in JudgeRole}
    families = {role: chain[0].family for role, chain in chains.items() if chain}
    notes = []
    for family in sorted(set(families.values())):
        alike = [role.value for role, own in families.items() if own == family]
        if len(alike) > 1:
            notes.append(f"The judges {', '.join(alike)} share the model family {family}: they may err together.")
    return (*notes, *prices.notes((model for chain in chains.values() for model in chain), settings))
