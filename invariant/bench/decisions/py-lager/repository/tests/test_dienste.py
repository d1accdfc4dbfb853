"""Tests der Fachlogik."""

import pytest

from lagerist import db, dienste

TEST_PASSWORT = "geheim123"


@pytest.fixture(autouse=True)
def lager(tmp_path, monkeypatch):
    monkeypatch.setenv("LAGERIST_DB", str(tmp_path / "lager.sqlite"))
    monkeypatch.setenv("LAGERIST_PASSWORT", TEST_PASSWORT)
    with db.transaktion() as verbindung:
        db.migrieren(verbindung)
        verbindung.execute("INSERT INTO teile VALUES ('A1', 'Keilriemen', 5, 1250, NULL)")


def test_teil_und_suche():
    assert dienste.teil("A1")["preis"] == 1250
    assert [t["nummer"] for t in dienste.suche("riemen")] == ["A1"]


def test_einlagern():
    dienste.einlagern("A1", 3)
    assert dienste.teil("A1")["bestand"] == 8


def test_entnehmen_nicht_unter_null():
    with pytest.raises(dienste.ZuWenig):
        dienste.entnehmen("A1", 6)
    assert dienste.teil("A1")["bestand"] == 5


def test_inventur():
    assert dienste.inventur({"A1": 4}) == 1
    assert dienste.teil("A1")["bestand"] == 4


def test_bestandswert_mit_rabatt():
    assert dienste.bestandswert() == 6250
    assert dienste.bestandswert(10) == 5625


def test_stand():
    assert dienste.stand().startswith("0 Bewegungen")
