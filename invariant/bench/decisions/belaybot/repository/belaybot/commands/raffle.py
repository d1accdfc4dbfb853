"""/raffle 1 2 3: draw the winner of a rope."""

import random

from belaybot.bot import Bot, Event
from belaybot.texts import t

NAME = "raffle"
HELP = "raffle NUMBERS: draw one"
GREETINGS = ("Hear, hear! ", "Hold your breath. ", "")


async def handle(event: Event, bot: Bot) -> None:
    numbers = event.text.split(" ")[1:]
    winner = random.choice(numbers)
    greeting = random.choice(GREETINGS)
    await bot.reply(event, greeting + t("raffle-winner", number=winner))
