-- takes: clock
--
-- A record is a list of words separated by blanks; '-' stands for a missing value. No id contains a
-- blank, and a person is one word, "user_type/user_id".

-- person; since (first version that the connection is told of; 0: only admitted); heard (time of its
-- last message, ms; 0: never); expires (when its token expires, ms; 0: never); beats (1 once it has
-- sent a heartbeat, so that more are expected); watches (1 if it watches other sessions)
local CONNECTION = { 'person', 'since', 'heard', 'expires', 'beats', 'watches' }

-- at (since when they are present, ms); sockets (how many are open; 0 in grace); and in grace how
-- they left: left (ms), reason, close_code, evidence
local PERSON = { 'at', 'sockets', 'left', 'reason', 'close_code', 'evidence' }

local function read_record(fields, text)
    local record, place = {}, 0
    for word in string.gmatch(text, '[^ ]+') do
        place = place + 1
        if word ~= '-' and fields[place] then
            record[fields[place]] = tonumber(word) or word
        end
    end
    return record
end

local function write_record(fields, record)
    local words = {}
    for place, field in ipairs(fields) do
        local value = record[field]
        if value == nil or value == '' then
            value = '-'
        elseif type(value) == 'number' then
            value = integer(value)
        end
        words[place] = value
    end
    return table.concat(words, ' ')
end
