"""The real Django, for the tests: one request a line, one answer a line, both JSON.

A value is written with its Python type: null, true, false, {"i": "1"} int, {"f": "1.5"} float, {"s": "x"} str, {"y": "hex"} bytes,
{"l": []} list, {"t": []} tuple, {"S": []} set, {"F": []} frozenset, {"d": [[key, value]]} dict, {"dt": ["iso", zone]} datetime,
{"date": "iso"}, {"time": "iso"}, {"td": [days, seconds, microseconds]}, {"D": "1.50"} Decimal, {"u": "hex"} UUID.
"""
import base64
import datetime
import decimal
import json
import logging
import pickle
import sys
import tempfile
import uuid

import django
from django.conf import settings

FOLDER = tempfile.TemporaryDirectory(prefix="sojourn-django-")

settings.configure(
    SECRET_KEY="the tests' secret",
    USE_TZ=True,
    SESSION_FILE_PATH=FOLDER.name,
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": FOLDER.name + "/cache"},
    },
    INSTALLED_APPS=["django.contrib.sessions", "django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
logging.disable(logging.CRITICAL)

from django.contrib.messages.storage.base import Message  # noqa: E402
from django.contrib.messages.storage.cookie import MessageDecoder, MessageEncoder  # noqa: E402
from django.contrib.sessions.backends import cache, db, file, signed_cookies  # noqa: E402
from django.core import signing  # noqa: E402
from django.core.serializers.json import DjangoJSONEncoder  # noqa: E402
from django.utils.safestring import SafeData, mark_safe  # noqa: E402

try:
    import pytz
except ImportError:
    pytz = None
try:
    import zoneinfo
except ImportError:
    zoneinfo = None

STORE = db.SessionStore()


class EncoderSerializer:
    """What an application sets that keeps dates in its sessions."""

    def dumps(self, obj):
        return json.dumps(obj, separators=(",", ":"), cls=DjangoJSONEncoder).encode("latin-1")

    def loads(self, data):
        return json.loads(data.decode("latin-1"))


ENCODING_STORE = db.SessionStore()
ENCODING_STORE.serializer = EncoderSerializer
KEPT = {}
LIMIT = sys.getrecursionlimit()


class deep:
    """Room for what the tests themselves do with deep values; Django's own reading and writing has what it always has."""

    def __enter__(self):
        sys.setrecursionlimit(50_000)

    def __exit__(self, *_):
        sys.setrecursionlimit(LIMIT)


def zone_of(name):
    if name is None:
        return None
    kind, _, text = name.partition(":")
    if kind == "fixed":
        return datetime.timezone(datetime.timedelta(minutes=int(text)))
    if kind == "pytz" and pytz:
        return pytz.timezone(text)
    if kind == "zoneinfo" and zoneinfo:
        return zoneinfo.ZoneInfo(text)
    return datetime.timezone.utc


def datetime_of(text, zone):
    moment = datetime.datetime.fromisoformat(text)
    tz = zone_of(zone)
    if hasattr(tz, "localize"):
        return tz.localize(moment)
    return moment.replace(tzinfo=tz)


def value_of(described):
    if not isinstance(described, dict):
        return described
    (kind, body), = described.items()
    if kind in "ltSF":
        return {"l": list, "t": tuple, "S": set, "F": frozenset}[kind](value_of(item) for item in body)
    if kind == "d":
        return {value_of(key): value_of(item) for key, item in body}
    return {
        "i": int,
        "f": float,
        "s": str,
        "y": bytes.fromhex,
        "dt": lambda parts: datetime_of(*parts),
        "date": datetime.date.fromisoformat,
        "time": datetime.time.fromisoformat,
        "td": lambda parts: datetime.timedelta(*parts),
        "D": decimal.Decimal,
        "u": lambda text: uuid.UUID(hex=text),
    }[kind](body)


def difference(a, b, path="session"):
    """Where two values are not the same value of the same type, in the same order; None when they are."""
    if type(a) is not type(b):
        return "%s: %s is not %s" % (path, type(b).__name__, type(a).__name__)
    if isinstance(a, dict):
        if list(map(repr, a)) != list(map(repr, b)):
            return "%s: other keys" % path
        pairs = ((a[key], b[key], "%s[%r]" % (path, key)) for key in a)
        return next(filter(None, (difference(*pair) for pair in pairs)), None)
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return "%s: another length" % path
        pairs = ((x, y, "%s[%d]" % (path, index)) for index, (x, y) in enumerate(zip(a, b)))
        return next(filter(None, (difference(*pair) for pair in pairs)), None)
    if isinstance(a, (set, frozenset)):
        lost, found = set(map(repr, a)) - set(map(repr, b)), set(map(repr, b)) - set(map(repr, a))
        return "%s: %s for %s" % (path, found, lost) if lost or found or len(a) != len(b) else None
    # By their text: NaN is itself, zero has a sign, and two zones of one offset differ.
    return None if repr(a) == repr(b) else "%s: %r for %r" % (path, b, a)


def keep(request):
    """Builds a dictionary, keeps it, and answers with what Django stores of it."""
    with deep():
        session = value_of(request["session"])
    KEPT[request["name"]] = session
    if request["as"] == "encoded":
        with deep():
            # Django itself gives the application text from then on.
            KEPT[request["name"]] = ENCODING_STORE.serializer().loads(ENCODING_STORE.serializer().dumps(session))
        return ENCODING_STORE.encode(session)
    if request["as"] == "pickle":
        return base64.b64encode(pickle.dumps(session, pickle.HIGHEST_PROTOCOL)).decode()
    return STORE.encode(session)


def compare(request):
    """What came back, against what was kept with a key set or deleted; answers with the difference."""
    session = KEPT.pop(request["name"])
    for key, described in request.get("set", []):
        session[value_of(key)] = value_of(described)
    for key in request.get("delete", []):
        del session[value_of(key)]
    if request["as"] == "pickle":
        back = pickle.loads(base64.b64decode(request["stored"]))
    else:
        back = STORE.decode(request["stored"])
    with deep():
        return difference(session, back)


def decode(request):
    """What `decode` gives: JSON of it, or None when it is refused."""
    backend = signed_cookies if request.get("cookie") else db
    try:
        if backend is db:
            session = STORE.decode(request["stored"])
        else:
            session = signing.loads(
                request["stored"], serializer=STORE.serializer, max_age=86400,
                salt="django.contrib.sessions.backends.signed_cookies")
    except Exception:
        return None
    return None if session == {} else json.dumps(session, separators=(",", ":"))


def parse(request):
    """What the serializer reads of a signed text, written again; None when it refuses."""
    try:
        value = signing.loads(request["stored"], salt=STORE.key_salt, serializer=STORE.serializer)
    except Exception:
        return None
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else None


def sign_cookie(request):
    return signing.dumps(
        value_of(request["session"]), compress=True, serializer=STORE.serializer,
        salt="django.contrib.sessions.backends.signed_cookies")


def repickle(request):
    """A pickle, read and written again by Python."""
    stored = base64.b64decode(request["stored"])
    return base64.b64encode(pickle.dumps(pickle.loads(stored), stored[1])).decode()


def joined(value):
    """JavaScript's strings cannot tell two surrogates in a row from the one character that they make; so this does not, either."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, dict):
        return {joined(key): joined(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(map(joined, value))
    return value


def same_pickle(request):
    """Where what was made of a pickle differs from what Python reads in it. Only for pickles that a closed reader has accepted."""
    try:
        theirs = pickle.loads(base64.b64decode(request["stored"]))
    except Exception as error:
        return "refused: %s" % error
    with deep():
        return difference(joined(theirs), joined(pickle.loads(base64.b64decode(request["again"]))))


def legacy_write(request):
    session = value_of(request["session"])
    store = db.SessionStore()
    if request.get("pickle"):
        from django.contrib.sessions.serializers import PickleSerializer
        store.serializer = PickleSerializer
    return store._legacy_encode(session)


def legacy_read(request):
    return json.dumps(STORE.decode(request["stored"]), separators=(",", ":"))


def messages_write(request):
    made = [Message(m["level"], mark_safe(m["message"]) if m["safe"] else m["message"], extra_tags=m["extraTags"])
            for m in request["messages"]]
    return MessageEncoder().encode(made)


def messages_read(request):
    return [{"level": m.level, "message": str(m.message), "safe": isinstance(m.message, SafeData), "extraTags": m.extra_tags}
            for m in json.loads(request["stored"], cls=MessageDecoder)]


def engine_save(request):
    """A session stored by an engine: its key, and the folder of the engine."""
    engine = {"cache": cache, "file": file}[request["engine"]]
    store = engine.SessionStore()
    store.update(value_of(request["session"]))
    store.save()
    return {"key": store.session_key, "folder": FOLDER.name}


def engine_load(request):
    engine = {"cache": cache, "file": file}[request["engine"]]
    return difference(value_of(request["session"]), engine.SessionStore(request["key"]).load())


def version(_request):
    return {"django": list(django.VERSION[:2]), "pytz": bool(pytz), "zoneinfo": bool(zoneinfo)}


COMMANDS = {f.__name__: f for f in (
    keep, compare, decode, parse, sign_cookie, repickle, same_pickle, legacy_write, legacy_read, messages_write, messages_read,
    engine_save, engine_load, version)}

for line in sys.stdin:
    with deep():
        request = json.loads(line)
    try:
        answer = {"ok": COMMANDS[request["command"]](request)}
    except Exception as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(answer))
    sys.stdout.flush()
