-- Asks for each path of a file once, one after the other over all connections, and says when it begins and when it has all of them.
local requests, asked, answered, failed, isVerified = {}, 0, 0, 0, false

init = function(args)
  for path in io.lines(args[1]) do table.insert(requests, wrk.format("GET", path)) end
end

-- wrk cannot be told to ask for nothing more, but to wait with it, in milliseconds.
delay = function()
  return asked < #requests and 0 or 600000
end

request = function()
  -- Before it begins wrk looks at one request, and does not send it.
  if not isVerified then
    isVerified = true
    return requests[1]
  end
  if asked == 0 then
    io.write("begins\n")
    io.flush()
  end
  asked = math.min(asked + 1, #requests)
  return requests[asked]
end

response = function(status)
  answered = answered + 1
  if status ~= 200 then failed = failed + 1 end
  if answered == #requests then
    io.write(string.format("all %d\n", failed))
    io.flush()
  end
end
