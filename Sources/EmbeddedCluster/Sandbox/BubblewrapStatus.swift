import FoundationEssentials

/// The status output of bubblewrap: a line of JSON when the sandbox is set up, and one when the command has
/// ended.
struct BubblewrapStatus: Sendable, Hashable {
  /// From 0 to 255. Another number, which a script can cause through `/proc/1/mem`, counts as 255.
  var exitCode: Int?

  init(file: String) { self.init(text: FileText.read(file) ?? "") }

  init(text: String) {
    exitCode = text.firstRange(of: "\"exit-code\": ").flatMap { range in
      let code = Int(text[range.upperBound...].prefix { $0.isWholeNumber || $0 == "-" })
      return code.map { (0...255).contains($0) ? $0 : 255 }
    }
  }
}
