-- takes: life
--
-- What somebody has said is taken out of the history. Each message stays as an event without its
-- text, so that versions have no gaps.
--
-- A stream takes no entry before its last, so it is written anew, with the same ids. It holds a few
-- thousand at most (outbox.lua, HISTORY).
--
-- Reply   how many messages have lost their texts; 0 if there were none left
--
-- Killed before: nothing has changed. Killed after: it is done; once more changes nothing. Who was
-- handed one of them to post, and has not yet, posts it with its text.

local person_name = unpack(ARGV, OWN_ARGV)

-- The fields of an entry without its text; nil if it is none of their messages, or has none.
local function erased(fields)
    local known, kept = {}, {}
    for i = 1, #fields, 2 do
        known[fields[i]] = fields[i + 1]
        table.insert(kept, fields[i])
        table.insert(kept, fields[i] == 'text' and '' or fields[i + 1])
    end
    if known.type ~= 'message' or known.person ~= person_name or known.erased then
        return nil
    end
    table.insert(kept, 'erased')
    table.insert(kept, '1')
    return kept
end

even_when_full()
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
