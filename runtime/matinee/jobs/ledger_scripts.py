"""What a shared ledger does on the Redis server, each script at once. All keys have the name of the
ledger in braces, so that a cluster has them on one server. The time is the server's, or a test's.

    KEYS[1] records  hash: ID -> the job as JSON
    KEYS[2] order    sorted: IDs in the order in which they came; KEYS[2]:OWNER the same of an owner
    KEYS[3] waiting  sorted: IDs of those that nobody makes, in that order
    KEYS[4] held     sorted: IDs of those that a server makes, by when its lease ends
    KEYS[5] fences   hash: ID -> the number of that lease
    KEYS[6] ended    sorted: IDs by when they ended
    KEYS[7] sizes    hash: ID -> bytes of its files
    KEYS[8] owners   hash: ID -> owner
    KEYS[9] once     hash: idempotency key -> "ID FINGERPRINT"
    KEYS[10] keys    hash: ID -> idempotency key
    KEYS[11] facts   hash: seq, fence, bytes; "queued OWNER", "bytes OWNER"
    KEYS[12] coming  sorted: IDs of jobs whose files are put in place before they are added, by when
                     that counts no longer

A job that somebody makes is changed under the number of the lease only (its fence): numbers grow,
also when the server forgot the last ones, so that a process that was paused is always too late.
What is asked again, because the answer was lost, changes nothing. Whoever can write to the store is
trusted.
"""

from __future__ import annotations

MOST_AT_ONCE = 64
"""Jobs that one call takes over or lets go of; the others are for the next one."""

_COMMON = """
local records, order, waiting, held, fences, ended, sizes, owners, once, keys, facts, coming =
  unpack(KEYS)

local function now_ms(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function owner_of(id) return redis.call('HGET', owners, id) or '' end

local function whole(number) return string.format('%.0f', number) end

local function count(what, owner, by)
  if owner == '' then return end
  local left = redis.call('HINCRBY', facts, what .. ' ' .. owner, whole(by))
  if left <= 0 then redis.call('HDEL', facts, what .. ' ' .. owner) end
end

local function fact(name) return tonumber(redis.call('HGET', facts, name) or '0') end

local function enqueue(id)
  if redis.call('ZADD', waiting, redis.call('ZSCORE', order, id), id) == 1 then
    count('queued', owner_of(id), 1)
  end
end

local function dequeue(id)
  if redis.call('ZREM', waiting, id) == 1 then count('queued', owner_of(id), -1) end
end

local function new_fence(id, now, lease_ms)
  local fence = whole(math.max(fact('fence') + 1, now))
  redis.call('HSET', facts, 'fence', fence)
  redis.call('HSET', fences, id, fence)
  redis.call('ZADD', held, whole(now + lease_ms), id)
  return fence
end
"""

COMING = (
    _COMMON
    + """
redis.call('ZADD', coming, whole(now_ms(ARGV[1]) + tonumber(ARGV[2])), ARGV[3])
"""
)
"""now, how long, id"""

ADD = (
    _COMMON
    + """
local now, id, record, owner = now_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local key, fingerprint = ARGV[5], ARGV[6]
local most, most_of_owner, bytes_of_owner = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
if redis.call('HEXISTS', records, id) == 1 then return {'added'} end
if key ~= '' then
  local found, its = string.match(redis.call('HGET', once, key) or '', '^(%S+) (.*)$')
  if found and its ~= fingerprint then return {'reused'} end
  if found then return {'earlier', redis.call('HGET', records, found)} end
end
if redis.call('ZCARD', waiting) >= most then return {'full'} end
if owner ~= '' then
  if fact('queued ' .. owner) >= most_of_owner then return {'full'} end
  if fact('bytes ' .. owner) >= bytes_of_owner then return {'bytes'} end
end
if ARGV[10] == 'files' then
  local until_ms = redis.call('ZSCORE', coming, id)
  if not until_ms or tonumber(until_ms) <= now then return {'late'} end
  redis.call('ZREM', coming, id)
end
redis.call('ZADD', order, redis.call('HINCRBY', facts, 'seq', 1), id)
redis.call('HSET', records, id, record)
if owner ~= '' then
  redis.call('HSET', owners, id, owner)
  redis.call('ZADD', order .. ':' .. owner, redis.call('ZSCORE', order, id), id)
  redis.call('PEXPIRE', order .. ':' .. owner, ARGV[11])
end
if key ~= '' then
  redis.call('HSET', once, key, id .. ' ' .. fingerprint)
  redis.call('HSET', keys, id, key)
end
enqueue(id)
return {'added'}
"""
)
"""now, id, record, owner, key, fingerprint, most that wait, the same of an owner, most bytes of an
owner, 'files' where some were announced, when all is forgotten if nobody comes -> 'added',
'earlier' and its record, 'reused', 'full',
'bytes', 'late'"""

MADE_FOR = (
    _COMMON
    + """
local found, its = string.match(redis.call('HGET', once, ARGV[1]) or '', '^(%S+) (.*)$')
if not found then return {} end
return {redis.call('HGET', records, found), its}
"""
)
"""key -> record, fingerprint"""

CLAIM = (
    _COMMON
    + """
local id = redis.call('ZRANGE', waiting, 0, 0)[1]
if not id then return {} end
dequeue(id)
return {redis.call('HGET', records, id), new_fence(id, now_ms(ARGV[1]), tonumber(ARGV[2]))}
"""
)
"""now, lease -> record, fence"""

PUT = (
    _COMMON
    + """
local now, lease_ms, id, fence = now_ms(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local record, state, nbytes = ARGV[5], ARGV[6], tonumber(ARGV[7])
if redis.call('HGET', fences, id) ~= fence then
  return redis.call('HGET', records, id) == record and 1 or 0
end
redis.call('HSET', records, id, record)
if state == 'held' then
  redis.call('ZADD', held, whole(now + lease_ms), id)
  return 1
end
redis.call('ZREM', held, id)
redis.call('HDEL', fences, id)
if state == 'waiting' then enqueue(id) else
  redis.call('ZADD', ended, whole(now), id)
  redis.call('HSET', sizes, id, whole(nbytes))
  redis.call('HINCRBY', facts, 'bytes', whole(nbytes))
  count('bytes', owner_of(id), nbytes)
end
return 1
"""
)
"""now, lease, id, fence, record, 'held', 'waiting' or 'ended', bytes -> 0: it is another's"""

RENEW = (
    _COMMON
    + """
local lease_ends, lost = whole(now_ms(ARGV[1]) + tonumber(ARGV[2])), {}
for at = 4, #ARGV, 2 do
  if redis.call('HGET', fences, ARGV[at]) == ARGV[at + 1] then
    redis.call('ZADD', held, lease_ends, ARGV[at])
  else
    table.insert(lost, ARGV[at])
  end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[3]) end
return lost
"""
)
"""now, lease, when all is forgotten if nobody comes, ids and fences -> ids of those that are
another's"""

EXPIRED = (
    _COMMON
    + """
local now, found = now_ms(ARGV[1]), {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', held, '-inf', now, 'LIMIT', 0, MOST)) do
  local fence = new_fence(id, now, tonumber(ARGV[2]))
  table.insert(found, {redis.call('HGET', records, id), fence})
end
return found
""".replace("MOST", str(MOST_AT_ONCE))
)
"""now, lease -> record and new fence of each whose lease has ended"""

REMOVE = (
    _COMMON
    + """
local id = ARGV[1]
if redis.call('HDEL', records, id) == 0 then return 0 end
dequeue(id)
local owner, nbytes = owner_of(id), tonumber(redis.call('HGET', sizes, id) or '0')
redis.call('HINCRBY', facts, 'bytes', whole(0 - nbytes))
count('bytes', owner, 0 - nbytes)
if owner ~= '' then redis.call('ZREM', order .. ':' .. owner, id) end
local key = redis.call('HGET', keys, id)
if key then redis.call('HDEL', once, key) end
for _, set in ipairs({order, held, ended}) do redis.call('ZREM', set, id) end
for _, hash in ipairs({fences, sizes, owners, keys}) do redis.call('HDEL', hash, id) end
return 1
"""
)
"""id -> 0: there is none"""

SURPLUS = (
    _COMMON
    + """
local now, ttl_ms = now_ms(ARGV[1]), tonumber(ARGV[2])
local jobs, bytes, go = redis.call('ZCARD', ended), fact('bytes'), {}
for _, id in ipairs(redis.call('ZRANGE', ended, 0, MOST - 1)) do
  local is_old = redis.call('ZSCORE', ended, id) + ttl_ms <= now
  if not (is_old or jobs > tonumber(ARGV[3]) or (jobs > 1 and bytes > tonumber(ARGV[4]))) then
    break
  end
  jobs, bytes = jobs - 1, bytes - tonumber(redis.call('HGET', sizes, id) or '0')
  table.insert(go, id)
end
return go
""".replace("MOST", str(MOST_AT_ONCE))
)
"""now, ttl, most jobs, most bytes -> ids of those that go; see `retention.py`"""

PLACED = (
    _COMMON
    + """
local record = redis.call('HGET', records, ARGV[1])
if not record then return {} end
return {record, redis.call('ZRANK', waiting, ARGV[1]) or 0, owner_of(ARGV[1])}
"""
)
"""id -> record, how many wait before it, owner"""

PAGE = (
    _COMMON
    + """
local after, most, is_descending, owner = ARGV[1], tonumber(ARGV[2]), ARGV[3] == 'desc', ARGV[4]
local list = owner == '' and order or order .. ':' .. owner
local first = 0
if after ~= '' then
  local rank = redis.call(is_descending and 'ZREVRANK' or 'ZRANK', list, after)
  if not rank then return {'unknown'} end
  first = rank + 1
end
local command = is_descending and 'ZREVRANGE' or 'ZRANGE'
local found = {'page'}
for _, id in ipairs(redis.call(command, list, first, first + most - 1)) do
  local record = redis.call('HGET', records, id)
  if record then table.insert(found, record) end
end
return found
"""
)
"""after, most, 'asc' or 'desc', owner or all -> 'unknown', or 'page' and records"""

COUNTS = (
    _COMMON
    + """
return {redis.call('ZCARD', waiting), redis.call('ZCARD', held)}
"""
)
"""how many wait, and how many are made"""

NEEDED = (
    _COMMON
    + """
local now, found = now_ms(ARGV[1]), {}
for at = 2, #ARGV do
  local id, said = ARGV[at], ''
  local until_ms = redis.call('ZSCORE', coming, id)
  if redis.call('HEXISTS', records, id) == 1 then
    said = 'fence ' .. (redis.call('HGET', fences, id) or '')
  elseif until_ms and tonumber(until_ms) > now then
    said = 'coming'
  end
  table.insert(found, {said, redis.call('HGET', records, id) or ''})
end
redis.call('ZREMRANGEBYSCORE', coming, '-inf', now)
return found
"""
)
"""now, ids -> of each '', 'coming' or 'fence FENCE', and its record"""
