-- $connect accepted a socket that cannot be written to yet: it is known, nobody is told.
--
-- KEYS[8] tombstone of the connection
-- ARGV[6] connection id, user id, user type
-- Reply   'admitted' | 'repeated' (known already, unchanged) | 'left' ($disconnect overtook us)
--
-- Killed before: the client's $connect fails and it tries again. Killed after: the client's first
-- message opens the connection, or the sweep does.

local connection_id = ARGV[6]

if redis.call('EXISTS', KEYS[8]) == 1 then
    return 'left'
end
if not begin() then
    create()
end
if redis.call('HEXISTS', CONNECTIONS, connection_id) == 1 then
    finish()
    return 'repeated'
end
write_connection(connection_id, {
    user_id = ARGV[7], user_type = ARGV[8], since = 0, at = now, heard = 0,
})
renew_lease(connection_id)
finish()
return 'admitted'
