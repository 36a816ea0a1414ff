import Values

// The journal in the status and in the status tree. Anyone who may write the status ref may have forged it, so the
// decoder accepts no more than the encoder would ever write.

extension Journal {
  public init(_ journal: JSON?) {
    self.init(runs: (journal?.array ?? []).suffix(Self.runLimit).compactMap(Run.init))
    trim()
  }

  public var json: JSON { .array(runs.map(\.json)) }
}

extension Journal.Run {
  init?(_ run: JSON) {
    guard let id = run["id"]?.string, let from = run["from"]?.string, let to = run["to"]?.string,
      let began = run["began"]?.string.flatMap(Timestamp.seconds)
    else { return nil }
    self.init(
      id: id, isRollback: run["change"]?.string == "rollback", from: from, to: to,
      commit: run["commit"]?.string, began: began, ended: run["ended"]?.string.flatMap(Timestamp.seconds),
      isTurnedBack: run["turnedBack"]?.bool ?? false,
      pods: (run["pods"]?.array ?? []).prefix(Journal.podLimit).compactMap(Journal.Pod.init),
      waits: (run["waits"]?.array ?? []).prefix(Journal.waitLimit).compactMap(Journal.Wait.init),
      omitted: run.seconds("omitted") ?? 0)
  }

  public var json: JSON {
    var out: JSON = [
      "id": .string(id), "change": isRollback ? "rollback" : "upgrade", "from": .string(from),
      "to": .string(to),
    ]
    out["commit"] = commit.map(JSON.string)
    out["began"] = .string(Timestamp.text(began))
    out["ended"] = ended.map { .string(Timestamp.text($0)) }
    if isTurnedBack { out["turnedBack"] = true }
    if !pods.isEmpty { out["pods"] = .array(pods.map(\.json)) }
    if !waits.isEmpty { out["waits"] = .array(waits.map(\.json)) }
    if omitted > 0 { out["omitted"] = JSON(omitted) }
    return out
  }
}

extension Journal.Pod {
  init?(_ pod: JSON) {
    guard let role = pod["role"]?.string, let name = pod["pod"]?.string else { return nil }
    self.init(
      role: role, pod: name, at: pod.seconds("at") ?? 0, replace: pod.seconds("replace"),
      pull: pod.seconds("pull"), start: pod.seconds("start"), hook: pod.seconds("hook"),
      waited: pod.seconds("waited"), isDone: pod["done"]?.bool ?? false,
      stallReason: pod["trouble"]?.string.map(Journal.brief),
      retries: pod.seconds("retries") ?? 0)
  }

  var json: JSON {
    var out: JSON = ["role": .string(role), "pod": .string(pod), "at": JSON(at)]
    out["replace"] = replace.map { JSON($0) }
    out["pull"] = pull.map { JSON($0) }
    out["start"] = start.map { JSON($0) }
    out["hook"] = hook.map { JSON($0) }
    out["waited"] = waited.map { JSON($0) }
    if isDone { out["done"] = true }
    out["trouble"] = stallReason.map(JSON.string)
    if retries > 0 { out["retries"] = JSON(retries) }
    return out
  }
}

extension Journal.Wait {
  init?(_ wait: JSON) {
    guard let what = wait["what"]?.string else { return nil }
    self.init(what: Journal.brief(what), at: wait.seconds("at") ?? 0, took: wait.seconds("took"))
  }

  var json: JSON {
    var out: JSON = ["what": .string(what), "at": JSON(at)]
    out["took"] = took.map { JSON($0) }
    return out
  }
}

extension JSON {
  /// A count or a duration, limited so that arithmetic on it cannot overflow.
  fileprivate func seconds(_ key: String) -> Int? {
    self[key]?.count()
  }
}
