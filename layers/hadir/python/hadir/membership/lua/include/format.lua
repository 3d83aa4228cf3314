-- takes: clock
--
-- A record is a list of words separated by blanks; '-' stands for a missing value, but none are
-- written at the end. No id contains a blank, and a person is one word, "user_type/user_id".

-- person; since (first version that the connection is told of; 0: only admitted); heard (time of its
-- last message, ms; 0: never); expires (when its token expires, ms; 0: never); beats (1 once it has
-- sent a heartbeat, so that more are expected); watches (1 if it watches other sessions)
local CONNECTION = { 'person', 'since', 'heard', 'expires', 'beats', 'watches' }

-- at (since when they are present, ms); sockets (how many are open; 0 in grace); and in grace how
-- they left: left (ms), reason, close_code, evidence. What they have of these: profile (their name
-- and avatar) and state, as JSON without blanks; aways (the ids of their sockets that say that they
-- are away, with a comma before, between and after them)
local PERSON = {
    'at', 'sockets', 'left', 'reason', 'close_code', 'evidence', 'profile', 'state', 'aways',
}

-- The entry of a session that somebody has: person; at (since when, or when the sweep last looked
-- after the session, ms); gone (1 if they have gone for good)
local ASSIGNMENT = { 'person', 'at', 'gone' }

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

-- A person is away while all their sockets say so; in grace they are what they were before.
local function is_away(person)
    local _, commas = string.gsub(person.aways or '', ',', '')
    return commas > 1 and commas - 1 >= person.sockets
end

local function write_record(fields, record)
    local words, last = {}, 0
    for place, field in ipairs(fields) do
        local value = record[field]
        if value == nil or value == '' then
            value = '-'
        elseif type(value) == 'number' then
            value = integer(value)
        end
        words[place] = value
        last = value == '-' and last or place
    end
    return table.concat(words, ' ', 1, last)
end
