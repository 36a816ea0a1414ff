import ClusterAPI
import KubeDirector
import Logging
import Rules

// Resync: watches report every change, but a watch can miss one, so all objects are compared with git periodically.
extension Reconciler {
  /// Resyncs at the configured interval until the task is cancelled.
  func resyncPeriodically() async {
    guard settings.compareInterval > .zero else { return }
    while (try? await scheduler.clock.sleep(for: settings.compareInterval)) != nil { await resync() }
  }

  /// Lists all apps and clusters and compares them with the head. It makes one list request per kind, regardless of
  /// the number of objects; objects that are in sync cost no further request.
  func resync() async {
    for resource in [Resource.apps, .clusters] {
      do throws(APIError) {
        let list = try await api.list(resource, namespace: nil, labels: .everything)
        let before = apps(before: liveState.objects.keys)
        for reference in liveState.take(list, of: resource) {
          observe(reference, before: before[reference] ?? [])
        }
      } catch {
        // The next resync retries; the watch reports problems with the server in the meantime.
        logger.debug("compare.failed", metadata: ["kind": "\(resource.kind)", "error": "\(error)"])
      }
    }
    detectDrift()
    enqueue()
  }

  /// Enqueues objects that neither match the head nor are blocked for a reported reason.
  func detectDrift() {
    guard liveState.isComplete, desired.head != nil else { return }
    // A drift conflict may have ended, so drift is corrected again.
    drift.retryConflicts()
    for reference in desired.snapshot.references where liveState.objects[reference] == nil {
      if blocked[reference] == nil { pending.insert(reference) }
    }
    for (reference, object) in liveState.objects where !object.isBeingDeleted {
      detectEdit(object)
      guard liveState.applied.holds(reference), blocked[reference] == nil, !isInSync(reference)
      else { continue }
      pending.insert(reference)
    }
  }
}
