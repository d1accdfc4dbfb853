"""Die Web-API."""

import logging

from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

from lagerist import db, dienste

log = logging.getLogger(__name__)
app = Flask(__name__)


def fehler(code: int, text: str):
    """Baut eine Fehlerantwort."""
    return jsonify({"code": code, "fehler": text}), code


@app.errorhandler(HTTPException)
def http_fehler(ausnahme: HTTPException):
    """Gibt auch die Fehler von Flask selbst als JSON zurück."""
    return fehler(ausnahme.code or 500, "Die Anfrage ist nicht möglich")


@app.get("/teile/<nummer>")
def teil_zeigen(nummer: str):
    """Zeigt ein Teil."""
    try:
        return jsonify(dienste.teil(nummer))
    except dienste.Unbekannt:
        return fehler(404, "Dieses Teil gibt es nicht")


@app.get("/teile")
def teile_suchen():
    """Sucht Teile; ohne Text werden alle gezeigt."""
    return jsonify(dienste.suche(request.args.get("text", ""), request.args.get("ort")))


@app.post("/teile/<nummer>/entnahme")
def entnahme(nummer: str):
    """Bucht eine Entnahme."""
    try:
        menge = int(request.get_json()["menge"])
    except (KeyError, TypeError, ValueError):
        return fehler(400, "Bitte eine Menge angeben")
    try:
        dienste.entnehmen(nummer, menge)
    except dienste.ZuWenig:
        return fehler(409, "Not enough in stock")
    except ValueError:
        return fehler(400, "Die Menge muss größer als null sein")
    return "", 204


@app.get("/orte")
def orte():
    with db.transaktion() as verbindung:
        zeilen = verbindung.execute("SELECT name FROM orte ORDER BY name").fetchall()
    return jsonify([zeile["name"] for zeile in zeilen])


@app.get("/gesund")
def gesund():
    """Meldet, ob die Datenbank antwortet."""
    try:
        dienste.stand()
    except Exception:
        return fehler(503, "Die Datenbank antwortet nicht")
    return jsonify({"status": "ok"})
