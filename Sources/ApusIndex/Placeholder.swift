// The index: see IndexFormat.md.
