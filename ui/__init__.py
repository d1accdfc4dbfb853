"""The web pages: a client of the HTTP contract, with no database of its own."""
