/// The header blocks of SPDY/3: compressed lists of names and values.
///
/// Source: "SPDY Protocol - Draft 3.1", 2.6.10.
enum SPDYHeaders {
  /// The largest list in bytes. A stream of a command has one short header.
  static let limit = 16 << 10

  /// - Returns: nil if the list is malformed.
  static func parse(_ bytes: [UInt8]) -> [String: String]? {
    var rest = bytes[...]
    func text() -> String? {
      guard let length = number(&rest), length <= rest.count else { return nil }
      defer { rest = rest.dropFirst(length) }
      return String(validating: rest.prefix(length), as: UTF8.self)
    }
    guard let count = number(&rest), count <= limit / 8 else { return nil }
    var headers: [String: String] = [:]
    for _ in 0..<count {
      guard let name = text(), let value = text() else { return nil }
      headers[name] = value
    }
    return headers
  }

  private static func number(_ rest: inout ArraySlice<UInt8>) -> Int? {
    guard rest.count >= 4 else { return nil }
    defer { rest = rest.dropFirst(4) }
    return rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
  }

  /// An empty list, compressed: the stream's two first bytes, a stored block, and the end of a flush.
  ///
  /// - Parameter isFirst: whether it is the first list of the connection.
  static func empty(isFirst: Bool) -> [UInt8] {
    (isFirst ? [0x78, 0x01] : []) + [0, 4, 0, 0xFB, 0xFF, 0, 0, 0, 0] + [0, 0, 0, 0xFF, 0xFF]
  }

  /// The dictionary of the compression, which client and server know before the first list: words with their lengths,
  /// and a text.
  static let dictionary: [UInt8] = {
    var bytes: [UInt8] = []
    for word in words {
      bytes += [0, 0, 0, UInt8(truncatingIfNeeded: word.utf8.count)]
      bytes += word.utf8
    }
    return bytes + Array(text.utf8)
  }()

  private static let words: [String] =
    ("options head post put delete trace accept accept-charset accept-encoding accept-language "
    + "accept-ranges age allow authorization cache-control connection content-base content-encoding "
    + "content-language content-length content-location content-md5 content-range content-type date etag "
    + "expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since "
    + "last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer "
    + "retry-after server te trailer transfer-encoding upgrade user-agent vary via warning "
    + "www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin")
    .split(separator: " ").map { $0 == "200_OK" ? "200 OK" : String($0) }

  private static let text =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    + "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    + "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    + "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    + "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    + "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
}
