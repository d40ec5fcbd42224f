//go:build tools

// Names the program that is built from this module's pinned versions.
package tools

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
