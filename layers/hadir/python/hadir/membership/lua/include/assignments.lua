-- takes: records, outbox
--
-- A partition's list of the sessions that somebody has: from it, the sweep sees whose agent has gone
-- for good (attend.lua).

local function write_assignment(name, gone)
    redis.call('HSET', ASSIGNED, NAME,
        write_record(ASSIGNMENT, { person = name, at = now, gone = gone and 1 or nil }))
end

-- Lists the session as theirs, unless it is: Redis may have evicted the list, and code of another
-- version does not keep it.
local function list_assignment(name)
    local listed = redis.call('HGET', ASSIGNED, NAME)
    if not listed or read_record(ASSIGNMENT, listed).person ~= name then
        write_assignment(name, redis.call('HGET', SESSION, 'assignee_gone') == name)
    end
    redis.call('PEXPIRE', ASSIGNED, RETENTION)
end
