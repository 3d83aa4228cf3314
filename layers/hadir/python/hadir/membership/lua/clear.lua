-- takes: life
--
-- Deletes all announced events from the history; versions go on.
--
-- Reply   how many events were deleted
--
-- Killed before: nothing has changed. Killed after: it is done; a repetition deletes what was
-- announced since.

even_when_full()
if not begin() then
    return 0
end
local count = redis.call('XTRIM', EVENTS, 'MINID', integer(counter('announced') + 1))
finish()
return count
