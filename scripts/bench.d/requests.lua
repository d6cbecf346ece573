-- Requests that differ from each other, for wrk. Arguments after "--":
--
--   metrics FIRST COUNT       GET of each of these metrics in turn
--   change FIRST COUNT SALT   PATCH of each of these metrics in turn, with a new description
--   create PREFIX FILE        POST of copies of the metric in FILE, with ids that begin so
--   login NAME PASSWORD       POST of a log-in

-- Each thread has a state of its own, with this script in it; only setup() runs in the first one.
local known = {}

function setup(thread)
  table.insert(known, thread)
  thread:set("thread_number", #known - 1)
  for _, each in ipairs(known) do each:set("thread_count", #known) end
end

local turn, first, count, kind, salt, body = 0, 0, 0, nil, "", ""
-- Requests of "metrics", which repeat.
local made = {}

local function json(method, path, text)
  local headers = {}
  for name, value in pairs(wrk.headers) do headers[name] = value end
  headers["Content-Type"] = method == "PATCH" and "application/merge-patch+json" or "application/json"
  return wrk.format(method, path, headers, text)
end

function init(arguments)
  kind = arguments[1]
  if kind == "create" then
    first = arguments[2]
    body = assert(io.open(arguments[3])):read("*a")
  elseif kind == "login" then
    body = json("POST", "/api/auth/login",
      string.format('{"username":"%s","password":"%s"}', arguments[2], arguments[3]))
  else
    first = tonumber(arguments[2])
    count = tonumber(arguments[3])
    salt = arguments[4] or ""
  end
end

-- The next number of this thread; threads take turns.
local function next_number()
  local number = turn * thread_count + thread_number
  turn = turn + 1
  return number
end

function request()
  if kind == "login" then return body end
  local number = next_number()
  if kind == "create" then
    local id = string.format("%s%06d", first, number)
    return json("POST", "/api/v1/metrics", (body:gsub("{id}", id)))
  end
  number = first + number % count
  local path = string.format("/api/v1/metrics/m%06d", number)
  if kind ~= "change" then
    made[number] = made[number] or wrk.format("GET", path)
    return made[number]
  end
  return json("PATCH", path, string.format('{"description":"Changed %s %d"}', salt, turn))
end
