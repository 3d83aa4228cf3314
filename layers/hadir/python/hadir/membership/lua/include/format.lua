-- takes: clock
--
-- Records are words with a blank between them; '-' is a word that is missing. No id holds a blank,
-- and a person is one word, "user_type/user_id".

-- person; since (first version the connection is told of; 0: only admitted); heard (ms of its last
-- message; 0: never); expires (ms until when what it proved is good; 0: for good); beats (1 once it
-- has sent a heartbeat, and so is expected to go on)
local CONNECTION = { 'person', 'since', 'heard', 'expires', 'beats' }

-- at (ms since when they are present); sockets (open ones; 0 in grace), and in grace how they left:
-- left (ms), reason, close_code, evidence
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
