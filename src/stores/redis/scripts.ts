import { createHash } from "node:crypto";
import { BURY, CLOCK, EPOCHS, LEAVE, MOVE, PUT, READ, REFUSE, SHOW, TEXTS } from "./lua.ts";

/** A Lua script and the name under which the server keeps it. */
export interface RedisScript {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

function script(name: string, parts: readonly string[], body: string): RedisScript {
  const text = `-- sojourn ${name}\n${parts.join("")}${body}`;
  let sha: string | undefined;
  return Object.freeze({
    name,
    text,
    // With the first use: whoever has another store imports this too.
    get sha() {
      return (sha ??= createHash("sha1").update(text).digest("hex"));
    },
  });
}

/** KEYS: epochs, session. What is stored is given as it is: whoever asked can read it, and the server has one thread for all. */
export const LOAD = script(
  "load",
  [EPOCHS],
  `
local value = redis.call('GET', KEYS[2])
if not value then return { 'missing' } end
local version, user, at = string.match(value, '^S1L[ %d%-]+:[%d%-]+:%d+:(%d+):(%d+):()')
if not at then return { 'found', value } end
local from = at + tonumber(version)
return { 'found', value, epochOf(string.sub(value, from, from + tonumber(user) - 1)) }
`,
);

const WRITE = [EPOCHS, TEXTS, CLOCK, PUT];

/** ARGV: mode, slack, handle, data, version, created at, deadline, user, epoch. */
export const CREATE = script(
  "create",
  WRITE,
  `
local mode, slack, handle, user, epoch = ARGV[1], ARGV[2], ARGV[3], given(ARGV[8]), ARGV[9]
if redis.call('EXISTS', KEYS[5]) == 1 then return { 'exists' } end
if behind(user, epoch) then return { 'revoked' } end
put(KEYS[5], mode, handle, ARGV[4], ARGV[5], ARGV[6], ARGV[7], user, epoch, slack)
-- Entries of sessions that expired by themselves, a few with each new one, so that they never pile up.
local over = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now() - tonumber(slack) - 60000), 'LIMIT', 0, 4)
for _, each in ipairs(over) do
  local length, rest = string.match(each, '^(%d+):(.*)$')
  redis.call('ZREM', KEYS[3], each)
  redis.call('ZREM', KEYS[2], each)
  redis.call('ZREM', KEYS[4], string.sub(rest, tonumber(length) + 2))
end
return { 'created' }
`,
);

/** ARGV: mode, slack, handle, data, version, expected version, deadline, user, epoch. */
export const SAVE = script(
  "save",
  [...WRITE, READ, SHOW, LEAVE, REFUSE],
  `
local mode, slack, handle, user, epoch = ARGV[1], ARGV[2], ARGV[3], given(ARGV[8]), ARGV[9]
local r = read(KEYS[5])
local refused = refusal(KEYS[5], r, ARGV[6], user, epoch)
if refused then return refused end
if r.user ~= user then leave(mode, r.user, handle) end
put(KEYS[5], mode, handle, ARGV[4], ARGV[5], r.created, ARGV[7], user, epoch, slack)
return { 'saved' }
`,
);

/** KEYS 6: the new session. ARGV: as for create, then 10 old handle, 11 expected version, 12 reason, 13 token, 14 until, 15 successor. */
export const ROTATE = script(
  "rotate",
  [...WRITE, READ, SHOW, LEAVE, REFUSE, BURY],
  `
local mode, slack, handle, user, epoch = ARGV[1], ARGV[2], ARGV[3], given(ARGV[8]), ARGV[9]
local r = read(KEYS[5])
local refused = refusal(KEYS[5], r, ARGV[11], user, epoch)
if refused then return refused end
if redis.call('EXISTS', KEYS[6]) == 1 then return { 'exists' } end
put(KEYS[6], mode, handle, ARGV[4], ARGV[5], ARGV[6], ARGV[7], user, epoch, slack)
bury(KEYS[5], mode, ARGV[10], r, ARGV[12], ARGV[13], ARGV[14], ARGV[15], slack)
return { 'rotated' }
`,
);

/** ARGV: mode, slack, handle, version, deadline. */
export const TOUCH = script(
  "touch",
  [READ, TEXTS, CLOCK, MOVE],
  `
local mode, slack, handle, deadline = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local r = read(KEYS[5])
if not r then return { redis.call('EXISTS', KEYS[5]) == 0 and 'stale' or 'unreadable' } end
if r.version ~= ARGV[4] then return { 'stale' } end
if tonumber(deadline) > tonumber(r.deadline) then
  if r.user or mode ~= 'u' then redis.call('ZADD', KEYS[3], deadline, entry(r.user, handle)) end
  move(KEYS[5], deadline, slack)
end
return { 'touched' }
`,
);

/** ARGV: mode, slack, handle, reason, token, until, successor or nothing, and the expected version after `=`, or nothing. */
export const RETIRE = script(
  "retire",
  [EPOCHS, READ, SHOW, TEXTS, CLOCK, MOVE, LEAVE, BURY],
  `
local mode, slack, handle, reason, token, deadline, successor, expected = unpack(ARGV)
local r = read(KEYS[5])
if not r then
  if redis.call('EXISTS', KEYS[5]) == 0 then return { 'missing' } end
  -- What is damaged may be ended, as long as it is the store's own.
  if not string.find(redis.call('GETRANGE', KEYS[5], 0, 1), '^S%d') or expected ~= '' then return { 'unreadable' } end
elseif r.reason then
  local later = tonumber(deadline) > tonumber(r.deadline) and deadline or r.deadline
  -- Also when nothing moves: a call that was sent again must be a write, or the replicas would not be asked about it.
  if mode ~= 'u' then redis.call('ZADD', KEYS[3], later, entry(false, handle)) end
  move(KEYS[5], later, slack)
  r.deadline = later
  return stone(r)
elseif expected ~= '' and '=' .. r.version ~= expected then
  return show('conflict', redis.call('GET', KEYS[5]), r.user)
end
bury(KEYS[5], mode, handle, r, reason, token, deadline, successor, slack)
return { 'retired', reason, token, deadline, successor ~= '' and successor or false }
`,
);

/** KEYS: epochs. ARGV: user. */
export const EPOCH = script("epoch", [EPOCHS], `return { epochOf(ARGV[1]) }`);

/** KEYS: epochs. ARGV: user, at least. A write also when nothing rises, or the replicas would not be asked about a call sent again. */
export const ADVANCE = script(
  "advance",
  [EPOCHS, TEXTS],
  `
local epoch = text(math.max(tonumber(ARGV[2]), tonumber(epochOf(ARGV[1]))))
redis.call('HSET', KEYS[1], ARGV[1], epoch)
return { epoch }
`,
);

/** KEYS: an index in the order of its entries. ARGV: from, to, limit (as ZRANGEBYLEX takes them). */
export const PAGE = script("page", [], `return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])`);

/** KEYS: deadlines. ARGV: before, limit. */
export const DUE = script("due", [], `return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])`);

/**
 * KEYS: epochs, users, deadlines, handles, then sessions. ARGV: the user after `=` or nothing, then the sessions' handles.
 * Gives the records that are there and can be read, and takes out of the index what is not there.
 */
export const RECORDS = script(
  "records",
  [EPOCHS, READ, SHOW, TEXTS],
  `
local found = {}
local user = given(ARGV[1])
for i = 5, #KEYS do
  local handle = ARGV[i - 3]
  local value = redis.call('GET', KEYS[i])
  local r = value and parse(value)
  if r and r.version and (not user or r.user == user) then
    local shown = show('found', value, r.user)
    shown[4] = handle
    found[#found + 1] = shown
  elseif r or not value then
    -- What cannot be read stays where it is.
    if user then
      redis.call('ZREM', KEYS[2], entry(user, handle))
      if not r or r.reason then redis.call('ZREM', KEYS[3], entry(user, handle)) end
    else
      redis.call('ZREM', KEYS[4], handle)
    end
  end
end
return found
`,
);

/** KEYS: epochs, users, deadlines, handles, then sessions. ARGV: before, then the sessions' entries. Gives how many were removed. */
export const SWEEP = script(
  "sweep",
  [READ, TEXTS],
  `
local removed = 0
for i = 5, #KEYS do
  local each = ARGV[i - 3]
  local r = read(KEYS[i])
  local length, rest = string.match(each, '^(%d+):(.*)$')
  local handle = string.sub(rest, tonumber(length) + 2)
  if r then
    local current = entry(r.user, handle)
    if tonumber(r.deadline) <= tonumber(ARGV[1]) then
      redis.call('DEL', KEYS[i])
      redis.call('ZREM', KEYS[3], current)
      redis.call('ZREM', KEYS[2], current)
      redis.call('ZREM', KEYS[4], handle)
      removed = removed + 1
    elseif current == each then
      redis.call('ZADD', KEYS[3], r.deadline, each)
    end
    if current ~= each then
      redis.call('ZREM', KEYS[3], each)
      redis.call('ZREM', KEYS[2], each)
    end
  else
    -- Gone by itself, or unreadable: then it stays, and goes by itself in the end.
    redis.call('ZREM', KEYS[3], each)
    redis.call('ZREM', KEYS[2], each)
    if redis.call('EXISTS', KEYS[i]) == 0 then redis.call('ZREM', KEYS[4], handle) end
  end
end
return removed
`,
);

/**
 * KEYS: a mark of a feed. It is written and gone again, for the message alone. Deleting first lets a server that is full take it: a
 * script that has begun to write may go on.
 */
export const MARK = script(
  "mark",
  [],
  `
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], '')
redis.call('DEL', KEYS[1])
return { 'marked' }
`,
);
