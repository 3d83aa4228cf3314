-- takes: life
--
-- Notes, in its home session, what a connection watches from now on, or does not watch any more. This
-- comes before it watches (watch.lua, watch_session.lua), and after it has ceased to, so that
-- whatever it watches is known, and ended, when it leaves.
--
-- Its own key: what the connection watches
-- Reply   'noted'
--         'many'     it watches too many sessions: nothing changed
--         'unknown'  it is not open: nothing changed
--
-- Killed before: nothing has changed. Killed after: its next heartbeat completes it.

local WATCHING_RETENTION = 10800000    -- ms; longer than any socket lives (2 h)

-- what: a session's id, or '*' for all. on: '1' or '0'. most: sessions.
local connection_id, what, on, most = unpack(ARGV, OWN_ARGV)
local WATCHING = KEYS[OWN_KEY]

local known = begin()
local connection = known and find_connection(connection_id)
if not connection or connection.since == 0 then
    if known then
        finish()
    end
    return 'unknown'
end
if on ~= '1' then
    redis.call('SREM', WATCHING, what)
elseif what ~= '*' and redis.call('SCARD', WATCHING) >= tonumber(most)
    and redis.call('SISMEMBER', WATCHING, what) == 0 then
    finish()
    return 'many'
else
    redis.call('SADD', WATCHING, what)
    redis.call('PEXPIRE', WATCHING, WATCHING_RETENTION)
end
connection.watches = redis.call('EXISTS', WATCHING) == 1 and 1 or nil
keep_connection(connection_id, connection)
finish()
return 'noted'
