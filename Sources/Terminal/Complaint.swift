import Diagnostics
import FoundationEssentials
import Glibc

/// What a command says of the error that ends it.
public enum Complaint {
  /// In a sentence and without credentials. What the system refuses is said in its words, with the path.
  public static func words(_ error: any Error) -> String {
    guard let error = error as? CocoaError, let path = error.filePath else {
      return Redaction.url("\(error)")
    }
    let reason = (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) }
    return "\(path) cannot be used: \(reason ?? "no reason is given"); check the path and who may write there"
  }
}
