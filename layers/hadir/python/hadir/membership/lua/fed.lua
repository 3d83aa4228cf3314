-- takes: outbox
--
-- Events of a session that a feed points to, and the session as it is now; changes nothing.
--
-- Reply   { events as XRANGE, view }   those of the events that are kept

-- The versions of the first and the last of them.
local first, last = unpack(ARGV, OWN_ARGV)

return { redis.call('XRANGE', EVENTS, first, last), view() }
