import ClusterAPI
import KubeDirector
import Logging
import Rules

// Watches tell of every change, but a watch may miss one: from time to time everything is looked at.
extension Reconciler {
  /// Compares until the task is cancelled.
  func keepComparing() async {
    guard settings.compareInterval > .zero else { return }
    while (try? await clock.sleep(for: settings.compareInterval)) != nil { await compare() }
  }

  /// Asks the cluster for all apps and clusters, and holds them against git's head. One list of each kind, however
  /// much there is; what is as it should be costs nothing else.
  func compare() async {
    for resource in [Resource.apps, .clusters] {
      do throws(APIError) {
        let list = try await api.list(resource, namespace: nil, labels: .everything)
        let before = apps(before: living.objects.keys)
        for reference in living.take(list, of: resource) {
          touch(reference, before: before[reference] ?? [])
        }
      } catch {
        // The next time is as good; the watch says what it thinks of the server meanwhile.
        logger.debug("compare.failed", metadata: ["kind": "\(resource.kind)", "error": "\(error)"])
      }
    }
    examine()
    look()
  }

  /// Finds what is neither as the head has it, nor held back for a reason that was told.
  func examine() {
    guard living.isComplete, desired.head != nil else { return }
    // What resisted may have given up.
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
