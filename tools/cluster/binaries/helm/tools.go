//go:build tools

// Names the program that is built from this module's pinned versions.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
