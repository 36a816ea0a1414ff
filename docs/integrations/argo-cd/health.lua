-- The health of a KubeDirectorCluster for Argo CD: the condition Stalled, then suspension, then progress, then Ready.
-- The word and the message are those of `kubectl describe kdcluster`.
local hs = { status = "Progressing", message = "Waiting for the daemon of kdops" }

if obj.status == nil or obj.status.conditions == nil then
  return hs
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local ready = conditions["Ready"]
local progressing = conditions["Progressing"]
local stalled = conditions["Stalled"]

if stalled ~= nil and stalled.status == "True" then
  return { status = "Degraded", message = stalled.message }
end
if progressing ~= nil and progressing.reason == "Suspended" then
  return { status = "Suspended", message = progressing.message }
end
if progressing ~= nil and progressing.status == "True" then
  return { status = "Progressing", message = progressing.message }
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The last change is not done" }
end
if ready ~= nil and ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end
if ready ~= nil then
  -- Without a change, a member that is down for a known reason needs intervention.
  local waits = { MembersNotReady = true, Updating = true }
  hs.status = waits[ready.reason] and "Progressing" or "Degraded"
  hs.message = ready.message
end
return hs
