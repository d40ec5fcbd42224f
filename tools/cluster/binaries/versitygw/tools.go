//go:build tools

// Names the program that is built from this module's pinned versions.
package tools

import _ "github.com/versity/versitygw/cmd/versitygw"
