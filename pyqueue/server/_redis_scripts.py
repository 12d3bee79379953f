"""The Lua scripts of the Redis store. A script runs alone: nothing happens between two of its lines.

One hash for each key: `fingerprint`, `token`, `claimed_at`, `ends_at` (both in ms of the server's clock), and
once there is an answer `status`, `headers` and `body`.
"""

from __future__ import annotations

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function keep_until(ends_at, grace)
    redis.call('HSET', KEYS[1], 'ends_at', string.format('%.0f', ends_at))
    redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends_at + grace))
end
"""

# A client that lost the reply asks again with the same token.
CLAIM = (
    _NOW
    + """
local fingerprint, token, lease, grace = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'ends_at', 'token', 'status', 'fingerprint', 'claimed_at')
local free = not kept[1] or tonumber(kept[1]) <= now
if free or (kept[2] == token and not kept[3]) then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'fingerprint', fingerprint, 'token', token,
        'claimed_at', string.format('%.0f', now))
    keep_until(now + lease, grace)
    return {'claimed'}
elseif kept[4] ~= fingerprint then
    return {'mismatch'}
elseif not kept[3] then
    return {'in flight', now - tonumber(kept[5])}
end
return {'replay', kept[3], unpack(redis.call('HMGET', KEYS[1], 'headers', 'body'))}
"""
)
"""Arguments: fingerprint, token, lease in ms, and for how many ms after its end the claim is remembered."""

RENEW = (
    _NOW
    + """
local kept = redis.call('HMGET', KEYS[1], 'token', 'status')
if kept[1] ~= ARGV[1] or kept[2] then
    return 0
end
keep_until(now + tonumber(ARGV[2]), tonumber(ARGV[3]))
return 1
"""
)
"""Arguments: token, lease in ms, and for how many ms after its end the claim is remembered."""

COMPLETE = (
    _NOW
    + """
local kept = redis.call('HMGET', KEYS[1], 'token', 'status')
if kept[1] ~= ARGV[1] then
    return 0
elseif not kept[2] then
    redis.call('HSET', KEYS[1], 'status', ARGV[2], 'headers', ARGV[3], 'body', ARGV[4])
    keep_until(now + tonumber(ARGV[5]), 0)
end
return 1
"""
)
"""Arguments: token, status, headers, body, and for how many ms the answer is kept. The first answer stays."""

RELEASE = """
local kept = redis.call('HMGET', KEYS[1], 'token', 'status')
if kept[1] ~= ARGV[1] or kept[2] then
    return 0
end
return redis.call('DEL', KEYS[1])
"""
"""Arguments: token."""

FORGET = (
    _NOW
    + """
local kept = redis.call('HMGET', KEYS[1], 'token', 'status', 'ends_at')
if kept[1] ~= ARGV[1] or (kept[2] and '1' or '0') ~= ARGV[2] then
    return 0
elseif ARGV[3] == '0' and tonumber(kept[3]) > now then
    return 0
end
return redis.call('DEL', KEYS[1])
"""
)
"""Arguments: token, 1 if there was an answer, and 1 if it may still protect; else 0."""
