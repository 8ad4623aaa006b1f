"""A Django site for the tests: one file, one process, the session engine of its environment.

Prints its port when it listens, and ends with its standard input.
"""

import json
import os
import sys
import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

environment = json.loads(os.environ["SITE"])

# Django does this for a module of settings, and not for `configure`.
os.environ["TZ"] = environment.get("timeZone", "UTC")
time.tzset()

settings.configure(
    DEBUG=False,
    SECRET_KEY=environment["secretKey"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=environment.get("useTz", True),
    TIME_ZONE=environment.get("timeZone", "UTC"),
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    DATABASES={"default": environment["database"]},
    CACHES={"default": environment["cache"]} if "cache" in environment else {},
    SESSION_ENGINE="django.contrib.sessions.backends." + environment["engine"],
    SESSION_FILE_PATH=environment.get("dir"),
    SESSION_COOKIE_SECURE=False,
    MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django.contrib import messages  # noqa: E402
from django.contrib.auth import authenticate, get_user_model, login, logout  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


def count(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return JsonResponse(request.session["count"], safe=False)


def show(request):
    data = {key: value for key, value in request.session.items()}
    return JsonResponse({"data": data, "user": request.user.username, "types": {k: type(v).__name__ for k, v in data.items()}})


def put(request):
    for key, value in json.loads(request.GET["data"]).items():
        request.session[key] = value
    return HttpResponse("ok")


def enter(request):
    user = authenticate(request, username=request.GET["user"], password=request.GET["password"])
    login(request, user)
    return HttpResponse("ok")


def leave(request):
    logout(request)
    return HttpResponse("ok")


def password(request):
    user = get_user_model().objects.get(username=request.GET["user"])
    user.set_password(request.GET["password"])
    user.save()
    return HttpResponse(user.password)


def user(request):
    found = get_user_model().objects.filter(username=request.GET["user"]).first()
    found = found or get_user_model().objects.create_user(request.GET["user"], password=request.GET["password"])
    return JsonResponse({"id": found.pk, "password": found.password})


def message(request):
    messages.warning(request, request.GET["text"], extra_tags=request.GET.get("tags", ""))
    return HttpResponse("ok")


def read_messages(request):
    return JsonResponse([[m.level, m.message, m.extra_tags] for m in messages.get_messages(request)], safe=False)


def expire(request):
    request.session.set_expiry(int(request.GET["seconds"]))
    return HttpResponse("ok")


def expiry(request):
    return JsonResponse([request.session.get_expiry_age(), request.session.get_expire_at_browser_close()], safe=False)


def test_cookie(request):
    request.session.set_test_cookie()
    return HttpResponse("ok")


def test_cookie_worked(request):
    return JsonResponse(request.session.test_cookie_worked(), safe=False)


urlpatterns = [
    path("count", count),
    path("show", show),
    path("put", put),
    path("login", enter),
    path("logout", leave),
    path("password", password),
    path("user", user),
    path("message", message),
    path("messages", read_messages),
    path("expire", expire),
    path("expiry", expiry),
    path("test-cookie", test_cookie),
    path("test-cookie-worked", test_cookie_worked),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


call_command("migrate", verbosity=0)
server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
