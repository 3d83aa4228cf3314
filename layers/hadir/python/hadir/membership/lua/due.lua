-- What the sweep has to look at in one partition.
--
-- KEYS[1] leases   KEYS[2] agenda   KEYS[3] swept: when the partition was last swept (ms)
-- ARGV[1] now
-- ARGV[2] most to return of each
-- ARGV[3] ms after which we have been blind: clients may have spoken, and nobody was there to hear
-- ARGV[4] ms for which silence proves nothing then: a lease
-- Reply   { '1' if we were blind, leases that ran out, sessions on the agenda, ms for which the
--           first of those has been waiting }
--
-- Killed after: the next sweep gets the same.

local last, blind_until = string.match(redis.call('GET', KEYS[3]) or '0 0', '^(%d+) (%d+)$')
if now - last > tonumber(ARGV[3]) then
    blind_until = now + ARGV[4]
end
redis.call('DEL', KEYS[3])  -- Redis deletes even when it is full, and then does the rest too
redis.call('SET', KEYS[3], integer(now) .. ' ' .. integer(blind_until), 'PX', 86400000)
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return {
    now < tonumber(blind_until) and '1' or '0',
    redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', integer(now), 'LIMIT', 0, ARGV[2]),
    redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', integer(now), 'LIMIT', 0, ARGV[2]),
    math.max(now - tonumber(first[2] or now), 0),
}
