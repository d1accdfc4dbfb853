"""Books, kept in SQLite."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Book:
    isbn: str
    title: str
    copies: int


class Catalogue:
    """Finds and adds books."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path)
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS books (isbn TEXT PRIMARY KEY, title TEXT, copies INTEGER)"
        )

    def add(self, book: Book) -> None:
        with self.connection:
            self.connection.execute("INSERT INTO books VALUES (?, ?, ?)", (book.isbn, book.title, book.copies))

    def search(self, words: str) -> list[Book]:
        query = f"SELECT isbn, title, copies FROM books WHERE title LIKE '%{words}%' ORDER BY title"
        return [Book(*row) for row in self.connection.execute(query)]
