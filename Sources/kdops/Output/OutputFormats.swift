import ArgumentParser
import Diagnostics
import Values

/// The output formats of commands that show objects; the names are those of kubectl.
enum ObjectFormat: String, ExpressibleByArgument, CaseIterable {
  case human
  /// Like `human`, with more columns.
  case wide
  case json
  case yaml
  /// Only `NAMESPACE/NAME`, as other commands accept it.
  case name

  static let help = ArgumentHelp("human, wide, json, yaml or name.")
}

/// The output formats of commands that show a result of their own.
enum ResultFormat: String, ExpressibleByArgument, CaseIterable {
  case human
  case json
  case yaml

  static let help = ArgumentHelp("human, json or yaml.")
}

extension NameSpecification {
  /// `-o` and `--output`, as in kubectl, beside `--format`.
  static let output: NameSpecification = [
    .customShort("o", allowingJoined: true), .customLong("output"), .customLong("format"),
  ]
}

extension Streams.Stream {
  /// Writes a JSON tree as JSON, or as YAML if that is requested.
  func result(_ json: JSON, asYAML: Bool, pretty: Bool = true) throws(UnwrittenResult) {
    if asYAML {
      // YAML with quoted strings accepts the escapes of JSON.
      try result(YAMLWriter(.manifest).document(json), .json)
    } else {
      try result(json.text(pretty: pretty) + "\n", .json)
    }
  }
}
