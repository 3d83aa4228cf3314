-- takes: clock
--
-- KEYS and ARGV that every script on a session has; keys.py says what each key holds.
--
-- Every script runs completely or not at all. If its caller dies before it acts on the reply,
-- events are still pending in the session, and the next claimant gets them (outbox.lua, claim).

local SESSION, CONNECTIONS, PEOPLE, EVENTS, LEAVING, PACE, BEHIND = unpack(KEYS, 1, 7)
local LEFT, LEASES, FAILING, AGENDA, OCCUPIED, WHEREABOUTS, HEARING, TENANTS = unpack(KEYS, 8, 15)
local FIRST_OF_FEED = 16
local WATCH, FEED = unpack(KEYS, FIRST_OF_FEED, 17)
local ASSIGNED, STAFF = unpack(KEYS, 18, 19)

-- The name of a new epoch, should one begin; the session, "tenant session_id".
local EPOCH, NAME = ARGV[2], ARGV[3]

-- A script's own arguments begin at ARGV[4], its own keys at KEYS[20].
local OWN_ARGV, OWN_KEY = 4, 20

local TENANT, SESSION_ID = string.match(NAME, '^([^ ]+) ([^ ]+)$')

local function counter(field)
    return tonumber(redis.call('HGET', SESSION, field) or '0')
end
