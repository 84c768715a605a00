-- Prints one line of JSON when a run is over. With arguments, a file of `weight TAB path` lines and a seed, it asks for these paths,
-- chosen at random by their weights; without any, for the URL it was given.
local paths, ends, total, state = {}, {}, 0, 1

-- Tells that it begins.
setup = function(thread)
  io.write("begins\n")
  io.flush()
end

init = function(args)
  if #args < 2 then return end
  state = tonumber(args[2]) % 2147483646 + 1
  for line in io.lines(args[1]) do
    local weight, path = line:match("^(%S+)\t(.+)$")
    total = total + tonumber(weight)
    table.insert(ends, total)
    table.insert(paths, wrk.format("GET", path))
  end
  request = function()
    -- Park and Miller's minimal standard generator: the same requests for the same seed.
    state = state * 16807 % 2147483647
    local wanted, low, high = state / 2147483647 * total, 1, #ends
    while low < high do
      local middle = math.floor((low + high) / 2)
      if ends[middle] < wanted then low = middle + 1 else high = middle end
    end
    return paths[low]
  end
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"p50Us":%d,"p99Us":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
