"""/find_partner PLACE EVENING"""

from belaybot.bot import Bot, Event
from belaybot.texts import t

NAME = "find_partner"
HELP = "find_partner PLACE EVENING: who else climbs there?"


async def handle(event: Event, bot: Bot) -> None:
    _, place, evening = event.text.split(" ", 2)
    others = await bot.store.looking(event.user, place, evening)
    if others:
        who = ", ".join(f"@{user}" for user in others)
        await bot.reply(event, t("partner-found", place=place, who=who))
    else:
        await bot.reply(event, t("partner-none"))
