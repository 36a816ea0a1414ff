import Diagnostics
import Values

/// Reads one file: converts bytes to trees, trees to objects, and all errors to findings.
struct ManifestReader {
  /// The maximum number of findings for one file.
  private static let findingLimit = FindingLimit.standard
  /// The maximum length of a Kubernetes name. Longer names are not used, because every message about an object repeats
  /// its name.
  private static let nameLimit = 253

  private let path: String
  private let bytes: UnsafeRawBufferPointer
  private let defaultNamespace: String
  private let limits: ManifestLimits
  private(set) var documents: [ManifestDocument] = []
  private(set) var findings: [Diagnostic] = []
  private(set) var valueCount = 0
  /// The number of findings beyond the limit, and their highest severity.
  private var omitted = 0
  private var worstOmitted = Severity.warning

  /// Created only if there is something to report.
  private lazy var source = SourceText(Array(bytes.prefix(limits.bytes)))
  private lazy var positions = ManifestPositions(path: path, bytes: Array(bytes), limits: limits)

  init(path: String, bytes: UnsafeRawBufferPointer, defaultNamespace: String, limits: ManifestLimits) {
    self.path = path
    self.bytes = UTF8Check.withoutMark(bytes)
    self.defaultNamespace = defaultNamespace
    self.limits = limits
  }

  static func isJSON(_ path: String) -> Bool { path.utf8.suffix(5).elementsEqual(".json".utf8) }

  mutating func read() {
    do throws(FileIssue) {
      try checkSize()
      try checkEncoding()
      if Self.isJSON(path) { try readJSON() } else { try readYAML() }
    } catch {
      report(YAMLProblem.explained(error, in: source))
    }
    guard omitted > 0 else { return }
    findings.append(
      FindingLimit.more(
        omitted, worstOmitted, about: path,
        at: findings.compactMap(\.location).max() ?? SourceLocation(file: path)))
  }

  // MARK: Trees

  private mutating func readJSON() throws(FileIssue) {
    do throws(JSONSyntaxError) {
      let (json, count) = try JSON.parseCounting(
        bytes, depthLimit: limits.depth, nodeLimit: limits.nodes)
      valueCount = count
      take(json, document: 0, prefix: .root)
    } catch {
      throw JSONProblem.issue(of: error, in: bytes)
    }
  }

  private mutating func readYAML() throws(FileIssue) {
    var reader = try YAMLReader(bytes, limits: limits)
    while let document = try reader.next() {
      valueCount = reader.valueCount
      guard document.issues.isEmpty else {
        let object = object(of: document.json)
        for issue in document.issues { report(issue, object: object) }
        continue
      }
      take(document.json, document: document.index, prefix: .root)
    }
  }

  private func checkSize() throws(FileIssue) {
    guard bytes.count > limits.bytes else { return }
    throw FileIssue.tooLarge(bytes.count, limits)
  }

  private func checkEncoding() throws(FileIssue) {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
      || (bytes.count >= 2 && (bytes[0] == 0 || bytes[1] == 0))
    {
      throw FileIssue(
        rule: FileRule.encoding, place: .bytes(0..<0), message: "the file is UTF-16 or UTF-32, not UTF-8",
        hint: "save it as UTF-8")
    }
    let valid = UTF8Check.validPrefix(of: bytes)
    guard valid < bytes.count else { return }
    throw FileIssue(
      rule: FileRule.encoding, place: .bytes(valid..<valid + 1),
      message: "the file is not UTF-8 from here on",
      hint: "save it as UTF-8")
  }

  // MARK: Objects

  /// Adds one object, or those of a List, at any depth of nested Lists.
  private mutating func take(_ json: JSON, document: Int, prefix: FieldPath) {
    guard case .object = json else {
      let what = prefix == .root ? "the document" : "\(prefix)"
      return report(
        FileRule.syntax, at: prefix, document: document,
        "\(what) must be an object with apiVersion, kind and metadata, not \(json.typeName.withArticle)")
    }
    guard let kind = json["kind"]?.string, !kind.isEmpty else {
      return warn(
        at: prefix + ["kind"], document: document, "an object without a kind is not read",
        hint: "add apiVersion and kind")
    }
    if kind == "List" || (kind.hasSuffix("List") && json["items"] != nil) {
      return takeItems(of: json, kind: kind, document: document, prefix: prefix)
    }
    guard let known = ManifestKind(rawValue: kind), kind.isExactly(known.rawValue) else {
      return warnUnknown(kind, json["apiVersion"]?.string, at: prefix + ["kind"], document: document)
    }
    guard json["apiVersion"]?.string == ManifestKind.apiVersion else {
      let version = json["apiVersion"]?.string ?? ""
      return warn(
        at: prefix + ["apiVersion"], document: document,
        "\(kind) \(version.isEmpty ? "without an apiVersion" : "of \(version.quoted)") is not read",
        hint: "write apiVersion: \(ManifestKind.apiVersion)")
    }
    takeKnown(json, kind: known, document: document, prefix: prefix)
  }

  private mutating func takeItems(of json: JSON, kind: String, document: Int, prefix: FieldPath) {
    switch json["items"] {
    case nil, .null: return
    case .array(let items):
      for (index, item) in items.enumerated() {
        take(item, document: document, prefix: prefix + ["items", .index(index)])
      }
    case let other?:
      report(
        FileRule.syntax, at: prefix + ["items"], document: document,
        "items of a \(kind.quoted) must be a list, not \(other.typeName.withArticle)")
    }
  }

  private mutating func takeKnown(_ json: JSON, kind: ManifestKind, document: Int, prefix: FieldPath) {
    let metadata = json["metadata"]
    let name = metadata?["name"]
    let written = metadata?["namespace"]
    let namespace = written?.isNull == true ? Optional<JSON>.none : written
    if let text = name?.string, Self.isName(text),
      namespace == nil || namespace?.string.map(Self.isName) == true
    {
      documents.append(
        ManifestDocument(
          json: json, index: document, prefix: prefix, kind: kind, namespace: namespace?.string, name: text))
      return
    }
    for (field, value) in [("name", name ?? .null), ("namespace", namespace ?? "default")] {
      if let text = value.string, Self.isName(text) { continue }
      let path = prefix + ["metadata", .key(field)]
      var message = "metadata.\(field) must be a string that is not empty"
      var hint: String?
      if let text = value.string, !text.isEmpty {
        message =
          "metadata.\(field) has \(text.utf8.count) bytes, more than the \(Self.nameLimit) that Kubernetes takes"
        hint = "shorten it"
      } else if value.isNull {
        message = "metadata.\(field) is missing"
        hint = "give the object a \(field)"
      } else if value.string == nil {
        message += ", not \(value.typeName.withArticle)"
        let scalar = value.quotable ? positions.scalarText(at: path, document: document) : nil
        hint = scalar.map { "write it in quotes: \"\($0)\"" }
      }
      report(kind.schemaRule, at: path, document: document, message, hint: hint)
    }
  }

  private static func isName(_ text: String) -> Bool { (1...nameLimit).contains(text.utf8.count) }

  /// The identity of an invalid document's object, if it can be determined.
  private func object(of json: JSON) -> ObjectReference? {
    guard let kind = json["kind"]?.string, let name = json["metadata"]?["name"]?.string,
      case let namespace = json["metadata"]?["namespace"]?.string ?? defaultNamespace,
      [kind, name, namespace].allSatisfy({ $0.utf8.count <= Self.nameLimit })
    else { return nil }
    return ObjectReference(kind: kind, namespace: namespace, name: name)
  }

  // MARK: Findings

  private mutating func warnUnknown(_ kind: String, _ version: String?, at path: FieldPath, document: Int) {
    let known = ManifestKind.allCases.map(\.rawValue)
    let what = kind.quoted + (version.map { " of \($0.quoted)" } ?? "")
    warn(
      at: path, document: document,
      "\(what) is not read; only \(known.joined(separator: " and ")) are",
      hint: NearMiss.suggestion(for: kind, among: known).map { "did you mean `\($0)`?" }
        ?? "keep other objects outside the folders named in .kdops.yaml")
  }

  private mutating func warn(at path: FieldPath, document: Int, _ message: String, hint: String?) {
    guard findings.count < Self.findingLimit else { return omit(.warning) }
    findings.append(
      Diagnostic(
        rule: FileRule.unknownKind, severity: .warning,
        location: positions.location(of: .value, at: path, document: document), message: message, hint: hint))
  }

  private mutating func report(
    _ rule: String, at path: FieldPath, document: Int, _ message: String, hint: String? = nil
  ) {
    // One error is always kept, so that a file with an error never counts as whole.
    guard findings.count < Self.findingLimit || !findings.contains(where: { $0.severity == .error }) else {
      return omit(.error)
    }
    findings.append(
      Diagnostic(
        rule: rule, severity: .error, location: positions.location(of: .value, at: path, document: document),
        message: message, hint: hint))
  }

  private mutating func omit(_ severity: Severity) {
    omitted += 1
    worstOmitted = max(worstOmitted, severity)
  }

  private mutating func report(_ issue: FileIssue, object: ObjectReference? = nil) {
    findings.append(issue.diagnostic(file: path, source: source, object: object))
  }
}
