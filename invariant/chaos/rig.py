"""Everything that one scenario needs, started fresh: a Postgres of its own, both sides with their workers, judges."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from client.http import Client
from invariant import postgres, stack
from invariant.bench.provider import Provider
from invariant.chaos import proxy
from invariant.chaos.proxy import Proxy
from invariant.chaos.sides import WORKERS, Bare, Product, Side, judges
from invariant.postgres import Server
from invariant.waiting import until
from worker.core.settings import Settings

_CALL_SECONDS = 0.25
_READY_SECONDS = 60.0


@dataclass
class Rig:
    server: Server
    product: Product
    bare: Bare
    proxy: Proxy
    judges: Provider
    logs: Path

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.product, self.bare


@contextlib.contextmanager
def ready(settings: Mapping[str, str], *, through_proxy: bool = False) -> Iterator[Rig]:
    """A rig of which both sides are at work. `settings` are the product's workers'."""
    with _assembled(settings, through_proxy=through_proxy, call_seconds=_CALL_SECONDS) as rig:
        for side in rig.sides:
            side.begin()
        _until_at_work(rig)
        yield rig


@contextlib.contextmanager
def idle(settings: Mapping[str, str], *, call_seconds: float) -> Iterator[Rig]:
    """A rig whose workers of the product serve and have nothing to do."""
    with _assembled(settings, through_proxy=False, call_seconds=call_seconds) as rig:
        for _ in range(WORKERS):
            rig.product.workers.start_and_serve()
        yield rig


@contextlib.contextmanager
def _assembled(settings: Mapping[str, str], *, through_proxy: bool, call_seconds: float) -> Iterator[Rig]:
    with contextlib.ExitStack() as on:
        folder = Path(on.enter_context(tempfile.TemporaryDirectory(prefix="invariant-chaos-")))
        server = on.enter_context(postgres.server(durable=True, connections=100))
        url, bare_url = (on.enter_context(server.database()) for _ in range(2))
        swallowing = on.enter_context(proxy.running(server.folder / ".s.PGSQL.5432"))

        def reached(address: str) -> str:
            if not through_proxy:
                return address
            plain = {"sslmode": "disable", "gssencmode": "disable"}
            there = make_url(address).set(host="127.0.0.1", port=swallowing.port, query=plain)
            return there.render_as_string(hide_password=False)

        found = on.enter_context(judges(call_seconds))
        api = on.enter_context(
            stack.running(
                Settings(DATABASE_URL=url, CVA_HOME=str(folder)), workers=0, environment={"CVA_HOME": str(folder)}
            )
        )
        client = on.enter_context(Client(api.url, api.token))
        product = Product(url, reached(url), client, found, folder, CVA_WORK_DIR=str(folder / "work"), **settings)
        bare = Bare(bare_url, reached(bare_url), folder, 2 * _CALL_SECONDS)
        rig = Rig(server, product, bare, swallowing, found, folder)
        for side in rig.sides:
            on.callback(side.workers.stop)
            on.callback(side.stop_producing)
        yield rig


def _until_at_work(rig: Rig) -> None:
    def logs() -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(rig.logs.glob("*.log")))

    until(lambda: all(len(side.completed()) > 20 for side in rig.sides), _READY_SECONDS, logs, every=0.2)
