"""The product's version. The api announces itself by its first two numbers."""

VERSION = "1.2.0"
VERDICT_FORMAT = "invariant-verdict/2"
