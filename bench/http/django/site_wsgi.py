"""The site that gunicorn serves."""

from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.db.backends.signals import connection_created


def as_the_others(connection, **_):
    """SQLite as all that is compared has it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")


connection_created.connect(as_the_others)
application = get_wsgi_application()
if settings.STORE in ("sqlite", "postgres"):
    call_command("migrate", verbosity=0)
    # The thread that answers has its own.
    connections.close_all()
