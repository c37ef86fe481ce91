-- wrk: posts the file that the environment's BODY names, and writes the counts and quantiles as one JSON line.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = assert(io.open(os.getenv("BODY")))
wrk.body = file:read("*a")
file:close()

done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"rate": %.1f, "p50_us": %d, "p99_us": %d, "failed": %d}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99), failed))
end
