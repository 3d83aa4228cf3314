-- What the sweep has to look at in one partition.
--
-- KEYS[1] leases   KEYS[2] agenda   KEYS[3] swept: when the partition was last swept (ms)
-- ARGV[1] now
-- ARGV[2] most to return of each
-- ARGV[3] ms after which we have been blind: clients spoke, but nobody was there to hear
-- Reply   { '1' if we were blind, leases that ran out, sessions on the agenda }
--
-- Killed after: the next sweep gets the same.

local last = tonumber(redis.call('GET', KEYS[3]) or '0')
redis.call('SET', KEYS[3], integer(now), 'PX', 86400000)
return {
    now - last > tonumber(ARGV[3]) and '1' or '0',
    redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', integer(now), 'LIMIT', 0, ARGV[2]),
    redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', integer(now), 'LIMIT', 0, ARGV[2]),
}
