"""What a Redis server does for a session in one step, in its own language.

A session is one hash, and each of its states another, all in one slot of a cluster:

    matinee:{SESSION}        fence, owner, order, and for each segment "s3" -> "SAVED_MS SIZE KEY"
    matinee:{SESSION}:KEY    a state: "names" (see `pieces.py`), and its pieces "b0", "b1", ...

A state is written first, under a key of its own and for a short time (`PUT`). `SAVE` makes it the
segment's, and gives back which states it takes away, so that a writer who dies in between leaves
nothing behind. `KEYS[1]` is the session, or the state. The time is the server's, or a test's.

What others wrote under these names counts as absent, and gives way to what is ours.

A writer that hears nothing asks again, and the server may do late what it was asked first: each
save of a lease has a number, `order`, and is done once and never after a later one.
"""

from __future__ import annotations

MOST_FIELDS = 2048
"""Of a session: twice what any history has."""

_COMMON = """
local function is_ours()
  return redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HLEN', KEYS[1]) <= MOST_FIELDS
end

local function make_ours()
  if not is_ours() then redis.call('DEL', KEYS[1]) end
end

local function number(field)
  local found = tonumber(redis.call('HGET', KEYS[1], field) or '0') or 0
  return (found >= 0 and found < 2 ^ 53) and found or 0
end

local function now_ms(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function hand_over(owner, now, ttl_ms)
  make_ours()
  local fence = number('fence') + 1
  if now > fence then fence = now end
  redis.call('HSET', KEYS[1], 'fence', string.format('%.0f', fence), 'owner', owner)
  redis.call('HDEL', KEYS[1], 'order')
  redis.call('PEXPIRE', KEYS[1], ttl_ms)
  return string.format('%.0f', fence)
end

local function states()
  if not is_ours() then return {} end
  local fields, found = redis.call('HGETALL', KEYS[1]), {}
  for at = 1, #fields, 2 do
    local segment = string.match(fields[at], '^s(%d+)$')
    if segment and #segment <= 9 and #fields[at + 1] <= 99 then
      local saved_ms, size, key = string.match(fields[at + 1], '^(%d+) (%d+) (%w+)$')
      if key then
        table.insert(found, {tonumber(segment), tonumber(saved_ms), tonumber(size), key})
      end
    end
  end
  table.sort(found, function(one, other) return one[1] > other[1] end)
  return found
end
""".replace("MOST_FIELDS", str(MOST_FIELDS))

CLAIM = (
    _COMMON
    + """
return hand_over(ARGV[1], now_ms(ARGV[2]), ARGV[3])
"""
)
"""owner, now, ttl -> the fence"""

RELEASE = (
    _COMMON
    + """
make_ours()
if number('fence') <= tonumber(ARGV[1]) then
  hand_over('', now_ms(ARGV[2]), ARGV[3])
end
"""
)
"""fence, now, ttl"""

PUT = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""
"""field, value, for so many milliseconds"""

VALUE = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return false end
if redis.call('HSTRLEN', KEYS[1], ARGV[1]) <= tonumber(ARGV[2]) then
  return redis.call('HGET', KEYS[1], ARGV[1])
end
"""
"""field, most bytes -> its value; nothing where there is none, or one that is longer"""

SAVE = (
    _COMMON
    + """
local fence, owner, segment, size = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local key, now, ttl_ms = ARGV[5], now_ms(ARGV[6]), ARGV[7]
local most_states, most_bytes = tonumber(ARGV[8]), tonumber(ARGV[9])
if redis.call('EXISTS', KEYS[2]) == 0 then return {'gone'} end
make_ours()
local holder = number('fence')
if holder > fence then
  return {'lost', string.sub(redis.call('HGET', KEYS[1], 'owner') or '', 1, 256)}
end
local order, done = tonumber(ARGV[10]), number('order')
if holder == fence and done >= order then
  return {'saved', string.format('%.0f', now), done > order and {key .. ' ' .. ARGV[4]} or {}}
end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'owner', owner, 'order', ARGV[10])
local removed, kept, bytes = {}, 1, size
for _, state in ipairs(states()) do
  local fits = kept < most_states and bytes + state[3] <= most_bytes
  if state[1] < segment and fits and state[2] + ttl_ms >= now then
    kept, bytes = kept + 1, bytes + state[3]
  else
    if state[1] < segment then most_states = 0 end
    redis.call('HDEL', KEYS[1], 's' .. state[1])
    table.insert(removed, state[4] .. ' ' .. state[3])
  end
end
redis.call('HSET', KEYS[1], 's' .. segment, string.format('%.0f %.0f %s', now, size, key))
redis.call('PEXPIRE', KEYS[1], ttl_ms)
redis.call('PEXPIRE', KEYS[2], ttl_ms)
return {'saved', string.format('%.0f', now), removed}
"""
)
"""fence, owner, segment, size, key, now, ttl, history's states and bytes, order; `KEYS[2]` is the
state -> 'gone' | 'lost', holder | 'saved', when, "KEY SIZE" of each state that is no longer kept"""

FORGET = (
    _COMMON
    + """
local removed = {}
for _, state in ipairs(states()) do
  redis.call('HDEL', KEYS[1], 's' .. state[1])
  table.insert(removed, state[4] .. ' ' .. state[3])
end
hand_over('', now_ms(ARGV[1]), ARGV[2])
return removed
"""
)
"""now, ttl -> "KEY SIZE" of each of its states"""

DROP = (
    _COMMON
    + """
for _, state in ipairs(states()) do
  if state[4] == ARGV[1] then redis.call('HDEL', KEYS[1], 's' .. state[1]) end
end
redis.call('DEL', KEYS[2])
"""
)
"""the key of one state; `KEYS[2]` is the state"""

STATES = (
    _COMMON
    + """
local now, found = now_ms(ARGV[1]), {}
for _, state in ipairs(states()) do
  if state[2] + ARGV[2] >= now then
    table.insert(found, {state[1], string.format('%.0f', state[2]), state[3], state[4]})
  end
end
return found
"""
)
"""now, ttl -> segment, when, size and key of those that are young enough, newest segment first"""

LIST = """
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('DEL', KEYS[1]) end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""
"""when, member, ttl: of the list of all states"""

NEWEST = """
local found = {}
for _, member in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1)) do
  if #member <= 256 then
    table.insert(found, member)
  else
    redis.call('ZREM', KEYS[1], member)
  end
end
return found
"""
"""so many at most -> members of the list of all states, the newest first"""
