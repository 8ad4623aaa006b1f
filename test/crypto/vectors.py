"""Prints vectors.json: the signed and sealed formats computed from their description, by another implementation.

Needs Python 3.9 or later and the package `cryptography`:  python3 test/crypto/vectors.py > test/crypto/vectors.json
"""

import hashlib, hmac, base64, json, struct
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives import hashes
b64 = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
def framed(*fields):
    out = b""
    for f in fields:
        f = f.encode() if isinstance(f, str) else f
        out += struct.pack(">I", len(f)) + f
    return out
keys = [hashlib.sha256(b"sojourn test key %d" % n).digest() for n in (1, 2)]
kid = lambda k: hashlib.sha256(b"sojourn kid 1:" + k).digest()[:4]
derive = lambda k, purpose: HKDF(hashes.SHA512(), 32, b"sojourn key 1", purpose.encode()).derive(k)
def seal(root, purpose, place, plain, salt):
    block = hmac.new(derive(root, purpose), framed("sojourn seal 1", place, salt) + b"\x01", hashlib.sha512).digest()
    key, iv, commit = block[:32], block[32:44], block[44:60]
    return b"\x01" + kid(root) + salt + commit + AESGCM(key).encrypt(iv, plain, framed(b"\x01", kid(root), place))
def sign(root, label, purpose, place, text):
    return kid(root) + hmac.new(derive(root, label), framed("1", purpose, place, text), hashlib.sha256).digest()
out = {"keys": [b64(k) for k in keys], "kids": [kid(k).hex() for k in keys],
       "derived": {p: [derive(k, p).hex() for k in keys] for p in ("codec seal", "codec sign", "cookie store seal", "cookie store sign")}}
cases = []
for n, (place, plain) in enumerate([("", ""), ("__Host-sid", 'j1:{"count":1}'), ("0" * 48, "gr\u00fc\u00df \U0001f600 " * 30)]):
    salt = hashlib.sha256(b"salt %d" % n).digest()[:24]
    cases.append({"place": place, "plain": plain, "salt": salt.hex(), "sealed": b64(seal(keys[0], "codec seal", place, plain.encode(), salt))})
out["seal"] = cases
out["sign"] = [{"purpose": p, "place": pl, "text": t, "signature": sign(keys[0], "codec sign", p, pl, t).hex()}
               for p, pl, t in [("codec", "", ""), ("codec", "0" * 48, 'j1:{"count":1}'), ("codec", "a", "gr\u00fc\u00df \U0001f600")]]
handle = "0f" * 24
out["codecs"] = {"place": handle, "plain": '{"count":1}',
    "signed": "s1:" + b64(sign(keys[0], "codec sign", "codec", handle, 'j1:{"count":1}')) + ':j1:{"count":1}',
    "sealed": "e1:" + b64(seal(keys[0], "codec seal", handle, b'j1:{"count":1}', bytes(range(24)))),
    "sealedByOld": "e1:" + b64(seal(keys[1], "codec seal", handle, b'j1:{"count":1}', bytes(range(24))))}
packed = '["%s","AAAABBBBCCCCDDDD",1700000000000,1800000000000,"u1",3]\nj1:{"count":1}' % handle
out["cookies"] = {"name": "__Host-sid", "handle": handle,
    "sealed": "e1." + b64(seal(keys[0], "cookie store seal", "__Host-sid", packed.encode(), bytes(range(24)))),
    "signed": "s1." + b64(sign(keys[0], "cookie store sign", "cookie store", "__Host-sid", packed) + packed.encode())}
print(json.dumps(out, indent=2))
