"""The endpoints, with the carrier and the database replaced."""

import pytest
from fastapi.testclient import TestClient

from parcels import repositories, security, services
from parcels.main import app

test_password = "hunter2-hunter2"


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(repositories, "insert_shipment", lambda *a: None)
    monkeypatch.setattr(
        repositories,
        "shipment_by_code",
        lambda code: {"code": code, "carrier": "quickbox", "state": "announced"},
    )
    return TestClient(app)


def test_create(client):
    answer = client.post("/shipments", json={"carrier": "quickbox", "customer": "c1"})
    assert answer.status_code == 201
    assert len(answer.json()["pin"]) == 6


def test_show(client):
    assert client.get("/shipments/ABC").json()["state"] == "announced"


def test_position(client, monkeypatch):
    monkeypatch.setattr(services, "position", lambda code: {"lat": 52.5, "lon": 13.4})
    assert client.get("/shipments/ABC/position").json()["lat"] == 52.5


def test_announce(client, monkeypatch):
    monkeypatch.setattr(services, "announce", lambda code: None)
    assert client.post("/shipments/ABC/announce").status_code == 204


def test_download(client, monkeypatch):
    monkeypatch.setattr(services, "label", lambda code: b"%PDF-1.7")
    assert client.get("/labels/ABC").headers["content-type"] == "application/pdf"


def test_password_round_trip():
    assert security.check_password(test_password, security.hash_password(test_password))
