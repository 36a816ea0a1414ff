import ClusterAPI
import Diagnostics
import Testing
import Values

@testable import Admission

/// 2026-01-31, in seconds since 1970.
let noon = 1_769_860_800
let hour = 3600
let day = 86_400

@Suite("The lifetime of a certificate")
struct CertificateBookTests {
  let hosts: Set<String> = ["kdops-admission.kdops-system.svc", "127.0.0.1", "::1"]

  @Test("a certificate contains its host names and addresses, and is read back as it was written")
  func roundTrip() throws {
    let pair = try ServingPair.make(hosts: hosts, now: noon)
    #expect(pair.hosts == hosts)
    let read = try #require(
      ServingPair(certificate: pair.certificate, key: pair.key, authority: pair.authority))
    #expect(read == pair)
    #expect(read.isValid(at: noon))
    #expect(read.isValid(at: noon + 90 * day - 1))
    #expect(!read.isValid(at: noon + 90 * day))
    #expect(!read.isValid(at: noon - 2 * hour))
  }

  @Test("a certificate and a key that do not match are rejected")
  func mixed() throws {
    let one = try ServingPair.make(hosts: hosts, now: noon)
    let other = try ServingPair.make(hosts: hosts, now: noon)
    #expect(ServingPair(certificate: one.certificate, key: other.key, authority: one.authority) == nil)
    #expect(ServingPair(certificate: one.certificate, key: one.key, authority: other.authority) == nil)
    #expect(ServingPair(certificate: one.authority, key: one.key, authority: one.authority) == nil)
    #expect(ServingPair(certificate: "nonsense", key: one.key, authority: one.authority) == nil)
  }

  @Test("the first certificate is served at once, and only its authority is trusted")
  func first() throws {
    var book = CertificateBook()
    #expect(book.isDue(for: hosts, at: noon))
    #expect(book.bundle(at: noon).isEmpty)
    book = try book.renewed(for: hosts, at: noon)
    #expect(!book.isDue(for: hosts, at: noon))
    #expect(book.previous == nil)
    #expect(book.served(for: hosts, at: noon, isPublished: false) == book.newest)
    #expect(text(book.bundle(at: noon)) == book.newest?.authority.ended)
  }

  @Test(
    "after two thirds of its lifetime a certificate is renewed; its successor is trusted an hour before it is served"
  )
  func renewal() throws {
    let first = try CertificateBook().renewed(for: hosts, at: noon)
    #expect(!first.isDue(for: hosts, at: noon + 60 * day - 1))
    let due = noon + 60 * day
    #expect(first.isDue(for: hosts, at: due))
    let second = try first.renewed(for: hosts, at: due)
    #expect(second.previous == first.newest)
    let both = [second.newest, second.previous].compactMap { $0?.authority.ended }.joined()
    #expect(text(second.bundle(at: due)) == both)
    #expect(second.served(for: hosts, at: due + hour - 1, isPublished: true) == first.newest)
    #expect(second.served(for: hosts, at: due + hour, isPublished: true) == second.newest)
  }

  @Test("a certificate whose authority is not published yet is not served while the old one is valid")
  func unpublished() throws {
    let due = noon + 60 * day
    let book = try CertificateBook().renewed(for: hosts, at: noon).renewed(for: hosts, at: due)
    #expect(book.served(for: hosts, at: due + 2 * day, isPublished: false) == book.previous)
    #expect(book.served(for: hosts, at: noon + 90 * day, isPublished: false) == book.newest)
  }

  @Test("an expired certificate is neither served nor trusted")
  func expired() throws {
    let book = try CertificateBook().renewed(for: hosts, at: noon)
    let late = noon + 90 * day
    #expect(book.isDue(for: hosts, at: late))
    #expect(book.served(for: hosts, at: late, isPublished: true) == nil)
    #expect(book.bundle(at: late).isEmpty)
    #expect(try book.renewed(for: hosts, at: late).previous == nil)
  }

  @Test("a new host is served at once; replicas with different hosts do not renew in turns")
  func newHost() throws {
    let first = try CertificateBook().renewed(for: ["a.example"], at: noon)
    #expect(first.isDue(for: ["b.example"], at: noon + day))
    let second = try first.renewed(for: ["b.example"], at: noon + day)
    #expect(second.newest?.hosts == ["a.example", "b.example"])
    #expect(!second.isDue(for: ["a.example"], at: noon + day))
    #expect(second.served(for: ["b.example"], at: noon + day, isPublished: false) == second.newest)
    #expect(second.served(for: ["a.example"], at: noon + day, isPublished: false) == first.newest)
    let third = try second.renewed(for: ["b.example"], at: noon + 61 * day)
    #expect(third.newest?.hosts == ["b.example"])
  }

  @Test("the certificates are stored in a Secret, whose other parts stay unchanged")
  func secret() throws {
    let book = try CertificateBook().renewed(for: hosts, at: noon).renewed(for: hosts, at: noon + 60 * day)
    let made = book.secret(namespace: "kdops-system")
    #expect(made.json["type"] == "Opaque")
    #expect(made.objectName == ObjectName(namespace: "kdops-system", name: "kdops-admission"))
    #expect(CertificateBook(secret: made) == book)
    var existing = Object(.secrets, namespace: "kdops-system", name: "kdops-admission", labels: ["a": "b"])
    existing.json["metadata"]?["resourceVersion"] = "7"
    existing.json["data"] = ["tls.crt": "Zm9v", "junk": ""]
    #expect(CertificateBook(secret: existing) == CertificateBook())
    let repaired = book.secret(namespace: "kdops-system", over: existing)
    #expect(repaired.resourceVersion == "7")
    #expect(repaired.labels == ["a": "b"])
    #expect(CertificateBook(secret: repaired) == book)
    #expect(repaired.json["data"]?["junk"] == nil)
  }

  @Test("no description contains a key")
  func redaction() throws {
    let book = try CertificateBook().renewed(for: hosts, at: noon)
    let key = try #require(book.newest?.key.reveal())
    #expect(key.contains("PRIVATE KEY"))
    var dumped = ""
    dump(book, to: &dumped)
    for text in ["\(book)", String(reflecting: book), dumped] {
      #expect(!text.contains("PRIVATE KEY"))
      #expect(!text.contains(key.split(separator: "\n")[1]))
    }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension String {
  fileprivate var ended: String { hasSuffix("\n") ? self : self + "\n" }
}
