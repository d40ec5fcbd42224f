"""How `builtin:tiny`, the bundled text-to-video model, is made and measured."""
