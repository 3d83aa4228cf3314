-- takes: outbox
--
-- What the history says of who was present.

local CHANGES_WHO_IS_PRESENT = { user_connected = true, user_disconnected = true }

-- All events that are kept, as XRANGE. Those that do not change who is present come without type,
-- person and text: only their places and times are asked for, and texts are long.
local function chronicle()
    local events = redis.call('XRANGE', EVENTS, '-', '+')
    for _, entry in ipairs(events) do
        local known = {}
        for i = 1, #entry[2], 2 do
            known[entry[2][i]] = entry[2][i + 1]
        end
        if not CHANGES_WHO_IS_PRESENT[known.type] then
            entry[2] = { 'type', '-', 'at', known.at }
        end
    end
    return events
end
