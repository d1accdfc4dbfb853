"""What the dashboards show, read from the buckets that worker.analytics keeps."""

from api.analytics import health, judges, repositories, rules, summary, trends

ENDPOINTS = (summary, trends, repositories, judges, rules, health)
