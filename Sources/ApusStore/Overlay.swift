// See Overlay.md.
