import ArgumentParser
import Manifests

/// Recognizes a mistyped command, and names the one that was probably meant.
enum CommandSuggestion {
  /// The error for words that name no command; nil if they do.
  static func problem(_ words: [String]) -> String? {
    let isHelp = words.first == "help"
    var command: any ParsableCommand.Type = Kdops.self
    var path = "kdops"
    for word in isHelp ? words.dropFirst() : words[...] {
      let choices = command.configuration.subcommands
      guard !choices.isEmpty, !word.hasPrefix("-") else { return nil }
      if !isHelp, word == "help" { return nil }
      guard let next = choices.first(where: { Self.names(of: $0).contains(word) }) else {
        let names = choices.flatMap(Self.names)
        let nearest =
          NearMiss.suggestion(for: word, among: names).map { "; did you mean `\(path) \($0)`?" } ?? ""
        return "kdops: there is no command `\(path) \(word)`\(nearest)\nSee `kdops --help` for all commands."
      }
      command = next
      path += " \(word)"
    }
    return nil
  }

  private static func names(of command: any ParsableCommand.Type) -> [String] {
    [command.configuration.commandName ?? ""] + command.configuration.aliases
  }
}
