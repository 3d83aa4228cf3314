-- takes: names
--
-- The connections of a session; changes nothing.
--
-- Reply   connections as HGETALL

return redis.call('HGETALL', CONNECTIONS)
