"""Django's settings, with the session store that the environment names, or with no sessions at all."""

import json
import os
from urllib.parse import urlsplit

SITE = json.loads(os.environ["SITE"])
STORE = SITE["store"]
BACKENDS = {"memory": "cache", "sqlite": "db", "postgres": "db", "cookie": "signed_cookies"}

SECRET_KEY = "benchmark-secret-of-32-characters-or-more"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "site_urls"
USE_TZ = True
TIME_ZONE = "UTC"

if STORE is not None:
    INSTALLED_APPS = ["django.contrib.sessions"]
    MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    SESSION_ENGINE = "django.contrib.sessions.backends." + BACKENDS[STORE]

if STORE == "memory":
    # By itself it throws entries away when there are 300.
    OPTIONS = {"MAX_ENTRIES": 100_000}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": OPTIONS}}

# By itself Django connects anew for every request, which its documentation advises against where load is high.
if STORE == "sqlite":
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": SITE["sqlite"], "CONN_MAX_AGE": None}}

if STORE == "postgres":
    URL = urlsplit(SITE["postgres"])
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": URL.hostname,
            "PORT": URL.port,
            "USER": URL.username,
            "NAME": URL.path[1:],
            "CONN_MAX_AGE": None,
        }
    }
