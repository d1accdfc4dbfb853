"""The providers as they document themselves: servers that refuse whatever is not published, in their own words."""

from tests.support.providers import anthropic, deepseek, gemini, openai
from tests.support.providers.server import Call, Model, Protocol, Server, running

PROTOCOLS = {
    protocol.name: protocol for protocol in (openai.OPENAI, anthropic.ANTHROPIC, gemini.GEMINI, deepseek.DEEPSEEK)
}

__all__ = ["PROTOCOLS", "Call", "Model", "Protocol", "Server", "running"]
