"""The order of tenants, as values."""

import random

import pytest

from worker.runtime.fairness import Order, Tenant


def tenant(name: str, *, priority: int = 10, running: int = 0, waiting: int = 250, since: float = 0.0) -> Tenant:
    return Tenant(name, priority, running, waiting, since)


def order(*tenants: Tenant, spread: int = 0) -> Order:
    return Order(tenants, read_at=0.0, valid_until=0.0, spread=spread)


def served(order: Order, number: int) -> str:
    taken = [order.take() for _ in range(number)]
    return "".join(one.name for one in taken if one is not None)


@pytest.mark.parametrize(
    ("tenants", "expected"),
    [
        pytest.param([tenant("a", since=2), tenant("b", since=1)], "baba", id="in turn"),
        pytest.param([tenant("a", priority=0), tenant("b", priority=10)], "bbbb", id="priority before all"),
        pytest.param([tenant("a", running=1, waiting=8), tenant("b", since=9)], "baaa", id="who has nothing at work"),
        pytest.param(
            [tenant("a", running=1, waiting=250), tenant("b", running=2, waiting=10)], "bbbb", id="shares by what waits"
        ),
    ],
)
def test_an_order_serves_by_priority_then_share_then_in_turn(tenants: list[Tenant], expected: str) -> None:
    assert served(order(*tenants), 4) == expected


def test_who_was_served_comes_after_all_of_the_same_share() -> None:
    names = "abcdefgh"
    assert served(order(*(tenant(name, since=place) for place, name in enumerate(names))), 16) == names * 2


def test_a_dropped_tenant_is_not_served_and_an_empty_order_serves_nobody() -> None:
    found = order(tenant("a"), tenant("b", since=1))
    found.drop("a")
    assert served(found, 2) == "bb"
    found.drop("b")
    assert (bool(found), found.was_empty, found.take()) == (False, False, None)
    assert order().was_empty


def test_processes_that_read_the_same_order_do_not_serve_the_same_tenants() -> None:
    random.seed(1989)
    tenants = [tenant(f"t{place}", since=place) for place in range(1000)]
    processes = [order(*tenants, spread=190) for _ in range(20)]
    taken = [one.name for process in processes for _ in range(10) if (one := process.take()) is not None]
    # 200 turns: most go to a tenant each, and to those that have waited longest.
    assert len(set(taken)) > 120
    assert max(int(name[1:]) for name in taken) < 400


def test_no_lot_comes_before_priority_or_share() -> None:
    tenants = [tenant("a", priority=0), tenant("b", running=1), tenant("c", since=9)]
    assert all(served(order(*tenants, spread=100), 1) == "c" for _ in range(50))
