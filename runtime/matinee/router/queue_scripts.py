"""What a shared queue does on the Redis server, each script at once. All keys have the queue's name
in braces, so that a cluster has them on one server. The time is the server's.

    KEYS[1] order    sorted: places in the order of service, "ARRIVAL ID", by their number
    KEYS[2] places   hash: ID -> "number arrival router owner", also of those that are kept
    KEYS[3] owners   hash: owner -> the highest number of its places
    KEYS[4] facts    hash: served, arrivals, cold_start_ms
    KEYS[5] routers  sorted: routers by when they were heard of last
    KEYS[6] kept     sorted: IDs of places whose viewers are gone, by when they are forgotten

A place is in `order` while its viewer is there, and in `kept` for a while afterwards. What others
wrote under these names may break the queue: whoever can write to the store is trusted.
"""

from __future__ import annotations

KEYS = ("order", "places", "owners", "facts", "routers", "kept")
MOST_KEPT = 1024
"""Places of viewers who are gone; then the one that was to be forgotten first is."""
EVICTED_MS = 60_000
"""How long it is remembered that a place had to make room."""
DEAD_MS = 6_000
"""A router that was not heard of for so long has no viewers any more."""
FORGOTTEN_MS = 3_600_000
"""Of a queue that nobody asks for."""

_COMMON = (
    """
local order, places, owners, facts, routers, kept = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function parsed(id)
  local found = redis.call('HGET', places, id)
  if not found then return nil end
  local number, arrival, router, owner = string.match(found, '^(%d+) (%d+) (%S+) (.*)$')
  if not number then return nil end
  return {number = number, arrival = arrival, router = router, owner = owner,
          member = arrival .. ' ' .. id, id = id}
end

local function write(place)
  redis.call('HSET', places, place.id,
             table.concat({place.number, place.arrival, place.router, place.owner}, ' '))
end

local function others_of(owner)
  local highest, count = 0, 0
  for _, value in ipairs(redis.call('HVALS', places)) do
    local number, its = string.match(value, '^(%d+) %d+ %S+ (.*)$')
    if its == owner then
      count = count + 1
      highest = math.max(highest, tonumber(number))
    end
  end
  return highest, count
end

local function forget(place)
  redis.call('ZREM', order, place.member)
  redis.call('ZREM', kept, place.id)
  redis.call('HDEL', places, place.id)
  local highest = others_of(place.owner)
  if highest == 0 then redis.call('HDEL', owners, place.owner) end
end

local function keep(place, for_ms)
  redis.call('ZREM', order, place.member)
  redis.call('ZADD', kept, now + for_ms, place.id)
  if redis.call('ZCARD', kept) > MOST_KEPT then
    local id = redis.call('ZRANGE', kept, 0, 0)[1]
    local oldest = parsed(id)
    if oldest then forget(oldest) else redis.call('ZREM', kept, id) end
  end
end

local function evict(place)
  forget(place)
  redis.call('HSET', places, place.id, 'evicted')
  redis.call('ZADD', kept, now + EVICTED_MS, place.id)
end

local function hear(router)
  redis.call('ZADD', routers, now, router)
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, FORGOTTEN_MS) end
end

local function sweep(for_ms)
  local dead = redis.call('ZRANGEBYSCORE', routers, '-inf', now - DEAD_MS)
  if #dead > 0 then
    local is_dead = {}
    for _, router in ipairs(dead) do is_dead[router] = true end
    for _, id in ipairs(redis.call('HKEYS', places)) do
      local place = parsed(id)
      if place and is_dead[place.router] and redis.call('ZSCORE', order, place.member) then
        keep(place, for_ms)
      end
    end
    redis.call('ZREM', routers, unpack(dead))
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', kept, '-inf', now)) do
    local place = parsed(id)
    if place then forget(place) else
      redis.call('ZREM', kept, id)
      redis.call('HDEL', places, id)
    end
  end
end
""".replace("FORGOTTEN_MS", str(FORGOTTEN_MS))
    .replace("EVICTED_MS", str(EVICTED_MS))
    .replace("DEAD_MS", str(DEAD_MS))
    .replace("MOST_KEPT", str(MOST_KEPT))
)

JOIN = (
    _COMMON
    + """
local id, owner, router, most, for_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local given = ARGV[6]
hear(router)
sweep(tonumber(for_ms))
local place = parsed(id)
if place and place.owner ~= owner and
    (string.sub(owner, 1, 4) == 'key ' or string.sub(place.owner, 1, 4) == 'key ') then
  return {'foreign'}
elseif place then
  redis.call('ZREM', kept, id)
elseif given == '' and redis.call('ZCARD', order) >= most then
  local counts, crowd = {}, nil
  for _, member in ipairs(redis.call('ZREVRANGE', order, 0, -1)) do
    local one = parsed(string.match(member, ' (.*)$'))
    if one then
      counts[one.owner] = counts[one.owner] or {count = 0, last = one}
      counts[one.owner].count = counts[one.owner].count + 1
    end
  end
  for _, one in pairs(counts) do
    if not crowd or one.count > crowd.count then crowd = one end
  end
  local mine = counts[owner] and counts[owner].count or 0
  if not crowd or crowd.count < mine + 2 then return {'full'} end
  evict(crowd.last)
end
if not place then
  local number = given
  if given == '' then
    local served = tonumber(redis.call('HGET', facts, 'served') or '0')
    local last = tonumber(redis.call('HGET', owners, owner) or '0')
    number = string.format('%.0f', math.max(served, last) + 1)
  end
  local arrival = string.format('%016.0f', redis.call('HINCRBY', facts, 'arrivals', 1))
  place = {number = number, arrival = arrival, owner = owner, id = id,
           member = arrival .. ' ' .. id}
  local last = tonumber(redis.call('HGET', owners, owner) or '0')
  redis.call('HSET', owners, owner, string.format('%.0f', math.max(last, tonumber(number))))
end
place.router = router
write(place)
redis.call('ZADD', order, place.number, place.member)
return {'place', place.number, place.arrival}
"""
)
"""id, owner, router, most places, how long one is kept, the number if it has one -> 'full',
'foreign' (it is of another key), or 'place' with its number and arrival"""

LOOK = (
    _COMMON
    + """
local router, for_ms = ARGV[1], tonumber(ARGV[2])
hear(router)
sweep(for_ms)
local ranks = {}
for at = 3, #ARGV do
  local place, rank = parsed(ARGV[at]), -1
  if place and place.router == router then
    rank = redis.call('ZRANK', order, place.member) or -1
  elseif place then
    rank = -2
  elseif redis.call('HGET', places, ARGV[at]) == 'evicted' then
    rank = -3
  end
  table.insert(ranks, rank)
end
return {redis.call('ZCARD', order), redis.call('HGET', facts, 'cold_start_ms') or '', ranks}
"""
)
"""router, how long places are kept, ids -> how many are queued, the last cold start, and of each id
how many are before it: -1 of one that is not there, -2 of one that another router has, -3 of one
that had to make room"""

LEAVE = (
    _COMMON
    + """
local place = parsed(ARGV[1])
if not place or place.router ~= ARGV[2] then return end
if ARGV[3] == 'served' then
  local served = tonumber(redis.call('HGET', facts, 'served') or '0')
  redis.call('HSET', facts, 'served',
             string.format('%.0f', math.max(served, tonumber(place.number))))
end
if ARGV[3] == 'kept' then keep(place, tonumber(ARGV[4])) else forget(place) end
"""
)
"""id, router, 'served', 'left' or 'kept', how long it is kept"""

COLD_START = (
    _COMMON
    + """
redis.call('HSET', facts, 'cold_start_ms', ARGV[1])
hear(ARGV[2])
"""
)
"""how long it took, router"""
