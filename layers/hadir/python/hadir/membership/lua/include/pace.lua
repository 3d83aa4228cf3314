-- takes: names
--
-- Token buckets, each stored as the time (ms) when it is full again (GCRA). A draw moves that time
-- by price / rate.

-- A draw of `price` from a bucket, made by `take`. `use`: the share of the burst that would be in
-- use; above 1 it exceeds the limit. A full bucket pays any price, and is in debt then.
local function draw(key, field, price, rate, burst)
    local full_at = math.max(tonumber(redis.call('ZSCORE', key, field) or '0'), now)
    local use = (full_at - now) * rate / 1000 / burst + math.min(price / burst, 1)
    return { key = key, field = field, full_at = full_at + 1000 * price / rate, use = use }
end

local function take(drawn)
    redis.call('ZADD', drawn.key, string.format('%.3f', drawn.full_at), drawn.field)
end

-- Deletes buckets that are full again.
local function forget_full_buckets()
    redis.call('ZREMRANGEBYSCORE', PACE, '-inf', integer(now))
    redis.call('ZREMRANGEBYSCORE', TENANTS, '-inf', integer(now))
end
