"""The product's version. The api announces itself by its first two numbers."""

VERSION = "1.2.0"
