-- takes: clock
--
-- A tenant's bans. KEYS and ARGV that each of their scripts has; keys.py says what each key holds.

local ENDS, BANS = KEYS[1], KEYS[2]

-- A script's own arguments begin at ARGV[2].
local OWN_ARGV = 2

local AT_ONCE = 1000    -- bans forgotten by one script, so that Redis stays free for others

local function forget_those_over()
    local over = redis.call('ZRANGEBYSCORE', ENDS, '-inf', integer(now), 'LIMIT', 0, AT_ONCE)
    for _, name in ipairs(over) do
        redis.call('ZREM', ENDS, name)
        redis.call('HDEL', BANS, name)
    end
end

-- Both keys expire with the last ban.
local function keep_until_the_last_is_over()
    local last = redis.call('ZREVRANGE', ENDS, 0, 0, 'WITHSCORES')
    for key = 1, last[2] and 2 or 0 do
        redis.call('PEXPIRE', KEYS[key], integer(tonumber(last[2]) - now))
    end
end
