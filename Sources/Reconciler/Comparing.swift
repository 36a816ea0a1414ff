import ClusterAPI
import KubeDirector
import Logging
import Rules

// Resync: watches report every change, but a watch can miss one, so all objects are compared with git periodically.
extension Reconciler {
  /// Resyncs at the configured interval until the task is cancelled.
  func keepComparing() async {
    guard settings.compareInterval > .zero else { return }
    while (try? await clock.sleep(for: settings.compareInterval)) != nil { await compare() }
  }

  /// Lists all apps and clusters and compares them with the head. It makes one list request per kind, whatever the
  /// number of objects; objects that are in sync cost no further request.
  func compare() async {
    for resource in [Resource.apps, .clusters] {
      do throws(APIError) {
        let list = try await api.list(resource, namespace: nil, labels: .everything)
        let before = apps(before: living.objects.keys)
        for reference in living.take(list, of: resource) {
          touch(reference, before: before[reference] ?? [])
        }
      } catch {
        // The next resync retries; the watch reports problems with the server in the meantime.
        logger.debug("compare.failed", metadata: ["kind": "\(resource.kind)", "error": "\(error)"])
      }
    }
    examine()
    look()
  }

  /// Enqueues objects that neither match the head nor are blocked for a reported reason.
  func examine() {
    guard living.isComplete, desired.head != nil else { return }
    // A drift conflict may have ended, so drift is corrected again.
    resisting = [:]
    for reference in desired.snapshot.references where living.objects[reference] == nil {
      if held[reference] == nil { toJudge.objects.insert(reference) }
    }
    for (reference, object) in living.objects where !object.isBeingDeleted {
      lookForEdits(object, reference)
      guard living.applied.holds(reference), held[reference] == nil, !isInSync(reference)
      else { continue }
      toJudge.objects.insert(reference)
    }
  }
}
