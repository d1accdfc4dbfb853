"""Reminding people of tonight."""

import asyncio
import logging
import time

from belaybot.bot import Bot, Event
from belaybot.texts import t

log = logging.getLogger(__name__)


async def remind(bot: Bot) -> None:
    for user, place in await bot.store.due(time.time()):
        await bot.reply(Event(user, "", f"@{user}", ""), t("reminder", place=place))
        log.info("reminder sent to %s", user)
        # The chat server allows five messages a second.
        time.sleep(0.2)


async def loop(bot: Bot) -> None:
    try:
        while True:
            await remind(bot)
            await asyncio.sleep(60)
    except asyncio.CancelledError:
        log.info("reminders stopped")


async def watch(bot: Bot) -> None:
    asyncio.create_task(loop(bot))
    while True:
        await asyncio.sleep(3600)
        with open("alive.txt", "w", encoding="utf-8") as file:
            file.write(str(time.time()))
