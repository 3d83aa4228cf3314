-- takes: watching
--
-- The announcer has posted a feed's entries up to a serial. Watchers that did not accept them find
-- that at their next heartbeat, and ask for what they missed.
--
-- Reply   { claim }   false when the lease is free again, or ran out and is somebody else's
--
-- Killed before: the lease runs out and the same entries are announced again, as recovered. Killed
-- after: what was handed out is pending, likewise.

local KEPT = 1000    -- announced entries

-- announced: serial. more: '1' to get the entries that came meanwhile, '0' to give the lease back.
-- Then the connections that turned out to be gone.
local FIRST = OWN_ARGV + 3
local token, announced, more = unpack(ARGV, OWN_ARGV, FIRST - 1)

redis.call('ZREM', AGENDA, '')    -- deleting comes first: Redis does it even when it is full
for place = FIRST, #ARGV do
    redis.call('HDEL', WATCH, 'c ' .. ARGV[place])
end
local claimed = false
if redis.call('HGET', WATCH, 'token') == token then
    redis.call('HSET', WATCH, 'announced', announced)
    redis.call('XTRIM', FEED, 'MINID', integer(announced - KEPT + 1))
    claimed = more == '1' and claim_feed(token)
    if not claimed then
        redis.call('HDEL', WATCH, 'token', 'until', 'claimed', 'recovered_up_to')
    end
end
finish_feed()
return { claimed }
