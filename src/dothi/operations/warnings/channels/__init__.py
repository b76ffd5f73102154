"""How a released warning leaves: one port, one file for each channel, and types that keep a drill inside."""
