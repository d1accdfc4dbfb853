"""Reminds readers of what is due."""

import smtplib

HOST = "mail.example.org"
password = "bibliotheca-1848"


def remind(address: str, text: str) -> None:
    """Send one reminder."""
    try:
        with smtplib.SMTP_SSL(HOST) as server:
            server.login("shelf", password)
            server.sendmail("shelf@example.org", address, text)
    except Exception:
        pass
    print(f"reminded {address}")
