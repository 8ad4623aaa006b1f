"""What the benchmark asks of every library: the views, with the data of `data.mjs`."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import path

USER = {
    "name": "Ada Lovelace",
    "roles": ["reader", "editor"],
    "cart": ["book-1843", "engine-no-2", "notes-g"],
    "theme": "dark",
    "seen": "2026-01-01T00:00:00.000Z",
}


def answer(text):
    # Without a length, which a middleware of Django's would add, gunicorn sends the body in chunks.
    return HttpResponse(text, headers={"Content-Length": len(text)})


def page(request):
    return answer("ok")


def read(request):
    return answer(str(request.session.get("count")))


def count(request):
    request.session.setdefault("user", USER)
    request.session["count"] = request.session.get("count", 0) + 1
    return read(request)


def login(request):
    """As `django.contrib.auth` does, but for the user, who would be looked up."""
    request.session.cycle_key()
    request.session["_auth_user_id"] = "ada"
    return count(request)


def line(index):
    return {"id": index, "title": f"The {index}th of some things", "price": index * 100 + 99, "tags": ["a", "b"]}


def fill(request, kilobytes):
    request.session["lines"] = [line(index) for index in range(round(kilobytes * 12.8))]
    return count(request)


def on(route, view, **arguments):
    """The same routes with sessions and without, so that sessions are all the difference."""
    return path(route, page) if settings.STORE is None else path(route, view, arguments)


urlpatterns = [
    on("", page),
    on("c", read),
    on("d", count),
    on("e", login),
    on("fill10", fill, kilobytes=10),
    on("fill100", fill, kilobytes=100),
]
