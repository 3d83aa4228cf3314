-- An admin puts somebody out who has left and may still come back in grace: they leave now.
--
-- ARGV[6] token of the caller, should it become the announcer
-- ARGV[7] user id
-- Reply   { 1 if they were in grace, else 0; claim }
--
-- Killed before: the grace ends by itself. Killed after: the event is pending.

local user_id = ARGV[7]
local known = begin()
local record = known and redis.call('HGET', LEAVING, user_id)
if not record then
    return { 0, false }
end
redis.call('HDEL', LEAVING, user_id)
record_departure({
    user_id = user_id, user_type = string.match(record, '^%S+'), at = now, reason = 'kicked',
    close_code = '', evidence = 'server',
})
local claimed = claim(ARGV[6])
finish()
return { 1, claimed }
