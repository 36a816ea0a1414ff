import KubeDirector

/// One small case that a rule passes or fails, as edits to a valid repository (`Fixture`).
///
/// Documentation shows the edits; tests build the files and pass them to the real judge.
public struct Example: Sendable {
  public var title: String
  /// The edits that make the base; nil if there is no base and everything is new.
  public var before: [Edit]?
  /// The edits that make the head, applied after those of the base.
  public var edits: [Edit]
  public var live: Live
  public var policy: Policy?
  /// The app that the cluster's file named before the one that it names at the base.
  public var history: String?

  /// The live state of `prod/analytics`.
  public enum Live: Sendable, Hashable {
    case unknown
    case creating
    case configured
    /// The cluster's members are changing, and new ones do not start.
    case stuck
    /// Upgrading from spark-1.0.0 to spark-1.1.0.
    case upgrading
    case stalled
    /// Upgrading as in `upgrading`, with the new package already installed in a worker.
    case late
    case stalledLate
    /// Rolling back from spark-1.1.0 to spark-1.0.0.
    case rollingBack
  }

  /// An example that judges a whole repository.
  static func given(_ title: String, _ edits: Edit..., policy: Policy? = nil) -> Example {
    Example(title: title, before: nil, edits: edits, live: .unknown, policy: policy, history: nil)
  }

  /// An example that judges a change of a repository.
  static func change(
    _ title: String, from before: [Edit] = [], _ edits: Edit..., live: Live = .unknown, history: String? = nil
  ) -> Example {
    Example(title: title, before: before, edits: edits, live: live, policy: nil, history: history)
  }
}

/// One edit of a file.
public struct Edit: Sendable {
  public enum Action: Sendable {
    /// Replaces each old text, which must occur exactly once, with the new one.
    case replace([(old: String, new: String)])
    case add(String)
    case remove
  }

  public var path: String
  public var action: Action

  static func current(_ old: String, _ new: String, also: KeyValuePairs<String, String> = [:]) -> Edit {
    replace(Fixture.currentPath, old, new, also)
  }
  static func candidate(_ old: String, _ new: String, also: KeyValuePairs<String, String> = [:]) -> Edit {
    replace(Fixture.candidatePath, old, new, also)
  }
  static func cluster(_ old: String, _ new: String, also: KeyValuePairs<String, String> = [:]) -> Edit {
    replace(Fixture.clusterPath, old, new, also)
  }
  static func candidate(annotation key: String, _ value: String) -> Edit {
    candidate(#""namespace": "prod"}"#, #""namespace": "prod", "annotations": {"\#(key)": "\#(value)"}}"#)
  }
  static func cluster(annotation key: String, _ value: String) -> Edit {
    cluster("namespace: prod", "namespace: prod\n  annotations: {\(key): \"\(value)\"}")
  }
  static func add(_ path: String, _ text: String) -> Edit { Edit(path: path, action: .add(text)) }
  static func remove(_ path: String) -> Edit { Edit(path: path, action: .remove) }

  private static func replace(
    _ path: String, _ old: String, _ new: String, _ also: KeyValuePairs<String, String>
  ) -> Edit {
    Edit(path: path, action: .replace([(old, new)] + also.map { ($0.key, $0.value) }))
  }
}

/// An error in an example: its edits do not match the files.
public struct MisfitEdit: Error, CustomStringConvertible {
  public var path: String
  public var text: String
  public var description: String { "\(path) does not contain exactly once: \(text)" }
}

extension Edit {
  /// Applies the edit to a table of files by path.
  public func apply(to files: inout [String: String]) throws(MisfitEdit) {
    switch action {
    case .add(let text): files[path] = text
    case .remove: files[path] = nil
    case .replace(let pairs):
      guard var text = files[path] else { throw MisfitEdit(path: path, text: "") }
      for pair in pairs {
        guard text.count(of: pair.old) == 1 else { throw MisfitEdit(path: path, text: pair.old) }
        text = text.replacing(pair.old, with: pair.new)
      }
      files[path] = text
    }
  }
}

extension String {
  /// Replaces every occurrence.
  func replacing(_ old: String, with new: String) -> String {
    var result = ""
    var rest = Substring(self)
    while let range = rest.range(ofText: old) {
      result += rest[..<range.lowerBound] + new
      rest = rest[range.upperBound...]
    }
    return result + rest
  }

  func count(of text: String) -> Int {
    var count = 0
    var rest = Substring(self)
    while let range = rest.range(ofText: text) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}

extension Substring {
  fileprivate func range(ofText text: String) -> Range<Index>? {
    guard !text.isEmpty else { return nil }
    var start = startIndex
    while start < endIndex {
      if self[start...].utf8.starts(with: text.utf8) {
        return start..<utf8.index(start, offsetBy: text.utf8.count)
      }
      start = utf8.index(after: start)
    }
    return nil
  }
}
