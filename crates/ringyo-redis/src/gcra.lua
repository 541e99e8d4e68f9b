-- Charges one or two buckets, all or nothing. Times are integers in microseconds: a double holds
-- them exactly until the year 2255, and numbers go to the server as numbers, because `tostring`
-- and `..` would round them to 14 digits.
--
-- KEYS  the account's bucket, and the key's if there is one
-- ARGV  for each bucket: what the request costs, and what the bucket holds
-- now   set by the line before; spare: milliseconds that a bucket is kept longer than needed
--
-- Gives 1 or 0, and how far each bucket now is from full.
local arrivals, verdict = {}, 1
for i, bucket in ipairs(KEYS) do
  arrivals[i] = math.max(tonumber(redis.call('GET', bucket)) or 0, now)
  if arrivals[i] - now + ARGV[2 * i - 1] > tonumber(ARGV[2 * i]) then
    verdict = 0
  end
end
local reply = { verdict }
for i, bucket in ipairs(KEYS) do
  if verdict == 1 then
    arrivals[i] = arrivals[i] + ARGV[2 * i - 1]
    local ttl = math.ceil((arrivals[i] - now) / 1000) + spare
    redis.call('SET', bucket, arrivals[i], 'PX', ttl)
  end
  reply[i + 1] = arrivals[i] - now
end
return reply
