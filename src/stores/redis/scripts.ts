import { createHash } from "node:crypto";

/** A Lua script and the name under which the server keeps it. */
export interface RedisScript {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

// What the scripts share. KEYS, where a script takes all: 1 epochs, 2 users, 3 deadlines, 4 handles, 5 session. Every key is declared, and
// all of them are of one shard, so that a script is right on a cluster and under access rules.
//
// A session is a string: a mark, the deadline in 17 characters so that a touch can write over it, numbers, lengths, and then the texts
// that these are the lengths of, the data last. In a script it is a table: 1 data, 2 version, 3 created at, 4 deadline, 5 user, 6 epoch;
// a tombstone has 4 until, 7 reason, 8 token, 9 the handle that it was rotated to; of what cannot be read there is nothing.
// `mode` is what the indexes hold: `u` sessions of users only, `a` all, `l` all, but this is a lock, which lists leave out.
const COMMON = `
local function parse(value)
  local kind, deadline = string.match(value, '^S1([LT])([ %d%-]+):')
  if not kind then return {} end
  deadline = string.match(deadline, '^ *(.*)$')
  if kind == 'T' then
    local reason, token, successor, at = string.match(value, '^([a-z]+):(%d+):([%d%-]+):()', 22)
    if not reason then return {} end
    local middle = at + tonumber(token)
    local last = successor == '-' and middle or middle + tonumber(successor)
    if last > #value + 1 then return {} end
    local rest = successor ~= '-' and string.sub(value, middle, last - 1) or false
    return { false, false, false, deadline, false, false, reason, string.sub(value, at, middle - 1), rest }
  end
  local created, epoch, version, user, at = string.match(value, '^([%d%-]+):(%d+):(%d+):([%d%-]+):()', 22)
  if not created then return {} end
  local middle = at + tonumber(version)
  local data = user == '-' and middle or middle + tonumber(user)
  -- The beginning of a value may end before its texts do.
  if data > #value + 1 then return {} end
  local name = user ~= '-' and string.sub(value, middle, data - 1) or false
  return { string.sub(value, data), string.sub(value, at, middle - 1), created, deadline, name, epoch, false, false, false }
end

local function read(key) return parse(redis.call('GET', key) or '') end

-- Without copying a long data; what it then has for data is not whole.
local function readHead(key)
  local r = parse(redis.call('GETRANGE', key, 0, 2047))
  return r[4] and r or read(key)
end

local function whole(value) return value and string.find(value, '^%-?%d+$') ~= nil end

local function sound(r)
  if r[7] then return r[8] and whole(r[4]) end
  return r[1] and r[2] and whole(r[3]) and whole(r[4]) and whole(r[6])
end

local function stone(r) return { 'retired', r[7], r[8], r[4], r[9] } end

local function text(number) return string.format('%.0f', number) end

local function epochOf(epochs, user)
  local stored = redis.call('HGET', epochs, user)
  return stored and string.match(stored, '^%d+') or '0'
end

local function show(status, r, epochs)
  return { status, r[1], r[2], r[3], r[4], r[5], r[6], r[5] and epochOf(epochs, r[5]) or false }
end

local function given(user) return user ~= '' and string.sub(user, 2) or false end

local function entry(user, handle)
  local name = user or ''
  return #name .. ':' .. name .. ':' .. handle
end

local function enter(mode, user, handle, deadline)
  if user then redis.call('ZADD', KEYS[2], 0, entry(user, handle)) end
  if user or mode ~= 'u' then redis.call('ZADD', KEYS[3], deadline, entry(user, handle)) end
  if mode == 'a' then redis.call('ZADD', KEYS[4], 0, handle) end
end

local function leave(mode, user, handle)
  if user then redis.call('ZREM', KEYS[2], entry(user, handle)) end
  if user or mode ~= 'u' then redis.call('ZREM', KEYS[3], entry(user, handle)) end
  if mode == 'a' then redis.call('ZREM', KEYS[4], handle) end
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The server's clock serves cleaning only, and never to remove what was written within the slack.
local function expiry(deadline, slack) return text(math.max(now(), tonumber(deadline)) + tonumber(slack)) end

local function move(key, deadline, slack)
  redis.call('SETRANGE', key, 3, string.format('%17s', deadline))
  redis.call('PEXPIREAT', key, expiry(deadline, slack))
end
`;

function script(name: string, body: string): RedisScript {
  const text = `-- sojourn ${name}\n${COMMON}${body}`;
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

/** KEYS: epochs, session. */
export const LOAD = script(
  "load",
  `
local r = read(KEYS[2])
if not r[1] and not r[7] then
  return { redis.call('EXISTS', KEYS[2]) == 0 and 'missing' or 'unreadable' }
end
if not sound(r) then return { 'unreadable' } end
if r[7] then return stone(r) end
return show('live', r, KEYS[1])
`,
);

// Writes of the whole record, for create, save and rotate.
const PUT = `
local function put(key, mode, handle, data, version, createdAt, deadline, user, epoch, slack)
  enter(mode, user, handle, deadline)
  local lengths = #version .. ':' .. (user and #user or '-') .. ':'
  local head = string.format('S1L%17s:', deadline) .. createdAt .. ':' .. epoch .. ':' .. lengths
  redis.call('SET', key, head .. version .. (user or '') .. data, 'PXAT', expiry(deadline, slack))
end

local function behind(user, epoch) return user and tonumber(epoch) < tonumber(epochOf(KEYS[1], user)) end

-- Why nothing may be written onto a record, or nil.
local function refusal(key, r, expected, user, epoch)
  if not r[1] and not r[7] then
    return { redis.call('EXISTS', key) == 0 and 'missing' or 'unreadable' }
  end
  if not sound(r) then return { 'unreadable' } end
  if r[7] then return stone(r) end
  if behind(user, epoch) then return { 'revoked' } end
  if r[2] ~= expected then return show('conflict', read(key), KEYS[1]) end
  return nil
end

-- Leaves a tombstone. Deleting first sets memory free, so that a session can be ended when the server is full.
local function bury(key, mode, handle, r, reason, token, deadline, successor, slack)
  leave(mode, r[5], handle)
  redis.call('DEL', key)
  local lengths = #token .. ':' .. (successor ~= '' and #successor or '-') .. ':'
  local value = string.format('S1T%17s:', deadline) .. reason .. ':' .. lengths .. token .. successor
  redis.call('SET', key, value, 'PXAT', expiry(deadline, slack))
  if mode ~= 'u' then redis.call('ZADD', KEYS[3], deadline, entry(false, handle)) end
end
`;

/** ARGV: mode, slack, handle, data, version, created at, deadline, user, epoch. */
export const CREATE = script(
  "create",
  `${PUT}
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
  `${PUT}
local mode, slack, handle, user, epoch = ARGV[1], ARGV[2], ARGV[3], given(ARGV[8]), ARGV[9]
local r = readHead(KEYS[5])
local refused = refusal(KEYS[5], r, ARGV[6], user, epoch)
if refused then return refused end
if r[5] ~= user then leave(mode, r[5], handle) end
put(KEYS[5], mode, handle, ARGV[4], ARGV[5], r[3], ARGV[7], user, epoch, slack)
return { 'saved' }
`,
);

/** KEYS 6: the new session. ARGV: as for create, then 10 old handle, 11 expected version, 12 reason, 13 token, 14 until, 15 successor. */
export const ROTATE = script(
  "rotate",
  `${PUT}
local mode, slack, handle, user, epoch = ARGV[1], ARGV[2], ARGV[3], given(ARGV[8]), ARGV[9]
local r = readHead(KEYS[5])
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
  `
local mode, slack, handle, deadline = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local r = readHead(KEYS[5])
if not r[1] and not r[7] then
  return { redis.call('EXISTS', KEYS[5]) == 0 and 'stale' or 'unreadable' }
end
if not sound(r) then return { 'unreadable' } end
if r[7] or r[2] ~= ARGV[4] then return { 'stale' } end
if tonumber(deadline) > tonumber(r[4]) then
  if r[5] or mode ~= 'u' then redis.call('ZADD', KEYS[3], deadline, entry(r[5], handle)) end
  move(KEYS[5], deadline, slack)
end
return { 'touched' }
`,
);

/** ARGV: mode, slack, handle, reason, token, until, successor or nothing, and the expected version after `=`, or nothing. */
export const RETIRE = script(
  "retire",
  `${PUT}
local mode, slack, handle, reason, token, deadline, successor, expected = unpack(ARGV)
local r = readHead(KEYS[5])
if not r[1] and not r[7] then
  if redis.call('EXISTS', KEYS[5]) == 0 then return { 'missing' } end
  -- What is damaged may be ended, as long as it is the store's own.
  if not string.find(redis.call('GETRANGE', KEYS[5], 0, 1), '^S%d') then return { 'unreadable' } end
end
if r[7] then
  if not sound(r) then return { 'unreadable' } end
  local later = tonumber(deadline) > tonumber(r[4]) and deadline or r[4]
  -- Also when nothing moves: a call that was sent again must be a write, or the replicas would not be asked about it.
  if mode ~= 'u' then redis.call('ZADD', KEYS[3], later, entry(false, handle)) end
  move(KEYS[5], later, slack)
  r[4] = later
  return stone(r)
end
if expected ~= '' and '=' .. (r[2] or '') ~= expected then
  if not sound(r) then return { 'unreadable' } end
  return show('conflict', read(KEYS[5]), KEYS[1])
end
bury(KEYS[5], mode, handle, r, reason, token, deadline, successor, slack)
return { 'retired', reason, token, deadline, successor ~= '' and successor or false }
`,
);

/** KEYS: epochs. ARGV: user. */
export const EPOCH = script("epoch", `return { epochOf(KEYS[1], ARGV[1]) }`);

/** KEYS: epochs. ARGV: user, at least. A write also when nothing rises, or the replicas would not be asked about a call sent again. */
export const ADVANCE = script(
  "advance",
  `
local epoch = text(math.max(tonumber(ARGV[2]), tonumber(epochOf(KEYS[1], ARGV[1]))))
redis.call('HSET', KEYS[1], ARGV[1], epoch)
return { epoch }
`,
);

/** KEYS: an index in the order of its entries. ARGV: from, to, limit (as ZRANGEBYLEX takes them). */
export const PAGE = script("page", `return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])`);

/** KEYS: deadlines. ARGV: before, limit. */
export const DUE = script("due", `return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])`);

/**
 * KEYS: epochs, users, deadlines, handles, then sessions. ARGV: the user after `=` or nothing, then the sessions' handles.
 * Gives the records that are there, and takes out of the index what is not.
 */
export const RECORDS = script(
  "records",
  `
local found = {}
local user = given(ARGV[1])
for i = 5, #KEYS do
  local handle = ARGV[i - 3]
  local r = read(KEYS[i])
  if not r[1] or (user and r[5] ~= user) then
    if user then
      redis.call('ZREM', KEYS[2], entry(user, handle))
      if not r[1] then redis.call('ZREM', KEYS[3], entry(user, handle)) end
    elseif r[7] or redis.call('EXISTS', KEYS[i]) == 0 then
      redis.call('ZREM', KEYS[4], handle)
    end
  elseif not sound(r) then
    found[#found + 1] = { 'unreadable' }
  else
    local shown = show('live', r, KEYS[1])
    shown[#shown + 1] = handle
    found[#found + 1] = shown
  end
end
return found
`,
);

/** KEYS: epochs, users, deadlines, handles, then sessions. ARGV: before, then the sessions' entries. Gives how many were removed. */
export const SWEEP = script(
  "sweep",
  `
local removed = 0
for i = 5, #KEYS do
  local each = ARGV[i - 3]
  local r = readHead(KEYS[i])
  local length, rest = string.match(each, '^(%d+):(.*)$')
  local handle = string.sub(rest, tonumber(length) + 2)
  if (r[1] or r[7]) and sound(r) then
    local current = entry(not r[7] and r[5], handle)
    if tonumber(r[4]) <= tonumber(ARGV[1]) then
      redis.call('DEL', KEYS[i])
      redis.call('ZREM', KEYS[3], current)
      redis.call('ZREM', KEYS[2], current)
      redis.call('ZREM', KEYS[4], handle)
      removed = removed + 1
    elseif current == each then
      redis.call('ZADD', KEYS[3], r[4], each)
    end
    if current ~= each then
      redis.call('ZREM', KEYS[3], each)
      redis.call('ZREM', KEYS[2], each)
    end
  else
    -- Gone by itself, or unreadable: then it stays, and goes by itself in the end.
    redis.call('ZREM', KEYS[3], each)
    redis.call('ZREM', KEYS[2], each)
    if not r[1] and not r[7] and redis.call('EXISTS', KEYS[i]) == 0 then redis.call('ZREM', KEYS[4], handle) end
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
  `
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], '')
redis.call('DEL', KEYS[1])
return { 'marked' }
`,
);
