-- A client said something: an event in the session's order.
--
-- KEYS[11] epoch, version and token of the message of that client id, or of that token: the same is
--          not said twice, neither when its client repeats it nor when redis-py repeats the call
-- ARGV[6] connection id
-- ARGV[7] token of the caller, should it become the announcer
-- ARGV[8] text
-- ARGV[9] client id ('' if there is none)
-- ARGV[10] how long a client id is remembered (ms)
-- Reply   { outcome, claim, the earlier message as XRANGE on 'repeated', else false }
--   outcome 'said'     recorded, pending
--           'repeated' it was said before; nothing changed
--           'unknown'  the connection is not open: nothing changed
--
-- Killed before: nothing was said; the client asks again. Killed after: the event is pending.

local connection_id, client_id = ARGV[6], ARGV[9]

local member = begin() and find_connection(connection_id)
if not member or member.since == 0 then
    return { 'unknown', false, false }
end
local before = redis.call('GET', KEYS[11])
local outcome, earlier = 'repeated', false
if before then
    local epoch, version, token = string.match(before, '^(%S+) (%d+) (%S+)$')
    if token == ARGV[7] then
        outcome = 'said'
    elseif epoch == redis.call('HGET', SESSION, 'epoch') then
        earlier = redis.call('XRANGE', EVENTS, version, version)
    end
else
    outcome = 'said'
    local version = record_event('message', {
        'user_id', member.user_id, 'user_type', member.user_type, 'at', integer(now),
        'text', ARGV[8], 'connection_id', connection_id, 'client_id', client_id,
    })
    local epoch = redis.call('HGET', SESSION, 'epoch')
    local said = epoch .. ' ' .. integer(version) .. ' ' .. ARGV[7]
    redis.call('SET', KEYS[11], said, 'PX', ARGV[10])
end
local claimed = claim(ARGV[7])
finish()
return { outcome, claimed, earlier }
