-- takes: format, terms
--
-- Leases of one partition's connections ran out, and the platform says that their sockets are open.
-- This script does what needs no event, for many of them at once.
--
-- KEYS[1] leases   KEYS[2] failing   KEYS[3], …: for each lease, the connections of its session
-- ARGV[1] now
-- ARGV[2] '1' if silence proves nothing
-- ARGV[3], …: two for each lease: its name, "<session> connection_id", and the last activity that
--         the platform saw on its socket (ms), or ''
-- Reply   a letter for each lease:
--   'r'  it is renewed
--   's'  likewise, although its client has fallen silent (lapse.lua): that proves nothing
--   '?'  its client has fallen silent, and that may prove something: nothing changed
--   '-'  its connection has left, has expired or was only admitted: nothing changed, and lapse.lua
--        handles it
--
-- Killed before or after: no harm. A lease that was not renewed stays due; one that was renewed is
-- looked at when it runs out again.

local RETENTION = 86400000    -- ms; as in outbox.lua

local LEASES, FAILING = KEYS[1], KEYS[2]
local IS_DEAF = ARGV[2] == '1'

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
    -- Deleting comes first: Redis does it even when it is full, and the rest then too.
    redis.call('ZREM', FAILING, lease_key)
    redis.call('ZADD', LEASES, integer(lease_end(connection, LEASE)), lease_key)
    return silent and 's' or 'r'
end

local found = {}
for place = 3, #KEYS do
    -- An error with one lease does not stop the others.
    local ok, letter = pcall(renew, KEYS[place], ARGV[2 * place - 3], ARGV[2 * place - 2])
    found[place - 2] = ok and letter or '-'
end
redis.call('PEXPIRE', LEASES, RETENTION)
redis.call('PEXPIRE', FAILING, RETENTION)
return table.concat(found)
