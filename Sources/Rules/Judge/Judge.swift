import Diagnostics
import KubeDirector
import Manifests
import Values

/// Reaches a verdict on every object of a request.
///
/// Pure: it reads no file, calls no cluster and has no clock.
public struct Judge {
  private let request: JudgeRequest
  private let context: RuleContext
  private var places: PlaceFinder
  private var findings: [Diagnostic] = []
  private var objects: [ObjectVerdict] = []
  private var notJudged: Set<String> = []
  private var transitions: [ObjectReference: ClusterTransition] = [:]
  private lazy var mayHaveMovedToBrokenFile = Self.mayHaveMovedToBrokenFile(request)

  public static func judge(_ request: JudgeRequest) -> Judgement {
    var request = request
    if request.changed == nil {
      // Every object is judged, so every file must be loaded.
      request.head = request.head.completed
      request.base = request.base?.completed
    }
    var judge = Judge(request)
    return judge.run()
  }

  private init(_ request: JudgeRequest) {
    self.request = request
    context = RuleContext(request)
    places = PlaceFinder(base: request.base, head: request.head)
  }

  private mutating func run() -> Judgement {
    judgeFiles()
    for reference in references { judge(reference) }
    return Judgement(
      findings: findings.inReportOrder(), objects: objects,
      notJudged: notJudged.isEmpty ? [] : RuleRegistry.all.map { $0.id }.filter(notJudged.contains),
      transitions: transitions)
  }

  /// Apps sort before clusters by the names of their kinds.
  private var references: [ObjectReference] {
    if let changed = request.changed { return changed.objects.sorted() }
    guard let base = request.base else { return request.head.references }
    return Set(request.head.references).union(base.references).sorted()
  }

  private mutating func judgeFiles() {
    if let changed = request.changed {
      for path in changed.files { findings += request.head.files[path]?.findings ?? [] }
    } else {
      for (path, content) in request.head.files where content.findings != request.base?.files[path]?.findings
      {
        findings += content.findings
      }
    }
  }

  private mutating func judge(_ reference: ObjectReference) {
    reference.kind == Wire.appKind ? judgeApp(reference) : judgeCluster(reference)
  }

  // MARK: Apps

  private mutating func judgeApp(_ reference: ObjectReference) {
    let old = request.base?.app(reference)
    guard let new = request.head.writtenApp(reference) else {
      guard let old else { return }
      return isHidden(old.source)
        ? conclude(reference, .none, .rejected) : judgeApp(reference, old: old, new: nil)
    }
    guard new.isSound else {
      return concludeUnsound(
        new, isOld: request.base?.writtenApp(reference).map { $0.spec.raw == new.spec.raw })
    }
    judgeApp(reference, old: old, new: new)
  }

  private mutating func judgeApp(_ reference: ObjectReference, old: Sourced<App>?, new: Sourced<App>?) {
    let judgement = context.judgement(of: reference)
    let worst = report(judgement.reports, of: reference, old: old?.source, new: new?.source)
    let isRepeated = reportRepeated(reference, judgement.kind)
    conclude(reference, judgement.kind, verdict(judgement.kind, isRepeated ? .error : worst))
  }

  // MARK: Clusters

  private mutating func judgeCluster(_ reference: ObjectReference) {
    let old = request.base?.cluster(reference)
    guard let new = request.head.writtenCluster(reference) else {
      guard let old else { return }
      if isHidden(old.source) { return conclude(reference, .none, .rejected) }
      let prunes = request.policy?.prune == true && !mayHaveMovedToBrokenFile
      guard prunes else { return conclude(reference, .delete, .orphaned) }
      let reports = ClusterBusy.check(deletion: old, in: context).map {
        (rule: ClusterBusy.self, violation: $0)
      }
      return conclude(
        reference, .delete, verdict(.delete, report(reports, of: reference, old: old.source, new: nil)))
    }
    guard new.isSound else {
      return concludeUnsound(
        new, isOld: request.base?.writtenCluster(reference).map { $0.spec.raw == new.spec.raw })
    }
    let judgement = ClusterJudgement(old: old, new: new, history: request.history, in: context)
    transitions[reference] = judgement.transition
    if judgement.kind != .none { report(new.findings, of: reference, source: new.source) }
    let worst = report(judgement.reports, of: reference, old: old?.source, new: new.source)
    let isRepeated = reportRepeated(reference, judgement.kind)
    for rule in judgement.notJudged { notJudged.insert(rule.description.id) }
    conclude(reference, judgement.kind, verdict(judgement.kind, isRepeated ? .error : worst))
  }

  // MARK: Verdicts

  /// Whether the object's former file exists and could not be read completely. Then the object does not count as
  /// deleted.
  private func isHidden(_ source: Source?) -> Bool {
    source.map { request.head.broken.contains(ExactString($0.path)) } ?? false
  }

  /// Whether the change has a new unreadable file. An object that seems deleted may have been moved to it, so nothing
  /// is deleted.
  private static func mayHaveMovedToBrokenFile(_ request: JudgeRequest) -> Bool {
    request.head.broken.contains { request.base?.files[$0] == nil }
  }

  private func verdict(_ kind: ChangeKind, _ worst: Severity?) -> Verdict {
    switch worst {
    case .error: .rejected
    case .waiting: .waiting
    case .warning, nil: kind == .none ? .unchanged : .accepted
    }
  }

  /// - Parameter isOld: Whether the object was invalid in the same way before; nil if it did not exist.
  private mutating func concludeUnsound<Model>(_ object: Sourced<Model>, isOld: Bool?) {
    if isOld == true { return conclude(object.reference, .none, .unchanged) }
    report(object.findings, of: object.reference, source: object.source)
    conclude(object.reference, isOld == nil ? .create : .reconfigure, .rejected)
  }

  private mutating func conclude(_ reference: ObjectReference, _ kind: ChangeKind, _ verdict: Verdict) {
    objects.append(ObjectVerdict(reference: reference, change: kind, verdict: verdict))
  }

  // MARK: Findings

  /// The number of findings that are kept of the next object.
  private var limitOfNext: Int {
    findings.count < FindingLimit.detailed ? FindingLimit.standard : 1
  }

  /// - Returns: The worst severity reported.
  private mutating func report(
    _ reports: [AppJudgement.Report], of reference: ObjectReference, old: Source?, new: Source?
  ) -> Severity? {
    func severity(_ report: AppJudgement.Report) -> Severity {
      report.violation.severity ?? report.rule.description.severity
    }
    let worst = reports.map(severity).max()
    let limit = limitOfNext
    let ordered = reports.count <= limit ? reports : reports.sorted { severity($0) > severity($1) }
    for report in ordered.prefix(limit) {
      add(
        report.rule.description.id, severity(report), report.violation, reference,
        report.violation.side == .old ? old : new)
    }
    if ordered.count > limit {
      addMore(ordered.count - limit, severity(ordered[limit]), reference, new ?? old)
    }
    return worst
  }

  private mutating func addMore(
    _ omitted: Int, _ severity: Severity, isAtLeast: Bool = false, _ reference: ObjectReference,
    _ source: Source?
  ) {
    findings.append(
      FindingLimit.more(
        omitted, isAtLeast: isAtLeast, severity, about: "\(reference.kind) \(reference)",
        at: places.place(of: Violation(["metadata", "name"], ""), in: source), of: reference))
  }

  private mutating func report(_ found: [SchemaFinding], of reference: ObjectReference, source: Source?) {
    let limit = limitOfNext
    let ordered =
      found.count <= limit
      ? found : found.filter { $0.kind == .error } + found.filter { $0.kind != .error }
    for one in ordered.prefix(limit) {
      let rule = SchemaCheck.rule(for: one, in: reference).description
      let (place, hint) = places.place(of: one, in: source)
      findings.append(
        Diagnostic(
          rule: rule.id, severity: rule.severity, location: place, object: reference, message: one.message,
          hint: hint))
    }
    let omitted = ordered.dropFirst(limit)
    let isAtLeast = found.count >= Schema.findingLimit
    if let worst = omitted.first ?? (isAtLeast ? ordered.first : nil) {
      addMore(
        max(omitted.count, 1), worst.kind == .error ? .error : .warning, isAtLeast: isAtLeast, reference,
        source)
    }
  }

  /// - Returns: Whether the name is defined more than once, which blocks the object. A duplicate is not reported if
  ///   nothing changes and the same duplicates existed before.
  private mutating func reportRepeated(_ reference: ObjectReference, _ kind: ChangeKind) -> Bool {
    let (first, repeated) = request.head.definitions(of: reference)
    if repeated.isEmpty { return false }
    if kind == .none, let before = request.base?.definitions(of: reference),
      before.first == first, before.repeated == repeated
    {
      return false
    }
    let limit = limitOfNext
    for source in repeated.prefix(limit) {
      add(
        DuplicateObject.id, .error,
        Violation(
          ["metadata", "name"],
          "\(reference.kind) \(reference) is defined a second time; the first definition is in \(first?.path ?? "another file")",
          hint: "remove one of the two, or give it another name"), reference, source)
    }
    if repeated.count > limit {
      addMore(repeated.count - limit, .error, reference, repeated.last)
    }
    return true
  }

  private mutating func add(
    _ rule: String, _ severity: Severity, _ violation: Violation, _ reference: ObjectReference,
    _ source: Source?
  ) {
    var finding = Diagnostic(
      rule: rule, severity: severity, location: places.place(of: violation, in: source), object: reference,
      message: violation.message, hint: violation.hint)
    finding.concealsSource = rule == ClusterPlaintextSecret.id
    findings.append(finding)
  }
}
