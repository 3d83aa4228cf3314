-- takes: names
--
-- Token buckets, each kept as the time (ms) when it is full again (GCRA): what is drawn takes it
-- further by its price / rate.

-- A draw of `price` from a bucket, made by `take`. `use`: how much of the burst would be in use; up
-- to 1 there is room. Nothing costs more than the whole bucket, or it could never be had.
local function draw(key, field, price, rate, burst)
    price = math.min(price, burst)
    local full_at = math.max(tonumber(redis.call('ZSCORE', key, field) or '0'), now)
        + 1000 * price / rate
    local use = (full_at - now) * rate / 1000 / burst
    return { key = key, field = field, full_at = full_at, use = use }
end

local function take(drawn)
    redis.call('ZADD', drawn.key, string.format('%.3f', drawn.full_at), drawn.field)
end

-- Buckets that are full again say nothing any more.
local function forget_full_buckets()
    redis.call('ZREMRANGEBYSCORE', PACE, '-inf', integer(now))
    redis.call('ZREMRANGEBYSCORE', TENANTS, '-inf', integer(now))
end
