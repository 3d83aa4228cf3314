-- takes: oblivion
--
-- Deletes all announced events from the history, and when people left; versions go on.
--
-- Its own key: who has left a moment ago, wherever that was
-- Reply   how many events were deleted
--
-- Killed before: nothing has changed. Killed after: it is done; a repetition deletes what was
-- announced since.

even_when_full()
for _, name in ipairs(redis.call('ZRANGE', LEFT, 0, -1)) do
    local tenant, session_id = string.match(name, '^([^ ]+) .* ([^ ]+)$')
    if tenant == TENANT and session_id == SESSION_ID then
        forget_departure(name)
    end
end
if not begin() then
    return 0
end
local count = redis.call('XTRIM', EVENTS, 'MINID', integer(counter('announced') + 1))
finish()
return count
