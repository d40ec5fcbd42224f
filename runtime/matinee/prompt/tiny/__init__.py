"""Free words -> what the bundled model knows: `builtin:tiny` enhancement, without any provider."""
