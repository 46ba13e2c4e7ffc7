-- For wrk: one pulse a request, each with an id of its own; at the end how many there were and how long they took.

local made, started, threads = 0, os.time() * 1000, 0

-- Ids of one thread are apart from those of the others.
function setup(thread)
    thread:set("maker", threads)
    threads = threads + 1
end

function request()
    made = made + 1
    local milliseconds = started + made / 50
    local id = string.format("%08x-%04x-7%03x-8000-%012x", milliseconds / 65536, milliseconds % 65536, maker, made)
    local tenant, sku = made * 7919 % 100, made * 104729 % 10
    local body = string.format(
        '{"id":"%s","source":"wrk","tenant":"tenant-%05d","sku":"llm.model-%d","quantity":"%d","unit":"token"}',
        id, tenant, sku, 1 + made % 5000)
    return wrk.format("POST", "/v1/pulses", { ["content-type"] = "application/json" }, body)
end

-- Microseconds: the whole, then each hundredth of the calls by rising duration.
function done(summary, latency)
    local function tell(name, number)
        print(string.format("%s\t%d", name, number))
    end
    local errors = summary.errors
    tell("failed", errors.connect + errors.read + errors.write + errors.status + errors.timeout)
    tell("calls", summary.requests)
    tell("whole", summary.duration)
    for percent = 1, 99 do
        tell("percent", latency:percentile(percent))
    end
    tell("percent", latency.max)
end
