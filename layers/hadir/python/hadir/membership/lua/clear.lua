-- takes: life
--
-- All that everyone has been told is taken out of the history; versions go on.
--
-- Reply   how many events are gone
--
-- Killed before: nothing has changed. Killed after: it is done; once more takes what was announced
-- since.

even_when_full()
if not begin() then
    return 0
end
local count = redis.call('XTRIM', EVENTS, 'MINID', integer(counter('announced') + 1))
finish()
return count
