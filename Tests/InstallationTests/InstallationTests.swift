import Testing

@testable import Installation

@Test("by default all tenants' namespaces are meant, and no daemon is installed")
func standard() {
  let settings = InstallationSettings()
  #expect(settings.tenantNamespaces == ["*"])
  #expect(settings.repo == nil)
}
