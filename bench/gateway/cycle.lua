-- SPDX-License-Identifier: Apache-2.0
-- wrk -s cycle.lua URL FILE: each request bears the next token of FILE, again from the first after the last.
local requests = {}
local next = 0

function init(arguments)
  for token in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. token })
  end
end

function request()
  next = next % #requests + 1
  return requests[next]
end
