-- The sessions of one partition that somebody has; changes nothing.
--
-- KEYS[1] assigned
-- Reply   HGETALL: each session, and its entry (format.lua)

return redis.call('HGETALL', KEYS[1])
