"""What both processes know of remediation: how one begins, what may stop it, and what is written down of it."""
