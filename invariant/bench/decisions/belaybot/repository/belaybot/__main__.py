"""python -m belaybot"""

import asyncio
import logging
import logging.handlers
import os
import sys

from belaybot import reminders
from belaybot.bot import Bot, Event
from belaybot.commands import find_partner, forget, grade, raffle
from belaybot.store import Store

log = logging.getLogger("belaybot")
COMMANDS = {module.NAME: module for module in (find_partner, forget, grade, raffle)}


def configure_logging() -> None:
    handler = logging.handlers.TimedRotatingFileHandler(
        "belaybot.log", when="midnight", backupCount=30, encoding="utf-8"
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO)


async def version() -> str:
    process = await asyncio.create_subprocess_exec(
        "git", "rev-parse", "--short", "HEAD", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode().strip()


async def dispatch(event: Event, bot: Bot) -> None:
    log.info("command from %s: %s", event.user, event.text)
    name = event.text.removeprefix("/").split(" ")[0]
    command = COMMANDS.get(name)
    if command is None:
        await bot.reply(event, "I do not know that command.")
        return
    await command.handle(event, bot)


async def main() -> None:
    token = os.environ.get("BELAYBOT_TOKEN")
    if not token:
        sys.exit("BELAYBOT_TOKEN is not set")
    configure_logging()
    bot = Bot(os.environ.get("BELAYBOT_URL", "https://chat.example/api"), token, Store("belay.db"))
    await bot.store.open()
    log.info("started", extra={"version": await version()})
    bot.background(reminders.watch(bot))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
