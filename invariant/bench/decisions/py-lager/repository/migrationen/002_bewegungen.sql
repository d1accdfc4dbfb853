CREATE TABLE bewegungen (
    id INTEGER PRIMARY KEY,
    nummer TEXT NOT NULL REFERENCES teile (nummer),
    menge INTEGER NOT NULL,
    grund TEXT NOT NULL,
    zeit TEXT NOT NULL
);
PRAGMA user_version = 2;
