"""Whether a backup's files are, byte for byte, what its manifest says."""
