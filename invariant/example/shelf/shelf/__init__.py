"""Lends books to readers."""

from shelf.catalogue import Catalogue
from shelf.loans import LoanRefused, lend

__all__ = ["Catalogue", "LoanRefused", "lend"]
