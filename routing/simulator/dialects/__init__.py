"""The wire formats, one file each; each reads a request into an Ask and writes a Reply, without I/O."""
