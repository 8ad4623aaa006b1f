import { parseCookie, stringifySetCookie } from "cookie";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hash,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { jsonCodec } from "../../src/codec/json.ts";
import { signedCodec } from "../../src/codec/signed.ts";
import { handleOf, newSessionId, newVersion } from "../../src/core/id.ts";
import { mergeData } from "../../src/core/merge.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import { readCookies } from "../../src/cookie/parse.ts";
import { serializeCookie } from "../../src/cookie/serialize.ts";
import { createSessions } from "../../src/index.ts";
import { processRequest } from "../../src/middleware/index.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { must } from "../measure.ts";
import { dataOf, keysOf } from "./data.ts";
import type { Case, Group } from "./harness.ts";

/** Ids, cookies, codecs, seals, change detection and merges, each beside the least that it could cost. */
export async function partCases(): Promise<Group[]> {
  return [idCases(), cookieCases(), codecCases(), signCases(), sealCases(), await changeCases(), mergeCases()];
}

function idCases(): Group {
  const id = newSessionId();
  return {
    title: "Ids and handles",
    cases: [
      { name: "randomBytes(24) as base64url", call: () => randomBytes(24).toString("base64url") },
      { name: "a session's id", baseline: "randomBytes(24) as base64url", call: () => newSessionId() },
      { name: "a version's token", baseline: "randomBytes(24) as base64url", call: () => newVersion() },
      { name: "createHash of an id", call: () => createHash("sha256").update(id).digest("hex") },
      { name: "hash of an id", call: () => hash("sha256", id, "hex") },
      { name: "an id's handle", baseline: "hash of an id", call: () => handleOf(id) },
    ],
  };
}

function cookieCases(): Group {
  const name = "__Host-sid";
  const value = newSessionId();
  const attributes = { path: "/", secure: true, httpOnly: true, sameSite: "lax", partitioned: false } as const;
  const parsing = [1, 10, 50].flatMap((count): Case[] => {
    const others = Array.from({ length: count - 1 }, (_, index) => `cookie_${index}=${newVersion()}`);
    const header = [...others, `${name}=${value}`].join("; ");
    const baseline = `package cookie, parse ${count}`;
    must(readCookies(header, name)[0] === value && parseCookie(header)[name] === value, "The cookie was not found");
    return [
      { name: baseline, call: () => parseCookie(header)[name] },
      { name: `read 1 of ${count}, the last`, baseline, call: () => readCookies(header, name) },
    ];
  });
  return {
    title: "Cookies",
    cases: [
      ...parsing,
      {
        name: "package cookie, Set-Cookie",
        call: () =>
          stringifySetCookie({ name, value, path: "/", secure: true, httpOnly: true, sameSite: "lax", maxAge: 3600 }),
      },
      {
        name: "Set-Cookie",
        baseline: "package cookie, Set-Cookie",
        call: () => serializeCookie(name, value, { ...attributes, maxAgeSeconds: 3600 }),
      },
    ],
  };
}

const CONTEXT = { place: handleOf(newSessionId()) };
const SIZES = { "200 B": 200, "10 KB": 10_000, "100 KB": 100_000 } as const;

function codecCases(): Group {
  const codec = jsonCodec();
  const cases = Object.entries(SIZES).flatMap(([size, bytes]): Case[] => {
    const data = dataOf(bytes);
    const plain = JSON.stringify(data);
    const text = codec.encode(plain, CONTEXT);
    return [
      { name: `JSON.stringify, ${size}`, call: () => JSON.stringify(data) },
      {
        name: `encode, ${size}`,
        baseline: `JSON.stringify, ${size}`,
        call: () => codec.encode(codec.stringify(data), CONTEXT),
      },
      { name: `JSON.parse, ${size}`, call: () => JSON.parse(plain) as unknown },
      { name: `decode, ${size}`, baseline: `JSON.parse, ${size}`, call: () => codec.parse(codec.decode(text, CONTEXT)) },
    ];
  });
  return { title: "The JSON codec", cases };
}

function signCases(): Group {
  const bytes = randomBytes(32);
  const key = createSecretKey(bytes);
  const codec = signedCodec({ keys: bytes });
  const cases = (["200 B", "10 KB"] as const).flatMap((size): Case[] => {
    const plain = JSON.stringify(dataOf(SIZES[size]));
    const signed = codec.encode(plain, CONTEXT);
    const baseline = `createHmac, ${size}`;
    return [
      { name: baseline, call: () => createHmac("sha256", key).update(plain).digest() },
      { name: `sign, ${size}`, baseline, call: () => codec.encode(plain, CONTEXT) },
      { name: `verify, ${size}`, baseline, call: () => codec.decode(signed, CONTEXT) },
    ];
  });
  return { title: "Signed text", cases };
}

function sealCases(): Group {
  const store = cookieStore({ keys: randomBytes(32) });
  const now = Date.now();
  const times = { createdAt: now, expiresAt: now + 1000 };
  const cases = (["200 B", "4 KB"] as const).flatMap((size): Case[] => {
    const data = `j1:${JSON.stringify(dataOf(size === "200 B" ? 200 : 4000))}`;
    const record: SessionRecord = { handle: CONTEXT.place, data, version: newVersion(), ...times, userId: null, epoch: 0 };
    const value = store.seal(record, "sid");
    must(store.open(value, "sid").status === "live", "What was sealed does not open");
    const { encrypt, decrypt } = aesAlone(data);
    return [
      { name: `AES-256-GCM and base64url, ${size}`, call: encrypt },
      { name: `seal, ${size}`, baseline: `AES-256-GCM and base64url, ${size}`, call: () => store.seal(record, "sid") },
      { name: `base64url and AES-256-GCM, ${size}`, call: decrypt },
      { name: `open, ${size}`, baseline: `base64url and AES-256-GCM, ${size}`, call: () => store.open(value, "sid") },
    ];
  });
  return {
    title: "The cookie store",
    words: "The baseline encrypts under one key for all; the store derives one for each cookie.",
    cases,
  };
}

function aesAlone(text: string) {
  const key = createSecretKey(randomBytes(32));
  const encrypt = (): string => {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, iv);
    return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
  };
  const sealed = encrypt();
  const decrypt = (): string => {
    const bytes = Buffer.from(sealed, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString();
  };
  must(timingSafeEqual(Buffer.from(decrypt()), Buffer.from(text)), "What was encrypted does not decrypt");
  return { encrypt, decrypt };
}

async function changeCases(): Promise<Group> {
  const sessions = createSessions({ store: "memory:" });
  const cases: Case[] = [];
  for (const [size, bytes] of Object.entries(SIZES)) {
    const { cookie } = await sessions.create({ data: dataOf(bytes) });
    const header = (name: string): string | undefined => (name === "cookie" ? cookie : undefined);
    const loaded = async () => {
      const session = await processRequest(sessions, { method: "GET", secure: true, header }, {});
      const data = await session.load();
      return { session, data };
    };
    const [same, changed] = [await loaded(), await loaded()];
    changed.data["count"] = 2;
    must(!same.session.modified && changed.session.modified, "A change was not seen as it is");
    const plain = JSON.stringify(same.data);
    const baseline = `JSON.stringify and compare, ${size}`;
    cases.push(
      { name: baseline, call: () => JSON.stringify(same.data) === plain },
      { name: `unchanged, ${size}`, baseline, call: () => same.session.modified },
      { name: `changed, ${size}`, baseline, call: () => changed.session.modified },
    );
  }
  return { title: "Whether a session changed", cases };
}

function mergeCases(): Group {
  const cases = [10, 1000].flatMap((count): Case[] => {
    const [base, theirs, ours] = [keysOf(count), keysOf(count, 1), keysOf(count, 2)];
    const { data, merged } = mergeData(base, theirs, ours, { rules: {}, together: [] });
    must(merged === 1 && Object.keys(data).length === count, "The merge is another one");
    const baseline = `three objects compared as JSON, ${count} keys`;
    return [
      {
        name: baseline,
        call: () => {
          const text = JSON.stringify(base);
          return JSON.stringify(theirs) === text && JSON.stringify(ours) === text;
        },
      },
      { name: `merge, ${count} keys`, baseline, call: () => mergeData(base, theirs, ours, { rules: {}, together: [] }) },
    ];
  });
  return { title: "Three-way merge", words: "Of keys that hold small objects; each side changed one.", cases };
}
