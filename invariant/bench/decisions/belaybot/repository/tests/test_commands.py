"""Commands, with a bot that only listens."""

import asyncio

import pytest

from belaybot.bot import Event
from belaybot.commands import find_partner, grade, raffle

bot_password = ""


class Listener:
    def __init__(self):
        self.replies = []
        self.store = self

    async def looking(self, user, place, evening):
        return [2] if place == "hall" else []

    async def reply(self, event, text):
        self.replies.append(text)


def run(module, text):
    listener = Listener()
    asyncio.run(module.handle(Event(1, "Ida", "c", text), listener))
    return listener.replies


def test_partner():
    assert "@2" in run(find_partner, "/find_partner hall monday")[0]


@pytest.mark.parametrize("text", ["6a", "6.a", "6a+"])
def test_grade(text):
    assert "VI+" in run(grade, f"/grade {text}")[0]


def test_raffle():
    assert "7" in run(raffle, "/raffle 7")[0]
