import TestSupport
import Values

/// Writes `docs/cli.md` from the description of the commands that `kdops --experimental-dump-help` prints.
enum CommandPage {
  static func text(_ dump: JSON) -> String {
    let commands = commands(dump["command"] ?? .null, path: "")
    var out = """
      # Commands

      This page is generated from the program; `kdops help COMMAND` shows the same. Every command also has `--help` and
      `--version`. Exit codes: [reference](reference/exit-codes.md). JSON output: [reference](reference/json.md).


      """
    for command in commands {
      let anchor = command.path.replacing(" ", with: "-")
      out += GeneratedPage.wrapped(
        "[`\(command.path)`](#\(anchor)): \(command.abstract)", first: "- ", rest: "  ")
      out += "\n"
    }
    for command in commands { out += section(command) }
    return out
  }

  private struct Command {
    /// Such as `kdops hook install`.
    var path: String
    var json: JSON

    var abstract: String { json["abstract"]?.string ?? "" }
    var arguments: [JSON] {
      (json["arguments"]?.array ?? []).filter { argument in
        argument["shouldDisplay"] == true
          && !["version", "help"].contains(argument["valueName"]?.string ?? "")
      }
    }
  }

  /// The commands without subcommands, in the order of the help.
  private static func commands(_ json: JSON, path: String) -> [Command] {
    let name = json["commandName"]?.string ?? ""
    let path = path.isEmpty ? name : "\(path) \(name)"
    let subcommands = (json["subcommands"]?.array ?? []).filter { $0["commandName"] != "help" }
    guard subcommands.isEmpty else { return subcommands.flatMap { commands($0, path: path) } }
    return [Command(path: path, json: json)]
  }

  private static func section(_ command: Command) -> String {
    var out = "\n## `\(command.path)`\n\n\(GeneratedPage.wrapped(command.abstract))\n"
    out += discussion(command.json["discussion"]?.string ?? "")
    let positional = command.arguments.filter { $0["kind"] == "positional" }
    let others = command.arguments.filter { $0["kind"] != "positional" }
    out += list("Arguments", positional) + list("Options", others)
    return out
  }

  /// One paragraph for each line; indented lines become code.
  private static func discussion(_ text: String) -> String {
    var out = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      let isCode = line.hasPrefix("  ")
      out +=
        isCode ? "\n```sh\n\(line.drop { $0 == " " })\n```\n" : "\n\(GeneratedPage.wrapped(String(line)))\n"
    }
    return out
  }

  private static func list(_ title: String, _ arguments: [JSON]) -> String {
    guard !arguments.isEmpty else { return "" }
    return "\n\(title):\n\n"
      + arguments.map { GeneratedPage.wrapped(words($0), first: "- ", rest: "  ") + "\n" }.joined()
  }

  private static func words(_ argument: JSON) -> String {
    let value = "<\(argument["valueName"]?.string ?? "")>"
    var names = (argument["names"]?.array ?? []).map { name in
      (name["kind"] == "long" ? "--" : "-") + (name["name"]?.string ?? "")
    }
    if names.isEmpty {
      names = [value]
    } else if argument["kind"] == "option" {
      names[names.count - 1] += " \(value)"
    }
    var out = names.map { "`\($0)`" }.joined(separator: ", ") + ": " + (argument["abstract"]?.string ?? "")
    if let more = argument["discussion"]?.string { out += " \(more)" }
    if let standard = argument["defaultValue"]?.string { out += " Default: `\(standard)`." }
    if argument["isRepeating"] == true { out += " Can be repeated." }
    return out
  }
}
