"""/forget"""

from belaybot.bot import Bot, Event
from belaybot.texts import t

NAME = "forget"


async def handle(event: Event, bot: Bot) -> None:
    await bot.store.forget(event.user)
    await bot.reply(event, t("forgotten"))
