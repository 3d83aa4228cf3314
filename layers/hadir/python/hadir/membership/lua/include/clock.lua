-- The time, for every script. The constants that no file defines, LEASE for example, are those of
-- session_scripts.py.
--
-- ARGV[1] now: milliseconds since the Unix epoch, or '' for Redis's own clock

local function clock()
    if ARGV[1] ~= '' then
        return tonumber(ARGV[1])
    end
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = clock()

local function integer(number)
    return string.format('%.0f', number)
end
