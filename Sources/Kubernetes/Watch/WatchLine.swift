import ClusterAPI
import Values

/// One line of a watch.
enum WatchLine {
  /// - Parameter adopt: converts the server's JSON to an object.
  /// - Throws: `APIError` for an invalid line, and for an `ERROR` event; it then contains the reason why the
  ///   watch ended.
  static func event(
    _ line: UnsafeRawBufferPointer, of request: APIRequest, identity: String?, adopt: (JSON) -> Object
  ) throws(APIError) -> WatchEvent? {
    guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) else { return nil }
    let json: JSON
    do {
      json = try JSON.parse(line, depthLimit: JSON.wireDepth)
    } catch {
      throw APIError(.unavailable, "\(request.subject): the watch brought a line that is not JSON: \(error)")
    }
    guard let type = json["type"]?.string, let object = json["object"] else {
      throw APIError(.unavailable, "\(request.subject): the watch brought a line that is no event")
    }
    switch type {
    case "ADDED": return .added(adopt(object))
    case "MODIFIED": return .modified(adopt(object))
    case "DELETED": return .deleted(adopt(object))
    case "BOOKMARK":
      guard let version = object["metadata"]?["resourceVersion"]?.string, !version.isEmpty else { return nil }
      return .bookmark(resourceVersion: version)
    case "ERROR": throw ServerAnswer(status: object).error(request, identity: identity)
    default: return nil
    }
  }
}
