import Diagnostics
import Values

@testable import Manifests

/// The document of a YAML text, or its issues.
func yaml(_ text: String, limits: ManifestLimits = .standard) -> (documents: [JSON], issues: [FileIssue]) {
  var documents: [JSON] = []
  var issues: [FileIssue] = []
  let bytes = Array(text.utf8)
  bytes.withUnsafeBytes { bytes in
    do throws(FileIssue) {
      var reader = try YAMLReader(bytes, limits: limits)
      while let document = try reader.next() {
        documents.append(document.json)
        issues += document.issues
      }
    } catch {
      issues.append(error)
    }
  }
  return (documents, issues)
}

/// A file's findings, in the form `rule line:column+length`.
func places(_ file: ManifestFile) -> [String] {
  file.findings.map { finding in
    let place = finding.location
    return "\(finding.rule) \(place?.line ?? 0):\(place?.column ?? 0)+\(place?.length ?? 0)"
  }
}

func parse(_ text: String, path: String = "clusters/a.yaml", limits: ManifestLimits = .standard)
  -> ManifestFile
{
  ManifestFile.parse(path: path, bytes: Array(text.utf8), limits: limits)
}

/// A cluster's file with these lines after the metadata.
func cluster(_ name: String, _ rest: String = "spec: {}") -> String {
  """
  apiVersion: kubedirector.hpe.com/v1beta1
  kind: KubeDirectorCluster
  metadata:
    name: \(name)
  \(rest)

  """
}
