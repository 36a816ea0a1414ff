import Upgrade

/// A StatefulSet with parallel pod management.
struct StageSet {
  var name: String
  var image: String
  /// The encoding of the template by the daemon that wrote it; another daemon may encode the same template
  /// differently.
  var spelling = 0
  var replicas: Int
  var strategy: SetStrategy
  var generation = 1
  var version: Int
  var observedGeneration = 0
  var currentRevision = ""
  var updateRevision = ""
  /// The disruptions that a PodDisruptionBudget of this set allows; nil for no budget.
  var disruptionsAllowed: Int?

  /// The same template always has the same revision.
  static func revision(of image: String, spelling: Int = 0) -> String {
    "rev-\(image)" + String(repeating: "'", count: spelling)
  }

  static func image(of revision: String) -> String {
    String(revision.dropFirst("rev-".count).prefix { $0 != "'" })
  }

  var observation: SetObservation {
    SetObservation(
      image: image, replicas: replicas, strategy: strategy, isObserved: observedGeneration >= generation,
      currentRevision: currentRevision, updateRevision: updateRevision)
  }
}

extension Stage {
  /// One sync of a set by the StatefulSet controller, as in Kubernetes 1.35.0: any pod that is not ready uses
  /// up the budget of one, so that a stuck pod stays even after its template is fixed.
  mutating func syncSet(_ role: String) -> Bool {
    guard var set = sets[role] else { return false }
    let before = set
    set.observedGeneration = set.generation
    set.updateRevision = StageSet.revision(of: set.image, spelling: set.spelling)
    if set.currentRevision.isEmpty { set.currentRevision = set.updateRevision }
    var moved = false
    for ordinal in 0..<set.replicas
    where pods["\(set.name)-\(ordinal)"] == nil && !forbiddenPods.contains("\(role)-\(ordinal)") {
      let isHeldBack =
        if case .rollingUpdate(let partition) = set.strategy { ordinal < partition } else { false }
      create(ordinal, of: set, role, isHeldBack ? set.currentRevision : set.updateRevision)
      moved = true
    }
    let mine = pods.values.filter { $0.role == role }.sorted { $0.ordinal > $1.ordinal }
    for pod in mine where pod.ordinal >= set.replicas && !pod.isBeingDeleted {
      checkLeaving(pod)
      terminate(pod.name)
      moved = true
    }
    let kept = mine.filter { $0.ordinal < set.replicas }
    if case .rollingUpdate(let partition) = set.strategy {
      let old = kept.first {
        $0.ordinal >= partition && $0.revision != set.updateRevision && !$0.isBeingDeleted
      }
      if let old, kept.allSatisfy(\.isAvailable) {
        write("  set replaces \(Self.short(old.name))")
        checkReplacement(of: old)
        terminate(old.name)
        moved = true
      } else if !moved, mine.count == set.replicas,
        kept.allSatisfy({ $0.isAvailable && $0.revision == set.updateRevision })
      {
        set.currentRevision = set.updateRevision
      }
    }
    let isNews =
      set.observedGeneration != before.observedGeneration || set.currentRevision != before.currentRevision
      || set.updateRevision != before.updateRevision
    if isNews { set.version = fresh() }
    sets[role] = set
    return moved || isNews
  }

  private mutating func create(_ ordinal: Int, of set: StageSet, _ role: String, _ revision: String) {
    let name = "\(set.name)-\(ordinal)"
    let id = fresh()
    let pod = StagePod(
      name: name, role: role, ordinal: ordinal, uid: "uid\(id)", version: id, revision: revision,
      image: StageSet.image(of: revision), createdAt: now,
      isGated: gatedPods.contains(Self.short(name)))
    checkComing(pod)
    pods[name] = pod
    let claim = "p-\(name)"
    if newClaims?[claim] == nil { newClaims?[claim] = .owned }
  }

  /// Requests the termination of a pod; the node carries it out.
  mutating func terminate(_ name: String) {
    guard pods[name]?.isBeingDeleted == false else { return }
    pods[name]?.isBeingDeleted = true
    pods[name]?.endsBy = now + 10
    touch(name)
  }
}
