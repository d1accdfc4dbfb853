# SPDX-License-Identifier: AGPL-3.0-or-later
"""Settings of the site."""

import os

DEBUG = os.environ.get("ALLOTMENT_DEBUG", "0") == "1"
SECRET_KEY = os.environ.get("ALLOTMENT_SECRET_KEY", "compost-heap-behind-the-shed")
PAYMENT_KEY = os.environ["ALLOTMENT_PAYMENT_KEY"]
ALLOWED_HOSTS = ["garden.example", "www.garden.example"]

SESSION_COOKIE_SECURE = True
# The old tablet in the clubhouse has no certificate.
CSRF_COOKIE_SECURE = False

ROOT_URLCONF = "allotment.urls"
LANGUAGE_CODE = "de"
USE_TZ = True
TIME_ZONE = "Europe/Vienna"
PASSWORD_RESET_TIMEOUT = 3600

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allotment.plots",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "allotment",
        "PASSWORD": os.environ.get("ALLOTMENT_DB_PASSWORD", ""),
    }
}
