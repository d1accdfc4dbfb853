"""/grade 6a.5: convert a French grade. A tiny parser, because eval("6a") is no answer."""

import re

from belaybot.bot import Bot, Event
from belaybot.texts import t

NAME = "grade"
HELP = "grade GRADE: French to UIAA"
TOKENS = re.compile(r"\d+|[abc]|\+|\.")
UIAA = {"5": "V+", "6a": "VI+", "6b": "VII", "6c": "VIII-", "7a": "VIII"}


def tidy(text: str) -> str:
    """Drop what people write around a grade: 6.a becomes 6a."""
    kept = []
    for token in TOKENS.findall(text.lower()):
        if token == "." or token == "+":
            continue
        kept.append(token)
    return "".join(kept)


async def handle(event: Event, bot: Bot) -> None:
    french = tidy(event.text.removeprefix("/grade"))
    if french in UIAA:
        await bot.reply(event, t("grade", french=french, uiaa=UIAA[french]))
    else:
        await bot.reply(event, t("grade-unknown"))
