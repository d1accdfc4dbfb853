"""Remediation: fixes that are proven, bounded and reversible."""
