// What the scripts share, in parts, each of which a script has only if it needs it: what is defined is made anew by every call. KEYS, where
// a script takes all: 1 epochs, 2 users, 3 deadlines, 4 handles, 5 session. Every key is declared, and all of them are of one shard, so that
// a script is right on a cluster and under access rules.
//
// A session is a string: a mark, the deadline in 17 characters so that a touch can write over it, numbers, lengths in bytes, and then the
// texts that these are the lengths of, the data last. `value.ts` reads the same. `mode` is what the indexes hold: `u` sessions of users
// only, `a` all, `l` all, but this is a lock, which lists leave out.

/** What is stored, as a table: of a session without its data, of a tombstone, or nil of what cannot be read. */
export const READ = `
-- The two texts behind a head, the second false where it is not there; nil where they do not fit.
local function texts(value, colon, at, first, second)
  local rest = second == '-' and 0 or string.find(second, '^%d+$') and tonumber(second)
  local middle = at + tonumber(first)
  if colon ~= 21 or not rest or middle + rest > #value + 1 then return nil end
  return string.sub(value, at, middle - 1), second ~= '-' and string.sub(value, middle, middle + rest - 1)
end

local function parse(value)
  local deadline, colon, created, epoch, version, user, at =
    string.match(value, '^S1L *(%-?%d+)():(%-?%d+):(%d+):(%d+):([%d%-]+):()')
  if at then
    version, user = texts(value, colon, at, version, user)
    return version and { deadline = deadline, created = created, epoch = epoch, version = version, user = user }
  end
  local reason, token, successor
  deadline, colon, reason, token, successor, at = string.match(value, '^S1T *(%-?%d+)():([a-z]+):(%d+):([%d%-]+):()')
  if not at then return nil end
  token, successor = texts(value, colon, at, token, successor)
  return token and { deadline = deadline, reason = reason, token = token, successor = successor, user = false }
end

-- Without copying a long data.
local function read(key)
  return parse(redis.call('GETRANGE', key, 0, 2047)) or parse(redis.call('GET', key) or '')
end

local function stone(r) return { 'retired', r.reason, r.token, r.deadline, r.successor } end
`;

export const EPOCHS = `
local function epochOf(user)
  local stored = redis.call('HGET', KEYS[1], user)
  return stored and string.match(stored, '^%d+') or '0'
end
`;

/** What is stored as it is, with the present epoch of its user; from {@link EPOCHS}. */
export const SHOW = `
local function show(status, value, user) return { status, value, user and epochOf(user) or false } end
`;

export const TEXTS = `
local function text(number) return string.format('%.0f', number) end

local function given(user) return user ~= '' and string.sub(user, 2) or false end

local function entry(user, handle)
  local name = user or ''
  return #name .. ':' .. name .. ':' .. handle
end
`;

/** The server's clock serves cleaning only, and never to remove what was written within the slack; from {@link TEXTS}. */
export const CLOCK = `
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function expiry(deadline, slack) return text(math.max(now(), tonumber(deadline)) + tonumber(slack)) end
`;

/** A new deadline for what is stored; from {@link CLOCK}. */
export const MOVE = `
local function move(key, deadline, slack)
  redis.call('SETRANGE', key, 3, string.format('%17s', deadline))
  redis.call('PEXPIREAT', key, expiry(deadline, slack))
end
`;

/** Out of the indexes; from {@link TEXTS}. */
export const LEAVE = `
local function leave(mode, user, handle)
  if user then redis.call('ZREM', KEYS[2], entry(user, handle)) end
  if user or mode ~= 'u' then redis.call('ZREM', KEYS[3], entry(user, handle)) end
  if mode == 'a' then redis.call('ZREM', KEYS[4], handle) end
end
`;

/** Writes of the whole record and into the indexes, for create, save and rotate; from {@link EPOCHS} and {@link CLOCK}. */
export const PUT = `
local function put(key, mode, handle, data, version, createdAt, deadline, user, epoch, slack)
  if user then redis.call('ZADD', KEYS[2], 0, entry(user, handle)) end
  if user or mode ~= 'u' then redis.call('ZADD', KEYS[3], deadline, entry(user, handle)) end
  if mode == 'a' then redis.call('ZADD', KEYS[4], 0, handle) end
  local head = string.format('S1L%17s:%s:%s:%d:%s:', deadline, createdAt, epoch, #version, user and #user or '-')
  redis.call('SET', key, head .. version .. (user or '') .. data, 'PXAT', expiry(deadline, slack))
end

local function behind(user, epoch) return user and tonumber(epoch) < tonumber(epochOf(user)) end
`;

/** Why nothing may be written onto a record, or nil; from {@link READ}, {@link SHOW} and {@link PUT}. */
export const REFUSE = `
local function refusal(key, r, expected, user, epoch)
  if not r then return { redis.call('EXISTS', key) == 0 and 'missing' or 'unreadable' } end
  if r.reason then return stone(r) end
  if behind(user, epoch) then return { 'revoked' } end
  if r.version ~= expected then return show('conflict', redis.call('GET', key), r.user) end
  return nil
end
`;

/**
 * Leaves a tombstone. Deleting first sets memory free, so that a session can be ended when the server is full; from {@link LEAVE} and
 * {@link CLOCK}.
 */
export const BURY = `
local function bury(key, mode, handle, r, reason, token, deadline, successor, slack)
  leave(mode, r and r.user, handle)
  redis.call('DEL', key)
  local lengths = #token .. ':' .. (successor ~= '' and #successor or '-') .. ':'
  local value = string.format('S1T%17s:', deadline) .. reason .. ':' .. lengths .. token .. successor
  redis.call('SET', key, value, 'PXAT', expiry(deadline, slack))
  if mode ~= 'u' then redis.call('ZADD', KEYS[3], deadline, entry(false, handle)) end
end
`;
