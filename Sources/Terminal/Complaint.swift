import Diagnostics
import FoundationEssentials
import Glibc

/// What a command says of the error that ends it.
public enum Complaint {
  /// On one line, without credentials, and with nothing in it that a terminal obeys: paths and names from a repository may
  /// be in it. What the system refuses is said in its words, with the path.
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
