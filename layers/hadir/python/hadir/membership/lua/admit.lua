-- $connect accepted a socket that cannot be written to yet: it is known, nobody is told.
--
-- KEYS[4] tombstone of the connection
-- ARGV    now, connection_id, user_id, user_type, epoch (used if the session is new)
-- Reply   'admitted' | 'repeated' (known already, unchanged) | 'left' ($disconnect overtook us)
--
-- Killed before: the client's $connect fails and it tries again. Killed after: the client's first
-- message opens the connection.

local connection_id = ARGV[2]

if redis.call('EXISTS', KEYS[4]) == 1 then
    return 'left'
end
if redis.call('HEXISTS', CONNECTIONS, connection_id) == 1 then
    return 'repeated'
end
if redis.call('HSETNX', SESSION, 'epoch', ARGV[5]) == 1 then
    -- A new life: nothing of an earlier one may be left, or its versions would clash with ours.
    redis.call('DEL', CONNECTIONS, EVENTS)
end
write_record(connection_id, { user_id = ARGV[3], user_type = ARGV[4], since = 0, at = now })
keep_alive()
return 'admitted'
