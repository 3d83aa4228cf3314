-- takes: oblivion
--
-- Deletes the texts of somebody's messages, and the states that they set, from the history. Each
-- stays as an event without its text, so that versions have no gaps. When they left the session is
-- forgotten. What is shown of them while they are present stays.
--
-- Redis can add entries only at the end of a stream, so the stream is written again with the same
-- ids. It holds a few thousand at most (outbox.lua, HISTORY).
--
-- Its own key: who has left a moment ago, wherever that was
-- Reply   how many messages and states were erased
--
-- Killed before: nothing has changed. Killed after: it is done; a repetition changes nothing. An
-- announcer that already holds one of them posts it with its text.

local person_name = unpack(ARGV, OWN_ARGV)

-- The fields of an entry without its text; nil if it has none of theirs, or was erased before.
local function erased(fields)
    local known, kept = {}, {}
    for i = 1, #fields, 2 do
        known[fields[i]] = fields[i + 1]
        table.insert(kept, fields[i])
        local is_text = fields[i] == 'text' or fields[i] == 'state'
        table.insert(kept, is_text and '' or fields[i + 1])
    end
    local is_theirs = known.type == 'message' or known.type == 'state'
    if not is_theirs or known.person ~= person_name or known.erased then
        return nil
    end
    table.insert(kept, 'erased')
    table.insert(kept, '1')
    return kept
end

even_when_full()
forget_departure(whereabouts(person_name))
if not begin() then
    return 0
end
local entries, count = redis.call('XRANGE', EVENTS, '-', '+'), 0
for _, entry in ipairs(entries) do
    local kept = erased(entry[2])
    if kept then
        entry[2], count = kept, count + 1
    end
end
if count > 0 then
    redis.call('DEL', EVENTS)
    for _, entry in ipairs(entries) do
        redis.call('XADD', EVENTS, entry[1], unpack(entry[2]))
    end
end
finish()
return count
