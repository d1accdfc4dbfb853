CREATE TABLE orte (name TEXT PRIMARY KEY);
CREATE TABLE teile (
    nummer TEXT PRIMARY KEY,
    bezeichnung TEXT NOT NULL,
    bestand INTEGER NOT NULL DEFAULT 0 CHECK (bestand >= 0),
    preis INTEGER NOT NULL,
    ort TEXT REFERENCES orte (name)
);
PRAGMA user_version = 1;
