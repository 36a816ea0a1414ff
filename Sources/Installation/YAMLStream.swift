import Values

/// Writes objects as a stream of YAML documents.
enum YAMLStream {
  /// - Parameter documents: each document with the notes above it. Each note is a sentence on its own line and becomes
  ///   a comment.
  static func text(_ documents: [(notes: [String], content: JSON)]) -> String {
    documents.map { document in
      document.notes.map { "# \($0)\n" }.joined() + text(document.content)
    }.joined(separator: "---\n")
  }

  /// Writes one document.
  static func text(_ content: JSON) -> String { YAMLWriter(.manifest).document(content) }
}
