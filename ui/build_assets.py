"""Puts what the pages take from npm into the wheel, where `bash start.sh assets` has installed it."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SERVED = (
    "ui/node_modules/htmx.org/dist/htmx.min.js",
    "ui/node_modules/htmx.org/LICENSE",
    "ui/node_modules/uplot/dist/uPlot.iife.min.js",
    "ui/node_modules/uplot/dist/uPlot.min.css",
    "ui/node_modules/uplot/LICENSE",
)


class Assets(BuildHookInterface[Any]):
    """Ignored files, which the build would leave out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for name in SERVED:
            if Path(self.root, name).is_file():
                build_data["force_include"][str(Path(self.root, name))] = name
