import FoundationEssentials
import Glibc

/// Formats the error that ends a command.
public enum ErrorText {
  /// The error on one line, without credentials and without terminal control sequences, because it may
  /// contain paths and names from a repository. A system error is shown with the system's message and the
  /// path.
  public static func words(_ error: any Error) -> String {
    guard let error = error as? CocoaError, let path = error.filePath else {
      return TerminalText.visible(Redaction.url("\(error)"))
    }
    let reason = (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) }
    let shown = TerminalText.visible(path)
    return
      "\(shown) cannot be used: \(reason ?? "no reason is given"); check the path and who may write there"
  }
}
