-- takes: format, terms
--
-- The leases of one partition's connections ran out, and the platform says that their sockets are
-- there: what nobody has to be told of is done here, for many of them at once.
--
-- KEYS[1] leases   KEYS[2] failing   KEYS[3], …: connections of the session of each
-- ARGV[1] now
-- ARGV[2] ms for which a connection is believed in without being heard: a lease
-- ARGV[3] '1' if silence proves nothing
-- ARGV[4], …: for each two: its lease, "<session> connection_id", and when the platform last saw
--         something of it (ms), or ''
-- Reply   a letter for each:
--   'r'  its lease is renewed
--   's'  likewise, though its client has fallen silent (lapse.lua): that proves nothing
--   '?'  its client has fallen silent, and that may prove something: nothing changed
--   '-'  it has left, or expired, or was only admitted: nothing changed, lapse.lua says what follows
--
-- Killed before or after: nothing; what was not renewed stays due, what was is looked at when its
-- lease runs out again.

local RETENTION = 86400000    -- ms; as in outbox.lua

local LEASES, FAILING = KEYS[1], KEYS[2]
local LEASE, IS_DEAF = tonumber(ARGV[2]), ARGV[3] == '1'

local function renew(connections, lease_key, active_at)
    local text = redis.call('HGET', connections, string.match(lease_key, '[^ ]+$'))
    local connection = text and read_record(CONNECTION, text)
    if not connection or connection.since == 0 or has_expired(connection) then
        return '-'
    end
    local silent = is_silent(connection, LEASES, lease_key, active_at, LEASE)
    if silent and not IS_DEAF then
        return '?'
    end
    redis.call('ZREM', FAILING, lease_key)
    redis.call('ZADD', LEASES, integer(lease_end(connection, LEASE)), lease_key)
    return silent and 's' or 'r'
end

redis.call('ZREM', FAILING, '')  -- Redis deletes even when it is full, and then does the rest too
local found = {}
for place = 3, #KEYS do
    -- What goes wrong with one keeps no other from being renewed.
    local ok, letter = pcall(renew, KEYS[place], ARGV[2 * place - 2], ARGV[2 * place - 1])
    found[place - 2] = ok and letter or '-'
end
redis.call('PEXPIRE', LEASES, RETENTION)
redis.call('PEXPIRE', FAILING, RETENTION)
return table.concat(found)
