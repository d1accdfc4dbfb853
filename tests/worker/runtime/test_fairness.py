"""The order of tenants, as values."""

import pytest

from worker.runtime.fairness import Order, Tenant


def tenant(name: str, *, priority: int = 10, running: int = 0, waiting: int = 250, since: float = 0.0) -> Tenant:
    return Tenant(name, priority, running, waiting, since)


def order(*tenants: Tenant, holds: float = 0.0) -> Order:
    return Order(tenants, read_at=100.0, valid_until=100.0 + holds)


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


def test_processes_that_read_the_same_order_do_not_all_serve_the_same_tenant() -> None:
    tenants = [tenant(f"t{place}", since=100 - place / 100) for place in range(100)]
    first = {order(*tenants, holds=2.0).take() for _ in range(20)}
    assert len(first) > 5
    # What lies longer back than an order holds is not drawn for.
    tenants.append(tenant("old", since=90))
    assert all(served(order(*tenants, holds=2.0), 1) == "old" for _ in range(20))
