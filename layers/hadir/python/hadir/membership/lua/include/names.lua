-- takes: clock
--
-- KEYS and ARGV that every script on a session has; keys.py says what each key holds.
--
-- Every script runs to its end or not at all. What its caller does not live to do about the reply
-- is still pending in the session and is handed to the next claimant (outbox.lua, claim).

local SESSION, CONNECTIONS, PEOPLE, EVENTS, LEAVING, LEFT, PACE, BEHIND = unpack(KEYS, 1, 8)
local LEASES, FAILING, AGENDA, OCCUPIED, WHEREABOUTS, HEARING, TENANTS = unpack(KEYS, 9, 15)

-- How long a connection is believed in without being heard, how long a person who left may come
-- back in as if they had never gone (ms); a name for a new life of the session, should one begin;
-- "tenant session_id".
local LEASE, GRACE, EPOCH, NAME = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]

-- A script's own arguments begin at ARGV[6], its own keys at KEYS[16].
local OWN_ARGV, OWN_KEY = 6, 16

local TENANT, SESSION_ID = string.match(NAME, '^([^ ]+) ([^ ]+)$')

local function counter(field)
    return tonumber(redis.call('HGET', SESSION, field) or '0')
end
